"""`gitopsd diff`: what differs between two releases or revisions of an environment."""

from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.differences import Difference, Side

DIGEST = len("sha256:") + 12
MARKS = {"added": "+", "removed": "-", "changed": "~"}


@click.command("diff", help="Compare two releases or revisions. With --exit-code: 2 when they differ.")
@click.argument("environment", metavar="ENV")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 2 when they differ.")
@options
def command(door: Door, environment: str, a: str, b: str, exit_code: bool) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import difference_there

        found = difference_there(server, environment, a, b)
    else:
        from gitopsd.controller.queries.differences import difference

        found = difference(door.view(), environment, a, b)
    if door.as_json:
        from gitopsd.controller import shapes

        door.json(shapes.difference(found))
    else:
        _text(door, found)
    return 2 if exit_code and not found.empty else 0


def _text(door: Door, found: "Difference") -> None:
    from gitopsd.cli.inert import inert

    door.text(f"{found.environment}: {_side(found.a)} -> {_side(found.b)}")
    for each in found.services:
        door.text(f"  {MARKS[each.change]} {each.service}: {each.change}")
        for field in each.fields:
            if field.hidden:
                door.text(f"      {field.path}: changed (hidden)")
            else:
                door.text(f"      {field.path}: {inert(_value(field.before))} -> {inert(_value(field.after))}")
        for file in each.contents:
            for line in file.lines:
                door.text(f"      {inert(line)}")
    for name, change in found.resources:
        door.text(f"  {MARKS[change]} {name}: {change}")
    if found.empty:
        door.text("  No differences.")


def _side(side: "Side") -> str:
    return f"release {side.release} ({side.revision[:8]})" if side.release is not None else side.revision[:8]


def _value(value: object) -> str:
    text = "(none)" if value is None else str(value)
    return text[:DIGEST] if text.startswith("sha256:") else text
