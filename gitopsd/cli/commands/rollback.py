"""`gitopsd rollback`: make the commit that takes an environment back, and push it when asked."""

import shlex
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.rollback import Rollback


@click.command("rollback", help="Make the commit that takes an environment back to an earlier release.")
@click.argument("environment", metavar="ENV")
@click.option("--to", default="", metavar="RELEASE|REV", help="Where to; by default the last good other content.")
@click.option("--push", is_flag=True, help="Push it to the branch, never by force.")
@options
def command(door: Door, environment: str, to: str, push: bool) -> int:
    from gitopsd.controller.queries.rollback import rollback

    made = rollback(door.view(), environment, to, push=push)
    if door.as_json:
        door.json(_shape(made))
    else:
        _text(door, made)
    if made.note:
        door.note(made.note)
    return 0


def _command(made: "Rollback") -> str:
    """What takes the commit over in a clone of the repository."""
    fetch = shlex.join(["git", "fetch", made.mirror, made.ref])
    push = shlex.join(["git", "push", "origin", f"HEAD:{made.branch}"])
    return f"{fetch} && git merge --ff-only FETCH_HEAD && {push}"


def _shape(made: "Rollback") -> dict[str, object]:
    return {
        "environment": made.environment,
        "branch": made.branch,
        "to": {"revision": made.revision, "release": made.release},
        "base": made.base,
        "commit": made.commit or None,
        "pushed": made.pushed,
        "changed": list(made.changed),
        "also_concerns": list(made.others),
        "command": _command(made) if made.commit and not made.pushed else None,
    }


def _text(door: Door, made: "Rollback") -> None:
    from gitopsd.cli.inert import inert

    where = f"release {made.release} ({made.revision[:8]})" if made.release is not None else made.revision[:8]
    if not made.commit:
        door.text(f"{made.environment}: {made.branch} at {made.base[:8]} is as in {where} already; nothing to do")
        return
    done = f"pushed to {made.branch}" if made.pushed else f"on top of {made.branch} at {made.base[:8]}, not pushed"
    door.text(f"{made.environment}: back to {where} with commit {made.commit}, {done}")
    for path in made.changed:
        door.text(f"  ~ {inert(path)}")
    if made.others:
        door.text(f"  this also changes {', '.join(made.others)}, as they share these files")
    if not made.pushed:
        door.text(f"In a clone of the repository, with {made.branch} checked out and up to date:\n  {_command(made)}")
