"""`gitopsd doctor`: what gitopsd needs, checked, with the mend of what is not well."""

import click

from gitopsd.cli.door import Door, options

WORDS = {True: "OK", False: "FAIL", None: "?"}


@click.command("doctor", help="Check settings, state directory, Git, repositories, engines and clock.")
@options
def command(door: Door) -> int:
    from gitopsd.controller.queries.doctor import doctor

    checks = doctor(door.application())
    if door.as_json:
        shown = [{"name": each.name, "ok": each.ok, "found": each.found, "mend": each.mend or None} for each in checks]
        door.json({"checks": shown})
    else:
        rows = [
            (WORDS[each.ok], each.name, each.found + (f"; {each.mend}" if each.ok is False and each.mend else ""))
            for each in checks
        ]
        door.table(("", "CHECK", "FOUND"), rows)
    return 1 if any(each.ok is False for each in checks) else 0
