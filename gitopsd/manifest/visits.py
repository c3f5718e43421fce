"""Requests of gitopsd's own to newer content: `pre_warm`, and `analysis.synthetic`."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from gitopsd.manifest.durations import duration, duration_text
from gitopsd.manifest.keys.json_schema import DURATION, matching, schema_of, takes
from gitopsd.manifest.keys.quantities import integer, span
from gitopsd.manifest.keys.shapes import Read, closed, each, shown
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.analysis import Synthetic
from gitopsd.model.canonical import Json
from gitopsd.model.visits import PreWarm

_RATE: Final = re.compile(r"(\d{1,4}(?:\.\d{1,3})?) ?/ ?s")
_PATH: Final = re.compile(r"/[!-~]*")
_MOST_REQUESTS: Final = 1_000_000


@takes(lambda: schema_of(_pre_warm))
def pre_warm(node: Node, path: str, problems: Problems) -> Json:
    """The keys as they are written, each in its canonical form."""
    return _pre_warm(node, path, problems)


def pre_warm_of(written: Json) -> PreWarm | None:
    """What these keys stand for; None where nothing is written."""
    if not isinstance(written, Mapping):
        return None
    values: Mapping[str, Any] = written
    usual, until = PreWarm(), values.get("until") or {}
    return PreWarm(
        paths=tuple(values.get("paths") or usual.paths),
        rate=per_second(values["rate"]) if "rate" in values else usual.rate,
        requests=until.get("requests"),
        duration=duration(until["duration"]) if "duration" in until else None,
        latency_p95=duration(until["latency_p95"]) if "latency_p95" in until else None,
        most=duration(values["max"]) if "max" in values else usual.most,
    )


def pre_warm_shown(found: PreWarm | None) -> Json:
    """Every value in force, as it would be written."""
    if found is None:
        return None
    times = {"duration": found.duration, "latency_p95": found.latency_p95}
    until: dict[str, Json] = {key: duration_text(value) for key, value in times.items() if value is not None}
    until |= {"requests": found.requests} if found.requests is not None else {}
    return {"paths": list(found.paths), "rate": f"{found.rate:g}/s", "until": until, "max": duration_text(found.most)}


def synthetic_of(written: Json) -> Synthetic | None:
    """What these keys stand for; None where nothing is written."""
    if not isinstance(written, Mapping) or "path" not in written or "rate" not in written:
        return None
    return Synthetic(str(written["path"]), per_second(str(written["rate"])))


@takes(lambda: schema_of(_synthetic))
def synthetic(node: Node, path: str, problems: Problems) -> Json:
    """The keys as they are written; both are needed."""
    values = _synthetic(node, path, problems)
    for key in ("path", "rate"):
        if isinstance(node, Fields) and key not in node.fields:
            problems.add(node.place, path, f"has no {key}; write one such as {{path: /healthz, rate: 5/s}}")
    return values or None


def per_second(written: str) -> float:
    """`20/s` as a number."""
    return float(written.removesuffix("/s"))


@takes(matching(_RATE))
def _rate(node: Node, path: str, problems: Problems) -> Json:
    found = _RATE.fullmatch(node.value) if isinstance(node, Scalar) and isinstance(node.value, str) else None
    if found is None or not 0 < float(found[1]) <= 1000:
        problems.add(node.place, path, f"expected so many a second, such as 20/s, at most 1000/s, got {shown(node)}")
        return None
    return f"{float(found[1]):g}/s"


@takes(matching(_PATH))
def _url_path(node: Node, path: str, problems: Problems) -> Json:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not _PATH.fullmatch(node.value):
        problems.add(node.place, path, f"expected the path of a page, such as /cart, got {shown(node)}")
        return None
    return node.value


@takes(DURATION)
def _moment(node: Node, path: str, problems: Problems) -> Json:
    value = span(node, path, problems)
    if value is not None and duration(value) <= timedelta(0):
        problems.add(node.place, path, "expected more than 0s")
        return None
    return value


_UNTIL: dict[str, Read] = {"requests": integer(1, _MOST_REQUESTS), "duration": _moment, "latency_p95": _moment}
_pre_warm: Read = closed(
    {"paths": each(_url_path, "paths, such as [/, /cart]"), "rate": _rate, "until": closed(_UNTIL), "max": _moment}
)
_synthetic: Read = closed({"path": _url_path, "rate": _rate})
