"""What readers take, in the words of JSON Schema: said beside each reader, so that no second list of keys can go stale.

What stands in a file is read after its variables have been filled in, but editors see it before: wherever not every
string is one that a reader takes, one with a variable is.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

Schema = Mapping[str, Any]
F = TypeVar("F", bound=Callable[..., object])

_NUMBER: Final = r"([0-9]+\.?[0-9]*|\.[0-9]+)"
_PART: Final = rf"{_NUMBER}(ns|us|µs|μs|ms|s|m|h|d|w)"
_TRUTHS: Final = ("true", "false", "yes", "no", "on", "off", "y", "n", "1", "0")
_TRUTH: Final = "|".join("".join(f"[{char.upper()}{char}]" for char in word) for word in _TRUTHS)

STRING: Final[Schema] = {"type": "string"}
NULL: Final[Schema] = {"type": "null"}
VARIABLE: Final[Schema] = {"$ref": "#/$defs/variable"}
BOOLEAN: Final[Schema] = {"$ref": "#/$defs/boolean"}
DURATION: Final[Schema] = {"$ref": "#/$defs/duration"}
SIZE: Final[Schema] = {"$ref": "#/$defs/size"}
PAIRS: Final[Schema] = {"$ref": "#/$defs/pairs"}
DEFINITIONS: Final[Schema] = {
    "variable": {
        "type": "string",
        "pattern": r"\$",
        "description": "a value with a variable, such as ${NAME:-default}",
    },
    "boolean": {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": rf"^({_TRUTH})$|\$"}]},
    "digits": {**STRING, "pattern": r"^[+-]?[0-9]+$|\$"},
    "numeral": {**STRING, "pattern": r"^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$|\$"},
    "duration": {
        "type": "string",
        "pattern": rf"^\+?(0|({_PART})+)$|\$",
        "description": 'a duration with a unit, such as "90s" or "1m30s"',
    },
    "size": {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {
                "type": "string",
                "pattern": r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)? ?([bB]|[kKmMgGtTpP][iI]?[bB]?)?$|\$",
            },
        ],
        "description": "a size such as 64m or 1g",
    },
    "pairs": {
        "anyOf": [
            {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
            {"type": "array", "items": {"type": "string"}},
        ],
        "description": "a mapping, or a list of KEY=value",
    },
}


def takes(schema: Schema | Callable[[], Schema]) -> Callable[[F], F]:
    """Says of a reader what it takes; a function is asked only when somebody wants to know."""

    def said(read: F) -> F:
        vars(read)["takes"] = schema
        return read

    return said


def takes_what(read: Callable[..., object]) -> Callable[[F], F]:
    """Says of a reader that it takes what the other one takes."""
    return takes(lambda: schema_of(read))


def schema_of(read: Callable[..., object]) -> Schema:
    """What a reader takes. KeyError: nobody has said it."""
    found = vars(read)["takes"]
    return found() if callable(found) else found  # type: ignore[no-any-return]


def mapping_of(
    table: Mapping[str, Callable[..., object]], refused: Mapping[str, str] | None = None, *, notes: bool = True
) -> Schema:
    """A mapping with the keys of the table; `refused` are keys with why they are not carried out. `notes`: x- keys."""
    return {
        "type": "object",
        "properties": {
            **{key: schema_of(read) for key, read in table.items()},
            **{key: {"not": {}, "description": why} for key, why in (refused or {}).items()},
        },
        **({"patternProperties": {"^x-": {}}} if notes else {}),
        "additionalProperties": False,
    }


def by_name(value: Schema) -> Schema:
    """A mapping whose keys somebody chooses."""
    return {"type": "object", "additionalProperties": value}


def listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def either(*schemas: Schema) -> Schema:
    return {"anyOf": [*schemas]}


def nullable(schema: Schema) -> Schema:
    """The same, or nothing; not as one of two schemas where it need not be, as then no editor says what is wrong."""
    return {**schema, "type": [schema["type"], "null"]} if isinstance(schema.get("type"), str) else either(schema, NULL)


def one_of(*known: str) -> Schema:
    return either({"enum": [*known]}, VARIABLE)


def matching(expression: re.Pattern[str], expected: str = "") -> Schema:
    """A string as Python's expression wants it; those of this program are written alike in JavaScript."""
    told = {"title": expected} if expected else {}
    return {**STRING, "pattern": rf"^({expression.pattern})$|\$|^$", **told}


def whole_number(minimum: int | None = None, maximum: int | None = None) -> Schema:
    """A whole number, or a string of digits."""
    bounds = {"minimum": minimum, "maximum": maximum}
    number = {"type": "integer", **{key: bound for key, bound in bounds.items() if bound is not None}}
    return either(number, {"$ref": "#/$defs/digits"})


def any_number(minimum: float | None = None, maximum: float | None = None) -> Schema:
    """A number, or a string that holds one."""
    bounds = {"minimum": minimum, "maximum": maximum}
    own = {"type": "number", **{key: bound for key, bound in bounds.items() if bound is not None}}
    return either(own, {"$ref": "#/$defs/numeral"})


def united(first: Schema, second: Schema) -> Schema:
    """What either of two takes; of two mappings, one with the keys of both."""
    if first == second:
        return first
    if first.get("type") != "object" or second.get("type") != "object":
        return second if "not" in first else first if "not" in second else either(first, second)
    ours, theirs = first.get("properties", {}), second.get("properties", {})
    both = {key: united(ours[key], theirs[key]) for key in ours if key in theirs}
    return {**first, "properties": {**ours, **theirs, **both}}
