"""A repository that somebody has checked out here, read where it lies: commits by name, and nothing is fetched."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gitopsd.adapters.git.address import address, checked_name, is_commit_id
from gitopsd.adapters.git.blobs import Blobs
from gitopsd.adapters.git.mirror import Mirror
from gitopsd.adapters.git.process import Commands, GitFailed
from gitopsd.model.errors import RevisionNotFound, SourceError
from gitopsd.model.files import Files
from gitopsd.model.settings import Repository

TIMEOUT_S = 60.0


@contextmanager
def open_checkout(place: Path) -> Iterator["GitCheckout"]:
    """The repository that a directory is in. SourceError: it is in none."""
    directory = _git_directory(place.absolute())
    with TemporaryDirectory(prefix="gitopsd-") as home:
        url = str(directory)
        commands = Commands(Repository("here", url), address(url), Path(home) / "home")
        yield GitCheckout(Mirror(directory, commands, TIMEOUT_S))


class GitCheckout:
    """The port Checkout. Its own configuration and hooks do nothing here."""

    def __init__(self, repository: Mirror) -> None:
        self._git, self._blobs = repository.git, Blobs(repository)

    def commit(self, name: str) -> str:
        found = self._known(name) or ("" if is_commit_id(name) else self._known(f"origin/{name}"))
        if not found:
            mend = f"fetch it first, as with `git fetch origin {name}`; a job's checkout may hold one commit alone"
            raise RevisionNotFound(f"there is no branch, tag or commit {name!a} here; {mend}")
        return found

    def common(self, base: str, head: str) -> str:
        try:
            return self._git("merge-base", "--end-of-options", base, head).decode().strip()
        except GitFailed as failed:
            if failed.status == 1:
                return ""
            raise

    def files(self, commit: str) -> Files:
        tree = self._blobs.tree(commit)
        return Files(commit, tree.entries, partial(self._blobs.read, tree))

    def _known(self, name: str) -> str:
        if name.startswith("-"):
            raise SourceError(f"{name!a} looks like an option, and cannot be the name of a branch, tag or commit")
        checked_name(re.sub(r"[~^][0-9~^]*$", "", name), "branch, tag or commit")
        try:
            return (
                self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
            )
        except GitFailed as failed:
            if failed.status in (1, 128):
                return ""
            raise


def _git_directory(place: Path) -> Path:
    """What Git keeps of the work tree around a directory; a bare repository is that itself."""
    for each in (place, *place.parents):
        if (each / ".git").exists():
            return each / ".git"
        if (each / "HEAD").is_file() and (each / "objects").is_dir():
            return each
    raise SourceError(f"{place} is in no Git repository; name a directory of one with --repository")
