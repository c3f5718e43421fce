"""`gitopsd rollback`: make the commit that takes an environment back, and push it when asked."""

import click

from gitopsd.cli.commits import text
from gitopsd.cli.door import Door, options


@click.command("rollback", help="Make the commit that takes an environment back to an earlier release.")
@click.argument("environment", metavar="ENV")
@click.option("--to", default="", metavar="RELEASE|REV", help="Where to; by default the last good other content.")
@click.option("--push", is_flag=True, help="Push it to the branch, never by force.")
@options
def command(door: Door, environment: str, to: str, push: bool) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import commit_there

        made, body = commit_there(server, environment, "rollback", {"to": to, "push": push})
    else:
        from gitopsd.controller import accounts
        from gitopsd.controller.queries.rollback import rollback

        made = rollback(door.view(), environment, to, push=push)
        body = accounts.made(made)
    if door.as_json:
        door.json(body)
    else:
        text(door, made, "back to {where}", "is as in {where} already")
    if made.note:
        door.note(made.note)
    return 0
