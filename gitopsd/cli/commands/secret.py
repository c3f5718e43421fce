"""`gitopsd secret`: the secrets that Compose files call external, as this host has them; never their values."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitopsd.cli.asking import caller
from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.secrets import Listed
    from gitopsd.controller.queries.view import View

MOST_BYTES = 1 << 20


@click.group("secret", help="Keep the secrets that Compose files call external.")
def command() -> None:
    pass


@command.command("set", help="Keep a secret of ENV under NAME; its value is read from standard input, or from a file.")
@click.argument("environment", metavar="ENV")
@click.argument("name", metavar="NAME")
@click.option("--file", "file", type=click.Path(path_type=Path), help="The file that holds the value.")
@options
def set_secret(door: Door, environment: str, name: str, file: Path | None) -> int:
    from gitopsd.controller.queries.secrets import digest_of, keep

    view = door.view()
    value = _value(view, file)
    changed, aside = keep(view, environment, name, value, caller())
    if door.as_json:
        door.json({"environment": environment, "name": name, "changed": changed, "digest": digest_of(view, value)})
    else:
        door.text(f"{environment}: secret {name} {'is set' if changed else 'is as it was'}")
    if aside:
        door.note(aside)
    return 0


@command.command("list", help="List the secrets of ENV: names, places, ages, who uses them; never values.")
@click.argument("environment", metavar="ENV")
@options
def list_secrets(door: Door, environment: str) -> int:
    from gitopsd.controller.queries.secrets import listing

    view = door.view()
    found = listing(view, environment)
    if door.as_json:
        secrets = [_shape(each, view) for each in found.secrets]
        door.json({"environment": environment, "secrets": secrets, "unread": found.unread or None})
        return 0
    from gitopsd.cli.words import age

    rows = [
        (
            each.name,
            each.digest or "missing",
            age(each.changed_at, view.now) if each.changed_at is not None else "-",
            ", ".join(each.used_by) or "-",
            each.place or each.problem,
        )
        for each in found.secrets
    ]
    if rows:
        door.table(("SECRET", "DIGEST", "CHANGED", "USED BY", "PLACE"), rows)
    else:
        door.text(f"No secrets of {environment}.")
    if found.unread:
        door.note(f"which services use them is not known: {found.unread}")
    return 0


@command.command("remove", help="Remove a secret of ENV that `gitopsd secret set` has kept.")
@click.argument("environment", metavar="ENV")
@click.argument("name", metavar="NAME")
@options
def remove_secret(door: Door, environment: str, name: str) -> int:
    from gitopsd.controller.queries.secrets import drop

    missed = drop(door.view(), environment, name, caller())
    if door.as_json:
        door.json({"environment": environment, "name": name, "missed": missed or None})
    else:
        door.text(f"{environment}: secret {name} is removed" + (f"; {missed}" if missed else ""))
    return 0


def _value(view: "View", file: Path | None) -> bytes:
    """Byte by byte as it is given, a newline at its end too; what is typed at a prompt has none."""
    from gitopsd.model.errors import HostFileError

    if file is not None:
        found = view.application.secrets.file(file.absolute())
        if found is None:
            raise HostFileError(f"{file} does not exist; name the file that holds the value")
        return found.data
    if sys.stdin.isatty():
        typed: str = click.prompt("Value", hide_input=True, err=True)
        return typed.encode()
    return sys.stdin.buffer.read(MOST_BYTES + 1)


def _shape(each: "Listed", view: "View") -> dict[str, object]:
    from gitopsd.controller import shapes

    return {
        "name": each.name,
        "place": each.place or None,
        "changed_at": shapes.time(each.changed_at),
        "age_s": (view.now - each.changed_at).total_seconds() if each.changed_at is not None else None,
        "digest": each.digest or None,
        "used_by": list(each.used_by),
        "problem": each.problem or None,
    }
