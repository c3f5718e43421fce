"""An inspection -> its projection: the fields that may be compared, in our words and in one form for equal meanings.

What is absent, empty or zero is left out, so that two engines that say nothing in different ways say the same. Sets are
sorted lists, maps are mappings by key, sizes are bytes and times nanoseconds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gitopsd.engine_json.field import Comparator, Holder
from gitopsd.engine_json.field_table import FIELDS
from gitopsd.engine_json.readers import READERS, RESOURCE_READERS, Reader
from gitopsd.model.canonical import Json

Projection = Mapping[str, Json]

# Of the form that projections have. Two of different versions cannot be compared.
VERSION: Final = 1

# What an engine answers has no type; a shape that is not understood shows as KeyError, TypeError, ValueError or so.
Answer = Mapping[str, Any]


def container_projection(inspected: Answer) -> Projection:
    """The answer of `GET /containers/ID/json`."""
    return _projected(inspected, _CONTAINER)


def network_projection(inspected: Answer) -> Projection:
    """The answer of `GET /networks/ID`, or a row of `GET /networks`."""
    return _projected(inspected, _NETWORK)


def volume_projection(inspected: Answer) -> Projection:
    """The answer of `GET /volumes/NAME`, or a row of `GET /volumes`."""
    return _projected(inspected, _VOLUME)


Step = tuple[str, tuple[str, ...], Reader]


def _steps(holder: Holder, readers: Mapping[str, Reader]) -> tuple[Step, ...]:
    """Path, place and reader of every row that is read by itself; rows below a `*` come with the one above."""
    return tuple(
        (row.path, tuple(row.at.split(".")), readers.get(row.path) or _BY_COMPARATOR[row.comparator])
        for row in FIELDS[holder]
        if row.compared and "*" not in row.path
    )


def _projected(inspected: Answer, steps: Sequence[Step]) -> Projection:
    found: dict[str, Json] = {}
    for path, place, read in steps:
        value: Any = inspected
        for part in place:
            value = value.get(part) if value is not None else None
        try:
            value = read(value, inspected)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # of a shape that this version does not know: as good as not shown
        if value is not None:
            found[path] = value
    return found


def _value(value: Any, _: Answer) -> Json:
    return value or None


def _quantity(value: Any, _: Answer) -> Json:
    return value if value and value != -1 else None


def _list(value: Any, _: Answer) -> Json:
    return list(value) if value else None


def _set(value: Any, _: Answer) -> Json:
    return sorted(set(value)) if value else None


def _map(value: Any, _: Answer) -> Json:
    if not value:
        return None
    return {key: each for key, each in sorted(value.items()) if each is not None} or None


_BY_COMPARATOR: Final[Mapping[Comparator, Callable[[Any, Answer], Json]]] = {
    "value": _value,
    "quantity": _quantity,
    "list": _list,
    "set": _set,
    "map": _map,
}
_CONTAINER: Final = _steps("container", READERS)
_NETWORK: Final = _steps("network", RESOURCE_READERS)
_VOLUME: Final = _steps("volume", RESOURCE_READERS)
