"""What the router needs of whoever runs HAProxy for it."""

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from gitopsd.adapters.haproxy.entrances import Place


class Host(Protocol):
    """Who runs HAProxy in master-worker mode, with its master's socket at `master.sock` beside the files."""

    def publish(self, places: Collection[Place]) -> None:
        """Told before anything of a table is done: where on the host it is to be reached."""
        ...

    def displaced(self) -> bool:
        """Whether the one that runs cannot be reached there, so that another has to take its place."""
        ...

    def news(self) -> tuple[str, ...]:
        """What it did that people are to know, in words; each once."""
        ...

    def check(self, configuration: Path) -> str:
        """What HAProxy says where it would not start with a configuration, "" where it would."""
        ...

    def start(self) -> None:
        """Start it where it does not run; where it does and nobody answers, have it start anew from its files without
        a break, which brings its sockets back. RouterUnavailable: it does not start.
        """
        ...

    def outdated(self) -> bool:
        """Whether another one should run than the one that does. What is left of earlier ones is cleared away."""
        ...

    def start_beside(self) -> None:
        """Start the one that should run beside the one that does, on the same ports; or in its place, where none can
        be there twice.
        """
        ...

    def retire(self) -> None:
        """Have all but the newest finish what they have, and end."""
        ...

    def give_up(self) -> None:
        """End the newest again, which does not work."""
        ...
