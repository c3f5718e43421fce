"""What the fake engine adds for other tests: death at any write, planned failures, people, and restarts."""

import pytest

from gitopsd.model.errors import Conflict, EngineUnavailable, ImageMissing, ImageUnavailable
from tests.contract.grounds import FakeHands, Ground
from tests.engine_json.builders import service
from tests.fakes.engine import FakeEngine, Killed, exits


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def ground(fake: FakeEngine) -> Ground:
    return Ground(fake, FakeHands(fake), "shop")


def test_a_daemon_killed_after_a_write_has_made_it_and_makes_no_other(fake: FakeEngine, ground: Ground) -> None:
    container = ground.create(service())
    fake.kill_after(1)

    with pytest.raises(Killed):
        fake.start(container)
    with pytest.raises(Killed):
        fake.observe("shop")

    fake.revive()
    assert ground.only().state == "running"


def test_a_daemon_killed_before_a_write_has_not_made_it(fake: FakeEngine, ground: Ground) -> None:
    container = ground.create(service())
    fake.kill_after(1, before=True)

    with pytest.raises(Killed):
        fake.start(container)

    fake.revive()
    assert ground.only().state == "created"


def test_writes_are_listed_in_words_and_looks_are_not(fake: FakeEngine, ground: Ground) -> None:
    container = ground.run(service())
    fake.observe("shop")
    fake.rename(container, "other")

    assert fake.writes == [
        "create network shop_default",
        "create shop-web-1",
        "start shop-web-1",
        "rename shop-web-1 to other",
    ]


def test_a_planned_failure_happens_as_often_as_planned(fake: FakeEngine, ground: Ground) -> None:
    container = ground.create(service())
    fake.fail("start", times=2)

    for _ in range(2):
        with pytest.raises(EngineUnavailable):
            fake.start(container)
    fake.start(container)

    assert ground.only().state == "running"


def test_a_planned_failure_after_the_write_leaves_its_effect(fake: FakeEngine, ground: Ground) -> None:
    container = ground.create(service())
    fake.fail("start shop-web-1", after=True)

    with pytest.raises(EngineUnavailable):
        fake.start(container)

    assert ground.only().state == "running"


def test_an_engine_that_is_away_answers_nothing(fake: FakeEngine) -> None:
    fake.away = True

    with pytest.raises(EngineUnavailable):
        fake.observe("shop")


@pytest.mark.parametrize(
    ("policy", "state"),
    [("no", "exited"), ("always", "running"), ("unless-stopped", "running"), ("on-failure", "running")],
)
def test_a_restart_of_the_engine_brings_back_what_its_policy_says(
    fake: FakeEngine, ground: Ground, policy: str, state: str
) -> None:
    ground.run(service(restart=policy))

    fake.restart_engine()

    assert ground.only().state == state


def test_a_stopped_container_comes_back_with_the_engine_only_if_it_is_always_to_run(
    fake: FakeEngine, ground: Ground
) -> None:
    fake.stop(ground.run(service("a", restart="always")))
    fake.stop(ground.run(service("b", restart="unless-stopped")))

    fake.restart_engine()

    assert fake.names(running=True) == ["shop-a-1"]


def test_a_crash_loop_goes_round_and_a_kill_by_hand_does_not(fake: FakeEngine, ground: Ground) -> None:
    fake.add_image("test/loop:1", exits(1, after=5))
    looping = ground.create(service("loop", restart="always"), kind="steady")
    fake.container(looping).image = fake.images["test/loop:1"]
    fake.start(looping)
    for _ in range(3):
        fake.clock.advance(5)
        fake.observe("shop")
    assert fake.container(looping).restarts == 3

    fake.kill(looping)

    assert ground.only().state == "exited"


def test_people_work_behind_our_back(fake: FakeEngine, ground: Ground) -> None:
    fake.run_by_hand("shop-web-1", ports={"80": "8080"})
    with pytest.raises(Conflict):
        ground.create(service())

    fake.rename_by_hand("shop-web-1", "theirs")
    ground.run(service())
    fake.remove_by_hand("theirs")

    assert fake.names() == ["shop-web-1"]


def test_the_registry_has_what_was_published(fake: FakeEngine) -> None:
    fake.publish("shop/web:2")
    fake.refuse_pull("shop/web:3")
    assert fake.image("shop/web:2") is None

    assert fake.pull("shop/web:2", lambda _: None) == fake.image("shop/web:2")
    with pytest.raises(ImageUnavailable):
        fake.pull("shop/web:3", lambda _: None)
    with pytest.raises(ImageMissing):
        fake.pull("shop/web:4", lambda _: None)


def test_a_tag_that_moves_on_is_another_image_and_the_old_one_stays(fake: FakeEngine) -> None:
    old = fake.add_image("shop/web:latest")
    new = fake.add_image("shop/web:latest")

    assert old.id != new.id
    assert fake.image("shop/web:latest") == new
    assert fake.image(old.id) == old
