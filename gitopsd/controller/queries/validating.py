"""What is wrong with an environment on disk."""

from dataclasses import dataclass

from gitopsd.controller.queries.paths import OnDisk, loaded
from gitopsd.engine_json import exchange_problems
from gitopsd.manifest.loading import HOST_DATA
from gitopsd.manifest.workload import breaches
from gitopsd.model.errors import Problem, ProblemsError
from gitopsd.plan.claims import duplicate_claims
from gitopsd.plan.requirements import impossible
from gitopsd.plan.shifting import alone_problems


@dataclass(frozen=True, slots=True)
class Validated:
    """What is wrong with an environment on disk. `warnings` also tell variables that have no value here."""

    name: str
    path: str
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def validated(found: OnDisk) -> Validated:
    """Load it as the daemon would, and collect everything that is wrong with it."""
    refused = (found.refused,) if found.refused is not None else ()
    try:
        desired = loaded(found, for_config=False).desired
    except ProblemsError as error:
        return Validated(found.name, found.path, (*refused, *error.problems), ())
    exchanged = [problem for service in desired.services.values() for problem in exchange_problems(service)]
    problems = (
        *refused,
        *duplicate_claims(desired),
        *impossible(desired),
        *exchanged,
        *alone_problems(desired),
    )
    broken = breaches(desired, found.workload, found.host_dir or f"{HOST_DATA}/{found.name}")
    denied, warned = (broken, ()) if found.workload.enforce == "deny" else ((), broken)
    return Validated(found.name, found.path, (*problems, *denied), (*desired.warnings, *warned, *desired.unset))
