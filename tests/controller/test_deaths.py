"""A daemon that is killed at every call of a change, before or after it: the next one goes on where that one was."""

from collections.abc import Iterator

import pytest

from tests.controller.mortal import MortalHouse
from tests.controller.routed import routed
from tests.waiting import eventually

COMMON = "min_ready: 0s, drain_timeout: 10s, traffic: {listen: 80, target: 8080}"
WAYS = {
    "rolling": "",
    "canary": "strategy: canary, steps: [{set_weight: 20}, {set_weight: 50}], scale_down_delay: 0s, ",
    "blue-green": "strategy: blue-green, scale_down_delay: 0s, ",
}
LEAST = 20  # calls with an effect that a change of two instances takes


@pytest.fixture
def house() -> Iterator[MortalHouse]:
    made = MortalHouse()
    yield made
    made.stop()


def changes(house: MortalHouse, way: str, image: str) -> None:
    """Git says another image, until that serves, and nothing else is there any more."""
    more = f"x-gitopsd: {{{WAYS[way]}{COMMON}}}"
    commit = house.push({"shop/compose.yaml": routed(image, more=more)})

    def arrived() -> bool:
        house.wait(0.5)
        status = house.status("shop")
        serves = status is not None and (status.revision, status.sync) == (commit, "Synced")
        return serves and len(house.ids()) == len(house.ids(image=image)) == 2

    eventually(arrived, within=45)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("way", "before"),
    [
        ("canary", False),
        *(pytest.param(way, True, marks=pytest.mark.long) for way in WAYS),
        *(pytest.param(way, False, marks=pytest.mark.long) for way in WAYS if way != "canary"),
    ],
)
@pytest.mark.timeout(300)
def test_a_daemon_may_die_at_every_call_of_a_change(house: MortalHouse, way: str, *, before: bool) -> None:
    """No slot is filled twice, somebody answers at every moment and no stranger does, and newer content never has more
    than the ledger says. One change for each call, in which the daemon dies at that.
    """
    house.start()
    changes(house, way, "web:1")
    at, died = 0, True
    while died:
        at, life = at + 1, house.life
        house.dies(at, before=before)
        changes(house, way, f"web:{1 + at % 2}")
        died = life.dead
    assert house.broken == []
    assert at > LEAST
