"""`gitopsd remove`: take an environment down; its volumes stay."""

import click

from gitopsd.cli.asking import ANSWER_S, caller, following, show_answer
from gitopsd.cli.door import Door, options

PATIENCE_S = 10 * ANSWER_S  # every container may use up its grace period


@click.command("remove", help="Remove an environment's containers and networks; volumes stay.")
@click.argument("environment", metavar="ENV")
@options
def command(door: Door, environment: str) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import operate_there

        return operate_there(door, server, "remove", environment, {})
    from gitopsd.controller.queries import operate

    view = door.view()
    if view.daemon_runs:
        asked = operate.ask(view, "remove", environment, caller(), {})
        operation = following(door, view, asked, PATIENCE_S).answer()
        show_answer(door, view, asked, operation)
        code = 0 if operation is not None else 1
    else:
        result = operate.remove(view, environment, caller())
        if door.as_json:
            door.json({"verb": "remove", "environment": environment, "by": caller(), "result": result})
        else:
            door.text(f"{environment}: {result}")
        code = 0
    return code
