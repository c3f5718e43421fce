"""`deploy.rollback_config`: how a service goes back to what served before. What is not said is as on its way forth."""

from collections.abc import Mapping
from typing import Final, cast

from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.durations import duration
from gitopsd.manifest.node import Problems
from gitopsd.manifest.traffic import SHIFTING
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Order, WayBack
from gitopsd.model.errors import Place

_KEY: Final = "rollback_config"
_DEFAULTS: Final[dict[str, Json]] = {"order": None, "parallelism": None, "delay": "0s", "failure_action": "pause"}


def choose_back(
    service: ComposedService,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
) -> None:
    """Every key with the value in force, and what contradicts the strategy."""
    deploy = service.canonical.get("deploy")
    said = deploy.get(_KEY) if isinstance(deploy, Mapping) else None
    said = said if isinstance(said, Mapping) else {}
    strategy = str(values.get("strategy") or "")
    if contradiction := _contradiction(strategy, said):
        problems.add(places["strategy"], f"{service.path}.{EXTENSION}.strategy", contradiction)
    for key, default in _DEFAULTS.items():
        written = said.get(key) not in (None, "")
        value, origin = (said[key], f"deploy.{_KEY}.{key}") if written else (default, "default")
        chosen.put(f"{_KEY}.{key}", value, origin)


def way_back(chosen: Chosen) -> WayBack:
    order, parallelism, delay = (chosen.values[f"{_KEY}.{key}"] for key in ("order", "parallelism", "delay"))
    return WayBack(cast("Order | None", order), cast("int | None", parallelism), duration(str(delay)))


def _contradiction(strategy: str, said: Mapping[str, Json]) -> str:
    order, parallelism = said.get("order"), said.get("parallelism")
    if strategy == "recreate" and order == "start-first":
        return f"recreate stops first, but deploy.{_KEY}.order says start-first; remove one of the two"
    if strategy == "recreate" and parallelism:
        return f"recreate takes all at once, but deploy.{_KEY}.parallelism says {parallelism}; remove one"
    if strategy in SHIFTING and order == "stop-first":
        return f"{strategy} has the new beside the old, but deploy.{_KEY}.order says stop-first; remove one"
    return ""
