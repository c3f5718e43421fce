"""So many environments of an engine roll out at once; the others wait for their turn, also after a new start."""

from dataclasses import replace

from gitopsd.controller.crowd import Crowd
from gitopsd.model.guards import OperatorPolicy
from tests.controller.house import SETTINGS, NearHouse

SLOW = "services:\n  web:\n    image: web:1\n    x-gitopsd: {min_ready: 30s}\n"


def test_the_second_environment_waits_until_the_first_has_been_brought_about() -> None:
    made = NearHouse(replace(SETTINGS, policy=OperatorPolicy(rollouts=1)))
    commit = made.push({"one/compose.yaml": SLOW, "two/compose.yaml": SLOW})
    made.start()
    try:
        made.eventually(lambda: any("concurrency" in made.guards(name) for name in ("one", "two")))
        made.synced(commit, "one", "two")
        began, ended = (
            [each for name in ("one", "two") for each in made.store.releases(name) if getattr(each, what)]
            for what in ("started_at", "finished_at")
        )
        first, second = sorted(began, key=lambda each: each.started_at)
        assert len(ended) == 2
        assert first.finished_at is not None
        assert first.finished_at <= second.started_at
    finally:
        made.stop()


def test_those_that_were_under_way_before_a_new_start_count() -> None:
    woken: list[str] = []
    crowd = Crowd()
    assert crowd.enter("two", 1, lambda: {"one"}, lambda: woken.append("two")) == ("one",)
    crowd.note("one", under_way=False)
    assert woken == ["two"]
    assert crowd.enter("two", 1, lambda: {"one"}, lambda: None) == ()


def test_without_a_limit_any_number_goes_at_once() -> None:
    crowd = Crowd()
    assert [crowd.enter(name, 0, set, lambda: None) for name in ("one", "two", "three")] == [(), (), ()]
