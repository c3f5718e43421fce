"""The shapes that Compose values come in, read from nodes to the JSON that `docker compose config` prints for them.

A reader takes a node, its path for people and the problems found so far. It returns None for what the canonical form
leaves out, and for what is wrong, after it has said so.
"""

import difflib
import struct
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from gitopsd.manifest.durations import duration, duration_text, size
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.yaml import text_of
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place

Read = Callable[[Node, str, Problems], Json]

_TRUE = frozenset(("true", "y", "yes", "on", "1"))
_FALSE = frozenset(("false", "n", "no", "off", "0"))
_SHOWN = 60


class Entry(dict[str, Json]):
    """A canonical mapping that knows where it was written, for what is found out about it later."""

    __slots__ = ("path", "place")

    def __init__(self, values: Mapping[str, Json], place: Place, path: str) -> None:
        super().__init__(values)
        self.place = place
        self.path = path


def closed(table: Mapping[str, Read], later: Collection[str] = ()) -> Read:
    """A mapping with these keys and no others; `later` are keys of Compose that gitopsd does not act on yet."""

    def read(node: Node, path: str, problems: Problems) -> Json:
        if not isinstance(node, Fields):
            return wrong(node, path, problems, "a mapping")
        return read_fields(node, path, problems, table, later)

    return read


