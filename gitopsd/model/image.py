"""Images on an engine's disk: what is there, what gitopsd brought, how much room is left, what a registry last said."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HeldImage:
    """An image on an engine. `tags` and `digests` are its names (`shop/web:1`, `shop/web@sha256:..`).

    `used`: a container was made from it, anybody's, running or not.
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    used: bool = False

    @property
    def identities(self) -> frozenset[str]:
        """The hashes that the ledger may know it by."""
        return frozenset((self.id, *(digest.rpartition("@")[2] for digest in self.digests)))


@dataclass(frozen=True, slots=True)
class PulledImage:
    """An image that an engine did not have until gitopsd pulled it, for an environment, by these names.

    `engine` is what the engine calls itself (EngineFacts.id).
    """

    engine: str
    id: str
    references: frozenset[str]
    environment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that an engine keeps its images on, seen at `path`; `free` and `total` in bytes."""

    path: str
    free: int
    total: int


def size_text(size: int) -> str:
    """A size as people read it: `1.5 GiB`, `300 MiB`."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


@dataclass(frozen=True, slots=True)
class OutOfSight:
    """An engine's disk that cannot be looked at from here, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of asking the registry about a reference that may move.

    `at` is when it last said something. `answered_for` and `tried_for` are the inputs (a digest) that it was last asked
    for, with an answer and in vain.
    """

    at: datetime | None = None
    answered_for: str = ""
    tried_for: str = ""
