"""What people asked of one environment and is not done yet: taken from the store, answered there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.controller.arguments import check
from gitopsd.controller.operations import Applied, apply, lapse, told
from gitopsd.controller.ports import Store
from gitopsd.model.desired import SealedState
from gitopsd.model.errors import GitopsdError
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from gitopsd.model.release import Hold, Journal, Release
from gitopsd.release import verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """An operation with its result, and what is told of it; or nothing yet."""

    done: tuple[Operation, ...] = ()
    events: tuple[Event, ...] = ()


UNANSWERED = Answer()


class Requests:
    """Pending operations of one environment. `new`: something was asked since the last pass."""

    def __init__(self, environment: str, store: Store) -> None:
        self._environment, self._store = environment, store
        self.sync: Operation | None = None
        self.whole: Operation | None = None
        self.pin: Operation | None = None
        self.pull = False
        self.new = False
        self._before: dict[int, Journal] = {}  # what was asked takes passes: the journals that it was asked upon

    def apply(self, journal: Journal, now: datetime) -> Journal:
        """The journal after what can be done at once, kept with the answers; the rest is left for the pass."""
        journal = lapse(journal, now)
        done: list[tuple[Operation, tuple[Journal, Journal]]] = []
        came: list[Event] = []
        ended: list[Release] = []
        self.new = False
        for asked in self._store.pending() if self.pin is None else ():
            if asked.environment != self._environment or self._known(asked):
                continue
            self.new = True
            self._before[asked.number] = journal
            before, (operation, applied) = journal, _applied(asked, journal, now)
            journal = applied.journal
            came += applied.events
            ended += applied.ended
            if applied.result:
                del self._before[operation.number]
                answered = replace(operation, result=applied.result, done_at=now)
                done.append((answered, (before, journal)))
            if applied.sync:
                self.sync, self.pull = operation, applied.pull
            if applied.whole:
                self.whole = operation
            if applied.pin:
                self.pin = operation
                break  # what was asked after it comes after it
        if done:
            release = journal.release.number if journal.release is not None else None
            events = [told(operation, operation.result, now, moved, release) for operation, moved in done]
            self._store.save(journal, (*came, *events), ended, done=[operation for operation, _ in done])
        return journal

    def _known(self, operation: Operation) -> bool:
        return any(each is not None and each.number == operation.number for each in (self.sync, self.whole))

    def cause(self, found: str, moved: str) -> str:
        """Why a release begins now: a person asked, tags have `moved`, or else it is for what was `found`."""
        asked = f"asked for by {self.sync.by}" if self.sync is not None else ""
        return "; ".join(each for each in (asked, moved) if each) or found

    def answer(
        self, journal: Journal, state: SealedState | None, holds: tuple[Hold, ...], now: datetime, *, stale: str = ""
    ) -> Answer:
        """A sync is done when its release has begun, or when it is clear why none does. `stale`: Git did not answer.

        It is for the caller to keep, and then to say so.
        """
        if self.sync is None or self.pull:
            return UNANSWERED
        result = _result(journal, state, tuple(hold for hold in holds if hold.guard != "manual"))
        if not result:
            return UNANSWERED
        result = f"{result}; but Git does not answer: {stale}" if stale else result
        done = replace(self.sync, result=result, done_at=now)
        release = journal.release.number if journal.release is not None else None
        return Answer((done,), (told(done, result, now, (self._before[done.number], journal), release),))

    def kept(self, answer: Answer) -> None:
        """A sync's answer is in the store."""
        if self.sync is not None and answer.done:
            del self._before[self.sync.number]
            self.sync = None

    def pinned(self, journal: Journal, result: str, now: datetime) -> None:
        """A pin was set, or refused: kept with its answer."""
        if self.pin is not None:
            done = replace(self.pin, result=result, done_at=now)
            self._store.save(journal, [told(done, result, now, (self._before[done.number], journal))], done=[done])
            del self._before[done.number]
            self.pin = None

    def carried_out(self, result: str, events: Sequence[Event], now: datetime) -> None:
        """What concerned the environment as a whole is done, or was refused; `events` tell of it besides."""
        if self.whole is not None:
            moved = (self._before[self.whole.number], self._store.journal(self._environment))
            self._store.complete(self.whole.number, result, now, [*events, told(self.whole, result, now, moved)])
            del self._before[self.whole.number]
            self.whole = None


def _applied(asked: Operation, journal: Journal, now: datetime) -> tuple[Operation, Applied]:
    """The operation, and what it makes of the journal; one that means nothing is answered, and its arguments dropped.

    A version before this one may have taken it in.
    """
    try:
        check(asked.arguments)
    except GitopsdError as error:
        return replace(asked, arguments={}), Applied(journal, f"refused: {error}")
    return asked, apply(asked, journal, now)


def _result(journal: Journal, state: SealedState | None, holds: tuple[Hold, ...]) -> str:
    if state is None:
        return f"held: {holds[0].reason}" if holds else "the desired state is not known"
    if journal.release is not None and journal.release.content_digest == state.content_digest:
        return f"release {journal.release.number} has begun"
    match verdict(journal, state):
        case "same":
            return "nothing to do: this content serves already"
        case "rejected":
            return f"rejected: {journal.rejected[state.content_digest].reason}; `retry` tries it again"
        case "begin" if any(hold.guard != "image" for hold in holds):
            return f"held: {holds[0].reason}"
        case _:
            return ""
