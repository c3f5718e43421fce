"""A Git repository in memory: a remote that someone pushes to, and what a mirror has fetched of it."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gitopsd.controller.ports import Commit, Tag
from gitopsd.model.errors import RevisionNotFound, SourceError, SourceUnavailable
from gitopsd.model.files import Entry, Files

Contents = Mapping[str, str | bytes]
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeSource:
    """Honest about the network: the remote's commits are known to the mirror only once they were fetched.

    With `failure` set, whatever asks the remote raises it. `polls` counts how often it was asked.
    """

    branch: str = "main"
    failure: SourceError | None = None
    polls: int = 0
    remote: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    _commits: dict[str, Commit] = field(default_factory=dict)
    _contents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _fetched: set[str] = field(default_factory=set)
    _head: str | None = None
    distrusted: dict[str, str] = field(default_factory=dict)  # commits and tags, and what is wrong with each
    tag_looks: int = 0

    def write(self, changes: Mapping[str, str | bytes | None], subject: str = "Change", author: str = "Ada") -> str:
        """Someone commits to the branch and pushes; None removes a file. Returns the commit's id."""
        base = self.remote.get(self.branch)
        contents = {**(self._contents[base] if base else {}), **_bytes(changes)}
        gone = {path for path, data in changes.items() if data is None}
        kept = {path: data for path, data in contents.items() if path not in gone}
        self.remote[self.branch] = self._made(kept, (base,) if base else (), subject, author)
        return self.remote[self.branch]

    def rewrite(self, contents: Contents, subject: str = "Rewritten") -> str:
        """Someone force-pushes a history that has nothing to do with the old one."""
        self.remote[self.branch] = self._made(_bytes(contents), (), subject, "Ada")
        return self.remote[self.branch]

    def delete_branch(self) -> None:
        del self.remote[self.branch]

    def tag(self, name: str, commit: str) -> None:
        self.remote[name] = commit

    def lose(self, commit: str) -> None:
        """The mirror was made anew, and the remote had the commit no more."""
        self._fetched.discard(commit)

    def poll(self) -> str:
        self.polls += 1
        self._ask_remote()
        commit = self.remote.get(self.branch)
        if commit is None:
            what = f"has no branch {self.branch}" if self.remote else "is empty"
            raise RevisionNotFound(f"repository fake {what}; push it")
        self._fetch(commit)
        self._head = commit
        return commit

    def head(self) -> str | None:
        return self._head

    def resolve(self, revision: str) -> str:
        matching = [commit for commit in self._fetched if len(revision) >= 4 and commit.startswith(revision)]
        if len(matching) == 1:
            return matching[0]
        if self.failure and revision == self.branch and self._head:
            return self._head
        self._ask_remote()
        reachable = set().union(*(self._line(tip) for tip in self.remote.values())) if self.remote else set()
        found = {self.remote[revision]} if revision in self.remote else set()
        found = found or {commit for commit in reachable if len(revision) >= 4 and commit.startswith(revision)}
        if len(found) != 1:
            raise RevisionNotFound(f"repository fake has no branch, tag or commit {revision!r}")
        (commit,) = found
        self._fetch(commit)
        return commit

    def files(self, commit: str) -> Files:
        self._at(commit)
        return _files(commit, self._contents[commit])

    def commit(self, commit: str) -> Commit:
        return self._at(commit)

    def log(self, commit: str, limit: int) -> tuple[Commit, ...]:
        self._at(commit)
        return tuple(self._commits[each] for each in self._line(commit)[:limit])

    def rewritten(self, old: str, new: str) -> bool:
        self._at(new)
        return old not in self._line(new)

    def keep(self, commit: str, name: str) -> None:
        self._at(commit)
        self.held[name] = commit

    def kept(self) -> frozenset[str]:
        return frozenset(self.held)

    def let_go(self, names: Collection[str]) -> None:
        for name in names:
            self.held.pop(name, None)

    def distrust(self, commit: str, since: str) -> str:
        self._at(commit)
        return self.distrusted.get(commit, "")

    def tags(self, below: str) -> Mapping[str, Tag]:
        self.tag_looks += 1
        self._ask_remote()
        found = {name.removeprefix(f"{below}/"): commit for name, commit in self.remote.items()}
        tags = {name: commit for name, commit in found.items() if f"{below}/{name}" in self.remote}
        return {
            name: Tag(f"tag of {commit}", commit, "Ada", "A tag", self.distrusted.get(f"{below}/{name}", ""))
            for name, commit in tags.items()
        }

    def write_files(self, base: str, contents: Mapping[str, bytes], message: str) -> str:
        self._at(base)
        made = self._made({**self._contents[base], **contents}, (base,), message.partition("\n")[0], "gitopsd")
        self._fetched.add(made)
        return made

    def offer(self, commit: str, name: str) -> tuple[str, str]:
        self.keep(commit, name)
        return "/state/mirrors/fake.git", f"refs/gitopsd/{name}"

    def restore(self, base: str, of: str, paths: Iterable[str], message: str) -> str:
        self._at(base)
        self._at(of)
        below = tuple(path.rstrip("/") for path in paths)
        left = {path: data for path, data in self._contents[base].items() if not _under(path, below)}
        taken = {path: data for path, data in self._contents[of].items() if _under(path, below)}
        if left | taken == self._contents[base]:
            return base
        made = self._made(left | taken, (base,), message.partition("\n")[0], "gitopsd")
        self._fetched.add(made)
        return made

    def push(self, commit: str) -> None:
        self._at(commit)
        self._ask_remote()
        tip = self.remote.get(self.branch)
        if tip is not None and tip not in self._line(commit):
            raise SourceUnavailable("repository fake: git push: rejected (the branch has moved meanwhile: do it again)")
        self.remote[self.branch] = commit

    def _ask_remote(self) -> None:
        if self.failure:
            raise self.failure

    def _at(self, commit: str) -> Commit:
        if commit not in self._fetched:
            raise RevisionNotFound(f"repository fake: commit {commit} is not in the mirror")
        return self._commits[commit]

    def _fetch(self, commit: str) -> None:
        self._fetched |= set(self._line(commit))

    def _line(self, commit: str) -> list[str]:
        """First-parent history, newest first."""
        line = [commit]
        while parents := self._commits[line[-1]].parents:
            line.append(parents[0])
        return line

    def _made(self, contents: dict[str, bytes], parents: tuple[str, ...], subject: str, author: str) -> str:
        number = len(self._commits)
        facts = f"{number}|{subject}|{parents}|{sorted(contents.items())}"
        name = hashlib.sha1(facts.encode(), usedforsecurity=False).hexdigest()
        at = START + timedelta(minutes=number)
        self._contents[name] = contents
        self._commits[name] = Commit(name, author, subject, at, parents)
        return name


def _files(commit: str, contents: dict[str, bytes]) -> Files:
    blobs = {_blob_id(data): data for data in contents.values()}
    entries = {path: Entry(0o100644, _blob_id(data), len(data)) for path, data in contents.items()}
    return Files(commit, entries, blobs.__getitem__)


def _blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _bytes(contents: Mapping[str, str | bytes | None]) -> dict[str, bytes]:
    return {
        path: data.encode() if isinstance(data, str) else data for path, data in contents.items() if data is not None
    }


def _under(path: str, below: tuple[str, ...]) -> bool:
    return any(path == top or path.startswith(f"{top}/") or top in ("", ".") for top in below)
