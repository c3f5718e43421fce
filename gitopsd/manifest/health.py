"""`x-gitopsd.health`: how the instances of a service are asked whether they work."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gitopsd.manifest.durations import duration, duration_text
from gitopsd.manifest.keys.json_schema import STRING, mapping_of, nullable, schema_of, takes
from gitopsd.manifest.keys.quantities import integer, span
from gitopsd.manifest.keys.shapes import Read, checked, closed, read_fields, shown, wrong
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.manifest.yaml import text_of
from gitopsd.model.canonical import Json
from gitopsd.model.health import NOT_ASKED, Checks, HttpCheck, TcpCheck

KINDS = ("http", "tcp", "process")
_STATUS = re.compile(r"[1-5][0-9]{2}(?:-[1-5][0-9]{2})?(?:,[1-5][0-9]{2}(?:-[1-5][0-9]{2})?)*")
_PATH = re.compile(r"/[!-~]*")
_TIMES = ("interval", "timeout", "start_period")
_COUNTS = ("failure_threshold", "success_threshold")
_MOST_ROUNDS = 100
_SHORTEST = timedelta(milliseconds=100)


@takes(lambda: mapping_of(_KEYS))
def health(node: Node, path: str, problems: Problems) -> Json:
    """The keys as they are written, each in its canonical form; what is left out has its default."""
    if not isinstance(node, Fields):
        return wrong(node, path, problems, "a mapping")
    values = read_fields(node, path, problems, _KEYS)
    if not any(kind in node.fields for kind in KINDS):
        message = "names no check; write http, tcp or both, or process: {} where running is enough"
        problems.add(node.place, path, message)
    for kind in ("http", "tcp"):
        inner = node.fields.get(kind)
        if isinstance(inner, Fields) and "port" not in inner.fields:
            problems.add(inner.place, f"{path}.{kind}", "has no port; write the one inside the container")
    _check_times(node, values, path, problems)
    return values


def health_checks(written: Json, deadline: timedelta) -> Checks:
    """The checks that these keys stand for, with how long a start may take."""
    values: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
    http, tcp = (values.get(kind) or {} for kind in ("http", "tcp"))
    if not ("port" in http or "port" in tcp):
        return NOT_ASKED
    given: dict[str, Any] = {key: duration(values[key]) for key in _TIMES if key in values}
    given |= {key: values[key] for key in _COUNTS if key in values}
    return Checks(
        http=_http(http) if "port" in http else None,
        tcp=TcpCheck(tcp["port"]) if "port" in tcp else None,
        deadline=deadline,
        **given,
    )


def health_shown(checks: Checks) -> dict[str, Json]:
    """Every key in force; `process` where nothing is asked."""
    if not checks.each:
        return {"process": {}}
    return {
        **({"http": _http_shown(checks.http)} if checks.http is not None else {}),
        **({"tcp": {"port": checks.tcp.port}} if checks.tcp is not None else {}),
        **{key: duration_text(getattr(checks, key)) for key in _TIMES},
        **{key: getattr(checks, key) for key in _COUNTS},
    }


def _http_shown(http: HttpCheck) -> dict[str, Json]:
    return {
        "port": http.port,
        "path": http.path,
        "status": _status_text(http.status),
        **({"body": http.body} if http.body else {}),
        **({"latency": duration_text(http.latency)} if http.latency is not None else {}),
    }


def _http(values: Mapping[str, Any]) -> HttpCheck:
    return HttpCheck(
        port=values["port"],
        path=values.get("path", "/"),
        status=_ranges(values["status"]) if "status" in values else HttpCheck(0).status,
        body=values.get("body", ""),
        latency=duration(values["latency"]) if "latency" in values else None,
    )


def _check_times(node: Fields, values: Mapping[str, Json], path: str, problems: Problems) -> None:
    for key in ("interval", "timeout"):
        if key in values and duration(str(values[key])) < _SHORTEST:
            problems.add(node.keys[key], f"{path}.{key}", f"expected at least 100ms, got {values[key]}")
    timeout, http = str(values.get("timeout", duration_text(NOT_ASKED.timeout))), values.get("http")
    if isinstance(http, Mapping) and "latency" in http and duration(str(http["latency"])) > duration(timeout):
        written = node.fields["http"]
        place = written.keys["latency"] if isinstance(written, Fields) else node.place
        message = f"{http['latency']} is more than timeout, {timeout}, after which nobody waits any more"
        problems.add(place, f"{path}.http.latency", f"{message}; lower it, or raise health.timeout")


@takes({"type": ["string", "integer"]})
def _status(node: Node, path: str, problems: Problems) -> Json:
    written = text_of(node.value) if isinstance(node, Scalar) and isinstance(node.value, str | int) else ""
    written = written.replace(" ", "")
    if not _STATUS.fullmatch(written) or any(low > high for low, high in _ranges(written)):
        problems.add(node.place, path, f"expected statuses such as 200-399 or 200,204, got {shown(node)}")
        return None
    return written


def _ranges(written: str) -> tuple[tuple[int, int], ...]:
    parts = (each.partition("-") for each in written.split(","))
    return tuple((int(low), int(high or low)) for low, _, high in parts)


def _status_text(status: tuple[tuple[int, int], ...]) -> str:
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in status)


def _path(written: str) -> None:
    if not _PATH.fullmatch(written):
        raise ValueError(written)


@takes(STRING)
def _expression(node: Node, path: str, problems: Problems) -> Json:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return wrong(node, path, problems, "a regular expression")
    try:
        re.compile(node.value)
    except re.error as error:
        message = f"{shown(node)} is no regular expression ({error}); a backslash takes the sign after it as it is"
        problems.add(node.place, path, message)
        return None
    return node.value or None


@takes(lambda: nullable(schema_of(_process)))
def _runs(node: Node, path: str, problems: Problems) -> Json:
    return {} if isinstance(node, Scalar) and node.value is None else _process(node, path, problems)


_port = integer(1, 65535)
_http_fields = closed(
    {
        "port": _port,
        "path": checked(_path, "a path such as /healthz, without spaces"),
        "status": _status,
        "body": _expression,
        "latency": span,
    }
)
_process: Read = closed({})
_KEYS: dict[str, Read] = {
    "http": _http_fields,
    "tcp": closed({"port": _port}),
    "process": _runs,
    "interval": span,
    "timeout": span,
    "start_period": span,
    "failure_threshold": integer(1, _MOST_ROUNDS),
    "success_threshold": integer(1, _MOST_ROUNDS),
}
