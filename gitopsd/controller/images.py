"""Images that are not on the engine yet: pulled beside the loop, each once, and what came of it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from gitopsd.controller.execute import Executor, Outcome
from gitopsd.controller.shelf import Shelf
from gitopsd.model.errors import DiskTooFull, GitopsdError, ImageMissing, ImageThrottled
from gitopsd.model.release import Hold
from gitopsd.model.settings import ImageKeeping

FIRST_WAIT_S = 2.0
THROTTLED_WAIT_S = 60.0  # the engine does not say when the registry wants to be asked again
LONGEST_WAIT_S = 300.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A pull that failed: when it may be tried again, or never for what the registry says does not exist.

    `guard` is what holds a release for it: the image, or the disk.
    """

    reason: str
    missing: bool
    guard: str
    attempts: int
    retry_at: datetime


class Pulls:
    """The pulls of one environment. `wake` is called at the end of each; `masked` takes secrets out of what is said."""

    def __init__(self, shelf: Shelf, executor: Executor, masked: Callable[[str], str] = str) -> None:
        self._shelf, self._executor, self._masked = shelf, executor, masked
        self._environment, self._clock = shelf.environment, shelf.clock
        self._trouble: dict[str, Trouble] = {}
        self._progress: dict[str, str] = {}
        self._lock = threading.Lock()
        self._ended: dict[str, Trouble | None] = {}

    def ask(
        self,
        references: Iterable[str],
        wake: Callable[[], None],
        platforms: Mapping[str, str],
        keeping: ImageKeeping,
    ) -> None:
        """Pull what is not under way, and not waiting after a failure; `platforms` by reference, where one is asked."""
        now = self._clock.now()
        for reference in sorted(set(references)):
            trouble = self._trouble.get(reference)
            if trouble is None or (not trouble.missing and now >= trouble.retry_at):
                pull = partial(self._pull, reference, platforms.get(reference, ""), keeping)
                self._submit(reference, pull, wake)

    def take_in(self) -> dict[str, Trouble | None]:
        """The pulls that have ended since the last call, by reference; None: it came."""
        with self._lock:
            ended, self._ended = self._ended, {}
        return ended

    def idle(self) -> bool:
        """Whether no pull of this environment is under way."""
        return not any(key.startswith("image ") for key in self._executor.busy(self._environment))

    def missing(self, references: Iterable[str]) -> str:
        """Why one of these can never come: the registry's own word; "" while there is hope."""
        found = (self._trouble.get(reference) for reference in references)
        return next((trouble.reason for trouble in found if trouble is not None and trouble.missing), "")

    def holds(self, references: Iterable[str]) -> tuple[Hold, ...]:
        """Why a release waits for these, in words, and until when."""
        wanted = sorted(set(references))
        for reference in wanted:
            trouble = self._trouble.get(reference)
            if trouble is not None:
                return (Hold(trouble.guard, f"{reference}: {trouble.reason}", until=trouble.retry_at),)
        busy = self._executor.busy(self._environment)
        names = [f"{each} {self._progress.get(each, '')}".strip() for each in wanted if f"image {each}" in busy]
        return (Hold("image", f"pulling {', '.join(names)}"),) if names else ()

    def retry_at(self, references: Iterable[str], now: datetime) -> datetime | None:
        """When one of these may be tried again."""
        found = (self._trouble.get(reference) for reference in references)
        return min((each.retry_at for each in found if each and not each.missing and each.retry_at > now), default=None)

    def forget(self, reference: str = "") -> None:
        """Nothing that failed (or this one alone) is held against the next attempt."""
        if reference:
            self._trouble.pop(reference, None)
        else:
            self._trouble = {}

    def _pull(self, reference: str, platform: str, keeping: ImageKeeping) -> None:
        self._shelf.need_room(keeping)
        self._shelf.bring(reference, platform, lambda line: self._progress.__setitem__(reference, line))

    def _submit(self, reference: str, pull: Callable[[], None], wake: Callable[[], None]) -> None:
        def work() -> Outcome:
            try:
                pull()
            except GitopsdError as error:
                return Outcome(reference, (), error=error)
            return Outcome(reference, ())

        def done(outcome: Outcome) -> None:
            self._progress.pop(reference, None)
            if outcome.trace:
                _log.error("pull of %s: %s", reference, self._masked(outcome.trace))
            self._note(reference, outcome.error)
            wake()

        self._executor.submit(self._environment, f"image {reference}", work, done, aside=True)

    def _note(self, reference: str, error: GitopsdError | None) -> None:
        if error is None:
            self._trouble.pop(reference, None)
        else:
            before = self._trouble.get(reference)
            attempts = before.attempts + 1 if before is not None else 1
            first = THROTTLED_WAIT_S if isinstance(error, ImageThrottled) else FIRST_WAIT_S
            wait = min(first * 2 ** min(attempts - 1, 20), LONGEST_WAIT_S)
            self._trouble[reference] = Trouble(
                reason=self._masked(str(error)),
                missing=isinstance(error, ImageMissing),
                guard="disk" if isinstance(error, DiskTooFull) else "image",
                attempts=attempts,
                retry_at=self._clock.now() + timedelta(seconds=wait),
            )
        with self._lock:
            self._ended[reference] = self._trouble.get(reference)
