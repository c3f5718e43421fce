"""Commits that gitopsd made, as people read of them, and how a clone takes them over."""

from typing import TYPE_CHECKING

from gitopsd.cli.door import Door

if TYPE_CHECKING:
    from gitopsd.controller.queries.made import Made


def text(door: Door, made: "Made", done: str, already: str) -> None:
    """`done` and `already` say what it came to, with `{where}` for what it brings."""
    from gitopsd.cli.inert import inert

    where = f"release {made.release} ({made.revision[:8]})" if made.release is not None else made.revision[:8]
    if not made.commit:
        door.text(f"{made.environment}: {made.branch} at {made.base[:8]} {already.format(where=where)}; nothing to do")
        return
    place = f"pushed to {made.branch}" if made.pushed else f"on top of {made.branch} at {made.base[:8]}, not pushed"
    door.text(f"{made.environment}: {done.format(where=where)} with commit {made.commit}, {place}")
    for path in made.changed:
        door.text(f"  ~ {inert(path)}")
    if made.others:
        door.text(f"  this also changes {', '.join(made.others)}, as they share these files")
    if not made.pushed and not made.mirror:
        door.text("Look at it, and say it again with --push.")
    elif not made.pushed:
        door.text(f"In a clone of the repository, with {made.branch} checked out and up to date:\n  {made.command}")
