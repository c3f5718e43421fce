"""What differs from what was left behind, environment by environment."""

from dataclasses import dataclass

from gitopsd.controller.baselines import Baselines, FieldLook
from gitopsd.controller.environments import Environment
from gitopsd.controller.execute import Specification
from gitopsd.controller.expecting import expecting
from gitopsd.controller.queries.look import Failure, Look, applied, look
from gitopsd.controller.queries.status import status_of
from gitopsd.controller.queries.view import View
from gitopsd.drift import drift, not_checked, remembered
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftReport
from gitopsd.model.errors import GitopsdError
from gitopsd.model.live import LiveState


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
    fields = _fields(view, seen, state, seen.live)
    items = drift(seen.journal, seen.live, state, fields.found, view.now)
    return DriftReport(
        environment=environment.name,
        revision=serving.revision if serving is not None else "",
        sync=status_of(view, seen).sync,
        items=remembered(items, view.store.drift(environment.name).items),
        not_checked=not_checked(seen.journal, state),
    )


def _fields(view: View, seen: Look, state: SealedState | None, live: LiveState) -> FieldLook:
    """Every field against what the daemon left it as; nothing is kept of this look."""
    wanted, desires = seen.desire.state, view.desires(seen.environment.name)

    def specify(service: str, fingerprint: str, in_place: str) -> Specification:
        return desires.specification(seen.environment, (state, wanted), (service, fingerprint, in_place))

    expect = expecting(view.engine(seen.environment), view.store.key(), specify, wanted)
    return Baselines(seen.environment.name, view.store).look(seen.journal, live, frozenset(), expect, keep=False)
