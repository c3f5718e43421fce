"""What a manifest may hold, as JSON Schema: put together from the tables that its readers read by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gitopsd.engine_json.field import Holder
from gitopsd.engine_json.field_table import FIELDS
from gitopsd.engine_json.told import told_of_field
from gitopsd.manifest import extension
from gitopsd.manifest.compose import EXTENSION, TOP_LEVEL_REFUSED
from gitopsd.manifest.environment import ENV_FILE
from gitopsd.manifest.extend import EXTENDS
from gitopsd.manifest.gather import INCLUDE
from gitopsd.manifest.keys.json_schema import (
    DEFINITIONS,
    PAIRS,
    STRING,
    Schema,
    either,
    listed,
    mapping_of,
    nullable,
)
from gitopsd.manifest.keys.resources import definitions_schema, resources_schema
from gitopsd.manifest.keys.service import REFUSED, SERVICE
from gitopsd.manifest.sentences import SENTENCES
from gitopsd.model.canonical import Json

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_HOLDERS: Final[Mapping[str, Holder]] = {"services": "container", "networks": "network", "volumes": "volume"}


def manifest_schema() -> Schema:
    """Of one Compose file, as it is written: before variables, `extends`, `include` and overrides count."""
    whole: Schema = {
        "type": "object",
        "properties": {
            "name": STRING,
            "version": STRING,
            "include": listed(either(STRING, mapping_of(INCLUDE))),
            "services": resources_schema(_service()),
            **definitions_schema(),
            **{key: {"not": {}, "description": why} for key, why in TOP_LEVEL_REFUSED.items()},
            EXTENSION: _with_defaults(extension.ENVIRONMENT, extension.ENVIRONMENT_DEFAULTS),
        },
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    heading = {"$schema": DIALECT, "title": "An environment that gitopsd keeps: a Compose file, with x-gitopsd"}
    return {**heading, **described(whole, ""), "$defs": dict(DEFINITIONS)}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a file. `path`: `services.*.ports[].target`; `*` is a name that somebody chooses."""

    path: str
    schema: Schema

    @property
    def words(self) -> str:
        return str(self.schema.get("description", ""))


def keys(schema: Schema, path: str = "") -> Iterator[Key]:
    """Every key that a schema names, in its order; those that it refuses are left out."""
    for part, where in _parts(schema, path):
        for key, inner in part.get("properties", {}).items():
            if "not" not in inner:
                found = f"{where}.{key}" if where else key
                yield Key(found, inner)
                yield from keys(inner, found)


def _parts(schema: Schema, path: str) -> Iterator[tuple[Schema, str]]:
    """The schema itself, and what stands below it without a key of its own."""
    yield schema, path
    for each in schema.get("anyOf", ()):
        yield from _parts(each, path)
    if isinstance(items := schema.get("items"), Mapping):
        yield from _parts(items, f"{path}[]")
    named = [inner for pattern, inner in schema.get("patternProperties", {}).items() if pattern != "^x-"]
    others = schema.get("additionalProperties")
    for inner in [*named, *([others] if isinstance(others, Mapping) else [])]:
        yield from _parts(inner, f"{path}.*")


def _service() -> Schema:
    elsewhere: dict[str, Schema] = {
        "environment": PAIRS,
        "env_file": either(STRING, listed(either(STRING, mapping_of(ENV_FILE)))),
        "label_file": either(STRING, listed(STRING)),
        "extends": either(STRING, mapping_of(EXTENDS)),
        EXTENSION: _with_defaults(extension.SERVICE, extension.SERVICE_DEFAULTS),
    }
    table = mapping_of(SERVICE, REFUSED)
    return {**table, "properties": {**elsewhere, **table["properties"]}}


def _with_defaults(table: Mapping[str, Any], defaults: Mapping[str, Json]) -> Schema:
    found = mapping_of(table)
    properties = {
        key: {**inner, "default": defaults[key]} if key in defaults else inner
        for key, inner in found["properties"].items()
    }
    return nullable({**found, "properties": properties})


def described(schema: Schema, path: str) -> dict[str, Any]:
    """The schema with what `gitopsd explain` says of each key, and with nothing else changed."""
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {
            key: _told(described(inner, where), where)
            for key, inner in schema["properties"].items()
            for where in [f"{path}.{key}" if path else key]
        }
    if "anyOf" in schema:
        found["anyOf"] = [described(each, path) for each in schema["anyOf"]]
    if isinstance(schema.get("items"), Mapping):
        found["items"] = described(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), Mapping):
        found["additionalProperties"] = described(schema["additionalProperties"], f"{path}.*")
    if "patternProperties" in schema:
        inner = schema["patternProperties"]
        found["patternProperties"] = {each: described(inner[each], f"{path}.*") for each in inner}
    return found


def _told(schema: dict[str, Any], path: str) -> dict[str, Any]:
    words = SENTENCES.get(path) or _compared(path)
    return {**schema, "description": words} if words and "not" not in schema else schema


def _compared(path: str) -> str:
    """How the field that a key sets is compared and brought back; "" where it sets none."""
    kind, _, key = path.partition(".*.")
    holder = _HOLDERS.get(kind)
    name = key if kind == "services" else path
    rows = (row for row in FIELDS[holder] if name in row.keys) if holder is not None else ()
    return next(("; ".join(told_of_field(kind, row)) for row in rows), "")
