"""Typed views of canonical Compose JSON: what `docker compose config --format json` prints, read without surprises."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from gitopsd.model.canonical import Json

_UNITS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "µs": 10**3, "ns": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")


def mapping(value: Json) -> Mapping[str, Json]:
    """A mapping; an empty one for null."""
    return value if isinstance(value, Mapping) else {}


def strings(value: Json) -> list[str]:
    """A list of strings; an empty one for null."""
    return [text(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else []


def texts(value: Json) -> dict[str, Json]:
    """A mapping of strings; an empty one for null."""
    return {key: text(each) for key, each in mapping(value).items()}


def text(value: Json) -> str:
    """A scalar as Compose writes it in a string; "" for null."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def number(value: Json) -> Decimal:
    """A number that Compose may print as a number or a string; 0 for null. ValueError: it is none."""
    try:
        return Decimal(text(value) or "0")
    except InvalidOperation:
        raise ValueError(f"'{value}' is not a number") from None


def nanoseconds(value: Json) -> int:
    """A Compose duration (`1m30s`, `1.5s`, `500ms`); 0 for null. ValueError: it is none."""
    written = text(value)
    if not written or written == "0":
        return 0
    parts = _PART.findall(written)
    if "".join(amount + unit for amount, unit in parts) != written:
        raise ValueError(f"'{written}' is not a duration; write it as 1m30s")
    return int(sum(Decimal(amount) * _UNITS[unit] for amount, unit in parts))
