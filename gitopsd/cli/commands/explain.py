"""`gitopsd explain`: how a field of a container, network or volume is compared, and what brings it back."""

from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.engine_json.field import Field

OWNERS = {
    "declared": "the manifest owns it: its silence is a declaration, too",
    "defaulted": "the engine fills it in where the manifest is silent",
    "volatile": "it changes by itself; it is compared only where the manifest fixes it",
    "ignored": "it is never compared",
}
CURES = {"in-place": "on the live container", "recreate": "with a new container", "none": "by nobody but a person"}


@click.command("explain", help="Tell how a FIELD is compared and mended; without one, list the fields.")
@click.argument("field", required=False, default="", metavar="[FIELD]")
@options
def command(door: Door, field: str) -> int:
    from gitopsd.engine_json.field_table import FIELDS
    from gitopsd.model.errors import GitopsdError

    known = [(holder, row) for holder, rows in FIELDS.items() for row in rows]
    found = [(holder, row) for holder, row in known if field in (row.path, row.at) or (not field and row.compared)]
    if not found:
        raise GitopsdError(f"no field is called {field}; `gitopsd explain` lists them")
    if door.as_json:
        door.json({"fields": [_shape(holder, row) for holder, row in found]})
    elif field:
        for holder, row in found:
            _told(door, holder, row)
    else:
        from gitopsd.cli.table import table

        rows = [(holder, row.path, row.owner, row.cure, ", ".join(row.keys)) for holder, row in found]
        door.text(table(("OF", "FIELD", "OWNER", "CURE", "COMPOSE KEYS"), rows))
    return 0


def _told(door: Door, holder: str, row: "Field") -> None:
    from gitopsd.engine_json.delivered import ROWS

    where = "read from its files" if row.path in ROWS else f"{row.at} in an inspection"
    door.text(f"{row.path} of a {holder}, {where}")
    door.text(f"  compared as a {row.comparator}; {OWNERS[row.owner]}")
    if row.compared:
        door.text(f"  brought back {CURES[row.cure]}; a change of it is of {row.severity} severity")
    if row.keys:
        door.text(f"  set by {', '.join(row.keys)}")
    if row.api > (1, 41):
        door.text(f"  shown from engine API {row.api[0]}.{row.api[1]} on")
    if row.droppable:
        door.text("  an engine whose kernel lacks it drops it with a warning: then it is unenforceable, and no drift")
    if row.secret:
        door.text("  its values may be secret: they are kept as keyed hashes, and shown as hidden")


def _shape(holder: str, row: "Field") -> dict[str, object]:
    return {
        "of": holder,
        "path": row.path,
        "at": row.at,
        "comparator": row.comparator,
        "owner": row.owner,
        "cure": row.cure,
        "severity": row.severity,
        "keys": list(row.keys),
        "api": ".".join(map(str, row.api)),
        "secret": row.secret,
        "droppable": row.droppable,
    }
