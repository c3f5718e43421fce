"""The shapes that Compose values come in, read from nodes to the JSON that `docker compose config` prints for them.

A reader takes a node, its path for people and the problems found so far. It returns None for what the canonical form
leaves out, and for what is wrong, after it has said so.
"""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from gitopsd.manifest.keys.json_schema import (
    BOOLEAN,
    PAIRS,
    STRING,
    by_name,
    either,
    listed,
    mapping_of,
    one_of,
    schema_of,
    takes,
    takes_what,
)
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.yaml import text_of
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place

Read = Callable[[Node, str, Problems], Json]

_TRUE = frozenset(("true", "y", "yes", "on", "1"))
_FALSE = frozenset(("false", "n", "no", "off", "0"))
_SHOWN = 60
NONE: Mapping[str, str] = MappingProxyType({})


class Entry(dict[str, Json]):
    """A canonical mapping that knows where it was written, for what is found out about it later."""

    __slots__ = ("path", "place")

    def __init__(self, values: Mapping[str, Json], place: Place, path: str) -> None:
        super().__init__(values)
        self.place = place
        self.path = path


def closed(table: Mapping[str, Read], refused: Mapping[str, str] = NONE) -> Read:
    """A mapping with these keys and no others; `refused` has known keys that are not carried out, each with why."""

    @takes(lambda: mapping_of(table, refused))
    def read(node: Node, path: str, problems: Problems) -> Json:
        if not isinstance(node, Fields):
            return wrong(node, path, problems, "a mapping")
        return read_fields(node, path, problems, table, refused)

    return read


def read_fields(
    node: Fields, path: str, problems: Problems, table: Mapping[str, Read], refused: Mapping[str, str] = NONE
) -> dict[str, Json]:
    """The fields that the table reads; extension keys are left out, all others are problems."""
    values: dict[str, Json] = {}
    for key, child in node.fields.items():
        read = table.get(key)
        if read is not None:
            value = read(child, f"{path}.{key}", problems)
            if value is not None:
                values[key] = value
        elif not key.startswith("x-"):
            refuse_key(node, key, path, problems, table, refused)
    return values


def refuse_key(
    node: Fields, key: str, path: str, problems: Problems, known: Collection[str], refused: Mapping[str, str]
) -> None:
    """Say why a key is not carried out, or that it is unknown and which one may have been meant."""
    place = node.keys.get(key, node.place)
    where = f"{path}.{key}" if path else key
    if key in refused:
        problems.add(place, where, refused[key])
        return
    close = difflib.get_close_matches(key, [*known, *refused], n=1)
    mend = f"did you mean {close[0]}?" if close else "remove it, or prefix it with x- to keep it as a note"
    problems.add(place, where, f"unknown key; {mend}")


@takes(STRING)
def text(node: Node, path: str, problems: Problems) -> str | None:
    """A string; the canonical form leaves an empty one out."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value or None
    wrong(node, path, problems, "a string")
    return None


def is_empty(node: Node | None) -> bool:
    """Whether nothing is written, or an empty string."""
    return node is None or (isinstance(node, Scalar) and node.value == "")


def checked(valid: Callable[[str], object], expected: str) -> Read:
    """A string that `valid` accepts: it raises ValueError for any other."""

    @takes({**STRING, "title": expected})
    def read(node: Node, path: str, problems: Problems) -> Json:
        value = text(node, path, problems)
        try:
            valid(value or "")
        except ValueError:
            if value is not None:
                problems.add(node.place, path, f"expected {expected}, got {shown(node)}")
        return value

    return read


def choice(*words: str) -> Read:
    """A string out of a closed set; with "" among the words an empty one counts as none."""
    known = ", ".join(word for word in words if word)

    @takes(one_of(*words))
    def read(node: Node, path: str, problems: Problems) -> Json:
        value = text(node, path, problems)
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value not in words:
            problems.add(node.place, path, f"expected one of {known}, got {shown(node)}")
            return None
        return value

    return read


@takes(BOOLEAN)
def boolean(node: Node, path: str, problems: Problems) -> bool | None:
    """true or false; a string that a variable gave counts as Compose counts it."""
    if isinstance(node, Scalar):
        if isinstance(node.value, bool):
            return node.value
        if isinstance(node.value, str) and node.value.lower() in _TRUE | _FALSE:
            return node.value.lower() in _TRUE
    wrong(node, path, problems, "true or false")
    return None


@takes(BOOLEAN)
def flag(node: Node, path: str, problems: Problems) -> bool | None:
    """A boolean that the canonical form leaves out when it is false."""
    return boolean(node, path, problems) or None


@takes(listed(STRING))
def strings(node: Node, path: str, problems: Problems) -> list[Json] | None:
    """A list of strings, in order; of those with one name before a `=` the last counts."""
    found = {value.partition("=")[0]: value for value in _each_string(node, path, problems)}
    return list(found.values()) or None


@takes(listed(STRING))
def distinct_strings(node: Node, path: str, problems: Problems) -> list[Json] | None:
    """A list of strings, in order, none of which may be there twice."""
    _refuse_repetitions(node, path, problems)
    return list(dict.fromkeys(value for value in _each_string(node, path, problems))) or None


def once(read: Read) -> Read:
    """What `read` reads, but nothing may be in a list twice."""

    @takes_what(read)
    def read_once(node: Node, path: str, problems: Problems) -> Json:
        _refuse_repetitions(node, path, problems)
        return read(node, path, problems)

    return read_once


def _refuse_repetitions(node: Node, path: str, problems: Problems) -> None:
    found: set[str] = set()
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            if item.value in found:
                problems.add(item.place, f"{path}[{index}]", f"{shown(item)} is in the list twice; remove one")
            found.add(item.value)


def _each_string(node: Node, path: str, problems: Problems) -> Iterator[str]:
    if not isinstance(node, Items):
        wrong(node, path, problems, "a list of strings")
        return
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield item.value
        else:
            wrong(item, where, problems, "a string")


def each(read: Read, expected: str) -> Read:
    """A list whose every item `read` reads; `expected` says what the items are."""

    @takes(lambda: listed(schema_of(read)))
    def read_all(node: Node, path: str, problems: Problems) -> Json:
        if not isinstance(node, Items):
            return wrong(node, path, problems, f"a list of {expected}")
        found = (read(item, f"{path}[{index}]", problems) for index, item in enumerate(node.items))
        return [value for value in found if value is not None] or None

    return read_all


@takes(either(STRING, listed(STRING)))
def string_or_strings(node: Node, path: str, problems: Problems) -> list[Json] | None:
    """A string, or a list of strings."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return [node.value]
    return strings(node, path, problems)


