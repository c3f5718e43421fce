"""Days of a life in which everything happens: in the end nothing drifts, nothing is left over, nothing was in vain."""

from collections.abc import Callable
from random import Random

import pytest

from tests.properties.life import DAY, Life


def live(days: int, deeds_a_day: int, seed: int) -> Life:
    """Live so many days. After each deed all is as it was, but for what had to be made anew."""
    life = Life(Random(seed))
    life.begin()
    life.settle()
    for deed in plan_of(life, days, deeds_a_day):
        life.house.clock.advance(DAY / deeds_a_day)
        before, ids = life.sight(), life.ids()
        anew = deed()
        life.settle()
        if deed != life.push:
            assert life.sight() == before, life.happened[-5:]
        if not anew:
            assert life.ids() == ids, life.happened[-5:]
    return life


def plan_of(life: Life, days: int, deeds_a_day: int) -> list[Callable[[], bool]]:
    """Hands and pushes over and over, each of the rest a few times, in any order."""
    often = [life.hand] * 8 + [life.push, life.stranger]
    seldom = [life.upgrade] * 3 + [life.lose_store] * 2 + [life.restart_engine] * max(2, days // 5)
    seldom += [life.restart_daemon] * max(2, days // 5)
    deeds = [life.random.choice(often) for _ in range(max(0, days * deeds_a_day - len(seldom)))] + seldom
    life.random.shuffle(deeds)
    return deeds


def nothing_was_in_vain(life: Life) -> None:
    """Every container that was ever made or removed by gitopsd has its cause in the ledger, and nothing is over."""
    done = [event for event in life.ledger() if event.reason == "ActionDone"]
    made = [event for event in done if event.data["action"] in ("Create", "Remove")]
    containers = [write for write in life.house.engine().writes if write.startswith(("create shop-", "remove shop-"))]
    assert len(made) == len(containers), life.happened
    assert all(event.data["cause"] for event in made)
    assert life.house.store.drift("shop").items == ()
    assert life.complete()


def test_two_days_of_a_life_end_without_drift_orphans_or_needless_replacements() -> None:
    nothing_was_in_vain(live(days=2, deeds_a_day=20, seed=1))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 5))
def test_thirty_days_of_a_life_end_without_drift_orphans_or_needless_replacements(seed: int) -> None:
    nothing_was_in_vain(live(days=30, deeds_a_day=20, seed=seed))
