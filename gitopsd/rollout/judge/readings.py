"""From what a source of metrics answered to a reading: a number, nothing, or trouble."""

import math
import re
from collections.abc import Mapping, Sequence

from gitopsd.model.analysis import NoData, Number, Reading, Trouble

_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def reading_of(answer: object) -> Reading:
    """The number that an answer is, or that is the only one in it. Text may hold one, as Prometheus writes it."""
    match answer:
        case None | "":
            return NoData("the answer is empty")
        case bool():
            return Trouble(f"the answer is {str(answer).lower()}, not a number")
        case int() | float():
            return _finite(float(answer))
        case str():
            try:
                return _finite(float(answer))
            except ValueError:
                return Trouble(f"the answer is {_cut(answer)}, not a number")
        case Sequence() if not answer:
            return NoData("the answer is empty")
        case Sequence() if len(answer) == 1:
            return reading_of(answer[0])
        case Sequence():
            return Trouble(f"the answer has {len(answer)} values where one is wanted")
        case _:
            return Trouble(f"the answer is a {type(answer).__name__}, not a number")


def prometheus_reading(body: object) -> Reading:
    """The answer of Prometheus' `/api/v1/query`, already read as JSON: a scalar, or a vector of one series."""
    if not isinstance(body, Mapping):
        return Trouble("the answer is not one of Prometheus")
    if body.get("status") != "success":
        return Trouble(f"Prometheus says {body.get('errorType', 'error')}: {_cut(str(body.get('error', body)))}")
    data = body.get("data")
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, Mapping) else (None, None)
    if kind == "scalar":
        return _sample(result)
    if kind != "vector" or not isinstance(result, Sequence):
        return Trouble(f"the query gives a {kind}, where a scalar or a vector of one series is wanted")
    if not result:
        return NoData("the query gives an empty vector")
    if len(result) > 1:
        return Trouble(f"the query gives {len(result)} series where one is wanted; add sum() or name the labels")
    series = result[0]
    return _sample(series.get("value") if isinstance(series, Mapping) else None)


def at_path(body: object, path: str) -> Reading:
    """The number at a path such as `data.items[0].value` in what was read as JSON. "" is the whole of it."""
    found = body
    for name, index in _PART.findall(path.removeprefix("$").removeprefix(".")):
        if index and isinstance(found, Sequence) and not isinstance(found, str) and int(index) < len(found):
            found = found[int(index)]
        elif name and isinstance(found, Mapping) and name in found:
            found = found[name]
        else:
            return NoData(f"the answer has nothing at {path}")
    return reading_of(found)


def _sample(sample: object) -> Reading:
    if isinstance(sample, Sequence) and len(sample) == 2 and isinstance(sample[1], str):
        return reading_of(sample[1])
    return Trouble("the answer is not one of Prometheus")


def _finite(value: float) -> Reading:
    return Number(value) if math.isfinite(value) else NoData(f"the answer is {value}")


def _cut(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}..."
