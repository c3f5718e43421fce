"""What a fleet lives through, told in figures: what its Git server bears, and how long commits take to arrive."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from gitopsd.controller.environments import discovered
from gitopsd.model.guards import Requirement
from tests.simulation.fleet import GROUP, Fleet
from tests.simulation.hosts import BROKEN

INTERVAL_S = 30
STEADY_S, OUTAGE_S, PATIENCE_S, BAD_S = 300, 1200, 400, 900
HEALTHY_FOR = timedelta(minutes=10)


@dataclass
class Load:
    """Requests within some time: in all, on the average of its seconds, and in the busiest one."""

    seconds: int
    total: int
    peak: int

    @property
    def mean(self) -> float:
        return self.total / self.seconds


@dataclass
class Arrival:
    """On how many hosts a commit serves, and within how many seconds it did on half of them, 99 %, and all."""

    hosts: int
    p50: float
    p99: float
    last: float


@dataclass
class Figures:
    """Of a life of a fleet, one story after the other."""

    hosts: int
    canaries: int
    loads: dict[str, Load] = field(default_factory=dict)
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    asked: Load = field(default_factory=lambda: Load(1, 0, 0))
    reached: int = 0
    passes: int = 0
    pass_s: float = 0.0
    found_s: float = 0.0

    @property
    def steady(self) -> float:
        """The requests a second that hosts make when each asks at its interval, by arithmetic."""
        return self.hosts / INTERVAL_S


def live(hosts: int, canaries: int, kinds: int = 4) -> Figures:
    """Every story, in one fleet."""
    fleet, told = Fleet(hosts, canaries, kinds=kinds), Figures(hosts, canaries)
    _power_cut(fleet, told)
    _push(fleet, told)
    _outage(fleet, told)
    _guarded(fleet, told)
    _bad(fleet, told)
    told.passes, told.pass_s, told.found_s = fleet.passes, fleet.pass_s, _found_s(fleet)
    return told


def _power_cut(fleet: Fleet, told: Figures) -> None:
    """All daemons start in one second; then nothing happens for a while."""
    begun = fleet.wheel.seconds
    fleet.start()
    fleet.wheel.run(INTERVAL_S + STEADY_S)
    told.loads["all start at once: the first interval"] = _load(fleet.server.requests, begun, INTERVAL_S)
    told.loads["steady"] = _load(fleet.server.requests, begun + INTERVAL_S, STEADY_S)


def _push(fleet: Fleet, told: Figures) -> None:
    begun, commit = fleet.wheel.seconds, fleet.push(2)
    fleet.wheel.run(PATIENCE_S)
    told.loads["a push: the interval after it"] = _load(fleet.server.requests, begun, INTERVAL_S)
    told.arrivals["a push"] = _arrival(fleet, commit, begun)


def _outage(fleet: Fleet, told: Figures) -> None:
    """The Git server refuses all for a while. When it comes back, there is a new commit."""
    fleet.server.away = True
    fleet.wheel.run(OUTAGE_S)
    begun = fleet.wheel.seconds
    told.loads["an outage: its last minutes"] = _load(fleet.server.requests, begun - 300, 300)
    fleet.server.away, commit = False, fleet.push(3)
    fleet.wheel.run(PATIENCE_S)
    told.loads["an outage: the minute after it"] = _load(fleet.server.requests, begun, 60)
    told.loads["an outage: the busiest after it"] = _load(fleet.server.requests, begun, PATIENCE_S)
    told.arrivals["a push that was waiting when an outage ended"] = _arrival(fleet, commit, begun)


def _guarded(fleet: Fleet, told: Figures) -> None:
    """Some go first, and all the others come after they have been well for long enough."""
    fleet.require(Requirement(GROUP, HEALTHY_FOR))
    begun, commit = fleet.wheel.seconds, fleet.push(4)
    seconds = PATIENCE_S + int(HEALTHY_FOR.total_seconds())
    fleet.wheel.run(seconds)
    told.arrivals["a push that canaries have to serve for 10 minutes first"] = _arrival(fleet, commit, begun)
    told.asked = _load(fleet.asked, begun, seconds)


def _bad(fleet: Fleet, told: Figures) -> None:
    """A commit that does not run."""
    begun, commit = fleet.wheel.seconds, fleet.push(BROKEN)
    fleet.wheel.run(BAD_S)
    told.reached = fleet.reached(commit)
    told.loads["a bad commit: a quarter of an hour of it"] = _load(fleet.server.requests, begun, BAD_S)


def _found_s(fleet: Fleet) -> float:
    """How much of one core it takes a host to find its own directory among those of all."""
    name = fleet.names[0]
    files = fleet.server.files(fleet.first)
    begun = time.process_time()
    discovered(fleet.settings_of(name), {"default": files.again()})
    return time.process_time() - begun


def _load(requests: Counter[int], begun: float, seconds: int) -> Load:
    first = int(begun)
    made = [requests[second] for second in range(first, first + seconds)]
    return Load(seconds, sum(made), max(made))


def _arrival(fleet: Fleet, commit: str, begun: float) -> Arrival:
    took = sorted(host.converged[commit] - begun for host in fleet.hosts.values() if commit in host.converged)
    if not took:
        return Arrival(0, 0.0, 0.0, 0.0)
    return Arrival(len(took), took[ceil(len(took) * 0.5) - 1], took[ceil(len(took) * 0.99) - 1], took[-1])
