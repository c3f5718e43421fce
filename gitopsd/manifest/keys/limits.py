"""What a container may use of the machine: memory, CPU, block devices, processes and `ulimits`."""

import difflib
import re
from collections.abc import Mapping

from gitopsd.manifest.keys.json_schema import (
    SIZE,
    any_number,
    either,
    matching,
    schema_of,
    takes,
    takes_what,
    whole_number,
)
from gitopsd.manifest.keys.quantities import byte_size, integer, nonzero, truncated, whole
from gitopsd.manifest.keys.shapes import Read, closed, each, is_empty, shown, text, wrong
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json

UNLIMITED = "-1"
_CPUSET = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
_ULIMITS = tuple(
    [
        "as",
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ]
)
_MOST_SWAPPINESS = 100
_LEAST_WEIGHT, _MOST_WEIGHT = 10, 1000
_LEAST_QUOTA, _LEAST_PERIOD, _LONGEST_PERIOD = 1_000, 1_000, 1_000_000


@takes(either(SIZE, {"const": -1}))
def memory_and_swap(node: Node, path: str, problems: Problems) -> Json:
    """A size, or the number -1 for as much swap as there is."""
    if isinstance(node, Scalar) and node.value == -1:
        return UNLIMITED
    if isinstance(node, Scalar) and node.value == UNLIMITED:
        problems.add(node.place, path, f"expected a size, or -1 without quotes, got {shown(node)}")
        return None
    return byte_size(node, path, problems)


@takes(whole_number(-1, _MOST_SWAPPINESS))
def swappiness(node: Node, path: str, problems: Problems) -> Json:
    """A percentage, which Compose writes as a string."""
    value = whole(node) if not (isinstance(node, Scalar) and isinstance(node.value, float)) else None
    if value is None or not -1 <= value <= _MOST_SWAPPINESS:
        problems.add(node.place, path, f"expected a whole number from 0 to {_MOST_SWAPPINESS}, got {shown(node)}")
        return None
    return str(value) if value else None


@takes(any_number())
def cpu_quota(node: Node, path: str, problems: Problems) -> Json:
    """Microseconds of CPU time in each period; -1 is no limit."""
    value = truncated(-1)(node, path, problems)
    if value is not None and 0 < value < _LEAST_QUOTA:
        message = f"expected at least {_LEAST_QUOTA} microseconds, got {shown(node)}; half a CPU is 50000"
        problems.add(node.place, path, message)
    return value or None


@takes(any_number())
def cpu_period(node: Node, path: str, problems: Problems) -> Json:
    """Microseconds of a period."""
    value = truncated()(node, path, problems)
    if value and not _LEAST_PERIOD <= value <= _LONGEST_PERIOD:
        message = f"expected {_LEAST_PERIOD} to {_LONGEST_PERIOD} microseconds, got {shown(node)}; usual is 100000"
        problems.add(node.place, path, message)
    return value or None


@takes(matching(_CPUSET))
def cpuset(node: Node, path: str, problems: Problems) -> Json:
    """Numbers of CPUs: `0-3,7`."""
    value = text(node, path, problems)
    if value is not None and not _CPUSET.fullmatch(value):
        problems.add(node.place, path, f'expected numbers of CPUs such as "0-3,7", got {shown(node)}')
    return value


@takes(
    lambda: {
        "type": "object",
        "properties": dict.fromkeys(_ULIMITS, either(whole_number(-1), schema_of(_LIMIT))),
        "additionalProperties": False,
    }
)
def ulimits(node: Node, path: str, problems: Problems) -> Json:
    """Limits by name: one number, or soft and hard. A zero within is left out."""
    if not isinstance(node, Fields):
        return wrong(node, path, problems, "a mapping such as {nofile: 65536}")
    found: dict[str, Json] = {}
    for name, child in node.fields.items():
        where = f"{path}.{name}"
        if name not in _ULIMITS:
            close = difflib.get_close_matches(name, _ULIMITS, n=1)
            mend = f"did you mean {close[0]}?" if close else f"known are {', '.join(_ULIMITS)}"
            problems.add(node.keys.get(name, child.place), where, f"the kernel knows no such limit; {mend}")
        elif isinstance(child, Fields):
            found[name] = _soft_and_hard(child, where, problems)
        else:
            found[name] = integer(-1)(child, where, problems) or {}
    return found or None


def _soft_and_hard(node: Fields, path: str, problems: Problems) -> dict[str, Json]:
    values = _LIMIT(node, path, problems)
    found = dict(values) if isinstance(values, Mapping) else {}
    missing = [key for key in ("soft", "hard") if key not in node.fields]
    if missing:
        problems.add(node.place, path, f"has no {missing[0]}; write soft and hard, or one number for both")
    soft, hard = found.get("soft"), found.get("hard")
    if isinstance(soft, int) and isinstance(hard, int) and hard != -1 and (soft == -1 or soft > hard):
        problems.add(node.place, path, f"the soft limit is above the hard one; lower soft to at most {hard}")
    return {key: value for key, value in found.items() if value}


@takes({"type": "integer", "minimum": 0, "maximum": _MOST_WEIGHT})
def _weight(node: Node, path: str, problems: Problems) -> Json:
    """Compose takes no string here, also not one that a variable gave."""
    if not isinstance(node, Scalar) or not isinstance(node.value, int) or isinstance(node.value, bool):
        return wrong(node, path, problems, f"a number from {_LEAST_WEIGHT} to {_MOST_WEIGHT} without quotes")
    if node.value and not _LEAST_WEIGHT <= node.value <= _MOST_WEIGHT:
        message = f"expected a number from {_LEAST_WEIGHT} to {_MOST_WEIGHT}, got {shown(node)}"
        problems.add(node.place, path, message)
    return node.value


@takes(SIZE)
def _rate(node: Node, path: str, problems: Problems) -> Json:
    return byte_size(node, path, problems) or "0"


def _on_device(key: str, read: Read) -> Read:
    """What counts for one device, with the capitals that Compose writes: `{"Path": ..., "Rate": ...}`."""
    fields = closed({"path": text, key: read})

    @takes_what(fields)
    def read_device(node: Node, path: str, problems: Problems) -> Json:
        if not isinstance(node, Fields):
            return wrong(node, path, problems, f"a mapping with path and {key}")
        values = fields(node, path, problems)
        values = values if isinstance(values, Mapping) else {}
        for missing in (name for name in ("path", key) if name not in values and is_empty(node.fields.get(name))):
            problems.add(node.place, path, f"has no {missing}; add it")
        return {name.capitalize(): value for name, value in values.items()}

    return read_device


_LIMIT: Read = closed({"soft": integer(-1), "hard": integer(-1)})
_RATES = each(_on_device("rate", _rate), "mappings with path and rate")
blkio_config = closed(
    {
        "weight": nonzero(_weight),
        "weight_device": each(_on_device("weight", _weight), "mappings with path and weight"),
        "device_read_bps": _RATES,
        "device_read_iops": _RATES,
        "device_write_bps": _RATES,
        "device_write_iops": _RATES,
    }
)
