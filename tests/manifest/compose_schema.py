"""The schema of Compose's own program: which keys there are at all, and which of them some files use."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]

_NAME = b'"compose_spec.json"'
_START = b'{\n  "$schema"'
_LONGEST = 1 << 20


def schema_of(program: Path) -> Schema:
    """The JSON schema that the program carries in itself."""
    data = program.read_bytes()
    start = data.rindex(_START, 0, data.index(_NAME))
    found, _ = json.JSONDecoder().raw_decode(data[start : start + _LONGEST].decode(errors="replace"))
    assert isinstance(found, dict)
    return found


def keys(schema: Schema) -> frozenset[str]:
    """Every key by its path: `services.*.ports[].target`; `*` stands for a name that the user chooses."""
    return frozenset(_keys(schema, schema, ""))


def _keys(part: Schema, schema: Schema, path: str) -> Iterator[str]:
    for shape in _shapes(part, schema):
        for key, inner in shape.get("properties", {}).items():
            where = f"{path}.{key}" if path else key
            yield where
            yield from _keys(inner, schema, where)
        for inner in _patterns(shape):
            yield from _keys(inner, schema, f"{path}.*")
        if "items" in shape:
            yield from _keys(shape["items"], schema, f"{path}[]")


def used(document: object, schema: Schema) -> frozenset[str]:
    """The keys of the schema that a document uses."""
    return frozenset(_used(document, schema, schema, ""))


def _used(value: object, part: Schema, schema: Schema, path: str) -> Iterator[str]:
    for shape in _shapes(part, schema):
        properties = shape.get("properties", {})
        for key, inner in value.items() if isinstance(value, Mapping) else ():
            if key in properties:
                where = f"{path}.{key}" if path else key
                yield where
                yield from _used(inner, properties[key], schema, where)
            for pattern in _patterns(shape) if key not in properties else ():
                yield from _used(inner, pattern, schema, f"{path}.*")
        for item in value if isinstance(value, list) and "items" in shape else ():
            yield from _used(item, shape["items"], schema, f"{path}[]")


def _shapes(part: Schema, schema: Schema) -> Iterator[Schema]:
    """The part itself, what it refers to, and its alternatives."""
    if "$ref" in part:
        part = schema["definitions"][part["$ref"].rpartition("/")[2]]
    yield part
    for shape in part.get("oneOf", ()):
        yield from _shapes(shape, schema)


def _patterns(shape: Schema) -> Iterator[Schema]:
    for pattern, inner in shape.get("patternProperties", {}).items():
        if pattern != "^x-":
            yield inner