def read_fields(
    node: Fields, path: str, problems: Problems, table: Mapping[str, Read], later: Collection[str] = ()
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
            refuse_key(node, key, path, problems, table, later)
    return values


def refuse_key(
    node: Fields, key: str, path: str, problems: Problems, known: Collection[str], later: Collection[str]
) -> None:
    """Say that a key is not supported yet, or unknown, and which one may have been meant."""
    place = node.keys.get(key, node.place)
    where = f"{path}.{key}" if path else key
    if key in later:
        problems.add(place, where, "not supported yet; remove the key, or prefix it with x- to keep it as a note")
        return
    close = difflib.get_close_matches(key, [*known, *later], n=1)
    mend = f"did you mean {close[0]}?" if close else "remove it, or prefix it with x- to keep it as a note"
    problems.add(place, where, f"unknown key; {mend}")


def text(node: Node, path: str, problems: Problems) -> str | None:
    """A string; the canonical form leaves an empty one out."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value or None
    wrong(node, path, problems, "a string")
    return None


def checked(valid: Callable[[str], object], expected: str) -> Read:
    """A string that `valid` accepts: it raises ValueError for any other."""

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
    """A string out of a closed set."""

    def read(node: Node, path: str, problems: Problems) -> Json:
        value = text(node, path, problems)
        if value is not None and value not in words:
            problems.add(node.place, path, f"expected one of {', '.join(words)}, got {shown(node)}")
            return None
        return value

    return read


def boolean(node: Node, path: str, problems: Problems) -> bool | None:
    """true or false; a string that a variable gave counts as Compose counts it."""
    if isinstance(node, Scalar):
        if isinstance(node.value, bool):
            return node.value
        if isinstance(node.value, str) and node.value.lower() in _TRUE | _FALSE:
            return node.value.lower() in _TRUE
    wrong(node, path, problems, "true or false")
    return None


def flag(node: Node, path: str, problems: Problems) -> bool | None:
    """A boolean that the canonical form leaves out when it is false."""
    return boolean(node, path, problems) or None


def integer(minimum: int = 0, maximum: int | None = None) -> Callable[[Node, str, Problems], int | None]:
    """A whole number from `minimum` to `maximum`, or a string of digits."""

    def read(node: Node, path: str, problems: Problems) -> int | None:
        value = whole(node)
        if value is None:
            wrong(node, path, problems, "a whole number")
        elif value < minimum:
            problems.add(node.place, path, f"expected a whole number of at least {minimum}, got {shown(node)}")
        elif maximum is not None and value > maximum:
            problems.add(node.place, path, f"expected at most {maximum}, got {shown(node)}")
        return value

    return read


def whole(node: Node) -> int | None:
    """The whole number that a scalar holds; a fraction loses its part after the point, as Compose does it."""
    if not isinstance(node, Scalar) or isinstance(node.value, bool):
        return None
    match node.value:
        case int():
            return node.value
        case float() if abs(node.value) < 1 << 53:
            return int(node.value)
        case str():
            digits = node.value[1:] if node.value[:1] in ("-", "+") else node.value
            return int(node.value) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    return None


def positive_number(node: Node, path: str, problems: Problems) -> float | int | None:
    """A number of CPUs: rounded to what a 32-bit float holds, as Compose does. Zero is left out."""
    value = number(node)
    if value is None:
        wrong(node, path, problems, 'a number such as 0.5 or "0.5"')
        return None
    if not 0 <= value < 1 << 20:
        problems.add(node.place, path, f"expected a number from 0 up, got {shown(node)}")
        return None
    return short_float(value) or None


def number(node: Node) -> float | int | None:
    """The number that a scalar holds, written as a number or as a string."""
    if not isinstance(node, Scalar) or isinstance(node.value, bool):
        return None
    match node.value:
        case int() | float():
            return node.value
        case str():
            try:
                return float(node.value) if "_" not in node.value else None
            except ValueError:
                return None
    return None


def short_float(value: float) -> float | int:
    """The shortest number that a 32-bit float cannot tell from this one; whole ones as integers."""
    narrow = struct.unpack("f", struct.pack("f", value))[0]
    for digits in range(1, 10):
        short = float(f"{narrow:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == narrow:
            break
    return int(short) if short == int(short) else short


def span(node: Node, path: str, problems: Problems) -> str | None:
    """A duration as Compose writes it: `90s` is `1m30s`."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        wrong(node, path, problems, 'a duration with a unit, such as "90s" or "1m30s"')
        return None
    try:
        return _canonical_span(node.value)
    except ValueError as error:
        problems.add(node.place, path, "the hidden value is no duration; write 1m30s" if node.hidden else str(error))
        return None


@lru_cache(maxsize=1024)
def _canonical_span(written: str) -> str:
    return duration_text(duration(written))


def nonzero_span(node: Node, path: str, problems: Problems) -> str | None:
    """A duration that the canonical form leaves out when it is zero."""
    value = span(node, path, problems)
    return None if value == "0s" else value


def byte_size(node: Node, path: str, problems: Problems) -> str | None:
    """A size in bytes as a decimal string: `64m` is `67108864`. Zero is left out."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str | int | float) or isinstance(node.value, bool):
        wrong(node, path, problems, "a size such as 64m or 1g")
        return None
    try:
        return str(size(text_of(node.value)) or "") or None
    except ValueError as error:
        problems.add(node.place, path, "the hidden value is no size; write 64m or 1g" if node.hidden else str(error))
        return None


def strings(node: Node, path: str, problems: Problems) -> list[Json] | None:
    """A list of strings, each once, in order."""
    if not isinstance(node, Items):
        wrong(node, path, problems, "a list of strings")
        return None
    found: dict[str, None] = {}
    for index, item in enumerate(node.items):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            found[item.value] = None
        else:
            wrong(item, f"{path}[{index}]", problems, "a string")
    return list(found) or None


def string_or_strings(node: Node, path: str, problems: Problems) -> list[Json] | None:
    """A string, or a list of strings."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return [node.value]
    return strings(node, path, problems)


def pairs(node: Node, path: str, problems: Problems) -> dict[str, Json] | None:
    """`{KEY: value}` or `[KEY=value]` with string values; a key without a value has the empty string (labels)."""
    found = optional_pairs(node, path, problems)
    return {key: "" if value is None else value for key, value in found.items()} if found else None


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


def options(node: Node, path: str, problems: Problems) -> dict[str, Json] | None:
    """A mapping to strings or numbers (`driver_opts`)."""
    if not isinstance(node, Fields):
        wrong(node, path, problems, "a mapping")
        return None
    found: dict[str, Json] = {}
    for key, value in node.fields.items():
        if not isinstance(value, Scalar) or isinstance(value.value, bool):
            wrong(value, f"{path}.{key}", problems, "a string or a number")
        else:
            found[key] = text_of(value.value)
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
