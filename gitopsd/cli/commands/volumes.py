"""`gitopsd volumes`: the volumes of environments, and which of them nobody needs any more."""

import click

from gitopsd.cli.door import Door, options


@click.command("volumes", help="List the volumes of environments, and who needs them; gitopsd removes none.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("--orphaned", is_flag=True, help="Only those that no container has and no manifest declares.")
@options
def command(door: Door, environment: str, orphaned: bool) -> int:
    from gitopsd.controller.queries.volumes import volumes

    door.here()
    found = volumes(door.view(), environment)
    rows = [each for each in found.found if not orphaned or each.need == "orphaned"]
    if door.as_json:
        from gitopsd.controller.shapes import failures

        door.json(
            {
                "volumes": [
                    {
                        "name": each.name,
                        "environment": each.environment,
                        "engine": each.engine,
                        "need": each.need,
                        "reason": each.why,
                    }
                    for each in rows
                ],
                "problems": failures(found.failures),
            }
        )
    else:
        door.table(
            ("VOLUME", "ENVIRONMENT", "NEED", "WHY"),
            [(each.name, each.environment, each.need, each.why) for each in rows],
        )
        for failure in found.failures:
            door.note(f"{failure.environment}: {failure.reason}")
        if any(each.need == "orphaned" for each in rows):
            door.note("`docker volume rm NAME` removes one, with all that is in it, for good")
    return 1 if found.failures else 0
