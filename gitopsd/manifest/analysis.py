"""`x-gitopsd.analysis`: the metrics that a service's rollouts are judged by."""

import difflib
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gitopsd.manifest.compose import hidden_paths
from gitopsd.manifest.durations import duration, duration_text
from gitopsd.manifest.keys.json_schema import (
    DURATION,
    STRING,
    Schema,
    any_number,
    listed,
    mapping_of,
    matching,
    one_of,
    takes,
    whole_number,
)
from gitopsd.manifest.keys.quantities import integer, number, span
from gitopsd.manifest.keys.shapes import Read, checked, choice, read_fields, refuse_key, shown, text, wrong
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.visits import synthetic, synthetic_of
from gitopsd.model.analysis import BOUNDS, NAMES, QUERY, Analysis, Metric, Nature
from gitopsd.model.canonical import Json

LIST = ", ".join(NAMES)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,4})?) ?%")
_JSON_PATH = re.compile(r"\$?\.?(?:[^.\[\]\s]+|\[\d{1,6}\])(?:\.[^.\[\]\s]+|\[\d{1,6}\])*")
_URL = re.compile(r"https?://[!-~]+")
_ASKED = {"prometheus": ("query",), "http": ("url", "path"), "job": ("command", "timeout")}
_NEEDED = {"prometheus": "query", "http": "url", "job": "command"}
_MOST_SAMPLES = 1_000_000
_MOST_LOOKS = 10_000
_HELD: dict[str, float] = {"memory": 0.9, "restarts": 0.0}  # where no max is written


@takes(lambda: mapping_of(_ANALYSIS))
def analysis(node: Node, path: str, problems: Problems) -> Json:
    """The keys as they are written, each in its canonical form."""
    if not isinstance(node, Fields):
        return wrong(node, path, problems, "a mapping")
    if next(hidden_paths(node), None) is not None:
        problems.add(node.place, path, "holds a value of the host's variables, and is shown; write it out, or in .env")
    if "metrics" not in node.fields:
        problems.add(
            node.place, path, f"names no metrics; write metrics: [{{name: ...}}] with any of {LIST}, or a query"
        )
    return read_fields(node, path, problems, _ANALYSIS)


def analysis_of(written: Json) -> Analysis:
    """What these keys stand for; without any, nothing is judged but by what watches every rollout."""
    values: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
    return Analysis(tuple(map(_metric_of, values.get("metrics") or ())), synthetic_of(values.get("synthetic")))


def analysis_shown(found: Analysis) -> Json:
    """Every value in force, as it would be written."""
    own = found.synthetic
    shown_own: dict[str, Json] = {"synthetic": {"path": own.path, "rate": f"{own.rate:g}/s"}} if own is not None else {}
    return {"metrics": [_metric_shown(metric) for metric in found.metrics], **shown_own}


def _metric_shown(metric: Metric) -> Json:
    job: tuple[Json, Json] = (list(metric.command), duration_text(metric.timeout))
    values: tuple[Json, Json] = job if metric.source == "job" else (metric.query, metric.path)
    asked = dict(zip(_ASKED.get(metric.source, ()), values, strict=False))
    bounds = {bound: _bound_shown(metric.name, bound, getattr(metric, bound)) for bound in BOUNDS}
    counts = {"min_samples": metric.min_samples} if metric.nature.rule in ("requests", "volume") else {}
    return {
        "name": metric.name,
        "source": metric.source,
        **{key: value for key, value in asked.items() if value},
        **{bound: value for bound, value in bounds.items() if value is not None},
        "interval": duration_text(metric.interval),
        "initial_delay": duration_text(metric.initial_delay),
        **counts,
        **({"inconclusive_limit": metric.inconclusive_limit} if metric.inconclusive_limit is not None else {}),
        "consecutive_error_limit": metric.consecutive_error_limit,
        "no_data": metric.no_data,
    }


def _bound_shown(name: str, bound: str, value: float | None) -> Json:
    if value is None or bound.endswith("_ratio") or name not in NAMES or name == "restarts":
        return value
    return duration_text(timedelta(seconds=value)) if name.startswith("latency") else f"{value * 100:g}%"


@takes(lambda: listed(_metric_schema()))
def _metrics(node: Node, path: str, problems: Problems) -> Json:
    if not isinstance(node, Items) or not node.items:
        return wrong(node, path, problems, "a list of metrics, such as [{name: error-rate, max: 1%}]")
    found = [(item, _metric(item, f"{path}[{index}]", problems)) for index, item in enumerate(node.items)]
    seen: set[Json] = set()
    for index, (item, metric) in enumerate(found):
        if metric is not None and metric["name"] in seen:
            message = "has the name of one before it; write all bounds of a metric into one, or call a query otherwise"
            problems.add(item.place, f"{path}[{index}]", message)
        seen.add(metric["name"] if metric is not None else None)
    return [metric for _, metric in found if metric is not None]


