"""Telling the outside: what a whole daemon with fakes tells, once, and what it does when that is not taken."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.controller.notifying import MOST_WAITING, TRIED_FOR
from gitopsd.model.errors import NotTaken, Refused
from gitopsd.model.notice import CommitStatus, Notice
from gitopsd.model.status import EnvironmentStatus
from tests.controller.house import SETTINGS, House, compose
from tests.fakes.containers import exits
from tests.fakes.notifier import FakeNotifier


def notices(message: object) -> bool:
    return isinstance(message, Notice)


def statuses(message: object) -> bool:
    return isinstance(message, CommitStatus)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    made.notifiers = {"chat": FakeNotifier(notices), "forge": FakeNotifier(statuses)}
    yield made
    made.stop()


def at_work(house: House) -> str:
    """A first release serves, and everybody knows."""
    house.start()
    commit = house.push({"shop/compose.yaml": compose()})
    house.synced(commit, "shop")
    house.eventually(lambda: house.notifiers["chat"].kinds() == ["started", "succeeded"])
    return commit


def breaks(house: House) -> str:
    """A push that comes back."""
    house.engine().add_image("web:2", exits(1))
    commit = house.push({"shop/compose.yaml": compose("web:2")})
    house.eventually(lambda: house.told("ReleaseEnded")[1:])
    return commit


def kinds(house: House) -> list[str]:
    return house.notifiers["chat"].kinds()


def states(house: House) -> list[tuple[str, str]]:
    heard = house.notifiers["forge"].heard.values()
    return [(each.revision, each.state) for each in heard if isinstance(each, CommitStatus)]


def test_a_release_that_comes_back_is_told_once_and_its_mend_as_a_recovery(house: House) -> None:
    at_work(house)

    breaks(house)
    house.eventually(lambda: kinds(house) == ["started", "succeeded", "started", "rolled-back"])
    house.synced(house.push({"shop/compose.yaml": compose("web:1", "    environment: {A: b}\n")}), "shop")

    house.eventually(lambda: kinds(house)[4:] == ["started", "recovered"])
    last = list(house.notifiers["chat"].heard.values())[-1]
    assert isinstance(last, Notice)
    assert (last.title, last.trouble) == ("shop recovered: release 3 succeeded", "rolled-back")


def test_a_restart_tells_nothing_twice_and_goes_on_with_what_was_not_taken(house: House) -> None:
    at_work(house)
    house.notifiers["chat"].error = NotTaken("chat.example.com does not answer within 10 s")
    breaks(house)
    house.eventually(lambda: house.notifiers["chat"].asked > 3)

    house.daemon.stop()
    house.notifiers["chat"].error = None
    house.edit_before_start(SETTINGS)
    house.start()

    house.eventually(lambda: kinds(house)[3:])
    house.timer.tick(3600)
    house.eventually(lambda: kinds(house) == ["started", "succeeded", "started", "rolled-back"])


def test_a_receiver_that_does_not_answer_delays_neither_releases_nor_the_others(house: House) -> None:
    house.notifiers["pager"] = FakeNotifier(notices)
    house.notifiers["pager"].error = NotTaken("pager.example.com answers with status 500")

    at_work(house)

    assert house.told("NotificationDelayed") == [
        "pager: pager.example.com answers with status 500; tried again until it is taken"
    ]


def test_it_is_asked_later_and_later_and_given_up_after_a_day(house: House) -> None:
    pager = house.notifiers["pager"] = FakeNotifier(lambda message: notices(message) and message.kind == "started")
    pager.error = NotTaken("pager.example.com answers with status 500")
    at_work(house)

    for _ in range(int(TRIED_FOR / timedelta(minutes=10)) + 10):
        house.timer.tick(600)

    assert 140 < pager.asked < 170
    assert house.told("NotificationLost") == [
        "pager: shop: release 1 begins is not told: pager.example.com answers with status 500; "
        "it was tried for 24 hours"
    ]


def test_the_patience_that_a_receiver_asks_for_is_granted(house: House) -> None:
    pager = house.notifiers["pager"] = FakeNotifier(lambda message: notices(message) and message.kind == "started")
    pager.error = NotTaken("pager.example.com answers with status 429", timedelta(minutes=30))
    at_work(house)
    pager.error = None

    house.timer.tick(60)
    patient = dict(pager.heard)
    house.timer.tick(1800)

    assert (patient, pager.kinds()) == ({}, ["started"])


def test_what_is_refused_is_given_up_at_once_and_what_follows_is_sent(house: House) -> None:
    pager = house.notifiers["pager"] = FakeNotifier(notices)
    pager.error = Refused("pager.example.com answers with status 410")
    at_work(house)

    pager.error = None
    breaks(house)

    house.eventually(lambda: pager.kinds() == ["started", "rolled-back"])
    assert len(house.told("NotificationLost")) == 2


def test_more_than_a_receiver_can_be_told_of_is_dropped_oldest_first(house: House) -> None:
    pager = house.notifiers["pager"] = FakeNotifier(notices)
    pager.error = NotTaken("pager.example.com answers with status 500")
    at_work(house)
    oldest = house.store.deliveries("pager", 1)[0]
    event = replace(house.store.events(limit=10_000)[-1], reason="ReleaseStarted", environment="shop", release=1)

    house.store.append([event] * (MOST_WAITING + 5))
    house.eventually(lambda: house.told("NotificationsDropped"))

    waiting = house.store.deliveries("pager", 10_000)
    assert len(waiting) == MOST_WAITING
    assert oldest.number not in {each.number for each in waiting}


def test_whoever_is_named_in_an_edit_is_told_what_happens_from_then_on(house: House) -> None:
    house.notifiers = {}
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.notifiers = {"chat": FakeNotifier(notices)}
    house.edit(replace(SETTINGS, mode="manual"))
    house.edit(SETTINGS)
    house.eventually(lambda: house.store.told() is not None)

    breaks(house)

    house.eventually(lambda: kinds(house) == ["started", "rolled-back"])


def test_a_run_to_its_end_tells_before_it_ends(house: House) -> None:
    house.push({"shop/compose.yaml": compose()})

    assert house.once() == 0

    assert kinds(house) == ["started", "succeeded"]
    assert [state for _, state in states(house)][-1] == "success"


def test_a_commit_is_pending_then_good_and_one_that_comes_back_is_a_failure_with_its_reason(house: House) -> None:
    first = at_work(house)
    second = breaks(house)

    house.eventually(lambda: (second, "failure") in states(house))

    assert [state for revision, state in states(house) if revision == first][-1] == "success"
    assert {state for revision, state in states(house) if revision == second} <= {"pending", "failure"}
    last = list(house.notifiers["forge"].heard.values())[-1]
    assert isinstance(last, CommitStatus)
    assert (last.context, last.page) == ("gitopsd/shop", "/releases/2")
    assert "was rejected" in last.description


def test_a_commit_that_cannot_be_loaded_is_a_failure_and_the_one_that_mends_it_is_good(house: House) -> None:
    at_work(house)
    bad = house.push({"shop/compose.yaml": "services: {web: {imagge: web:1}}\n"})
    house.eventually(lambda: (bad, "failure") in states(house))

    good = house.push({"shop/compose.yaml": compose()})

    house.eventually(lambda: (good, "success") in states(house))


def test_a_commit_that_changes_nothing_here_is_not_told_of(house: House) -> None:
    at_work(house)
    other = house.push({"blog/compose.yaml": compose()})
    house.synced(other, "shop", "blog")
    house.timer.tick(60)

    heard = [each for each in house.notifiers["forge"].heard.values() if isinstance(each, CommitStatus)]
    house.eventually(lambda: (other, "success") in states(house))
    assert {each.context for each in heard if each.revision == other} <= {"gitopsd/blog"}


def test_a_status_is_no_news_as_long_as_it_stays(house: House) -> None:
    at_work(house)
    told = len(house.notifiers["forge"].heard)

    for _ in range(20):
        house.timer.tick(60)

    assert len(house.notifiers["forge"].heard) == told
    status = house.status("shop")
    assert isinstance(status, EnvironmentStatus)
