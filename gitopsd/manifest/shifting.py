"""How traffic goes from the old instances to the new ones: steps and times of what the router serves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.durations import duration, duration_text
from gitopsd.manifest.node import Problems
from gitopsd.manifest.traffic import SHIFTING
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Policy
from gitopsd.model.errors import Place
from gitopsd.model.strategy import Analyse, Pause, SetWeight, Step, default_steps

_BEHIND_A_ROUTER: Final = ("warm_up", "drain_timeout", "guard")
_WITH_SHARES: Final = ("scale_down_delay", "steps")


def shifting(
    policy: Policy,
    service: ComposedService,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
    *,
    behind: bool,
) -> Policy:
    """The policy with what counts only `behind` a router; a key that does not count is told."""
    counts = (*(_BEHIND_A_ROUTER if behind else ()), *(_WITH_SHARES if policy.strategy in SHIFTING else ()))
    for key in (*_BEHIND_A_ROUTER, *_WITH_SHARES):
        if key in places and key not in counts:
            lacks = "a router; add traffic" if key in _BEHIND_A_ROUTER else "strategy: canary or blue-green; write one"
            problems.add(places[key], f"{service.path}.{EXTENSION}.{key}", f"counts only with {lacks}, or remove it")
    for key in counts:
        value = values[key] if key in values else _default(policy, key)
        chosen.put(key, value, str(places[key]) if key in values else "default")
    return replace(
        policy,
        warm_up=_span(chosen, "warm_up", policy.warm_up),
        drain_timeout=_span(chosen, "drain_timeout", policy.drain_timeout),
        scale_down_delay=_span(chosen, "scale_down_delay", policy.scale_down_delay),
        guard=chosen.values.get("guard") is not False,
        steps=_steps(policy),
    )


def _default(policy: Policy, key: str) -> Json:
    match key:
        case "guard":
            return True
        case "steps":
            return [_shown(step) for step in _steps(policy)]
        case _:
            return duration_text(getattr(policy, key))


def _steps(policy: Policy) -> tuple[Step, ...]:
    return default_steps(analysed=False) if policy.strategy == "canary" else ()


def _shown(step: Step) -> Json:
    """As it would be written."""
    match step:
        case SetWeight(share):
            return {"set_weight": share / 100 if share % 100 else share // 100}
        case Pause(duration=timedelta() as long):
            return {"pause": {"duration": duration_text(long)}}
        case Analyse(long):
            return {"analysis": {"duration": duration_text(long)}}
        case _:
            return {}


def _span(chosen: Chosen, key: str, default: timedelta) -> timedelta:
    return duration(str(chosen.values[key])) if key in chosen.values else default
