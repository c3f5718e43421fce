"""`gitopsd volumes`: the volumes of environments, and which of them nobody needs any more."""

from collections.abc import Mapping
from typing import Any

import click

from gitopsd.cli.door import Door, options


@click.command("volumes", help="List the volumes of environments, and who needs them; gitopsd removes none.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("--orphaned", is_flag=True, help="Only those that no container has and no manifest declares.")
@options
def command(door: Door, environment: str, orphaned: bool) -> int:
    found = _found(door, environment)
    rows = [each for each in found["volumes"] if not orphaned or each["need"] == "orphaned"]
    if door.as_json:
        door.json({**found, "volumes": rows})
    else:
        door.table(
            ("VOLUME", "ENVIRONMENT", "NEED", "WHY"),
            [(each["name"], each["environment"], each["need"], each["reason"]) for each in rows],
        )
        for failure in found["problems"]:
            door.note(f"{failure['environment']}: {failure['reason']}")
        if any(each["need"] == "orphaned" for each in rows):
            door.note("`docker volume rm NAME` removes one, with all that is in it, for good")
    return 1 if found["problems"] else 0


def _found(door: Door, environment: str) -> Mapping[str, Any]:
    """As the API has it, of this machine or of another."""
    if (server := door.server()) is not None:
        there: Mapping[str, Any] = server.get("/volumes", environment=environment)
        return there
    from gitopsd.controller import accounts
    from gitopsd.controller.queries.volumes import volumes

    return accounts.volumes(volumes(door.view(), environment))