@takes(PAIRS)
def pairs(node: Node, path: str, problems: Problems) -> dict[str, Json] | None:
    """`{KEY: value}` or `[KEY=value]` with string values; a key without a value has the empty string (labels)."""
    found = optional_pairs(node, path, problems)
    return {key: "" if value is None else value for key, value in found.items()} if found else None


@takes(PAIRS)
def optional_pairs(node: Node, path: str, problems: Problems) -> dict[str, str | None] | None:
    """`{KEY: value}` or `[KEY=value]`; a key without a value has None (environment)."""
    found: dict[str, str | None] = {}
    match node:
        case Fields(fields=fields):
            for key, value in fields.items():
                if not isinstance(value, Scalar):
                    wrong(value, f"{path}.{key}", problems, "a string, a number, true, false or nothing")
                elif value.value is None or isinstance(value.value, str):
                    found[key] = value.value
                else:
                    found[key] = text_of(value.value)
        case Items(items=items):
            for index, item in enumerate(items):
                if isinstance(item, Scalar) and isinstance(item.value, str):
                    key, equals, value_text = item.value.partition("=")
                    found[key] = value_text if equals else None
                else:
                    wrong(item, f"{path}[{index}]", problems, "KEY=value")
        case _:
            wrong(node, path, problems, "a mapping, or a list of KEY=value")
    return found or None


@takes(by_name({"type": ["string", "number"]}))
def options(node: Node, path: str, problems: Problems) -> dict[str, Json] | None:
    """A mapping to strings or numbers (`driver_opts`)."""
    if not isinstance(node, Fields):
        wrong(node, path, problems, "a mapping")
        return None
    found: dict[str, Json] = {}
    for key, value in node.fields.items():
        if not isinstance(value, Scalar) or isinstance(value.value, bool | None):
            wrong(value, f"{path}.{key}", problems, "a string or a number")
        else:
            found[key] = text_of(value.value)
    return found or None


@takes(by_name(STRING))
def texts(node: Node, path: str, problems: Problems) -> dict[str, Json] | None:
    """A mapping to strings."""
    if not isinstance(node, Fields):
        wrong(node, path, problems, "a mapping")
        return None
    found: dict[str, Json] = {}
    for key, value in node.fields.items():
        if isinstance(value, Scalar) and isinstance(value.value, str):
            found[key] = value.value
        else:
            wrong(value, f"{path}.{key}", problems, "a string")
    return found or None


def wrong(node: Node, path: str, problems: Problems, expected: str) -> Json:
    """Say what was expected instead of the node, and how to write it. The canonical value of that is None."""
    message = f"expected {expected}, got {described(node)}"
    if isinstance(node, Scalar):
        if node.value is None:
            message += "; give it a value or remove the key"
        elif expected == "a string" and not node.hidden:
            message += f'; write it in quotes: "{text_of(node.value)}"'
        elif expected.startswith("a list of") and isinstance(node.value, str) and not node.hidden:
            message += f'; write ["{node.value}"]'
    problems.add(node.place, path, message)
    return None


def described(node: Node) -> str:
    """What a node is, in a few words."""
    match node:
        case Fields():
            return "a mapping"
        case Items():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool() | str()):
            return shown(node)
        case _:
            return f"the number {shown(node)}"


def shown(node: Node) -> str:
    """A value for an error text: never a hidden one, never a long one."""
    if not isinstance(node, Scalar):
        return described(node)
    if node.hidden:
        return "a hidden value"
    written = text_of(node.value)
    written = written if len(written) <= _SHOWN else written[:_SHOWN] + "…"
    return f"'{written}'" if isinstance(node.value, str) else written
