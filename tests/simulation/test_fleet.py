"""A fleet of single hosts on one Git server: no herds, commits that arrive, and bad ones that stop at the canaries."""

from datetime import timedelta
from math import sqrt

import pytest

from gitopsd.model.guards import Requirement
from tests.simulation.fleet import GROUP, Fleet
from tests.simulation.hosts import BROKEN, LOOK_S
from tests.simulation.stories import HEALTHY_FOR, INTERVAL_S, Figures, live

SMALL = (150, 2, 1)
LARGE = (10_000, 20, 4)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(SMALL, id="150 hosts"),
        pytest.param(LARGE, id="10000 hosts", marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
    ],
)
def told(request: pytest.FixtureRequest) -> Figures:
    return live(*request.param)


def by_chance(mean: float) -> float:
    """What the busiest of some thousand seconds may have, where hosts ask independently of each other."""
    return mean + 6 * sqrt(mean)


def test_the_git_server_bears_one_request_for_each_host_and_interval(told: Figures) -> None:
    steady = told.loads["steady"]
    assert steady.mean == pytest.approx(told.steady, rel=0.05)
    assert steady.peak <= by_chance(told.steady)


def test_daemons_that_start_in_one_second_do_not_ask_in_one_second(told: Figures) -> None:
    assert told.loads["all start at once: the first interval"].peak <= by_chance(told.steady)


def test_a_server_that_is_away_is_asked_a_quarter_as_often_and_meets_no_herd_when_it_is_back(told: Figures) -> None:
    assert told.loads["an outage: its last minutes"].mean == pytest.approx(told.steady / 4, rel=0.2)
    assert told.loads["an outage: the minute after it"].mean < told.steady
    assert told.loads["an outage: the busiest after it"].peak <= by_chance(told.steady)


def test_a_push_arrives_on_every_host(told: Figures) -> None:
    pushed, after_outage = told.arrivals["a push"], told.arrivals["a push that was waiting when an outage ended"]
    assert (pushed.hosts, after_outage.hosts) == (told.hosts, told.hosts)
    assert pushed.last <= 1.1 * INTERVAL_S + 60
    assert after_outage.last <= 8 * INTERVAL_S + 60


def test_a_push_that_canaries_serve_first_arrives_everywhere_after_they_have_been_well_for_long_enough(
    told: Figures,
) -> None:
    found = told.arrivals["a push that canaries have to serve for 10 minutes first"]
    assert found.hosts == told.hosts
    assert HEALTHY_FOR.total_seconds() < found.p50 <= found.last < HEALTHY_FOR.total_seconds() * 1.1 + 120


def test_a_bad_commit_begins_on_the_canaries_and_on_nobody_else(told: Figures) -> None:
    assert told.reached == told.canaries


def test_hosts_that_take_a_course_that_was_found_out_do_as_those_that_make_every_pass() -> None:
    """What the large figures stand on: a light host begins and ends a release when a whole one does."""
    (real, commits), (light, _) = (_lived(Fleet(6, 2, whole=whole, kinds=2)) for whole in (True, False))
    for name in real.names:
        for commit in commits:
            one, other = real.hosts[name], light.hosts[name]
            assert one.begun.get(commit) == pytest.approx(other.begun.get(commit), abs=LOOK_S), name
            assert one.converged.get(commit) == pytest.approx(other.converged.get(commit), abs=LOOK_S), name
    assert real.server.requests == light.server.requests
    assert [real.reached(commit) for commit in commits] == [6, 2]


def _lived(fleet: Fleet) -> tuple[Fleet, list[str]]:
    """A fleet that has seen a good commit and a bad one."""
    fleet.require(Requirement(GROUP, timedelta(minutes=2)))
    fleet.start()
    commits = []
    for version in (2, BROKEN):
        commits.append(fleet.push(version))
        fleet.wheel.run(500)
    return fleet, commits
