"""`gitopsd explain`: how a field is compared and brought back, and what a key of a manifest means."""

from collections.abc import Collection, Mapping
from typing import Any

import click

from gitopsd.cli.door import Door, options


def _offered(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """What a shell completes."""
    from gitopsd.engine_json.field_table import FIELDS
    from gitopsd.manifest.keys_in_words import known_names

    fields = (row.path for rows in FIELDS.values() for row in rows if row.compared)
    return sorted({name for name in (*fields, *known_names()) if name.startswith(typed)})


@click.command(
    "explain",
    help="Tell how a FIELD is compared and mended, or what a KEY of a manifest means; without, list them.",
)
@click.argument("field", required=False, default="", metavar="[FIELD|KEY]", shell_complete=_offered)
@options
def command(door: Door, field: str) -> int:
    if (server := door.server()) is not None:
        found = server.get("/fields", name=field)
    else:
        from gitopsd.controller.accounts import fields

        found = fields(field)
    if door.as_json:
        door.json(found)
    elif field:
        said = {"; ".join(each["words"][1:]) for each in found["fields"]}  # of a key that sets such a field
        keys = (_of_key(each, said) for each in found["keys"])
        for heading, *lines in (*map(_of_field, found["fields"]), *keys):
            door.text("\n  ".join((heading, *lines)))
    else:
        _listed(door, found)
    return 0


def _of_field(field: Mapping[str, Any]) -> tuple[str, ...]:
    return (*field["words"], *_there(field))


def _of_key(key: Mapping[str, Any], said: Collection[str]) -> tuple[str, ...]:
    if key["takes"] is None:
        return (f"{key['key']} in a manifest or gitopsd.yaml", *_there(key))
    default = () if key["default"] is None else (f"default {_written(key['default'])}",)
    words = (key["words"],) if key["words"] and key["words"] not in said else ()
    return (f"{key['key']} of a manifest", *words, f"takes {key['takes']}", *default, *_there(key))


def _there(told: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"on a swarm: {told['on_a_swarm']}",) if told.get("on_a_swarm") else ()


def _written(value: Any) -> str:
    """As YAML has it in one line."""
    match value:
        case bool():
            return str(value).lower()
        case Mapping():
            return "{" + ", ".join(f"{key}: {_written(each)}" for key, each in value.items()) + "}"
        case _:
            return str(value)


def _listed(door: Door, found: Mapping[str, Any]) -> None:
    rows = [
        (each["of"], each["path"], each["owner"], each["cure"], ", ".join(each["keys"])) for each in found["fields"]
    ]
    door.table(("OF", "FIELD", "OWNER", "CURE", "COMPOSE KEYS"), rows)
    door.text()
    door.table(("KEY", "MEANING"), [(each["key"], each["words"]) for each in found["keys"] if each["words"]])
    door.text("\nOn a swarm these keys mean something else:")
    door.table((), [(each["key"], each["on_a_swarm"]) for each in found["keys"] if each["on_a_swarm"]])
