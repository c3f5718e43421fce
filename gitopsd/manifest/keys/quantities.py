"""Numbers, durations and sizes, read from nodes to the JSON that `docker compose config` prints for them."""

import struct
from collections.abc import Callable
from functools import lru_cache

from gitopsd.manifest.durations import duration, duration_text, size
from gitopsd.manifest.keys.json_schema import DURATION, SIZE, any_number, takes, takes_what, whole_number
from gitopsd.manifest.keys.shapes import Read, shown, wrong
from gitopsd.manifest.node import Node, Problems, Scalar
from gitopsd.manifest.yaml import text_of

_LARGEST = (1 << 63) - 1


def integer(minimum: int = 0, maximum: int = _LARGEST) -> Callable[[Node, str, Problems], int | None]:
    """A whole number from `minimum` to `maximum`, or a string of digits."""
    read_any = truncated(minimum, maximum)

    @takes(lambda: whole_number(minimum, maximum if maximum < _LARGEST else None))
    def read(node: Node, path: str, problems: Problems) -> int | None:
        if isinstance(node, Scalar) and isinstance(node.value, float) and not node.value.is_integer():
            wrong(node, path, problems, "a whole number")
            return None
        return read_any(node, path, problems)

    return read


def truncated(minimum: int = 0, maximum: int = _LARGEST) -> Callable[[Node, str, Problems], int | None]:
    """A whole number, or a string of digits; a fraction loses its part after the point, as Compose does it."""

    @takes(any_number())
    def read(node: Node, path: str, problems: Problems) -> int | None:
        value = whole(node)
        if value is None:
            wrong(node, path, problems, "a whole number")
        elif value < minimum:
            problems.add(node.place, path, f"expected a whole number of at least {minimum}, got {shown(node)}")
        elif value > maximum:
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


def nonzero(read: Read) -> Read:
    """What `read` reads; the canonical form leaves it out when it is zero."""
    return takes_what(read)(lambda node, path, problems: read(node, path, problems) or None)


@takes(any_number(0))
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


@takes(DURATION)
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


@takes(DURATION)
def nonzero_span(node: Node, path: str, problems: Problems) -> str | None:
    """A duration that the canonical form leaves out when it is zero."""
    value = span(node, path, problems)
    return None if value == "0s" else value


@takes(SIZE)
def byte_size(node: Node, path: str, problems: Problems) -> str | None:
    """A size in bytes as a decimal string: `64m` is `67108864`. Zero is left out."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str | int) or isinstance(node.value, bool):
        wrong(node, path, problems, "a size such as 64m or 1g")
        return None
    try:
        return str(size(text_of(node.value)) or "") or None
    except ValueError as error:
        problems.add(node.place, path, "the hidden value is no size; write 64m or 1g" if node.hidden else str(error))
        return None
