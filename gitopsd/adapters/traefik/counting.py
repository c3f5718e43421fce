"""What Traefik has counted, from its metrics: requests, errors and times of each slot since it was started.

Probes come through services of their own. What Traefik answers itself, as nobody is ready, it counts for its routers
alone; that is counted for both slots, as none of them could be had.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gitopsd.adapters.traefik.names import name_of, slot_of
from gitopsd.model.route import RouteName, SlotName, SlotSample

_LINE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_START: Final = "process_start_time_seconds"
_PROVIDER: Final = "@file"


@dataclass(slots=True)
class _Counted:
    requests: int = 0
    errors: int = 0
    within: dict[float, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """`bounds` are the ends of Traefik's buckets in seconds, none before its first request."""

    epoch: str
    bounds: tuple[float, ...] = ()
    samples: Mapping[tuple[RouteName, SlotName], SlotSample] = field(default_factory=dict)


def counted(metrics: str, slots: Iterator[tuple[RouteName, SlotName]], bounds: tuple[float, ...] = ()) -> Counts:
    """`bounds` are those that were seen before, which stay as long as it runs."""
    epoch = ""
    by_slot: dict[tuple[RouteName, SlotName], _Counted] = {}
    refused: dict[RouteName, int] = {}
    for name, labels, value in _series(metrics):
        if name == _START:
            epoch = value
        elif name.startswith("traefik_service_request") and (of := slot_of(_own(labels.get("service", "")))):
            _add(by_slot.setdefault(of, _Counted()), name, labels, value)
            refused[of[0]] = refused.get(of[0], 0) - _bad(name, labels, value, "traefik_service_requests_total")
        elif name == "traefik_router_requests_total" and (route := _route(labels)) is not None:
            refused[route] = refused.get(route, 0) + _bad(name, labels, value, name)
    ends = next((tuple(sorted(each.within)) for each in by_slot.values() if each.within), bounds)
    samples = {}
    for of in slots:
        own, missed = by_slot.get(of, _Counted()), max(0, refused.get(of[0], 0))
        within = tuple(own.within.get(end, 0) for end in ends)
        times = (*within, own.requests) if ends else ()
        samples[of] = SlotSample(epoch, own.requests + missed, own.errors + missed, times)
    return Counts(epoch, ends, samples)


def _add(counted: _Counted, name: str, labels: Mapping[str, str], value: str) -> None:
    if name == "traefik_service_requests_total":
        counted.requests += _number(value)
        counted.errors += _bad(name, labels, value, name)
    elif name == "traefik_service_request_duration_seconds_bucket" and labels.get("le") != "+Inf":
        bound = float(labels.get("le", "0"))
        counted.within[bound] = counted.within.get(bound, 0) + _number(value)


def _bad(name: str, labels: Mapping[str, str], value: str, of: str) -> int:
    return _number(value) if name == of and labels.get("code", "").startswith("5") else 0


def _route(labels: Mapping[str, str]) -> RouteName | None:
    """Whose router it is, but for those of probes."""
    parts = _own(labels.get("router", "")).split(":")
    return name_of(":".join(parts[:2])) if len(parts) == 3 else None


def _own(name: str) -> str:
    return name.removesuffix(_PROVIDER) if name.endswith(_PROVIDER) else ""


def _number(value: str) -> int:
    return int(float(value))


def _series(metrics: str) -> Iterator[tuple[str, dict[str, str], str]]:
    for line in metrics.splitlines():
        if line.startswith(("traefik_service_request", "traefik_router_requests_total", _START)):
            found = _LINE.match(line)
            if found:
                yield found[1], dict(_LABEL.findall(found[2] or "")), found[3]
