"""`gitopsd state`: what gitopsd knows, as one file, and back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.ports import Backup

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("state", help="Back the state directory up, and restore it.")
def command() -> None:
    pass


@command.command("backup", help="Write FILE: database, identity and key, as they are now; the daemon may run on.")
@click.argument("file", type=FILE)
@options
def backup(door: Door, file: Path) -> int:
    application = door.application()
    made = application.store.backup(file, application.clock.now())
    if door.as_json:
        door.json(_shape(file, made))
    else:
        door.text(f"{file}: state of gitopsd {made.instance_id[:8]}. It holds the key: keep it as you keep a password")
        door.note("secrets that `gitopsd secret set` keeps are not in it; copy STATE/secrets by itself")
    return 0


@command.command("restore", help="Put FILE in the place of the present state, which is kept aside; no daemon may run.")
@click.argument("file", type=FILE)
@options
def restore(door: Door, file: Path) -> int:
    application = door.application()
    made, aside = application.store.restore(file, application.clock.now())
    if door.as_json:
        door.json({**_shape(file, made), "replaced": str(aside) if aside is not None else None})
    else:
        door.text(f"restored gitopsd {made.instance_id[:8]} as it was at {made.at:%Y-%m-%d %H:%M:%S} UTC")
        if aside is not None:
            door.text(f"what was there before lies in {aside}")
    return 0


def _shape(file: Path, made: "Backup") -> dict[str, object]:
    from gitopsd.controller import shapes

    return {
        "file": str(file),
        "instance_id": made.instance_id,
        "version": made.version or None,
        "at": shapes.time(made.at),
    }
