"""Values that a JSON Schema allows, and such with one thing changed: what nobody wrote down for a test."""

from collections.abc import Mapping
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.manifest.broken import changed, left_out, ways

Schema = Mapping[str, Any]

OTHERS: tuple[Any, ...] = (
    *(None, True, False, "", "x", "true", "on", "ON", "3", "-1", "0", "2.5", "1e3", "50%", "12.5 %", "/a/b", "$V"),
    *(0, 1, -1, 7, 80, 70000, 2.0, 0.5, 1.5, "90s", "1m30s", "1.5h", "500ms", "1x", "64m", "1.5gb", "64 MB", "5/s"),
    *("a=b", "A", "80:8080", "host", "update", "signal:HUP", "200-399", "1.1.1.1", "14-16", "${V:-1}"),
    *([], {}, ["a"], [1], {"a": "b"}, {"a": None}, [{}], [["a"]], {"x-note": 1}, {"unknown": 1}, [{"unknown": 1}]),
)


@st.composite
def values(draw: st.DrawFn, schema: Schema, definitions: Schema) -> Any:
    """One that the schema allows, or nearly."""
    random = Random(draw(st.integers(0, 1 << 32)))
    value = _allowed(schema, definitions, random, 0)
    for _ in range(random.choice((0, 1, 1, 2))):
        way = random.choice([(), *ways(value)])
        other = random.choice(OTHERS)
        match random.randrange(4):
            case 0 if way:
                value = changed(value, way[:-1], lambda parent, key=way[-1]: left_out(parent, key))
            case 1:
                value = changed(
                    value, way, lambda old, other=other: {**old, "unknown": other} if isinstance(old, dict) else old
                )
            case _:
                value = changed(value, way, lambda old, other=other: other)
    return value


def _allowed(schema: Schema, definitions: Schema, random: Random, depth: int) -> Any:
    match schema:
        case {"$ref": str(name)}:
            return random.choice(_REFERRED[name.rpartition("/")[2]])
        case {"anyOf": [*each]}:
            return _allowed(random.choice(each), definitions, random, depth)
        case {"enum": [*words]}:
            return random.choice(words)
        case {"const": value}:
            return value
        case {"items": dict(item)}:
            return [_allowed(item, definitions, random, depth + 1) for _ in range(random.randrange(1, 3))]
        case {"type": "object" | ["object", "null"]}:
            return _mapping(schema, definitions, random, depth)
    return random.choice([each for each in OTHERS if not isinstance(each, dict | list)])


def _mapping(schema: Schema, definitions: Schema, random: Random, depth: int) -> dict[str, Any]:
    known = {key: inner for key, inner in schema.get("properties", {}).items() if "not" not in inner}
    picked = random.sample(sorted(known), min(len(known), random.randrange(1, 4))) if known else []
    picked = list(dict.fromkeys([*schema.get("required", ()), *picked]))[: schema.get("maxProperties", len(known))]
    found = {key: _allowed(known[key], definitions, random, depth + 1) for key in picked}
    if isinstance(inner := schema.get("additionalProperties"), dict):
        found["a"] = _allowed(inner, definitions, random, depth + 1)
    return found


_REFERRED: Mapping[str, tuple[Any, ...]] = {
    "variable": ("${V:-on}", "$V"),
    "boolean": (True, False, "yes", "${V}"),
    "duration": ("90s", "1m30s", "0", "0s", "500ms", "3d", "1h"),
    "size": ("64m", "1.5gb", 1024, "1e3", "10 KiB"),
    "digits": ("3", "+5", "70"),
    "numeral": ("0.5", "1", "2.50"),
    "pairs": ({"a": "b"}, ["a=b"], {"a": None}, {"a": 1}, {"a": True}, ["a"]),
}
