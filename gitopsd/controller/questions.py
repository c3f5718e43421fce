"""What registries are asked for an environment: images that are lacking, names that may have moved; and the answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.controller.desire import Desire
from gitopsd.controller.images import Pulls, Trouble
from gitopsd.controller.states import Asking, platforms
from gitopsd.model.event import Event
from gitopsd.model.image import Asked
from gitopsd.model.release import Hold, Journal
from gitopsd.model.settings import ImageKeeping
from gitopsd.plan.pull_policy import ask_beside, asks_again, may_pull, next_question

UNKNOWN = Asked()


@dataclass(frozen=True, slots=True)
class Question:
    """What a reference is pulled for. `lacking`: it is not on the engine. `kept`: the answer counts for a while."""

    inputs: str
    lacking: bool
    kept: bool


class Questions:
    """The questions of one environment; each is a pull. What is known of the answers stands in the journal."""

    def __init__(self, environment: str, pulls: Pulls) -> None:
        self._environment, self._pulls = environment, pulls
        self._open: dict[str, Question] = {}
        self._renewable: frozenset[str] = frozenset()
        self._everything = False

    def take_in(self, journal: Journal, now: datetime) -> tuple[Journal, tuple[Event, ...], Asking]:
        """The journal and ledger after the answers that have come, and whose names are to be looked up anew."""
        asked, answered, events = dict(journal.asked), set(), []
        for reference, trouble in self._pulls.take_in().items():
            question = self._open.pop(reference, None)
            if question is None or (question.lacking and trouble is not None):
                continue
            if question.kept:
                asked[reference] = _noted(asked.get(reference, UNKNOWN), question, trouble, now)
            if trouble is None:
                answered.add(reference)
            elif trouble.attempts == 1:
                events.append(self._told(reference, trouble, now))
            if trouble is not None and trouble.missing:
                self._pulls.forget(reference)  # an answer too: it is asked again when the next question is due
        if asked != journal.asked:
            kept = {reference: each for reference, each in asked.items() if reference in self._renewable}
            journal = replace(journal, asked=kept)
        everything = self._everything and self._pulls.idle()
        self._everything = self._everything and not everything
        return journal, tuple(events), Asking(journal.asked, now, frozenset(answered), everything)

    def everything(self, desire: Desire, keeping: ImageKeeping, wake: Callable[[], None]) -> None:
        """Ask about every name, as a person wants it; once, until all have been answered."""
        if not self._everything:
            self._everything = True
            self._ask(desire, {each.image for each in desire.services.values() if may_pull(each)}, keeping, wake)

    def first(self, desire: Desire, keeping: ImageKeeping, wake: Callable[[], None]) -> None:
        """Ask about what must be known before a release can begin."""
        forbidden = {name for name, service in desire.services.items() if not may_pull(service)}
        wanted = {image for name, image in desire.missing.items() if name not in forbidden}
        self._ask(desire, wanted, keeping, wake)

    def beside(
        self, desire: Desire, asked: Mapping[str, Asked], now: datetime, keeping: ImageKeeping, wake: Callable[[], None]
    ) -> None:
        """Ask about names whose time has come; nothing waits for that."""
        inputs = desire.loaded.input_digest if desire.loaded is not None else ""
        due = {
            each.image
            for each in desire.services.values()
            if ask_beside(each, asked.get(each.image, UNKNOWN), inputs, now)
        }
        self._ask(desire, due, keeping, wake)

    def next_at(self, desire: Desire, asked: Mapping[str, Asked], now: datetime) -> datetime | None:
        """When the next question is due."""
        times = (next_question(each, asked.get(each.image, UNKNOWN)) for each in desire.services.values())
        return min((at for at in times if at is not None and at > now), default=None)

    def holds(self, desire: Desire) -> tuple[Hold, ...]:
        """Why images keep a release waiting."""
        never = {name for name, service in desire.services.items() if not may_pull(service)}
        forbidden = sorted({image for name, image in desire.absent.items() if name in never})
        if forbidden:
            reason = "is not on the engine, and `pull_policy: never` forbids to pull it; load it there"
            return (Hold("pull_policy", f"{', '.join(forbidden)} {reason}"),)
        return self._pulls.holds(desire.missing.values())

    def _ask(self, desire: Desire, references: set[str], keeping: ImageKeeping, wake: Callable[[], None]) -> None:
        if desire.loaded is None:
            return
        self._renewable = frozenset(each.image for each in desire.services.values() if asks_again(each))
        lacking = frozenset(desire.absent.values())
        for each in references:
            self._open[each] = Question(desire.loaded.input_digest, each in lacking, each in self._renewable)
        self._pulls.ask(references, wake, platforms(desire.loaded.desired), keeping)

    def _told(self, reference: str, trouble: Trouble, now: datetime) -> Event:
        message = f"{reference}: {trouble.reason}; what is at hand goes on"
        return Event(now, "ImageNotRenewed", message, "warning", self._environment)


def _noted(before: Asked, question: Question, trouble: Trouble | None, now: datetime) -> Asked:
    if trouble is None:
        return Asked(now, question.inputs)
    if trouble.missing:
        return Asked(now, question.inputs, question.inputs)
    return replace(before, tried_for=question.inputs)
