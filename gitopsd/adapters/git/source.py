"""A Git repository behind a bare mirror: the port Source. No work tree, so no hook, filter or link of it ever acts."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote

from gitopsd.adapters.git.address import Address, address, checked_name, is_commit_id
from gitopsd.adapters.git.blobs import Blobs
from gitopsd.adapters.git.mirror import PATIENCE, Mirror
from gitopsd.adapters.git.process import Commands, GitFailed
from gitopsd.adapters.git.signatures import Signatures
from gitopsd.controller.ports import Commit, Source, Tag
from gitopsd.model.errors import RevisionNotFound, SourceUnavailable
from gitopsd.model.files import Entry, Files
from gitopsd.model.settings import Repository

_FIELDS = "%H%x00%P%x00%an%x00%ct%x00%s"
_LONGEST_TEXT = 1000
_KEPT = "refs/gitopsd/"
_TAGS = "refs/approvals/"
_TAG_FIELDS = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objectname)%00%(taggername)%00%(contents:subject)"
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--end-of-options")
# The other end of a push to a local repository runs as we do, so its hooks and commands are not run.
_QUIET_RECEIVER = "git -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true receive-pack"


def open_source(repository: Repository, state_dir: Path) -> Source:
    """The repository, mirrored in STATE/mirrors/NAME.git; nothing is asked of the network yet.

    SourceError: the URL or the branch is not one. SourceUnavailable: the state directory cannot be written.
    """
    place, branch = address(repository.url), checked_name(repository.branch, "branch")
    mirrors, name = state_dir / "mirrors", quote(repository.name, safe="")
    try:
        commands = Commands(repository, place, mirrors / f"{name}.home")
    except OSError as error:
        raise SourceUnavailable(f"{error.filename}: {error.strerror}; make the state directory writable") from error
    mirror = Mirror(mirrors / f"{name}.git", commands, repository.timeout.total_seconds())
    signatures = Signatures(repository.verify, mirror, mirrors / f"{name}.keys")
    return GitSource(repository.name, branch, place, mirror, commands, signatures)


class GitSource:
    """Every method is safe to call twice and from several threads; those that fetch wait for each other."""

    def __init__(
        self, name: str, branch: str, place: Address, mirror: Mirror, commands: Commands, signatures: Signatures
    ) -> None:
        self._name = name
        self._branch = branch
        self._url = place.url
        self._local = place.path is not None
        self._mirror = mirror
        self._commands = commands
        self._signatures = signatures
        self._blobs = Blobs(mirror)
        # One level deep, so that no branch is in another one's way when the setting changes.
        self._head_ref = f"refs/heads/{quote(branch, safe='')}"
        self._head: str | None = None

    def poll(self) -> str:
        with self._mirror.writing() as held:
            remote = self._remote_refs(held, f"refs/heads/{self._branch}").get(f"refs/heads/{self._branch}")
            if remote is None:
                raise self._no_branch(held)
            if self._mirror.damaged or remote != self.head():
                self._fetch_branch(held)
        head = self.head()
        if head is None:
            raise SourceUnavailable(
                f"repository {self._name}: the mirror lost its head; it is made anew at the next poll"
            )
        return head

    def head(self) -> str | None:
        if self._head is None:
            self._head = self._known(self._head_ref)
        return self._head

    def resolve(self, revision: str) -> str:
        if is_commit_id(revision, shortest=4) and (known := self._known(revision)):
            return known
        with self._mirror.writing() as held:
            if is_commit_id(revision):
                return self._fetched_commit(revision, held)
            if found := self._fetched_name(checked_name(revision, "branch or tag"), held):
                return found
            if is_commit_id(revision, shortest=4):
                self._fetch(held, "refs/heads/*:refs/remotes/searched/*", prune=True)
        if is_commit_id(revision, shortest=4) and (known := self._known(revision)):
            return known
        raise RevisionNotFound(
            f"repository {self._name} has no branch, tag or commit {revision!a}; look at `git log` for one"
        )

    def files(self, commit: str) -> Files:
        with self._reading(commit):
            tree = self._blobs.tree(commit)
        return Files(commit, tree.entries, partial(self._blobs.read, tree))

    def commit(self, commit: str) -> Commit:
        return self.log(commit, 1)[0]

    def log(self, commit: str, limit: int) -> tuple[Commit, ...]:
        arguments = ("log", "-z", "--first-parent", f"--max-count={limit}", f"--format=tformat:{_FIELDS}", commit, "--")
        with self._reading(commit):
            fields = self._mirror.git(*arguments).decode(errors="replace").split("\0")
        return tuple(_commit(fields[start : start + 5]) for start in range(0, len(fields) - 4, 5))

    def rewritten(self, old: str, new: str) -> bool:
        with self._reading(new):
            try:
                self._mirror.git("merge-base", "--is-ancestor", "--end-of-options", old, new)
            except GitFailed as failed:
                if failed.status == 1 or (self._known(new) and not self._known(old)):
                    return True
                raise
        return False

    def keep(self, commit: str, name: str) -> None:
        ref = _kept_ref(name)
        with self._mirror.writing() as held, self._reading(commit):
            self._run("update-ref", ref, commit, held=held)

    def kept(self) -> frozenset[str]:
        with self._reading():
            refs = self._mirror.git("for-each-ref", "--format=%(refname)", _KEPT).decode().split()
        return frozenset(unquote(ref.removeprefix(_KEPT)) for ref in refs)

    def let_go(self, names: Collection[str]) -> None:
        deletions = "".join(f"delete {_kept_ref(name)}\n" for name in names)
        with self._mirror.writing() as held:
            self._run("update-ref", "--stdin", stdin=deletions.encode(), held=held)

    def distrust(self, commit: str, since: str) -> str:
        with self._reading(commit):
            return self._signatures.commits(commit, since if since and self._known(since) else "")

    def tags(self, below: str) -> Mapping[str, Tag]:
        pattern = f"refs/tags/{checked_name(below, 'tag')}/*"
        own = f"{_TAGS}{quote(below, safe='')}/"
        with self._mirror.writing() as held:
            output = self._commands.run(None, "ls-remote", "--quiet", "--end-of-options", self._url, pattern, held=held)
            if output.strip():
                self._fetch(held, f"{pattern}:{own}*", prune=True)
            else:
                return {}
        with self._reading():
            rows = self._mirror.git("for-each-ref", f"--format={_TAG_FIELDS}", own).decode(errors="replace").split("\n")
        found = (row.split("\0") for row in rows if row)
        return {each[0].removeprefix(own): self._tag(each[1:]) for each in found}

    def _tag(self, fields: Sequence[str]) -> Tag:
        kind, name, named, tagger, subject = fields
        if kind != "tag":
            return Tag(name, name, "", "", "it is a lightweight tag, which nobody can sign")
        return Tag(name, named, tagger[:_LONGEST_TEXT], subject[:_LONGEST_TEXT], self._signatures.tag(name))

    def write_files(self, base: str, contents: Mapping[str, bytes], message: str) -> str:
        with self._reading(base):
            entries = self._blobs.tree(base).entries
            changes = []
            for path, data in contents.items():
                blob = self._mirror.git("hash-object", "-w", "--stdin", stdin=data).decode().strip()
                mode = entries[path].mode if path in entries else 0o100644
                changes.append(f"{mode:o} {blob}\t{path}")
            return self._committed(base, self._changed_tree(base, changes), message)

    def _committed(self, base: str, tree: str, message: str) -> str:
        text = message.encode(errors="replace")
        return self._mirror.git("commit-tree", "-p", base, "-F", "-", tree, stdin=text).decode().strip()

    def offer(self, commit: str, name: str) -> tuple[str, str]:
        self.keep(commit, name)
        return str(self._mirror.directory), _kept_ref(name)

    def restore(self, base: str, of: str, paths: Iterable[str], message: str) -> str:
        below = tuple(path.rstrip("/") for path in paths)
        with self._reading(base, of):
            gone, wanted = (_selected(self._blobs.tree(commit).entries, below) for commit in (base, of))
            if gone == wanted:
                return base
            changes = [f"0 {'0' * 40}\t{path}" for path in gone]
            changes += [f"{entry.mode:o} {entry.blob}\t{path}" for path, entry in wanted.items()]
            return self._committed(base, self._changed_tree(base, changes), message)

    def push(self, commit: str) -> None:
        program = [f"--receive-pack={_QUIET_RECEIVER}"] if self._local else []
        target = f"{commit}:refs/heads/{self._branch}"
        arguments = ("push", "--quiet", *program, "--end-of-options", self._url, target)
        with self._mirror.writing() as held, self._reading(commit):
            self._run(*arguments, held=held, patience=PATIENCE)

    def _changed_tree(self, base: str, changes: Iterable[str]) -> str:
        with TemporaryDirectory(prefix="gitopsd-index-") as directory:
            index = {"GIT_INDEX_FILE": f"{directory}/index"}
            self._mirror.git("read-tree", base, variables=index)
            self._mirror.git("update-index", "-z", "--index-info", variables=index, stdin=_nul_ended(changes))
            return self._mirror.git("write-tree", variables=index).decode().strip()

    def _remote_refs(self, held: int, *refs: str) -> dict[str, str]:
        output = self._commands.run(None, "ls-remote", "--quiet", "--end-of-options", self._url, *refs, held=held)
        lines = (line.split("\t", 1) for line in output.decode(errors="surrogateescape").splitlines() if "\t" in line)
        # A pattern also finds what ends like it; only the very name counts.
        return {ref: commit for commit, ref in lines if ref in refs}

    def _no_branch(self, held: int) -> RevisionNotFound:
        empty = not self._commands.run(None, "ls-remote", "--quiet", "--end-of-options", self._url, held=held).strip()
        what = (
            "is empty; push a first commit" if empty else f"has no branch {self._branch}; push it, or set another one"
        )
        return RevisionNotFound(f"repository {self._name} {what}")

    def _fetch_branch(self, held: int) -> None:
        wanted = f"refs/heads/{self._branch}:{self._head_ref}"
        try:
            if not self._mirror.damaged:
                self._fetch(held, wanted)
                self._tidy(held)
                return
        except GitFailed as failed:
            if failed.timed_out or self._mirror.sound(held):
                raise
        finally:
            self._head = None
        self._rebuild(held, wanted)

    def _rebuild(self, held: int, wanted: str) -> None:
        """A new mirror in place of a damaged one, with all kept commits that can still be found anywhere."""
        kept = self._kept(held)
        with self._mirror.replacing(held) as fresh:
            self._fetch(held, wanted, into=fresh)
            for ref, commit in kept.items():
                for url, variables in ((str(self._mirror.directory), {"GIT_ALLOW_PROTOCOL": "file"}), (self._url, {})):
                    with suppress(GitFailed):
                        self._commands.run(fresh, *_FETCH, url, f"+{commit}:{ref}", variables=variables, held=held)
                        break
        self._head = None

    def _kept(self, held: int) -> dict[str, str]:
        with suppress(GitFailed):
            output = self._run("for-each-ref", "--format=%(refname) %(objectname)", _KEPT, held=held)
            return dict(line.split(" ", 1) for line in output.decode().splitlines())
        return {}

    def _tidy(self, held: int) -> None:
        """Pack what many small fetches left, in the rare case that it is much; to fail at it does no harm."""
        with suppress(GitFailed):
            often = ("-c", "gc.auto=2000", "-c", "gc.autoPackLimit=30", "-c", "gc.autoDetach=false")
            self._run(*often, "gc", "--auto", "--quiet", held=held, patience=PATIENCE)

    def _fetched_commit(self, commit: str, held: int) -> str:
        if known := self._known(commit):
            return known
        try:
            self._fetch(held, commit)
        except GitFailed as failed:
            if failed.timed_out or ("not our ref" not in failed.said and "unadvertised object" not in failed.said):
                raise
            raise RevisionNotFound(f"repository {self._name} has no commit {commit}; push it first") from failed
        return commit

    def _fetched_name(self, name: str, held: int) -> str | None:
        refs = (f"refs/heads/{name}", f"refs/tags/{name}^{{}}", f"refs/tags/{name}")
        try:
            remote = self._remote_refs(held, *refs)
        except SourceUnavailable:
            # The branch itself is known without the network; how old that is, the last poll tells.
            if name == self._branch and (head := self.head()):
                return head
            raise
        commit = next((remote[ref] for ref in refs if ref in remote), None)
        if commit is None or self._known(commit):
            return commit
        self._fetch(held, next(ref.removesuffix("^{}") for ref in refs if ref in remote))
        return self._known(commit)

    def _fetch(self, held: int, what: str, into: Path | None = None, prune: bool = False) -> None:
        options = ("fetch", "--prune", *_FETCH[1:]) if prune else _FETCH
        place = into or self._mirror.directory
        self._commands.run(place, *options, self._url, f"+{what}", patience=PATIENCE, held=held)

    def _known(self, revision: str) -> str | None:
        with suppress(GitFailed):
            found = self._mirror.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            return found.decode().strip() or None
        return None

    def _run(self, *arguments: str, held: int, patience: float = 1.0, stdin: bytes = b"") -> bytes:
        return self._commands.run(self._mirror.directory, *arguments, held=held, patience=patience, stdin=stdin)

    @contextmanager
    def _reading(self, *commits: str) -> Iterator[None]:
        """Tell a commit that is not there from a mirror that cannot be read, and have the mirror checked for both."""
        for commit in commits:
            if not is_commit_id(commit):
                raise RevisionNotFound(f"repository {self._name}: {commit!a} is not a full commit id")
        try:
            yield
        except GitFailed as failed:
            if failed.timed_out:
                raise
            self._mirror.suspect()
            missing = next((commit for commit in commits if not self._known(commit)), None)
            if missing is None:
                raise
            raise RevisionNotFound(
                f"repository {self._name}: commit {missing} is not in the mirror; push it, or ask for another one"
            ) from failed


def _kept_ref(name: str) -> str:
    return f"{_KEPT}{quote(checked_name(name, 'kept commit'), safe='')}"


def _commit(fields: Sequence[str]) -> Commit:
    name, parents, author, seconds, subject = fields
    return Commit(name, author[:_LONGEST_TEXT], subject[:_LONGEST_TEXT], _time(seconds), tuple(parents.split()))


def _time(seconds: str) -> datetime:
    """A commit's time, however absurd: one that no clock shows is the earliest."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _selected(entries: Mapping[str, Entry], below: Sequence[str]) -> dict[str, Entry]:
    """The files that are one of the paths, or lie below one; the path "" is the root."""
    prefixes = tuple("" if path in ("", ".") else f"{path}/" for path in below)
    return {path: entry for path, entry in entries.items() if path in below or path.startswith(prefixes)}


def _nul_ended(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\0" for line in lines).encode(errors="surrogateescape")
