"""Values of the model as JSON text and back, driven by their type hints.

A dataclass is an object of its fields, and within a union it also bears its class's name under `is`. Times are ISO 8601
in UTC, durations seconds. Fields that a text lacks take their default and fields that are not known any more are passed
over, so a row outlives a version. Values typed `Json` come back as lists and dicts, whatever sequence they were.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Convert = Callable[[Any], Any]

_TAG = "is"
_PLAIN = (str, int, float, bool, types.NoneType)
_compact = json.JSONEncoder(separators=(",", ":")).encode


def dump(value: object) -> str:
    """A dataclass as ASCII JSON text. ValueError: it holds a time without a zone."""
    encode = _conversion(cast(Any, type(value)), True) or _same
    return _compact(encode(value))


def load(kind: type[T], text: str) -> T:
    """The dataclass that `dump` wrote. ValueError: the text is not one."""
    decode = _conversion(cast(Any, kind), False) or _same
    try:
        return cast(T, decode(json.loads(text)))
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"not a {kind.__name__}: {error!r}") from error


@cache
def _conversion(hint: Any, encoding: bool) -> Convert | None:
    """How a value of a type becomes JSON (`encoding`) or is made from it; None: the two are the same."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN or _is_json(hint, arguments):
        return None
    if hint is datetime:
        return _time_text if encoding else _time
    if hint is timedelta:
        return timedelta.total_seconds if encoding else _seconds
    if is_dataclass(hint):
        return _record(hint, encoding)
    if origin is Literal:
        return _one_of(frozenset(arguments))
    if origin in (Union, types.UnionType):
        return _union(arguments, encoding)
    if origin is Mapping and arguments[0] is str:
        return _mapping(arguments[1], encoding)
    if origin in (tuple, frozenset):
        return _sequence(origin, arguments, encoding)
    raise TypeError(f"the codec has no form for {hint}")


def _is_json(hint: Any, members: tuple[Any, ...]) -> bool:
    # By its members: the alias refers to itself by name, and each resolution of that gives another object.
    return get_origin(hint) in (Union, types.UnionType) and set(_PLAIN) <= set(members)


def _one_of(allowed: frozenset[Any]) -> Convert:
    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {sorted(allowed)}")
        return value

    return check


def _union(arguments: tuple[Any, ...], encoding: bool) -> Convert:
    members = [argument for argument in arguments if argument is not types.NoneType]
    if len(members) == 1:
        only = _conversion(members[0], encoding) or _same
        return lambda value: None if value is None else only(value)
    by_name = {member.__name__: _conversion(member, encoding) or _same for member in members}
    if not encoding:
        return lambda body: None if body is None else by_name[body[_TAG]](body)

    def tagged(value: Any) -> Any:
        name = type(value).__name__
        return None if value is None else {_TAG: name, **by_name[name](value)}

    return tagged


def _mapping(item: Any, encoding: bool) -> Convert:
    convert = _conversion(item, encoding)
    if convert is None:
        return dict
    return lambda value: {key: convert(item) for key, item in value.items()}


def _sequence(origin: Any, arguments: tuple[Any, ...], encoding: bool) -> Convert:
    # A set's order differs from process to process; sorted, equal journals are equal rows.
    collect: Convert = (sorted if origin is frozenset else list) if encoding else origin
    if origin is tuple and arguments[-1] is not ...:
        each = [_conversion(argument, encoding) or _same for argument in arguments]
        return lambda value: collect(convert(item) for convert, item in zip(each, value, strict=True))
    convert = _conversion(arguments[0], encoding)
    return collect if convert is None else lambda value: collect(map(convert, value))


def _record(kind: Any, encoding: bool) -> Convert:
    hints = get_type_hints(kind)
    every = [(field.name, _conversion(hints[field.name], encoding)) for field in fields(kind)]
    plain = [name for name, convert in every if convert is None]
    special = [(name, convert) for name, convert in every if convert is not None]

    def encode(value: Any) -> dict[str, Any]:
        body = {name: getattr(value, name) for name in plain}
        for name, convert in special:
            body[name] = convert(getattr(value, name))
        return body

    def decode(body: Any) -> Any:
        values = {name: body[name] for name in plain if name in body}
        for name, convert in special:
            if name in body:
                values[name] = convert(body[name])
        return kind(**values)

    return encode if encoding else decode


def _time_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC).isoformat()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def _same(value: Any) -> Any:
    return value
