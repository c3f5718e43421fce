"""A store in memory, for tests of what stands above it."""

import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from gitopsd.controller.arrangement import taken_over
from gitopsd.controller.ports import NOTHING_NEW, Backup, Found, Inputs
from gitopsd.model.baseline import Baseline
from gitopsd.model.drift import Drifted, PastDrift
from gitopsd.model.errors import StoreError
from gitopsd.model.event import Event
from gitopsd.model.image import PulledImage
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Release
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus
from tests.fakes.outbox import FakeOutbox

Kept = TypeVar("Kept", Release, Event, Operation)
KEPT = ("_instance_id", "_journals", "_releases", "_last_release", "_addresses", "_inputs", "_events", "_operations",
        "_statuses")  # fmt: skip


class FakeStore(FakeOutbox):
    """Keeps values as they are. With `broken` set to a reason, nothing can be written; `elsewhere` is who acts else.

    `woken` counts the touches of STATE/wake.
    """

    def __init__(self, instance_id: str = "00000000-0000-4000-8000-000000000001") -> None:
        super().__init__()
        self.broken = self.elsewhere = ""
        self.woken = 0
        self._instance_id = instance_id
        self._key = bytes(range(32))
        self._guard = threading.RLock()
        self._daemon = threading.Lock()
        self._journals: dict[str, Journal] = {}
        self._releases: dict[int, Release] = {}
        self._last_release = 0
        self._addresses: dict[str, int] = {}
        self._inputs: dict[tuple[str, str], Inputs] = {}
        self._pulled: dict[tuple[str, str], PulledImage] = {}
        self._events: list[Event] = []
        self._operations: dict[int, Operation] = {}
        self._statuses: dict[str, EnvironmentStatus] = {}
        self._repositories: dict[str, RepositoryStatus] = {}
        self._baselines: dict[str, dict[str, Baseline]] = {}
        self._drifts: dict[str, Drifted] = {}
        self._past_drifts: dict[str, list[PastDrift]] = {}

    def instance_id(self) -> str:
        return self._instance_id

    def key(self) -> bytes:
        return self._key

    def lose_key(self) -> None:
        """Somebody deleted STATE/key; the next look makes another one."""
        self._key = self._key[::-1]

    def journal(self, environment: str) -> Journal:
        with self._guard:
            return self._journals.get(environment) or Journal(environment)

    def save(
        self,
        journal: Journal,
        events: Sequence[Event] = (),
        ended: Sequence[Release] = (),
        done: Sequence[Operation] = (),
        found: Found = NOTHING_NEW,
    ) -> None:
        with self._guard:
            self._refuse_when_broken()
            self._journals[journal.environment] = journal
            releases = [*ended, journal.release] if journal.release else ended
            self._releases |= {release.number: release for release in releases}
            self.append(events)
            self._operations |= {each.number: each for each in done if each.number in self._operations}
            if found.status is not None:
                self._statuses[found.status.name] = found.status
            if found.drifted is not None:
                self._drifts[found.drifted.environment] = found.drifted
            self._past_drifts.setdefault(journal.environment, []).extend(found.over)

    @contextmanager
    def lock(self, waiting: Callable[[], bool] | None = None) -> Iterator[None]:
        while self.elsewhere or not self._daemon.acquire(blocking=False):
            if waiting is None or not waiting():
                raise StoreError(f"another gitopsd ({self.elsewhere or 'process 1'}) runs on this store; stop it")
        try:
            yield
        finally:
            self._daemon.release()

    def holds(self) -> bool:
        return not self.elsewhere

    def acting(self) -> str:
        return self.elsewhere

    def daemon_runs(self) -> bool:
        return bool(self.elsewhere) or self._daemon.locked()

    def backup(self, file: Path, at: datetime) -> Backup:
        with self._guard:
            made = Backup(self._instance_id, "", at)
            file.write_bytes(pickle.dumps((made, {name: getattr(self, name) for name in KEPT})))
            file.chmod(0o600)
            return made

    def restore(self, file: Path, at: datetime) -> tuple[Backup, Path | None]:
        with self.lock(), self._guard:
            try:
                made, kept = pickle.loads(file.read_bytes())
            except (OSError, pickle.UnpicklingError) as error:
                raise StoreError(f"{file} is no backup: {error}") from error
            for name, value in kept.items():
                setattr(self, name, value)
            return made, None

    def environments(self) -> tuple[str, ...]:
        with self._guard:
            return tuple(sorted(self._journals))

    def forget(self, environment: str) -> None:
        with self._guard:
            self._refuse_when_broken()
            self._journals.pop(environment, None)
            self._statuses.pop(environment, None)
            self._inputs = {key: value for key, value in self._inputs.items() if key[0] != environment}
            self._baselines.pop(environment, None)
            self._drifts.pop(environment, None)

    def move(self, old: str, new: str, path: str) -> None:
        with self._guard:
            self._refuse_when_broken()
            self._journals[new] = taken_over(self.journal(old), self.journal(new), path)
            self._journals.pop(old, None)
            self._statuses.pop(old, None)
            self._drifts.pop(old, None)
            self._past_drifts[new] = [*self._past_drifts.pop(old, []), *self._past_drifts.get(new, [])]
            self._baselines[new] = {**self._baselines.get(new, {}), **self._baselines.pop(old, {})}
            self._inputs = {(_now(name, old, new), key): value for (name, key), value in self._inputs.items()}
            self._releases = {number: _renamed(each, old, new) for number, each in self._releases.items()}
            self._events = [_renamed(each, old, new) for each in self._events]
            asked = {number: each for number, each in self._operations.items() if each.done_at is None}
            self._operations |= {number: _renamed(each, old, new) for number, each in asked.items()}

    def next_release(self) -> int:
        with self._guard:
            self._refuse_when_broken()
            self._last_release += 1
            return self._last_release

    def next_address(self, engine: str) -> int:
        with self._guard:
            self._refuse_when_broken()
            number = self._addresses.get(engine, 0)
            self._addresses[engine] = number + 1
            return number

    def releases(self, environment: str, limit: int = 100) -> tuple[Release, ...]:
        with self._guard:
            newest_first = [self._releases[number] for number in sorted(self._releases, reverse=True)]
        return tuple(release for release in newest_first if release.environment == environment)[:limit]

    def drop_release(self, number: int) -> None:
        """As the bounds of the ledger do once there are too many."""
        with self._guard:
            del self._releases[number]

    def release_numbers(self) -> Mapping[int, str]:
        with self._guard:
            return {number: each.environment for number, each in self._releases.items()}

    def release(self, number: int) -> Release | None:
        with self._guard:
            return self._releases.get(number)

    def inputs(self, environment: str, input_digest: str) -> Inputs | None:
        with self._guard:
            return self._inputs.get((environment, input_digest))

    def save_inputs(self, environment: str, inputs: Inputs) -> None:
        with self._guard:
            self._refuse_when_broken()
            self._inputs[environment, inputs.input_digest] = inputs

    def baselines(self, environment: str) -> Mapping[str, Baseline]:
        with self._guard:
            return dict(self._baselines.get(environment, {}))

    def save_baselines(self, environment: str, changed: Mapping[str, Baseline | None]) -> None:
        with self._guard:
            self._refuse_when_broken()
            known = {**self._baselines.get(environment, {}), **changed}
            self._baselines[environment] = {id: each for id, each in known.items() if each is not None}

    def drift(self, environment: str) -> Drifted:
        with self._guard:
            return self._drifts.get(environment) or Drifted(environment)

    def past_drift(self, environment: str, limit: int = 100) -> tuple[PastDrift, ...]:
        with self._guard:
            return tuple(reversed(self._past_drifts.get(environment, [])))[:limit]

    def pulled(self) -> tuple[PulledImage, ...]:
        with self._guard:
            return tuple(self._pulled.values())

    def save_pulled(self, image: PulledImage) -> None:
        with self._guard:
            self._refuse_when_broken()
            self._pulled.pop((image.engine, image.id), None)
            self._pulled[image.engine, image.id] = image

    def forget_pulled(self, engine: str, image: str) -> None:
        with self._guard:
            self._refuse_when_broken()
            self._pulled.pop((engine, image), None)

    def append(self, events: Sequence[Event]) -> None:
        with self._guard:
            self._refuse_when_broken()
            first = len(self._events) + 1
            self._events += [replace(event, number=number) for number, event in enumerate(events, first)]

    def events(
        self, after: int = 0, environment: str = "", service: str = "", limit: int = 200, newest: bool = False
    ) -> tuple[Event, ...]:
        with self._guard:
            found = [
                event
                for event in self._events
                if event.number > after and environment in ("", event.environment) and service in ("", event.service)
            ]
        return tuple(found[max(0, len(found) - limit) :] if newest else found[:limit])

    def submit(self, operation: Operation) -> int:
        with self._guard:
            self._refuse_when_broken()
            number = len(self._operations) + 1
            self._operations[number] = replace(operation, number=number)
            self.woken += 1
            return number

    def operation(self, number: int) -> Operation | None:
        with self._guard:
            return self._operations.get(number)

    def pending(self) -> tuple[Operation, ...]:
        with self._guard:
            return tuple(operation for operation in self._operations.values() if operation.done_at is None)

    def complete(self, number: int, result: str, at: datetime, events: Sequence[Event] = ()) -> None:
        with self._guard:
            self.append(events)
            if number in self._operations:
                self._operations[number] = replace(self._operations[number], done_at=at, result=result)

    def save_status(self, status: EnvironmentStatus, events: Sequence[Event] = ()) -> None:
        with self._guard:
            self.append(events)
            self._statuses[status.name] = status

    def statuses(self) -> tuple[EnvironmentStatus, ...]:
        with self._guard:
            return tuple(self._statuses[name] for name in sorted(self._statuses))

    def save_repository(self, status: RepositoryStatus) -> None:
        with self._guard:
            self._refuse_when_broken()
            self._repositories[status.name] = status

    def repositories(self) -> tuple[RepositoryStatus, ...]:
        with self._guard:
            return tuple(self._repositories[name] for name in sorted(self._repositories))

    def _refuse_when_broken(self) -> None:
        if self.broken:
            raise StoreError(self.broken)


def _now(name: str, old: str, new: str) -> str:
    return new if name == old else name


def _renamed(kept: Kept, old: str, new: str) -> Kept:
    return replace(kept, environment=_now(kept.environment, old, new))
