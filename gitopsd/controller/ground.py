"""What manifests on disk are read on: settings, the host's secrets, directories; no store, engine or repository."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gitopsd.model.files import Files
from gitopsd.model.settings import Settings

if TYPE_CHECKING:
    from gitopsd.controller.ports import Secrets


class ReadDirectory(Protocol):
    """Reads a directory of this machine as if it were a commit; see adapters.git.directory."""

    def __call__(self, root: Path, without: Collection[Path] = (), most: int = 0) -> Files: ...


class Checkout(Protocol):
    """A repository on this machine, as somebody checked it out; see adapters.git.checkout."""

    def commit(self, name: str) -> str:
        """The id of what a name stands for, here or at `origin`. RevisionNotFound."""
        ...

    def common(self, base: str, head: str) -> str:
        """The last commit that both come from; "" where none is known."""
        ...

    def files(self, commit: str) -> Files: ...


OpenCheckout = Callable[[Path], AbstractContextManager[Checkout]]


@dataclass(frozen=True, slots=True)
class Ground:
    """The part of an application that commands without a daemon stand on. It is imported in half the time."""

    settings: Settings
    secrets: "Secrets"
    directory: ReadDirectory
    checkout: OpenCheckout
