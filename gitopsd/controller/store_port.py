"""The store as the controller needs it: journals, ledger, operations, and what is remembered of live containers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gitopsd.controller.notify_port import Outbox
from gitopsd.model.baseline import Baseline
from gitopsd.model.desired import Image
from gitopsd.model.drift import Drifted, PastDrift
from gitopsd.model.event import Event
from gitopsd.model.image import PulledImage
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Release
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus


@dataclass(frozen=True, slots=True)
class Inputs:
    """What loading an environment at a revision looked at, and the images that were found for it.

    With `asked` and `needs` (secrets of the host), the input digest of a newer commit is known without loading it.
    """

    input_digest: str
    asked: frozenset[str]
    images: Mapping[str, Image]
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup of a state directory: whose, and which gitopsd had written it ("" where that was not noted)."""

    instance_id: str
    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass found beside its journal: how the environment stands, what drifts, and what did and is over.

    None: as it is kept already.
    """

    status: EnvironmentStatus | None = None
    drifted: Drifted | None = None
    over: Sequence[PastDrift] = ()


NOTHING_NEW = Found()


class Store(Outbox, Protocol):
    """Journal, ledger, operations. Every method is one transaction; any thread may call it.

    Where several daemons share it, one that held the lock once and holds it no more can write nothing but operations
    and events: StoreError.
    """

    def instance_id(self) -> str:
        """Who this gitopsd is, made once per state directory and kept apart from the database."""
        ...

    def key(self) -> bytes:
        """The key of keyed hashes, made once per state directory."""
        ...

    def journal(self, environment: str) -> Journal:
        """The environment's journal; an empty one before the first save."""
        ...

    def save(
        self,
        journal: Journal,
        events: Sequence[Event] = (),
        ended: Sequence[Release] = (),
        done: Sequence[Operation] = (),
        found: Found = NOTHING_NEW,
    ) -> None:
        """Keep the journal, its open release and ended ones in the ledger, events, and what was found; all or nothing.

        `done` are operations that the journal has taken in, with their results. The history of drift is bounded, by
        number and by age.
        """
        ...

    def lock(self, waiting: Callable[[], bool] | None = None) -> AbstractContextManager[None]:
        """Held by the one that acts on what this store knows. StoreError names who holds it.

        Where daemons of several machines share a store, `waiting` is asked between two looks whether to go on waiting
        for the other's end; it takes its time.
        """
        ...

    def holds(self) -> bool:
        """Whether the lock that was taken is still this one's: if not, another may act, and this one may no longer."""
        ...

    def daemon_runs(self) -> bool:
        """Whether a daemon holds the lock right now."""
        ...

    def acting(self) -> str:
        """Who acts, where that is a daemon of another machine or state directory; "" where it is not."""
        ...

    def backup(self, file: Path, at: datetime) -> Backup:
        """Write everything but the mirrors into one file, as it is at one moment; a daemon may run meanwhile."""
        ...

    def restore(self, file: Path, at: datetime) -> tuple[Backup, Path | None]:
        """Put a backup in the place of what is there; also where that lies now, None for nothing.

        StoreError: a daemon runs, or the file is no backup that this version can read. Then nothing changed.
        """
        ...

    def environments(self) -> tuple[str, ...]:
        """The names of all environments that have a journal."""
        ...

    def forget(self, environment: str) -> None:
        """Drop the journal of a removed environment; ledger, events and the history of its drift stay."""
        ...

    def move(self, old: str, new: str, path: str) -> None:
        """Give an environment's journal, inputs, releases and events its new name; the journal remembers the old one.

        `path` is where the old directory lay. An unknown old name is remembered all the same.
        """
        ...

    def next_release(self) -> int:
        """A number that no release had before."""
        ...

    def next_address(self, engine: str) -> int:
        """A number that no routed instance of the engine had before, from 0 on."""
        ...

    def releases(self, environment: str, limit: int = 100) -> tuple[Release, ...]:
        """Newest first."""
        ...

    def release_numbers(self) -> Mapping[int, str]:
        """All releases that the ledger has, each with its environment."""
        ...

    def release(self, number: int) -> Release | None: ...

    def inputs(self, environment: str, input_digest: str) -> Inputs | None: ...

    def save_inputs(self, environment: str, inputs: Inputs) -> None: ...

    def baselines(self, environment: str) -> Mapping[str, Baseline]:
        """What its containers looked like when gitopsd was done with them, by container id."""
        ...

    def save_baselines(self, environment: str, changed: Mapping[str, Baseline | None]) -> None:
        """Keep those that changed; None drops one."""
        ...

    def drift(self, environment: str) -> Drifted:
        """What was found drifted at the last pass; nothing before the first."""
        ...

    def past_drift(self, environment: str, limit: int = 100) -> tuple[PastDrift, ...]:
        """What drifted once and is over, newest first."""
        ...

    def pulled(self) -> tuple[PulledImage, ...]:
        """What gitopsd brought to any engine, in the order of its coming."""
        ...

    def save_pulled(self, image: PulledImage) -> None:
        """Keep it under its engine and id; another one there is replaced."""
        ...

    def forget_pulled(self, engine: str, image: str) -> None: ...

    def append(self, events: Sequence[Event]) -> None: ...

    def events(
        self, after: int = 0, environment: str = "", service: str = "", limit: int = 200, newest: bool = False
    ) -> tuple[Event, ...]:
        """Events with a number above `after`, oldest first; with `newest` the last `limit` of them."""
        ...

    def submit(self, operation: Operation) -> int:
        """Queue an operation and have STATE/wake of the daemon touched; returns its number."""
        ...

    def operation(self, number: int) -> Operation | None: ...

    def pending(self) -> tuple[Operation, ...]:
        """Operations not yet done, oldest first."""
        ...

    def complete(self, number: int, result: str, at: datetime, events: Sequence[Event] = ()) -> None:
        """Keep an operation's result with the events that tell of it; an unknown number is nobody's."""
        ...

    def save_status(self, status: EnvironmentStatus, events: Sequence[Event] = ()) -> None:
        """Keep how an environment stands where no pass could be made, with the events that say why."""
        ...

    def statuses(self) -> tuple[EnvironmentStatus, ...]: ...

    def save_repository(self, status: RepositoryStatus) -> None: ...

    def repositories(self) -> tuple[RepositoryStatus, ...]: ...