def _metric(node: Node, path: str, problems: Problems) -> dict[str, Json] | None:
    if not isinstance(node, Fields):
        wrong(node, path, problems, "a mapping such as {name: error-rate, max: 1%}")
        return None
    written = node.fields.get("name")
    if written is None:
        problems.add(node.place, path, f"has no name; write one of {LIST}, or name a query of your own")
        return None
    name = text(written, f"{path}.name", problems)
    nature = NAMES.get(name or "", QUERY)
    if not name or (nature is QUERY and _unknown(node, name, written, path, problems)):
        return None
    values = _read(node, name, nature, path, problems)
    _check_bounds(node, name, values, path, problems)
    return values


def _unknown(node: Fields, name: str, written: Node, path: str, problems: Problems) -> bool:
    """A name that is not one of ours, and no query either: nothing would be measured."""
    if any(key in node.fields for key in ("source", "query", "url", "command")):
        return False
    close = difflib.get_close_matches(name, NAMES, n=1)
    meant = f"did you mean {close[0]}? There are" if close else "there are"
    message = f"no metric is called {shown(written)}; {meant} {LIST}"
    own = "a query of your own needs source: prometheus, http or job"
    problems.add(written.place, f"{path}.name", f"{message}; {own}")
    return True


def _read(node: Fields, name: str, nature: Nature, path: str, problems: Problems) -> dict[str, Json]:
    table: dict[str, Read] = {"name": text, "source": _source(name, nature), **_COMMON}
    table |= {bound: _bound(name, bound) for bound in nature.bounds}
    if nature.rule in ("requests", "volume"):
        table["min_samples"] = integer(1, _MOST_SAMPLES)
    if nature is QUERY:
        table |= _QUERY_KEYS
    refused = {key: _no_such_bound(name, nature) for key in BOUNDS if key not in nature.bounds}
    if "min_samples" not in table:
        refused["min_samples"] = f"counts requests, and {name} has none; remove it"
    values = read_fields(node, path, problems, table, refused)
    if nature is QUERY:
        _check_query(node, values, path, problems)
    return values


def _no_such_bound(name: str, nature: Nature) -> str:
    return f"{name} has no such bound; write {' or '.join(nature.bounds)}"


def _source(name: str, nature: Nature) -> Read:
    @takes(one_of(*nature.sources))
    def read(node: Node, path: str, problems: Problems) -> Json:
        if nature is not QUERY and isinstance(node, Scalar) and node.value not in nature.sources:
            message = f"{name} is measured by the {nature.sources[0]}; remove the source, or call a query otherwise"
            problems.add(node.place, path, message)
            return None
        return choice(*nature.sources)(node, path, problems)

    return read


def _check_query(node: Fields, values: Mapping[str, Json], path: str, problems: Problems) -> None:
    """Each source is asked in its own way."""
    if "source" not in node.fields:
        problems.add(node.place, path, "has no source; write source: prometheus, http or job")
    source = values.get("source")
    if not isinstance(source, str):
        return
    if _NEEDED[source] not in node.fields:
        problems.add(node.place, path, f"source: {source} needs a {_NEEDED[source]}; write it")
    for key in _QUERY_KEYS:
        if key in node.fields and key not in _ASKED[source]:
            refuse_key(node, key, path, problems, (), {key: f"means nothing with source: {source}; remove it"})
    if source == "job":
        for key in (each for each in BOUNDS if each in node.fields):
            refuse_key(node, key, path, problems, (), {key: "the exit code of a job decides: 0 is good; remove it"})
        return
    ratio = next((bound for bound in ("min_ratio", "max_ratio") if bound in node.fields), "")
    asked = values.get(_NEEDED[source])
    if ratio and isinstance(asked, str) and not Metric("", "prometheus", asked).sided:
        message = f"compares with stable, of which {_NEEDED[source]} asks the same; name $fingerprint or $slot in it"
        problems.add(node.keys[ratio], f"{path}.{ratio}", message)


def _check_bounds(node: Fields, name: str, values: Mapping[str, Json], path: str, problems: Problems) -> None:
    nature = NAMES.get(name, QUERY)
    if nature is QUERY and values.get("source") in (None, "job"):
        return
    held = name in _HELD or name == "error-rate"  # always compared with stable
    if not held and not any(bound in node.fields for bound in BOUNDS):
        problems.add(node.place, path, f"has no bound, so nothing could fail; write {' or '.join(nature.bounds)}")
    for low, high in (("min", "max"), ("min_ratio", "max_ratio")):
        lowest, highest = (_value(values[key]) if key in values else None for key in (low, high))
        if lowest is not None and highest is not None and lowest > highest:
            message = (
                f"is more than {high}, {shown(node.fields[high])}, so nothing could pass; lower it, or raise {high}"
            )
            problems.add(node.keys[low], f"{path}.{low}", message)


def _bound(name: str, bound: str) -> Read:
    if bound.endswith("_ratio"):
        return _ratio(name, bound)
    if name in ("error-rate", "cpu", "memory"):
        return _share
    if name in NAMES:
        return _time if name.startswith("latency") else integer(0, _MOST_LOOKS)
    return _number


