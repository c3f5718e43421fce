"""What is too much of a service: restarts of one instance or of all, and memory that new instances take."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from gitopsd.manifest.durations import duration, duration_text
from gitopsd.manifest.keys.json_schema import DURATION, any_number, takes
from gitopsd.manifest.keys.quantities import integer, number, span
from gitopsd.manifest.keys.shapes import Read, closed, shown
from gitopsd.manifest.node import Node, Problems
from gitopsd.model.canonical import Json
from gitopsd.model.desired import CRASH_LOOP, MEMORY_SPIKE, SERVICE_STORM, CrashLoop, MemorySpike

MOST_TIMES = 1000


def restarts(chosen: Json, default: CrashLoop) -> CrashLoop:
    """What is not said of it has its default."""
    said = chosen if isinstance(chosen, Mapping) else {}
    within = said.get("within")
    return CrashLoop(
        cast("int", said.get("restarts", default.restarts)),
        duration(str(within)) if within is not None else default.within,
    )


def memory_spike(chosen: Json) -> MemorySpike:
    """What is not said of it has its default."""
    said = chosen if isinstance(chosen, Mapping) else {}
    lasting = said.get("for")
    return MemorySpike(
        cast("int", said.get("percent_of_limit", MEMORY_SPIKE.percent_of_limit)),
        float(str(said.get("ratio_to_stable", MEMORY_SPIKE.ratio_to_stable))),
        duration(str(lasting)) if lasting is not None else MEMORY_SPIKE.lasting,
    )


@takes(any_number(0, MOST_TIMES))
def _multiple(node: Node, path: str, problems: Problems) -> Json:
    """How many times as much: more than 1, or 0 for whatever it likes."""
    value = number(node)
    if value is None or not (value == 0 or 1 < value <= MOST_TIMES):
        problems.add(node.place, path, f"expected a number above 1, or 0 for no bound, got {shown(node)}")
        return None
    return value


@takes(DURATION)
def _moment(node: Node, path: str, problems: Problems) -> Json:
    """A duration in which something can happen."""
    value = span(node, path, problems)
    if value is not None and duration(value) < timedelta(seconds=1):
        problems.add(node.place, path, f"expected at least 1s, got {value}")
    return value


EXCESS: dict[str, Read] = {
    "crash_loop": closed({"restarts": integer(1, 100), "within": _moment}),
    "restart_storm": closed({"restarts": integer(1, 1000), "within": _moment}),
    "memory_spike": closed({"percent_of_limit": integer(0, 100), "ratio_to_stable": _multiple, "for": _moment}),
}
EXCESS_DEFAULTS: dict[str, Json] = {
    "crash_loop": {"restarts": CRASH_LOOP.restarts, "within": duration_text(CRASH_LOOP.within)},
    "restart_storm": {"restarts": SERVICE_STORM.restarts, "within": duration_text(SERVICE_STORM.within)},
    "memory_spike": {
        "percent_of_limit": MEMORY_SPIKE.percent_of_limit,
        "ratio_to_stable": MEMORY_SPIKE.ratio_to_stable,
        "for": duration_text(MEMORY_SPIKE.lasting),
    },
}
