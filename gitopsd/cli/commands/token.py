"""`gitopsd token`: who may ask page and API, and for what."""

from datetime import UTC
from typing import TYPE_CHECKING, cast

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.page_port import Caller, Role, Tokens

NAME = click.argument("name", metavar="NAME")


@click.group("token", help="Make and revoke what page and API are asked with.")
def command() -> None:
    pass


@command.command("add", help="Make a token and print it, this once. read looks; operate steers; admin removes, too.")
@NAME
@click.option("--role", type=click.Choice(("read", "operate", "admin")), default="read", show_default=True)
@options
def add(door: Door, name: str, role: str) -> int:
    application = door.application()
    tokens = application.tokens(application.settings)
    token = tokens.add(name, cast("Role", role), application.clock.now())
    if door.as_json:
        door.json({"name": name, "role": role, "token": token})
        return 0
    door.text(token)
    door.note(f"{name} may {role} with it; it is kept nowhere, so keep it now")
    return 0


@command.command("list", help="Show whose tokens there are.")
@options
def listed(door: Door) -> int:
    callers = _tokens(door).callers()
    if door.as_json:
        from gitopsd.controller import shapes

        found = [{"name": each.name, "role": each.role, "made_at": shapes.time(each.made_at)} for each in callers]
        door.json({"tokens": found})
        return 0
    if not callers:
        door.text(
            "No tokens: only this machine may look, and nobody may steer. Make one with `gitopsd token add NAME`."
        )
        return 0
    door.table(("NAME", "ROLE", "MADE (UTC)"), [(each.name, each.role, _made(each)) for each in callers])
    return 0


@command.command("revoke", help="End a token, at once.")
@NAME
@options
def revoke(door: Door, name: str) -> int:
    _tokens(door).revoke(name)
    if door.as_json:
        door.json({"revoked": name})
    else:
        door.text(f"{name}: its token allows nothing any more")
    return 0


def _tokens(door: Door) -> "Tokens":
    application = door.application()
    return application.tokens(application.settings)


def _made(caller: "Caller") -> str:
    return f"{caller.made_at.astimezone(UTC):%Y-%m-%d %H:%M}" if caller.made_at is not None else "-"
