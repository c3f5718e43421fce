"""A watcher that is told by the test what changed."""

from collections.abc import Callable, Sequence
from pathlib import Path


class FakeWatcher:
    """Implements `controller.ports.Watcher`."""

    def __init__(self) -> None:
        self.watched: dict[str, tuple[tuple[Path, ...], Callable[[], None]]] = {}

    def watch(self, name: str, paths: Sequence[Path], call: Callable[[], None]) -> None:
        self.watched[name] = (tuple(paths), call)

    def changed(self, name: str) -> None:
        """Something below the paths that are watched under this name changed."""
        self.watched[name][1]()

    def stop(self) -> None:
        self.watched.clear()
