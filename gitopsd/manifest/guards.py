"""The guards of an environment as `x-gitopsd` and the operator's `policy` write them."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from gitopsd.manifest.cron import cron
from gitopsd.manifest.durations import duration
from gitopsd.manifest.keys.json_schema import DURATION, STRING, schema_of, takes, takes_what
from gitopsd.manifest.keys.quantities import integer, span
from gitopsd.manifest.keys.shapes import Read, boolean, checked, choice, closed, each, is_empty, shown, text, wrong
from gitopsd.manifest.moved import directory_name
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.guards import ApprovalRule, Calendar, Guards, RateLimit, Requirement, Window
from gitopsd.model.units import span_text

LONGEST_WINDOW = timedelta(days=31)
_MINUTE = timedelta(minutes=1)


def guards_of(values: Mapping[str, Json]) -> Guards:
    """What these keys, each in its canonical form, stand for; keys that are no guards are passed over."""
    found = cast("Mapping[str, Any]", values)
    calendar = _calendar(found.get("windows") or [])
    limit = found.get("rate_limit") or {}
    required, breaker = found.get("requires"), found.get("circuit_breaker") or {}
    return Guards(
        calendars=(calendar,) if calendar else (),
        approval=_approval(found.get("approval")),
        rate_limit=RateLimit(limit.get("releases_per_hour", 0), duration(limit.get("distance", "0s"))),
        deletion_share=found.get("deletion_cap"),
        requires=(_requirement(required),) if required else (),
        failures=breaker.get("failures", 0),
        launches=breaker.get("launches", 0),
        timeout=duration(found.get("release_timeout") or "0s"),
    )


def _calendar(windows: list[Mapping[str, Any]]) -> Calendar:
    return tuple(
        Window(
            str(each.get("allow") or each.get("deny")),
            duration(each["duration"]),
            each.get("timezone", "UTC"),
            allow="allow" in each,
        )
        for each in windows
    )


def _approval(written: Mapping[str, Any] | None) -> ApprovalRule | None:
    if written is None or written.get("required") is False:
        return None
    usual = ApprovalRule()
    timeout = duration(written["timeout"]) if "timeout" in written else usual.timeout
    return ApprovalRule(timeout, written.get("signed") is True)


def _requirement(written: Mapping[str, Any]) -> Requirement:
    same = "digests" if written.get("same", "digests") == "digests" else ""
    return Requirement(written["environment"], duration(written.get("healthy_for", "0s")), same)  # type: ignore[arg-type]


@takes(lambda: schema_of(_window_fields))
def _window(node: Node, path: str, problems: Problems) -> Json:
    values = _window_fields(node, path, problems)
    if not isinstance(node, Fields) or not isinstance(values, dict):
        return None
    if ("allow" in node.fields) == ("deny" in node.fields):
        problems.add(
            node.place, path, 'expected one of allow and deny; write {allow: "0 8 * * mon-fri", duration: 10h}'
        )
        return None
    if "duration" not in node.fields:
        problems.add(node.place, path, "has no duration; write how long it lasts, such as duration: 10h")
    return values if "duration" in values and ("allow" in values or "deny" in values) else None


@takes(STRING)
def _opens(node: Node, path: str, problems: Problems) -> Json:
    """A cron expression, with one space between its fields."""
    value = "" if is_empty(node) else text(node, path, problems)
    if value is None:
        return None
    try:
        cron(value)
    except ValueError as error:
        problems.add(node.place, path, str(error))
        return None
    return " ".join(value.lower().split())


@takes(DURATION)
def _length(node: Node, path: str, problems: Problems) -> Json:
    value = span(node, path, problems)
    if value is not None and not _MINUTE <= duration(value) <= LONGEST_WINDOW:
        problems.add(node.place, path, f"expected a duration from 1m to 31d, got {shown(node)}")
        return None
    return value


@lru_cache(maxsize=256)
def _zone(name: str) -> None:
    """ValueError: there is no such time zone."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(name) from None


def _at_least(shortest: timedelta, why: str) -> Read:
    @takes(DURATION)
    def read(node: Node, path: str, problems: Problems) -> Json:
        value = span(node, path, problems)
        if value is not None and duration(value) < shortest:
            problems.add(node.place, path, f"expected at least {span_text(shortest)}, got {shown(node)}; {why}")
            return None
        return value

    return read


@takes({**STRING, "pattern": r"^[0-9]{1,3} *%? *$|\$"})
def _share(node: Node, path: str, problems: Problems) -> Json:
    """A percentage as a whole number."""
    written = node.value if isinstance(node, Scalar) else None
    number = written.removesuffix("%").strip() if isinstance(written, str) else ""
    if not number.isascii() or not number.isdigit() or not 0 <= int(number[:4]) <= 100:
        problems.add(node.place, path, f"expected a share of the slots from 0% to 100%, got {shown(node)}")
        return None
    return int(number)


@takes(lambda: schema_of(_requires_fields))
def _requires(node: Node, path: str, problems: Problems) -> Json:
    values = _requires_fields(node, path, problems)
    if isinstance(node, Fields) and "environment" not in node.fields:
        problems.add(node.place, path, "names no environment; write the one that goes first: environment: staging")
    return values if isinstance(values, dict) and "environment" in values else None


def _some(read: Read, expected: str, *, empty: bool = False) -> Read:
    """What `read` reads, and nothing is no value for it. `empty`: a mapping without keys says something."""

    @takes_what(read)
    def read_some(node: Node, path: str, problems: Problems) -> Json:
        if isinstance(node, Scalar):
            return wrong(node, path, problems, expected)
        if isinstance(node, Fields) and not node.fields and not empty:
            problems.add(node.place, path, f"expected {expected}, got an empty one, which holds nothing")
            return None
        return read(node, path, problems)

    return read_some


def _named(valid: Callable[[str], object], expected: str) -> Read:
    """A string that `valid` accepts. Nothing is none: what a guard goes by is not left out by an unset variable."""
    read = checked(valid, expected)

    @takes_what(read)
    def read_named(node: Node, path: str, problems: Problems) -> Json:
        return wrong(node, path, problems, expected) if is_empty(node) else read(node, path, problems)

    return read_named


_window_fields: Read = closed(
    {
        "allow": _opens,
        "deny": _opens,
        "duration": _length,
        "timezone": _named(_zone, "an IANA time zone such as Europe/Berlin"),
    }
)
_requires_fields: Read = closed(
    {
        "environment": _named(directory_name, "an environment's name"),
        "healthy_for": span,
        "same": choice("digests", "nothing"),
    }
)
GUARDS: dict[str, Read] = {
    "windows": each(_window, 'windows, such as [{allow: "0 8 * * mon-fri", duration: 10h, timezone: Europe/Berlin}]'),
    "approval": _some(
        closed({"required": boolean, "timeout": _at_least(_MINUTE, "nobody could answer in less"), "signed": boolean}),
        "a mapping such as {required: true}",
        empty=True,
    ),
    "rate_limit": _some(
        closed({"releases_per_hour": integer(1, 10_000), "distance": span}), "a mapping such as {releases_per_hour: 6}"
    ),
    "deletion_cap": _share,
    "requires": _some(_requires, "a mapping such as {environment: staging, healthy_for: 30m}"),
    "circuit_breaker": _some(
        closed({"failures": integer(1, 1000), "launches": integer(1, 1000)}), "a mapping such as {failures: 3}"
    ),
    "release_timeout": _at_least(_MINUTE, "no release would end in less"),
}
