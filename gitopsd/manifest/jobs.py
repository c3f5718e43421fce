"""One-shots: what makes a service one, and what it must not say then."""

from collections.abc import Mapping

from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.durations import duration
from gitopsd.manifest.keys.deploy import restart_in_force
from gitopsd.manifest.keys.quantities import span
from gitopsd.manifest.keys.shapes import closed
from gitopsd.manifest.node import Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Job
from gitopsd.model.errors import Place


def job_fields(node: Node, path: str, problems: Problems) -> Json:
    """`x-gitopsd.job`."""
    if isinstance(node, Scalar) and node.value is None:
        return {}
    return closed({"timeout": span}, _LATER)(node, path, problems)


def job(
    service: ComposedService,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
    *,
    awaited: bool,
) -> Job | None:
    """A one-shot by `job`, by a restart policy `no` that is written down, or as another service has to wait for it."""
    found = _written(service, values, places, chosen, problems)
    if not awaited or found is not None:
        return found
    chosen.put("job", {}, "another service waits for its completion")
    restart = restart_in_force(service.canonical)
    if restart in ("always", "unless-stopped"):
        message = (
            f'another service waits until this one has completed, but restart: {restart} starts it again; write "no"'
        )
        problems.add(service.node.keys.get("restart", service.place), f"{service.path}.restart", message)
    return Job()


def _written(
    service: ComposedService,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
) -> Job | None:
    restart = restart_in_force(service.canonical)
    if "job" in values:
        if restart not in (None, "no") and not str(restart).startswith("on-failure"):
            message = f'a job ends, but restart: {restart} starts it again; write restart: "no" or remove it'
            problems.add(places["job"], f"{service.path}.{EXTENSION}.job", message)
        written = values["job"]
        timeout = written.get("timeout") if isinstance(written, dict) else None
        chosen.put("job", written, str(places["job"]))
        return Job(duration(timeout) if isinstance(timeout, str) else None)
    if restart == "no":
        chosen.put("job", {}, 'restart: "no"')
        return Job()
    return None


_LATER = dict.fromkeys(
    ("phase", "database", "provides"), "not supported yet; remove the key, or prefix it with x- to keep it as a note"
)
