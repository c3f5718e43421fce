"""The daemon as a whole, over fakes: what wakes it, what it forgets, and what it goes on with."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.operation import Operation
from gitopsd.model.settings import EnvironmentSettings, Repository, TargetEngine
from tests.controller.house import HERE, SETTINGS, House, compose, with_environments
from tests.fakes.clock import NOON
from tests.fakes.containers import never_healthy

THERE = "unix:///there"


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    for engine in made.engines.values():
        engine.away = False
    made.stop()


def test_a_push_brings_the_containers_up(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    assert house.engine().names(running=True) == ["shop-web-1"]


def test_a_repository_that_wants_to_be_left_alone_is_not_asked_before_its_time_but_for_a_person(house: House) -> None:
    house.start()
    commit = house.push({"shop/compose.yaml": compose()})
    house.synced(commit, "shop")
    house.source().failure = SourceUnavailable("error: 429", timedelta(seconds=600))
    house.eventually(lambda: house.told("FetchFailed"))
    asked = house.source().polls

    for _ in range(15):
        house.timer.tick(30)
    assert house.source().polls == asked
    house.daemon.poll("default")
    house.timer.tick(1)
    assert house.source().polls == asked + 1
    house.source().failure = None
    house.timer.tick(600)
    house.eventually(lambda: house.told("FetchRecovered"))


def test_environments_of_one_repository_share_its_polls(house: House) -> None:
    house.start()
    names = [f"shop{number}" for number in range(20)]
    house.synced(house.push({f"{name}/compose.yaml": compose() for name in names}), *names)
    asked = house.source().polls
    for _ in range(10):
        house.timer.tick(30)
    assert house.source().polls - asked <= 10


def test_a_bad_edit_of_the_settings_keeps_the_old_ones_and_names_the_line(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.edit("there is no such key; it is `mode`")
    assert house.told("SettingsInvalid") == [
        "the old settings stay: gitopsd.yaml:3:1: moode: there is no such key; it is `mode`"
    ]
    house.synced(house.push({"shop/compose.yaml": compose("web:2")}), "shop")


def test_a_good_edit_is_taken_up(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.edit(replace(SETTINGS, mode="manual"))
    second = house.push({"shop/compose.yaml": compose("web:2")})
    house.eventually(lambda: house.guards("shop") == {"manual"})
    assert house.engine().container("shop-web-1").image.image.reference == "web:1"
    house.edit(SETTINGS)
    house.synced(second, "shop")


def test_an_edit_that_changes_nothing_is_no_event(house: House) -> None:
    house.start()
    house.edit(SETTINGS)
    assert house.told("SettingsReloaded") == []


def test_a_second_repository_is_polled_from_the_reload_on(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    infra = Repository("infra", "https://git.example.com/infra.git")
    house.edit(replace(SETTINGS, repositories={**SETTINGS.repositories, "infra": infra}))
    house.synced(house.push({"proxy/compose.yaml": compose()}, "infra"), "proxy")


def test_an_environment_that_two_repositories_have_is_told_and_the_others_go_on(house: House) -> None:
    infra = Repository("infra", "https://git.example.com/infra.git")
    house.edit_before_start(replace(SETTINGS, repositories={**SETTINGS.repositories, "infra": infra}))
    house.push({"shop/compose.yaml": compose(), "blog/compose.yaml": compose()})
    house.push({"shop/compose.yaml": compose("web:2")}, "infra")
    house.start()
    house.eventually(lambda: house.told("DiscoveryProblem"))
    assert "environment shop is found twice" in house.told("DiscoveryProblem")[0]


def test_an_engine_that_does_not_answer_leaves_the_others_to_their_work(house: House) -> None:
    house.edit_before_start(with_environments(SETTINGS, EnvironmentSettings("blog", target=TargetEngine(THERE))))
    house.engine(THERE).away = True
    house.start()
    first = house.push({"shop/compose.yaml": compose(), "blog/compose.yaml": compose()})
    house.synced(first, "shop")
    house.eventually(lambda: getattr(house.status("blog"), "sync", "") == "Unknown")
    assert len(house.told("PassFailed")) == 1
    house.engine(THERE).away = False
    house.synced(first, "blog")


def test_a_remote_that_does_not_answer_is_asked_less_and_less_often(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.source().failure = SourceUnavailable("no answer")
    before = house.source().polls
    for _ in range(64):
        house.timer.tick(30)
    assert 15 <= house.source().polls - before <= 20
    house.source().failure = None
    second = house.push({"shop/compose.yaml": compose("web:2")})
    for _ in range(8):
        house.timer.tick(30)
    house.synced(second, "shop")


def test_an_environment_that_left_git_before_it_was_released_leaves_nothing_behind(house: House) -> None:
    house.start()
    house.push({"shop/compose.yaml": "services: ["})
    house.eventually(lambda: house.status("shop"))
    house.push({"shop/compose.yaml": None})
    house.eventually(lambda: house.status("shop") is None)
    assert house.engine().writes == []


def test_a_newcomer_that_gave_way_lets_the_other_one_begin(house: House) -> None:
    ports = '    ports: ["80:80"]\n'
    house.push({"shop/compose.yaml": compose(more=ports), "blog/compose.yaml": compose(more=ports)})
    house.start()
    house.eventually(lambda: house.status("shop") and house.status("blog"))
    house.synced(house.push({"blog/compose.yaml": None}), "shop")


def test_a_request_for_an_environment_that_is_not_there_is_answered(house: House) -> None:
    house.start()
    number = house.store.submit(Operation("sync", "nowhere", "ada", NOON))
    house.watcher.changed("operations")
    operation = house.store.operation(number)
    assert operation is not None
    assert operation.result == "there is no such environment any more"


def test_an_event_wakes_every_environment_that_names_its_project(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.push({"blog/compose.yaml": "name: shop\n" + compose("web:2")})
    house.eventually(lambda: "claim" in house.guards("blog"))
    house.engine().remove_by_hand("shop-web-1")
    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])


def test_a_full_disk_stops_nothing_for_good(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.store.broken = "the disk is full"
    house.engine().remove_by_hand("shop-web-1")
    for _ in range(10):
        house.timer.tick(10)
    house.store.broken = ""
    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])


def test_a_commit_that_came_while_the_disk_was_full_is_taken_up_later(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.store.broken = "the disk is full"
    second = house.push({"shop/compose.yaml": compose("web:2"), "blog/compose.yaml": compose()})
    house.timer.tick(60)
    assert [str(error) for error in house.timer.errors] == ["the disk is full"]
    house.store.broken = ""
    house.synced(second, "shop", "blog")


def test_since_does_not_move_while_only_an_age_does(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.source().failure = SourceUnavailable("no answer")
    house.eventually(lambda: getattr(house.status("shop"), "sync", "") == "Unknown")
    before = house.status("shop")
    assert before is not None
    house.eventually(lambda: getattr(house.status("shop"), "reason", "") != before.reason)
    after = house.status("shop")
    assert after is not None
    assert after.since == before.since


@pytest.mark.parametrize(
    ("text", "code"),
    [(compose(), 0), ("services: [", 1), (compose("web:${TAG}"), 2), (compose("127.0.0.1:9/none:1"), 3)],
)
def test_a_single_run_says_with_its_code_how_it_went(house: House, text: str, code: int) -> None:
    house.push({"shop/compose.yaml": text})
    assert house.once() == code
    assert HERE in house.engines


def test_an_engine_that_was_restarted_is_looked_at_and_what_stayed_down_runs_again(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.engine().restart_engine()
    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])


def test_an_engine_that_was_restarted_in_the_middle_of_a_release_is_no_word_against_it(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    second = house.push({"shop/compose.yaml": compose("web:2").replace("0s", "20s")})
    house.eventually(lambda: len(house.engine().names(running=True)) == 2)
    house.engine().restart_engine()
    house.synced(second, "shop")
    assert house.engine().names(running=True) == ["shop-web-1"]


def test_a_clock_that_jumps_a_day_in_the_middle_of_a_release_neither_fails_nor_stalls_it(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    for image, day in (("web:2", 86_400), ("web:1", -86_400)):
        commit = house.push({"shop/compose.yaml": compose(image).replace("0s", "20s")})
        house.eventually(lambda: len(house.engine().names(running=True)) == 2)
        house.clock.jump(day)
        begun = house.clock.monotonic()
        house.synced(commit, "shop")
        assert house.clock.monotonic() - begun < 60


def test_an_environment_whose_compose_file_went_keeps_running(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose(), "shop/notes": "x"}), "shop")
    before = house.engine().container("shop-web-1").id
    house.push({"shop/compose.yaml": None})
    house.eventually(lambda: house.guards("shop") & {"orphaned", "manifest"})
    assert house.engine().names(running=True) == ["shop-web-1"]
    assert house.engine().container("shop-web-1").id == before


def test_a_single_run_leaves_what_is_paused_to_the_person_who_paused_it(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.engine().add_image("web:2", never_healthy())
    house.push({"shop/compose.yaml": compose("web:2")})
    house.eventually(lambda: house.store.journal("shop").rollouts)
    number = house.store.submit(Operation("pause", "shop", "ada", house.clock.now(), {}))
    house.watcher.changed("operations")
    house.eventually(lambda: (house.store.operation(number) or Operation("pause", "", "", NOON)).result)
    house.stop()
    house.edit_before_start(SETTINGS)
    assert house.once() == 2
