"""The environments that a PATH on disk means; to find one alone costs a fraction of finding all of a repository."""

from pathlib import Path
from typing import TYPE_CHECKING

from gitopsd.cli.door import Door

if TYPE_CHECKING:
    from gitopsd.controller.queries.paths import OnDisk


def on_disk(door: Door, path: Path) -> "tuple[tuple[OnDisk, ...], tuple[str, ...]]":
    """The environments, and what is wrong with the set of them. GitopsdError when there are none."""
    from gitopsd.controller.queries.paths import alone

    ground = door.ground()
    found = alone(ground, path)
    if found is not None:
        return (found,), ()
    from gitopsd.controller.queries.everything import everything

    return everything(ground, path)