@takes({**STRING, "pattern": rf"^{_SHARE.pattern}$|\$"})
def _share(node: Node, path: str, problems: Problems) -> Json:
    """A share in percent; a number alone might be one of 1 or one of 100."""
    found = _SHARE.fullmatch(node.value) if isinstance(node, Scalar) and isinstance(node.value, str) else None
    if found is None or float(found[1]) > 100:
        problems.add(node.place, path, f"expected a share such as 1% or 0.5%, got {shown(node)}")
        return None
    return f"{float(found[1]):g}%"


def _ratio(name: str, bound: str) -> Read:
    """Of our own metrics the canary may never be asked to be better than stable."""

    @takes(any_number())
    def read(node: Node, path: str, problems: Problems) -> Json:
        value = number(node)
        within = value is not None and math.isfinite(value) and 0 < value < _MOST_SAMPLES
        if not within or value is None:
            problems.add(node.place, path, f"expected a ratio to stable such as 1.5, got {shown(node)}")
            return None
        if name in NAMES and (value < 1 if bound == "max_ratio" else value > 1):
            side = "at least" if bound == "max_ratio" else "at most"
            problems.add(node.place, path, f"expected {side} 1, the same as stable, got {shown(node)}")
            return None
        return value

    return read


@takes(DURATION)
def _time(node: Node, path: str, problems: Problems) -> Json:
    value = span(node, path, problems)
    if value is not None and not duration(value):
        problems.add(node.place, path, "expected more than 0s; write one such as 400ms")
        return None
    return value


@takes(DURATION)
def _interval(node: Node, path: str, problems: Problems) -> Json:
    value = span(node, path, problems)
    if value is not None and duration(value) < timedelta(seconds=1):
        problems.add(node.place, path, f"expected at least 1s, got {value}")
        return None
    return value


@takes(listed(STRING))
def _command(node: Node, path: str, problems: Problems) -> Json:
    """A program and its arguments; no shell is between, unless one is named."""
    items = node.items if isinstance(node, Items) else ()
    words = [each.value for each in items if isinstance(each, Scalar) and isinstance(each.value, str)]
    if not words or len(words) < len(items) or not words[0]:
        return wrong(node, path, problems, 'a program with its arguments, such as ["./smoke", "--fast"]')
    return [*words]


@takes(any_number())
def _number(node: Node, path: str, problems: Problems) -> Json:
    value = number(node)
    if value is None or not math.isfinite(value):
        problems.add(node.place, path, f"expected a number as the query gives it, such as 0.98, got {shown(node)}")
        return None
    return value


def _matching(expression: re.Pattern[str], expected: str) -> Read:
    def valid(written: str) -> None:
        if not expression.fullmatch(written):
            raise ValueError(written)

    return takes(matching(expression, expected))(checked(valid, expected))


def _metric_of(values: Mapping[str, Any]) -> Metric:
    name = values["name"]
    nature = NAMES.get(name, QUERY)
    source = values.get("source") or nature.sources[0]
    held = _HELD.get(name)
    given: dict[str, Any] = {"interval": nature.interval, **({"max": held} if held is not None else {})}
    given |= {bound: _value(values[bound]) for bound in BOUNDS if bound in values}
    given |= {key: values[key] for key in _COUNTS if key in values}
    given |= {key: duration(values[key]) for key in ("interval", "initial_delay", "timeout") if key in values}
    return Metric(
        name=name,
        source=source,
        query=next((values[key] for key in ("query", "url") if key in values), ""),
        path=values.get("path", ""),
        command=tuple(values.get("command", ())),
        **given,
    )


def _value(written: Json) -> float:
    """A bound as a number: a share of 1, seconds, or what is written."""
    if isinstance(written, str):
        return float(written[:-1]) / 100 if written.endswith("%") else duration(written).total_seconds()
    return float(written) if isinstance(written, int | float) else 0.0


_COUNTS = ("min_samples", "inconclusive_limit", "consecutive_error_limit", "no_data")
_COMMON: dict[str, Read] = {
    "interval": _interval,
    "initial_delay": span,
    "inconclusive_limit": integer(0, _MOST_LOOKS),
    "consecutive_error_limit": integer(0, _MOST_LOOKS),
    "no_data": choice("hold", "fail"),
}
_QUERY_KEYS: dict[str, Read] = {
    "query": text,
    "url": _matching(_URL, "a URL such as http://shop:8080/stats"),
    "path": _matching(_JSON_PATH, "a path into the JSON such as data.items[0].value"),
    "command": _command,
    "timeout": _interval,
}
_ANALYSIS: dict[str, Read] = {"metrics": _metrics, "synthetic": synthetic}


def _metric_schema() -> Schema:
    """Every key that any metric has; which of them go together depends on its name."""
    bounds: dict[str, Schema] = {key: {"type": ["string", "number"]} for key in BOUNDS}
    sources = sorted({source for nature in (QUERY, *NAMES.values()) for source in nature.sources})
    own: dict[str, Schema] = {"name": {"anyOf": [{"enum": [*NAMES]}, STRING]}, "source": one_of(*sources)}
    own |= {**bounds, "min_samples": whole_number(1, _MOST_SAMPLES)}
    table = mapping_of({**_COMMON, **_QUERY_KEYS})
    return {**table, "properties": {**own, **table["properties"]}, "required": ["name"]}
