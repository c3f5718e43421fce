"""`gitopsd explain`: how a field of a container, network or volume is compared, and what a key means on a swarm.

JSON: {"fields": [...], "keys": [{"key", "on_a_swarm"}]}; `keys` are those that mean something else there.
"""

from collections.abc import Mapping
from typing import Any

import click

from gitopsd.cli.door import Door, options

OWNERS = {
    "declared": "the manifest owns it: its silence is a declaration, too",
    "defaulted": "the engine fills it in where the manifest is silent",
    "volatile": "it changes by itself; it is compared only where the manifest fixes it",
    "ignored": "it is never compared",
}
CURES = {"in-place": "on the live container", "recreate": "with a new container", "none": "by nobody but a person"}


@click.command(
    "explain", help="Tell how a FIELD is compared and mended, or what a KEY means on a swarm; without one, list them."
)
@click.argument("field", required=False, default="", metavar="[FIELD|KEY]")
@options
def command(door: Door, field: str) -> int:
    if (server := door.server()) is not None:
        found = server.get("/fields", name=field)
    else:
        from gitopsd.controller.accounts import fields

        found = fields(field)
    if door.as_json:
        door.json({"fields": found["fields"], "keys": found.get("keys", [])})
    elif field:
        for each in found["fields"]:
            _told(door, each)
        for each in found.get("keys", []) if not found["fields"] else ():
            door.text(f"{each['key']} in a manifest or gitopsd.yaml")
            door.text(f"  on a swarm: {each['on_a_swarm']}")
    else:
        from gitopsd.cli.table import table

        rows = [
            (each["of"], each["path"], each["owner"], each["cure"], ", ".join(each["keys"])) for each in found["fields"]
        ]
        door.text(table(("OF", "FIELD", "OWNER", "CURE", "COMPOSE KEYS"), rows))
        door.text("\nOn a swarm these keys mean something else:")
        door.text(table((), [(each["key"], each["on_a_swarm"]) for each in found.get("keys", [])]))
    return 0


def _told(door: Door, row: Mapping[str, Any]) -> None:
    from gitopsd.engine_json.delivered import ROWS
    from gitopsd.engine_json.swarm_words import HOLDER

    where = "read from its files" if row["path"] in ROWS else f"{row['at']} in an inspection"
    door.text(f"{row['path']} of a {row['of']}, {where}")
    door.text(f"  compared as a {row['comparator']}; {OWNERS[row['owner']]}")
    if row["owner"] in ("declared", "defaulted") or row["keys"]:
        how = "by telling Swarm again" if row["of"] == HOLDER else CURES[row["cure"]]
        door.text(f"  brought back {how}; a change of it is of {row['severity']} severity")
    if row["keys"]:
        door.text(f"  set by {', '.join(row['keys'])}")
    if row["of"] == HOLDER:
        door.text(f"  left to somebody else by `x-gitopsd: {{ignore_drift: [{row['path']}]}}`")
    if row["api"] != "1.41":
        door.text(f"  shown from engine API {row['api']} on")
    if row["droppable"]:
        door.text("  an engine whose kernel lacks it drops it with a warning: then it is unenforceable, and no drift")
    if row.get("on_a_swarm"):
        door.text(f"  on a swarm: {row['on_a_swarm']}")
    if row["secret"]:
        door.text("  its values may be secret: they are kept as keyed hashes, and shown as hidden")
