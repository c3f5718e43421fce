"""`x-gitopsd.steps`: the stops of a rollout, in order, each a mapping with one key."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

from gitopsd.manifest.durations import duration
from gitopsd.manifest.keys.deploy import MOST_REPLICAS
from gitopsd.manifest.keys.json_schema import (
    DURATION,
    STRING,
    either,
    listed,
    mapping_of,
    nullable,
    schema_of,
    takes,
)
from gitopsd.manifest.keys.quantities import integer, number, span
from gitopsd.manifest.keys.shapes import Read, boolean, checked, closed, refuse_key, shown, text, wrong
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.route import ALL
from gitopsd.model.strategy import Analyse, Approve, HeaderRoute, Pause, SetCanaryScale, SetWeight, Step

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # what HTTP allows in the name of a header or cookie


@takes(lambda: listed({**mapping_of(_STEPS, notes=False), "minProperties": 1, "maxProperties": 1}))
def steps(node: Node, path: str, problems: Problems) -> Json:
    """The steps as they are written, each in its canonical form."""
    if not isinstance(node, Items) or not node.items:
        return wrong(node, path, problems, "a list of steps, such as [{set_weight: 10}, {pause: {duration: 2m}}]")
    found = [_step(item, f"{path}[{index}]", problems) for index, item in enumerate(node.items)]
    _check_weights(found, node, path, problems)
    return [each for each in found if each]


def steps_of(written: Json) -> tuple[Step, ...]:
    """What these steps stand for."""
    return tuple(_step_of(cast("Mapping[str, Any]", each)) for each in written) if isinstance(written, list) else ()


def _step(node: Node, path: str, problems: Problems) -> dict[str, Json]:
    if not isinstance(node, Fields) or len(node.fields) != 1:
        wrong(node, path, problems, f"one step, a mapping with one of the keys {', '.join(_STEPS)}")
        return {}
    [(key, value)] = node.fields.items()
    read = _STEPS.get(key)
    if read is None:
        refuse_key(node, key, path, problems, _STEPS, {})
        return {}
    found = read(value, f"{path}.{key}", problems)
    return {} if found is None else {key: found}


def _check_weights(found: Sequence[Mapping[str, Json]], node: Items, path: str, problems: Problems) -> None:
    weights = [(index, _basis_points(step["set_weight"])) for index, step in enumerate(found) if "set_weight" in step]
    for (_, before), (index, after) in pairwise(weights):
        if after < before:
            message = "is less than the one before it; a share only grows, and goes back by itself on failure"
            problems.add(node.items[index].place, f"{path}[{index}].set_weight", message)


@takes(either({"type": "number", "minimum": 0, "maximum": 100}, {**STRING, "pattern": r"^[0-9.]+%?$|\$"}))
def _weight(node: Node, path: str, problems: Problems) -> Json:
    """A percentage of the traffic, in steps of a hundredth."""
    written = node.value.removesuffix("%") if isinstance(node, Scalar) and isinstance(node.value, str) else None
    value = number(Scalar(written, node.place) if written is not None else node)
    if value is None or not 0 <= value <= 100 or round(value * 100, 6) % 1:
        problems.add(node.place, path, f"expected a percentage of the traffic from 0 to 100, got {shown(node)}")
        return None
    return int(value) if value == int(value) else value


def _optional(read: Read) -> Read:
    """A mapping that may be left empty."""

    @takes(lambda: nullable(schema_of(read)))
    def read_optional(node: Node, path: str, problems: Problems) -> Json:
        return {} if isinstance(node, Scalar) and node.value is None else read(node, path, problems)

    return read_optional


@takes(DURATION)
def _moment(node: Node, path: str, problems: Problems) -> Json:
    value = span(node, path, problems)
    if value is not None and duration(value) < timedelta(seconds=1):
        problems.add(node.place, path, f"expected at least 1s, got {value}")
        return None
    return value


@takes(lambda: schema_of(_analysis_fields))
def _analysis(node: Node, path: str, problems: Problems) -> Json:
    values = _analysis_fields(node, path, problems)
    if isinstance(node, Fields) and "duration" not in node.fields:
        problems.add(node.place, path, "has no duration; write how long to judge at least, such as {duration: 3m}")
    return values if isinstance(values, dict) and values else None


@takes(lambda: schema_of(_scale_fields))
def _scale(node: Node, path: str, problems: Problems) -> Json:
    values = _scale_fields(node, path, problems)
    if isinstance(node, Fields) and len(node.fields) != 1:
        problems.add(node.place, path, "expected one of replicas, percent or match: true; write exactly one")
    if isinstance(values, dict) and values.get("match") is False:
        problems.add(node.place, path, "match: false says nothing; write replicas or percent")
        return None
    return values or None


@takes(lambda: schema_of(_route_fields))
def _header_route(node: Node, path: str, problems: Problems) -> Json:
    """Empty: no request is routed by its header any more."""
    values = _route_fields(node, path, problems)
    if not isinstance(values, dict):
        return values
    if "header" in values and "cookie" in values:
        problems.add(node.place, path, "names a header and a cookie; write one of the two")
    if "value" in values and not ("header" in values or "cookie" in values):
        problems.add(node.place, path, "names no header or cookie that has this value; write header: NAME")
    return values


def _name(written: str) -> None:
    if not _NAME.fullmatch(written):
        raise ValueError(written)


def _step_of(step: Mapping[str, Any]) -> Step:
    [(key, values)] = step.items()
    match key:
        case "set_weight":
            return SetWeight(_basis_points(values))
        case "pause":
            return Pause(duration(values["duration"]) if "duration" in values else None)
        case "analysis":
            return Analyse(duration(values["duration"]))
        case "approval":
            return Approve()
        case "set_canary_scale":
            return SetCanaryScale(values.get("replicas"), values.get("percent"))
        case _:
            by_cookie = "cookie" in values
            name = values.get("cookie" if by_cookie else "header", "")
            return HeaderRoute(name, values.get("value", ""), "cookie" if by_cookie else "header")


def _basis_points(weight: Json) -> int:
    return round(float(cast("float", weight)) * ALL / 100)


_analysis_fields: Read = closed({"duration": _moment})
_header = checked(_name, "the name of a header or cookie")
_scale_fields: Read = closed({"replicas": integer(0, MOST_REPLICAS), "percent": integer(1, 100), "match": boolean})
_route_fields: Read = _optional(closed({"header": _header, "cookie": _header, "value": text}))
_STEPS: dict[str, Read] = {
    "set_weight": _weight,
    "pause": _optional(closed({"duration": _moment})),
    "analysis": _analysis,
    "approval": _optional(closed({})),
    "set_canary_scale": _scale,
    "set_header_route": _header_route,
}
