"""What differs from what was left behind, environment by environment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitopsd.controller.baselines import Baselines, Expect, FieldLook
from gitopsd.controller.contents import Contents
from gitopsd.controller.environments import Environment
from gitopsd.controller.execute import Specification
from gitopsd.controller.expecting import expecting
from gitopsd.controller.queries.layers import Layers, layers
from gitopsd.controller.queries.look import Failure, Look, applied, look
from gitopsd.controller.queries.status import status_of
from gitopsd.controller.queries.swarm import swarm_report
from gitopsd.controller.queries.view import View
from gitopsd.drift import drift, not_checked, remembered
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem, DriftReport, PastDrift
from gitopsd.model.errors import GitopsdError
from gitopsd.model.live import LiveState


@dataclass(frozen=True, slots=True)
class Drifts:
    """A report for each environment that could be looked at, and why for each that could not."""

    reports: tuple[DriftReport, ...]
    failures: tuple[Failure, ...]

    @property
    def news(self) -> object:
        """What tells one look from another, whenever the two were made."""
        items = [
            (report.environment, report.revision, item.identity, item.cause, item.changes)
            for report in self.reports
            for item in report.items
        ]
        return items, [(report.environment, report.not_checked) for report in self.reports], self.failures


def drifts(view: View, name: str = "", before: Drifts | None = None, *, files: bool = False) -> Drifts:
    """The drift of one environment, or of all; with `files` also what was written in the containers' own layers.

    `before`: an earlier look that knows what was seen when.
    """
    known = [item for report in before.reports for item in report.items] if before is not None else []
    reports: list[DriftReport] = []
    failures: list[Failure] = []
    for environment in view.select(name):
        try:
            reports.append(_report(view, environment, known, files=files))
        except GitopsdError as error:
            failures.append(Failure(environment.name, str(error)))
    return Drifts(tuple(reports), tuple(failures))


def past_drifts(view: View, name: str = "", limit: int = 100) -> Mapping[str, tuple[PastDrift, ...]]:
    """What drifted once and is over, newest first, by environment. GitopsdError when nobody knows the environment."""
    names = (name,) if name and view.store.past_drift(name, 1) else [each.name for each in view.select(name)]
    return {each: view.store.past_drift(each, limit) for each in names}


def _report(view: View, environment: Environment, known: Iterable[DriftItem], *, files: bool) -> DriftReport:
    seen = look(view, environment)
    if seen.live is None:
        raise GitopsdError(seen.trouble)
    if seen.swarm is not None:
        return swarm_report(view, seen, seen.swarm, known)
    state, serving = applied(view, seen), seen.journal.serving
    engine, expect = view.engine(seen.environment), _expect(view, seen, state)
    fields = _fields(view, seen, seen.live, expect)
    inside = layers(engine, seen.journal, seen.live, expect, view.now) if files else Layers()
    items = (*drift(seen.journal, seen.live, state, fields.found, view.now), *inside.items)
    unread = (f"what was delivered to {each.name}" for each in seen.live.instances if each.id in fields.unread)
    return DriftReport(
        environment=environment.name,
        revision=serving.revision if serving is not None else "",
        sync=status_of(view, seen).sync,
        items=remembered(items, (*known, *view.store.drift(environment.name).items)),
        not_checked=(*not_checked(seen.journal, state, layers=files), *unread, *inside.unseen),
    )


def _expect(view: View, seen: Look, state: SealedState | None) -> Expect:
    """What each container is expected to show."""
    wanted, desires = seen.desire.state, view.desires(seen.environment.name)

    def specify(service: str, fingerprint: str, in_place: str) -> Specification:
        return desires.specification(seen.environment, (state, wanted), (service, fingerprint, in_place))

    return expecting(view.engine(seen.environment), view.store.key(), specify, wanted)


def _fields(view: View, seen: Look, live: LiveState, expect: Expect) -> FieldLook:
    """Every field against what the daemon left it as; nothing is kept of this look, and all content is read."""
    contents = Contents(view.engine(seen.environment), lambda *_: False, at_once=True)
    return Baselines(seen.environment.name, view.store, contents).look(
        seen.journal, live, frozenset(), expect, view.now, keep=False
    )
