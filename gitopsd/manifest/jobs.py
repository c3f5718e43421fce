"""One-shots: what makes a service one, its place in a release, and what it must not say then."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import cast, get_args

from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.swarm_mode import JOBS
from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.durations import duration
from gitopsd.manifest.keys.deploy import restart_in_force
from gitopsd.manifest.keys.json_schema import mapping_of, nullable, takes
from gitopsd.manifest.keys.quantities import integer, span
from gitopsd.manifest.keys.shapes import Read, boolean, choice, closed, text
from gitopsd.manifest.node import Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place
from gitopsd.model.job import Job, JobPhase

MOST_RETRIES = 20
_HARMLESS = (None, "probe", "verify")  # a plain one-shot is started again as Compose does it, and these only look
_LATE = ("after", "contract", "on-failure")


@takes(lambda: nullable(mapping_of(_KEYS)))
def job_fields(node: Node, path: str, problems: Problems) -> Json:
    """`x-gitopsd.job`."""
    if isinstance(node, Scalar) and node.value is None:
        return {}
    return closed(_KEYS)(node, path, problems)


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
    if awaited and found is not None and found.phase in _LATE:
        message = f"another service waits until this one has completed, which in phase {found.phase} is never in time"
        mend = "write phase: before, or remove its condition service_completed_successfully"
        problems.add(places["job"], f"{service.path}.{EXTENSION}.job.phase", f"{message}; {mend}")
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
        path = f"{service.path}.{EXTENSION}.job"
        if restart not in (None, "no") and not str(restart).startswith("on-failure"):
            message = f'a job ends, but restart: {restart} starts it again; write restart: "no" or remove it'
            problems.add(places["job"], path, message)
        written = values["job"]
        said = written if isinstance(written, dict) else {}
        for key, message in _contradictions(said):
            problems.add(places["job"], f"{path}.{key}", message)
        chosen.put("job", written, str(places["job"]))
        return _job(said)
    mode = mapping(service.canonical.get("deploy")).get("mode")
    if mode in JOBS:
        if restart in ("always", "unless-stopped"):
            message = f"{mode} ends, but restart: {restart} starts it again; write on-failure, or remove it"
            problems.add(service.node.keys["deploy"], f"{service.path}.deploy.mode", message)
        chosen.put("job", {}, f"deploy.mode: {mode}")
        return Job()
    if restart == "no":
        chosen.put("job", {}, 'restart: "no"')
        return Job()
    return None


def _job(said: Mapping[str, Json]) -> Job:
    phase = cast("JobPhase | None", said.get("phase"))
    timeout, provides, drops = said.get("timeout"), said.get("provides"), said.get("drops")
    if provides is None and isinstance(drops, int):
        provides = drops + 1
    return Job(
        timeout=duration(timeout) if isinstance(timeout, str) else None,
        phase=phase,
        retries=cast("int", said.get("retries", 0)),
        every_release=said.get("run") == "every-release" or phase == "probe",
        idempotent=said.get("idempotent", phase in _HARMLESS) is True,
        database=str(said.get("database") or ""),
        provides=cast("int | None", provides),
        after=duration(str(said["after"])) if "after" in said else timedelta(0),
    )


def _contradictions(said: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """What its keys say against each other: each with the key, and what to write instead."""
    phase = said.get("phase")
    provides, drops = said.get("provides"), said.get("drops")
    if provides is not None and phase not in ("expand", "contract"):
        yield "provides", "only a job of phase expand or contract moves a schema; write its phase, or remove the key"
    if drops is not None and phase != "contract":
        yield "drops", "only a job of phase contract drops a shape; write phase: contract, or remove the key"
    if isinstance(provides, int) and isinstance(drops, int) and provides <= drops:
        yield "provides", f"it drops everything up to version {drops}; write {drops + 1} or more, or remove the key"
    if phase == "contract" and provides is None and drops is None:
        yield "phase", "a contract job says which version of the schema is the last one that goes; write drops"
    moves = provides is not None or drops is not None or phase == "probe"
    if moves and not said.get("database"):
        yield "database", "the name of the database that it moves or reads is missing; write the one of `schema`"
    if "database" in said and not moves:
        yield "database", "it neither moves nor reads a schema; write provides, drops or phase: probe, or remove it"
    if "after" in said and phase != "contract":
        yield "after", "only a job of phase contract waits so; remove the key"
    if "run" in said and phase in ("contract", "on-failure"):
        when = "once its old shape is not needed" if phase == "contract" else "whenever a release goes back"
        yield "run", f"a job of phase {phase} runs {when}; remove the key"


_KEYS: Mapping[str, Read] = {
    "phase": choice(*get_args(JobPhase)),
    "timeout": span,
    "retries": integer(0, MOST_RETRIES),
    "run": choice("once", "every-release"),
    "idempotent": boolean,
    "database": text,
    "provides": integer(),
    "drops": integer(),
    "after": span,
}
