"""`gitopsd doctor`: what gitopsd needs, checked, with the mend of what is not well."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.doctor import Check

WORDS = {True: "OK", False: "FAIL", None: "?"}
VERDICTS = {"works": "OK", "partly": "?", "not": "FAIL"}


@click.command("doctor", help="Check settings, state directory, Git, repositories, engines and clock.")
@options
def command(door: Door) -> int:
    from gitopsd.controller.queries.doctor import doctor

    checks = doctor(door.application())
    if door.as_json:
        door.json({"checks": [_shape(each) for each in checks]})
    else:
        door.table(("", "CHECK", "FOUND"), [row for each in checks for row in _rows(each)])
    return 1 if any(each.ok is False for each in checks) else 0


def _rows(check: "Check") -> Iterator[tuple[str, str, str]]:
    """The check, and below it which rows of the support table its engine is in."""
    mend = f"; {check.mend}" if check.ok is False and check.mend else ""
    yield WORDS[check.ok], check.name, check.found + mend
    for row in check.support:
        yield VERDICTS[row.verdict], f"  {row.name}", row.lacks or "everything works"


def _shape(check: "Check") -> dict[str, object]:
    rows = [
        {"row": row.name, "verdict": row.verdict, "lacks": row.lacks or None, "proof": row.proof}
        for row in check.support
    ]
    return {
        "name": check.name,
        "ok": check.ok,
        "found": check.found,
        "mend": check.mend or None,
        "support": rows,
    }
