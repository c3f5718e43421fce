"""`gitopsd promote`: make the commit that gives one environment the image versions that another one serves."""

import click

from gitopsd.cli.commits import text
from gitopsd.cli.door import Door, options


@click.command("promote", help="Make the commit that gives TO the image versions that FROM serves.")
@click.argument("first", metavar="FROM")
@click.argument("environment", metavar="TO")
@click.option("--push", is_flag=True, help="Push it to the branch, never by force.")
@options
def command(door: Door, first: str, environment: str, push: bool) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import commit_there

        made, body = commit_there(server, environment, "promote", {"from": first, "push": push})
    else:
        from gitopsd.controller import accounts
        from gitopsd.controller.queries.promotion import promote

        made = promote(door.view(), first, environment, push=push)
        body = accounts.made(made)
    if door.as_json:
        door.json(body)
    else:
        text(door, made, f"takes over {{where}} of {first}", f"has the images of {{where}} of {first} already")
    if made.note:
        door.note(made.note)
    return 0
