"""A Git repository as the controller needs it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gitopsd.model.files import Files


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as people see it. Text is as Git holds it (invalid UTF-8 replaced), not yet made safe for a terminal."""

    id: str
    author: str
    subject: str
    at: datetime
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of the remote: the commit that it names, by whom, and why its signature does not count ("": it does).

    `id` is another one whenever somebody sets it anew.
    """

    id: str
    commit: str
    by: str
    message: str
    distrust: str


class Source(Protocol):
    """One Git repository, read through a bare mirror. Safe to use from several threads."""

    def poll(self) -> str:
        """Ask the remote for the branch, fetch if it moved, and return its commit id.

        SourceUnavailable: no answer in time, or a refusal. RevisionNotFound: the branch is gone. The mirror stays
        usable.
        """
        ...

    def head(self) -> str | None:
        """The branch's commit as last fetched; no network. None before the first fetch."""
        ...

    def resolve(self, revision: str) -> str:
        """The full commit id of a branch, tag or (short) commit id, fetched when the mirror lacks it."""
        ...

    def files(self, commit: str) -> Files:
        """The files of a commit."""
        ...

    def commit(self, commit: str) -> Commit:
        """Author, subject, time and parents of a commit in the mirror."""
        ...

    def log(self, commit: str, limit: int) -> tuple[Commit, ...]:
        """The newest `limit` commits on the first-parent line from `commit`, newest first."""
        ...

    def rewritten(self, old: str, new: str) -> bool:
        """Whether `new` does not descend from `old`: a force-push, or another history."""
        ...

    def keep(self, commit: str, name: str) -> None:
        """Hold a commit in the mirror under a name (`release-41`), whatever happens to the branch."""
        ...

    def kept(self) -> frozenset[str]:
        """The names under which commits are held."""
        ...

    def let_go(self, names: Collection[str]) -> None:
        """Hold what was kept under these names no longer; one that is not there is no error."""
        ...

    def distrust(self, commit: str, since: str) -> str:
        """Why a commit of the mirror is not trusted by the settings; "" where it is, or they ask for nothing.

        `since` is the last one that was, "" for none.
        """
        ...

    def tags(self, below: str) -> Mapping[str, Tag]:
        """The tags that the remote has as `below/NAME`, by that name; asked for and fetched now."""
        ...

    def write_files(self, base: str, contents: Mapping[str, bytes], message: str) -> str:
        """A new commit on top of `base` in which these files hold this. Returns its id."""
        ...

    def offer(self, commit: str, name: str) -> tuple[str, str]:
        """Hold a commit as `keep` does, and say from where it can be fetched: the mirror's path, and the ref there."""
        ...

    def restore(self, base: str, of: str, paths: Iterable[str], message: str) -> str:
        """A new commit on top of `base` in which `paths` are as in `of` (absent there: removed). Returns its id."""
        ...

    def push(self, commit: str) -> None:
        """Push a commit to the branch, never by force. SourceUnavailable when the remote refuses."""
        ...
