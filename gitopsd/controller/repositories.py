"""The Git repositories: polled one by one, each with what it last said, when, and what is wrong with it since."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.controller.ports import Clock, Source, Store
from gitopsd.model.errors import SourceError, SourceUnavailable
from gitopsd.model.event import Event, Severity
from gitopsd.model.files import Files
from gitopsd.model.settings import Repository
from gitopsd.model.status import RepositoryStatus


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit that is known of a branch, and its files."""

    commit: str
    files: Files


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one repository. `failures` in a row; `seen_at` is when the remote last answered.

    `head` is the newest commit that is trusted; `distrust` says what is wrong with a newer one. Before `not_before`, by
    the clock that never goes back, the remote wants to be left alone.
    """

    head: Head | None = None
    seen_at: datetime | None = None
    error: str = ""
    failures: int = 0
    distrust: str = ""
    not_before: float = 0.0


class Repositories:
    """All repositories of the settings. Any thread may read; polls of one repository do not overlap."""

    def __init__(
        self,
        repositories: Mapping[str, Repository],
        open_source: Callable[[Repository], Source],
        store: Store,
        clock: Clock,
    ) -> None:
        self._settings = dict(repositories)
        self._sources = {name: open_source(repository) for name, repository in repositories.items()}
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._polling = {name: threading.Lock() for name in repositories}
        self._known = {name: self._remembered(name) for name in repositories}

    def names(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def source(self, name: str) -> Source:
        """The repository of that name. SourceError when the settings have none."""
        if name not in self._sources:
            raise SourceError(f"there is no repository {name or '(unnamed)'} in the settings; add it to gitopsd.yaml")
        return self._sources[name]

    def head(self, name: str) -> Head | None:
        with self._lock:
            return self._known[name].head if name in self._known else None

    def heads(self) -> Mapping[str, Files]:
        """The files of every repository that has answered at least once."""
        with self._lock:
            return {name: known.head.files for name, known in self._known.items() if known.head is not None}

    def files_of(self, revision: str) -> Mapping[str, Files]:
        """The files of an earlier commit, by the repository whose mirror holds it."""
        found = {}
        for name, source in self._sources.items():
            with suppress(SourceError):
                found[name] = source.files(revision)
        return found

    def unanswered(self) -> str:
        """A repository of which no commit is known yet; "" when there is none."""
        with self._lock:
            return next((name for name, known in self._known.items() if known.head is None), "")

    def trouble(self, name: str) -> str:
        with self._lock:
            known = self._known.get(name)
        return (known.error or known.distrust) if known is not None else ""

    def distrust(self, name: str) -> str:
        """What is wrong with a commit that is newer than the newest one that is trusted; "" for nothing."""
        with self._lock:
            return self._known[name].distrust if name in self._known else ""

    def stale(self, name: str) -> str:
        """That the remote does not answer, why, and how old what is known is; "" while it answers."""
        known = self.known(name) if name in self._sources else Known()
        if not known.error:
            return ""
        if known.seen_at is None:
            return known.error
        age = (self._clock.now() - known.seen_at).total_seconds()
        return f"{known.error}; what is known is {age:.0f} s old"

    def known(self, name: str) -> Known:
        with self._lock:
            return self._known[name]

    def poll(self, name: str) -> bool:
        """Ask the remote once. Returns whether the head moved; an error is kept, told, and changes nothing else."""
        with self._polling[name]:
            before = self.known(name)
            try:
                return self._seen(name, before, self._sources[name].poll())
            except SourceError as error:
                wait = error.wait if isinstance(error, SourceUnavailable) else None
                until = self._clock.monotonic() + wait.total_seconds() if wait is not None else 0.0
                failures = before.failures + 1
                self._keep(name, replace(before, error=str(error), failures=failures, not_before=until))
                if before.error != str(error):
                    self._tell("FetchFailed", f"{name}: {error}", "error")
                return False

    def _seen(self, name: str, before: Known, commit: str) -> bool:
        now = self._clock.now()
        moved = before.head is None or before.head.commit != commit
        wrong = self._distrusted(name, commit, before.head) if moved else ""
        if wrong:
            self._keep(name, Known(before.head, now, distrust=wrong))
            if before.distrust != wrong:
                self._tell("SignatureRefused", f"{name}: {wrong}", "error")
            return before.distrust != wrong
        head = Head(commit, self._sources[name].files(commit)) if moved else before.head
        rewritten = moved and before.head is not None and self._sources[name].rewritten(before.head.commit, commit)
        self._keep(name, Known(head, now))
        if before.error:
            self._tell("FetchRecovered", f"{name} answers again", "info")
        if not moved:
            return False
        if rewritten and before.head is not None:
            self._tell(
                "HistoryRewritten", f"{name}: {before.head.commit[:8]} is not an ancestor of {commit[:8]}", "warning"
            )
        self._tell("RevisionSeen", f"{name} is at {commit[:8]}", "info")
        return True

    def _distrusted(self, name: str, commit: str, head: Head | None) -> str:
        """Why a newer commit is left where it is: what is known and trusted stays in force."""
        reason = self._sources[name].distrust(commit, head.commit if head is not None else "")
        mend = "sign it with one of those keys and push it, or look at `verify` in gitopsd.yaml"
        return f"commit {commit[:8]} is not trusted: {reason}; {mend}" if reason else ""

    def _keep(self, name: str, known: Known) -> None:
        with self._lock:
            self._known[name] = known
        settings = self._settings[name]
        commit = known.head.commit if known.head is not None else ""
        self._store.save_repository(
            RepositoryStatus(name, settings.url, settings.branch, commit, known.seen_at, known.error or known.distrust)
        )

    def _remembered(self, name: str) -> Known:
        """What the mirror and the store hold from before: enough to go on healing while the remote is away.

        Another one that acted on this store may have seen what this mirror has not. To go by an older commit would be
        to go back, so nothing is known then until the remote answers.
        """
        stored = next((status for status in self._store.repositories() if status.name == name), None)
        commit = self._sources[name].head()
        if stored is not None and self._is_of(stored) and stored.revision and not self._holds(name, stored.revision):
            return Known(seen_at=stored.seen_at)
        seen_at = stored.seen_at if stored is not None else None
        if self._settings[name].verify.mode != "off":
            commit = self._trusted(name, stored.revision if stored is not None else "")
        return Known(Head(commit, self._sources[name].files(commit)), seen_at) if commit else Known()

    def _is_of(self, stored: RepositoryStatus) -> bool:
        settings = self._settings[stored.name]
        return (stored.url, stored.branch) == (settings.url, settings.branch)

    def _holds(self, name: str, commit: str) -> bool:
        try:
            self._sources[name].files(commit)
        except SourceError:
            return False
        return True

    def _trusted(self, name: str, commit: str) -> str:
        """What was trusted last, if it still is: whose it was may have been shut out since. The branch may be newer."""
        try:
            return "" if not commit or self._sources[name].distrust(commit, "") else commit
        except SourceError:
            return ""  # the next poll tells

    def _tell(self, reason: str, message: str, severity: Severity) -> None:
        self._store.append([Event(self._clock.now(), reason, message, severity)])
