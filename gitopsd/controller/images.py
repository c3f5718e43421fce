"""Images that are not on the engine yet: pulled beside the loop, each once, and what came of it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitopsd.controller.execute import Executor, Outcome
from gitopsd.controller.ports import Clock, Engine
from gitopsd.model.errors import GitopsdError, ImageMissing
from gitopsd.model.release import Hold

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A pull that failed: when it may be tried again, or never for what the registry says does not exist."""

    reason: str
    missing: bool
    attempts: int
    retry_at: datetime


class Pulls:
    """The pulls of one environment. `wake` is called at the end of each; `masked` takes secrets out of what is said."""

    def __init__(
        self,
        environment: str,
        engine: Engine,
        executor: Executor,
        clock: Clock,
        masked: Callable[[str], str] = str,
    ) -> None:
        self._environment, self._engine, self._executor, self._clock = environment, engine, executor, clock
        self._masked = masked
        self._trouble: dict[str, Trouble] = {}
        self._progress: dict[str, str] = {}

    def ask(self, references: Iterable[str], wake: Callable[[], None], platforms: Mapping[str, str]) -> None:
        """Pull what is not under way, and not waiting after a failure; `platforms` by reference, where one is asked."""
        now = self._clock.now()
        for reference in sorted(set(references)):
            trouble = self._trouble.get(reference)
            if trouble is None or (not trouble.missing and now >= trouble.retry_at):
                self._submit(reference, platforms.get(reference, ""), wake)

    def idle(self) -> bool:
        """Whether no pull of this environment is under way."""
        return not any(key.startswith("image ") for key in self._executor.busy(self._environment))

    def missing(self, references: Iterable[str]) -> str:
        """Why one of these can never come: the registry's own word; "" while there is hope."""
        found = (self._trouble.get(reference) for reference in references)
        return next((trouble.reason for trouble in found if trouble is not None and trouble.missing), "")

    def hold(self, references: Iterable[str]) -> Hold:
        """Why the release waits, in words, and until when."""
        for reference in sorted(set(references)):
            trouble = self._trouble.get(reference)
            if trouble is not None:
                return Hold("image", f"{reference}: {trouble.reason}", until=trouble.retry_at)
        names = ", ".join(f"{each} {self._progress.get(each, '')}".strip() for each in sorted(set(references)))
        return Hold("image", f"pulling {names}")

    def retry_at(self) -> datetime | None:
        return min((each.retry_at for each in self._trouble.values() if not each.missing), default=None)

    def forget(self) -> None:
        """Nothing that failed is held against the next attempt: a person asked for it."""
        self._trouble = {}

    def _submit(self, reference: str, platform: str, wake: Callable[[], None]) -> None:
        def work() -> Outcome:
            try:
                self._engine.pull(reference, lambda line: self._progress.__setitem__(reference, line), platform)
            except GitopsdError as error:
                return Outcome(reference, (), error=error)
            return Outcome(reference, ())

        def done(outcome: Outcome) -> None:
            self._progress.pop(reference, None)
            if outcome.trace:
                _log.error("pull of %s: %s", reference, self._masked(outcome.trace))
            self._note(reference, outcome.error)
            wake()

        self._executor.submit(self._environment, f"image {reference}", work, done)

    def _note(self, reference: str, error: GitopsdError | None) -> None:
        if error is None:
            self._trouble.pop(reference, None)
            return
        before = self._trouble.get(reference)
        attempts = before.attempts + 1 if before is not None else 1
        wait = min(FIRST_WAIT_S * 2 ** min(attempts - 1, 20), LONGEST_WAIT_S)
        retry_at = self._clock.now() + timedelta(seconds=wait)
        self._trouble[reference] = Trouble(
            self._masked(str(error)), isinstance(error, ImageMissing), attempts, retry_at
        )
