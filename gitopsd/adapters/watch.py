"""File changes by watchfiles: the wake file, gitopsd.yaml, and the branches of repositories on this machine.

Directories are watched, never files: an editor and Git replace a file by renaming another one over it.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from watchfiles import Change
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

DEBOUNCE_MS = 50
# Each step costs the idle daemon a wake-up: at 20 ms that is a fifth of a percent of a core.
STEP_MS = 20
LOOK_AGAIN_MS = 5_000
_SUBSCRIBED_WITHIN_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory, and the names in it that count; none: all of them."""

    directory: str
    names: frozenset[str] = frozenset()

    def holds(self, path: str) -> bool:
        directory, name = os.path.split(path)
        return directory == self.directory and (not self.names or name in self.names)


@dataclass(frozen=True, slots=True)
class Watch:
    name: str
    paths: tuple[Path, ...]
    call: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is watched now. `identities` tell a directory from another one that took its path."""

    watches: tuple[Watch, ...]
    places: Mapping[str, frozenset[Place]]
    identities: Mapping[str, tuple[int, int]]
    notify: RustNotify | None

    def told_by(self, paths: set[str]) -> Iterator[Watch]:
        for watch in self.watches:
            if any(place.holds(path) for place in self.places[watch.name] for path in paths):
                yield watch


class FileWatcher:
    """The port Watcher. Calls come one at a time on one thread, so they had better be short.

    A path may be a file, a directory, or a Git repository, of which only the branches count. What does not exist yet is
    looked for every few seconds; where the system cannot tell of changes, the polls of Git find them later.
    """

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._guard = threading.Lock()
        self._renew = threading.Event()
        self._stopped = False
        self._subscribed = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, name: str, paths: Sequence[Path], call: Callable[[], None]) -> None:
        """From its return on no change is missed, unless `call` itself calls it: then from the return of that."""
        with self._guard:
            self._watches[name] = Watch(name, tuple(path.absolute() for path in paths), call)
            self._subscribed.clear()
            self._renew.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="file watch", daemon=True)
                self._thread.start()
        if threading.current_thread() is not self._thread:
            self._subscribed.wait(_SUBSCRIBED_WITHIN_S)

    def stop(self) -> None:
        """End the thread; a running call is waited for."""
        self._stopped = True
        self._renew.set()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        current = Subscription((), {}, {}, None)
        while not self._stopped:
            current = self._listen(self._renewed(current))
        _closed(current.notify)

    def _renewed(self, old: Subscription) -> Subscription:
        """The new subscription stands before the old one ends, so that nothing falls between them."""
        with self._guard:
            self._renew.clear()
            watches = tuple(self._watches.values())
        places = {watch.name: _places(watch.paths) for watch in watches}
        identities = _identities(places)
        fresh = Subscription(watches, places, identities, _notify(identities))
        self._tell(old, _changes(old.notify, 1, 1, None))
        _closed(old.notify)
        if not self._renew.is_set():
            self._subscribed.set()
        self._call(watch for watch in watches if watch.name in old.places and _has_grown(watch.name, old, fresh))
        return fresh

    def _listen(self, current: Subscription) -> Subscription:
        """Tell of changes until other directories must be watched; gives what was still watched at the end."""
        while not self._renew.is_set():
            if current.notify is None:
                self._renew.wait(LOOK_AGAIN_MS / 1000)
                return current
            changes = _changes(current.notify, STEP_MS, LOOK_AGAIN_MS, self._renew)
            self._tell(current, changes)
            gone = {path for kind, path in changes if kind == Change.deleted and path in current.identities}
            if gone:
                # Another one may bear its name and even its number by now, but nobody watches that.
                left = {path: identity for path, identity in current.identities.items() if path not in gone}
                return replace(current, identities=left)
            come_or_gone = not changes or any(kind != Change.modified for kind, _ in changes)
            if come_or_gone and self._has_moved(current):
                return current
        return current

    def _has_moved(self, current: Subscription) -> bool:
        places = {watch.name: _places(watch.paths) for watch in current.watches}
        return places != current.places or _identities(places) != current.identities

    def _tell(self, subscription: Subscription, changes: set[tuple[int, str]]) -> None:
        if changes:
            self._call(subscription.told_by({path for _, path in changes}))

    def _call(self, watches: Iterator[Watch]) -> None:
        for watch in watches:
            try:
                watch.call()
            except Exception:  # noqa: BLE001
                # The thread serves the others too; what this one missed, its next poll finds.
                _log.exception("watch failed", extra={"watch": watch.name})


def _places(paths: Sequence[Path]) -> frozenset[Place]:
    return frozenset(place for path in paths for place in _places_of(path))


def _places_of(path: Path) -> Iterator[Place]:
    if directory := git_directory(path):
        # A branch is a file below refs/heads, or a line of packed-refs, or lies in a reftable.
        yield Place(str(directory), frozenset({"packed-refs", "HEAD", "refs"}))
        yield Place(str(directory / "refs"), frozenset({"heads"}))
        for below, _, _ in os.walk(directory / "refs" / "heads"):
            yield Place(below)
        yield Place(str(directory / "reftable"))
    elif path.is_dir():
        yield Place(str(path))
    else:
        # A mounted configuration is a link that is never touched itself; what it leads to lies in the same directory.
        yield Place(str(path.parent), frozenset() if path.is_symlink() else frozenset({path.name}))


def git_directory(path: Path) -> Path | None:
    """Where a repository on this machine keeps its branches: bare, with a work tree, or a linked work tree."""
    found = path / ".git"
    if found.is_file():
        with suppress(OSError, ValueError):
            found = (path / found.read_text().partition("gitdir:")[2].strip()).resolve()
    elif not found.is_dir():
        found = path
    with suppress(OSError):
        found = (found / (found / "commondir").read_text().strip()).resolve()
    return found if (found / "objects").is_dir() and (found / "HEAD").exists() else None


def _identities(places: Mapping[str, frozenset[Place]]) -> dict[str, tuple[int, int]]:
    found = {}
    for directory in {place.directory for each in places.values() for place in each}:
        with suppress(OSError):
            status = os.stat(directory)
            found[directory] = (status.st_dev, status.st_ino)
    return found


def _has_grown(name: str, old: Subscription, fresh: Subscription) -> bool:
    """Whether a directory is watched that was not before, in which something may have happened unseen."""
    directories = {place.directory for place in fresh.places[name]}
    return any(fresh.identities.get(each) not in (None, old.identities.get(each)) for each in directories)


def _notify(identities: Mapping[str, tuple[int, int]]) -> RustNotify | None:
    if not identities:
        return None
    try:
        return RustNotify(sorted(identities), False, False, 0, False, True)
    except (OSError, WatchfilesRustInternalError):
        # A directory went this very moment, or the system's limit of watches is reached.
        return None


def _changes(
    notify: RustNotify | None, step_ms: int, timeout_ms: int, stop: threading.Event | None
) -> set[tuple[int, str]]:
    if notify is None:
        return set()
    found = notify.watch(DEBOUNCE_MS, step_ms, timeout_ms, stop)
    return set() if isinstance(found, str) else found


def _closed(notify: RustNotify | None) -> None:
    if notify is not None:
        notify.close()
