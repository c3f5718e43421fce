"""What differs from what was left behind, environment by environment."""

from dataclasses import dataclass

from gitopsd.controller.environments import Environment
from gitopsd.controller.queries.look import Failure, applied, look
from gitopsd.controller.queries.status import status_of
from gitopsd.controller.queries.view import View
from gitopsd.drift import drift, not_checked
from gitopsd.model.drift import DriftReport
from gitopsd.model.errors import GitopsdError


@dataclass(frozen=True, slots=True)
class Drifts:
    """A report for each environment that could be looked at, and why for each that could not."""

    reports: tuple[DriftReport, ...]
    failures: tuple[Failure, ...]


def drifts(view: View, name: str = "") -> Drifts:
    """The drift of one environment, or of all."""
    reports: list[DriftReport] = []
    failures: list[Failure] = []
    for environment in view.select(name):
        try:
            reports.append(_report(view, environment))
        except GitopsdError as error:
            failures.append(Failure(environment.name, str(error)))
    return Drifts(tuple(reports), tuple(failures))


def _report(view: View, environment: Environment) -> DriftReport:
    seen = look(view, environment)
    if seen.live is None:
        raise GitopsdError(seen.trouble)
    state, serving = applied(view, seen), seen.journal.serving
    return DriftReport(
        environment=environment.name,
        revision=serving.revision if serving is not None else "",
        sync=status_of(view, seen).sync,
        items=drift(seen.journal, seen.live, state, view.now),
        not_checked=not_checked(seen.journal, state),
    )
