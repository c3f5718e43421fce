"""The keys of a manifest by the names that people call them, and what each takes, in words."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from gitopsd.manifest.compose import EXTENSION
from gitopsd.manifest.keys.json_schema import Schema
from gitopsd.manifest.manifest_schema import Key, keys, manifest_schema

_PLACES: Final = re.compile(r"\[\]|\.\*")
_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_REFERRED: Final = {
    "duration": "a duration such as 90s or 1m30s",
    "size": "a size such as 64m or 1g",
    "boolean": "true or false",
    "pairs": "a mapping, or a list of KEY=value",
}


def found_keys(name: str) -> tuple[Key, ...]:
    """Those of this name, with or without where they stand; without one all of `x-gitopsd`."""
    if not name:
        return tuple(key for key in _all() if EXTENSION in key.path.split("."))
    asked = _PLACES.sub("", name)
    return tuple(key for key in _all() if asked in _names(key.path))


def short_name(path: str) -> str:
    """A key without what all of its kind begin with: `strategy`, `deploy.replicas`."""
    return _names(path)[-1]


def known_names() -> Iterator[str]:
    """What may be asked for, shortest first."""
    for key in _all():
        yield short_name(key.path)


def taken_in_words(schema: Schema) -> str:
    """What stands there: `one of a, b`, `a whole number from 1 to 100`."""
    return " or ".join(dict.fromkeys(_words(schema)))


@cache
def _all() -> tuple[Key, ...]:
    return tuple(keys(manifest_schema()))


def _names(path: str) -> tuple[str, ...]:
    """From the whole path to the one that leaves out what every key of its kind begins with."""
    plain = _PLACES.sub("", path)
    within = plain.removeprefix("services.")
    return plain, within, within.removeprefix(f"{EXTENSION}.")


def _words(schema: Schema) -> Iterator[str]:
    match schema:
        case {"$ref": str(name)}:
            kind = name.rpartition("/")[2]
            if kind in _REFERRED:  # a variable may stand anywhere
                yield _REFERRED[kind]
        case {"enum": [*words]}:
            yield f"one of {', '.join(str(word) for word in words if word != '')}"
        case {"const": value}:
            yield str(value)
        case {"anyOf": [*each]}:
            for one in each:
                yield from _words(one)
        case {"type": "array", "items": dict(item)}:
            yield f"a list of {taken_in_words(item)}" if "properties" not in item else "a list of mappings"
        case _:
            yield from _plain(schema)


def _plain(schema: Schema) -> Iterator[str]:
    kinds, known = schema.get("type"), schema.get("properties")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind == "object":
            yield f"a mapping with {', '.join(known)}" if known else "a mapping"
            continue
        least, most = schema.get("minimum"), schema.get("maximum")
        if kind in ("integer", "number") and least is not None:
            yield f"{_TYPES[kind]} from {least}" + (f" to {most}" if most is not None else " up")
        elif kind == "string" and "title" in schema:
            yield str(schema["title"])
        else:
            yield _TYPES[str(kind)]
