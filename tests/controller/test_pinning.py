"""Pins: back to a kept release at once, and nothing brings back what it was pinned away from but a person or Git."""

from pathlib import Path
from typing import Any

import pytest

from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.operation import Operation, Verb
from tests.cli.shop import Shop, compose, web
from tests.fakes.containers import Behaviour, never_healthy, unhealthy


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Two releases; the second one serves."""
    made = Shop(tmp_path / "state")
    made.release(compose(web("web:1")), "First")
    made.release(compose(web("web:2")), "Second")
    return made


def ask(shop: Shop, verb: Verb, **arguments: Any) -> str:
    number = shop.store.submit(Operation(verb, "shop", "ada", shop.clock.now(), arguments))
    shop.work()
    operation = shop.store.operation(number)
    assert operation is not None
    return operation.result


def pin(shop: Shop, release: int = 1, seconds: float = 3600) -> str:
    return ask(shop, "pin", release=release, for_s=seconds, reason="checkout is slow")


def runs(shop: Shop) -> list[str]:
    return sorted(each.named for each in shop.engine.containers.values() if each.up)


def guards(shop: Shop) -> list[str]:
    return [hold.guard for status in shop.store.statuses() for hold in status.holds]


def pin_events(shop: Shop) -> list[str]:
    return [each.message for each in shop.store.events(limit=1000) if each.reason == "PinGivenUp"]


def test_a_pin_brings_a_kept_release_back_and_tells_who_and_until_when_and_what_is_owed(shop: Shop) -> None:
    assert pin(shop) == "pinned to release 1 until 2026-03-01 13:00:00 UTC"
    assert runs(shop) == ["web:1"]
    (status,) = shop.store.statuses()
    (hold,) = status.holds
    assert (hold.guard, hold.release, hold.by, hold.until is not None) == ("pin", 1, "ada", True)
    assert "checkout is slow" in hold.reason
    assert "a revert is owed" in hold.reason
    assert status.sync == "OutOfSync"
    assert "pinned to release 1 by ada: checkout is slow" in shop.store.releases("shop")[0].cause


def test_newer_content_waits_while_the_pin_is_in_force_and_comes_when_it_ends(shop: Shop) -> None:
    pin(shop)
    shop.release(compose(web("web:3")), "Third")
    assert runs(shop) == ["web:1"]
    ask(shop, "unpin")
    shop.work()
    assert runs(shop) == ["web:3"]
    assert guards(shop) == []


@pytest.mark.parametrize("how", ["unpin", "time"])
def test_what_it_was_pinned_away_from_stays_out_when_the_pin_ends(shop: Shop, how: str) -> None:
    pin(shop)
    if how == "unpin":
        assert "stays out" in ask(shop, "unpin")
    else:
        shop.wait(3601)
    for _ in range(2):
        shop.work()
    assert runs(shop) == ["web:1"]
    assert guards(shop) == ["pin"]


@pytest.mark.parametrize("verb", ["sync", "retry"])
def test_a_person_brings_it_all_the_same(shop: Shop, verb: Verb) -> None:
    pin(shop)
    ask(shop, "unpin")
    ask(shop, verb)
    shop.work()
    assert runs(shop) == ["web:2"]


def test_a_sync_while_the_pin_is_in_force_says_what_holds_it(shop: Shop) -> None:
    pin(shop)
    assert ask(shop, "sync").startswith("held: pinned to release 1 by ada")
    assert runs(shop) == ["web:1"]


def test_the_revert_that_was_owed_replaces_nothing_and_ends_the_owing(shop: Shop) -> None:
    pin(shop)
    ask(shop, "unpin")
    before = set(shop.engine.containers)
    commit = shop.release(compose(web("web:1")), "Revert")
    assert set(shop.engine.containers) == before
    (status,) = shop.store.statuses()
    assert (status.sync, status.revision, status.holds) == ("Synced", commit, ())


@pytest.mark.parametrize("held", ["manual", "suspended"])
def test_a_pin_passes_what_holds_releases(shop: Shop, held: str) -> None:
    if held == "manual":
        shop.mode = "manual"
    else:
        ask(shop, "suspend")
    pin(shop)
    assert runs(shop) == ["web:1"]


def test_a_pin_takes_over_from_a_release_under_way(shop: Shop) -> None:
    shop.image("web:3", never_healthy())
    shop.commit(compose(web("web:3")), "Third")
    shop.work(until=lambda: sum(len(each.seen) for each in shop.store.journal("shop").rollouts.values()) == 2)
    pin(shop)
    assert runs(shop) == ["web:1"]
    assert [each.outcome for each in shop.store.releases("shop")][:2] == ["succeeded", "superseded"]


def test_a_pin_mends_what_a_failed_release_left_as_it_was(shop: Shop) -> None:
    shop.image("web:3", unhealthy())
    shop.release(compose(web("web:3")) + "x-gitopsd: {on_failure: pause}\n", "Third")
    assert runs(shop) == ["web:2", "web:3"]
    pin(shop, 2)
    shop.work()
    assert runs(shop) == ["web:2"]


def test_a_pin_whose_own_release_fails_is_given_up(shop: Shop) -> None:
    shop.engine.images["web:1"].behaviour = Behaviour(start_error="no such device")
    pin(shop)
    shop.work()
    assert (runs(shop), guards(shop)) == (["web:2"], [])
    assert pin_events(shop) == ["pinned to release 1 by ada: checkout is slow: given up: web: no such device"]


def test_a_pin_whose_own_release_is_aborted_is_given_up(shop: Shop) -> None:
    said = {"release": 1, "for_s": 60.0, "reason": "slow"}
    shop.store.submit(Operation("pin", "shop", "ada", shop.clock.now(), said))
    shop.work(until=lambda: shop.store.journal("shop").release is not None)
    ask(shop, "abort")
    shop.work()
    assert (runs(shop), guards(shop)) == (["web:2"], [])
    assert pin_events(shop) == ["pinned to release 1 by ada: slow: given up: aborted by ada"]


def test_a_pin_needs_neither_the_remote_nor_a_registry(shop: Shop) -> None:
    shop.source.failure = SourceUnavailable("no route to host")
    pulls = list(shop.engine.writes)
    pin(shop)
    assert runs(shop) == ["web:1"]
    assert not [each for each in shop.engine.writes[len(pulls) :] if "pull" in each]


@pytest.mark.parametrize(
    ("release", "said"),
    [(9, "there is no release 9"), (3, "release 3 rolled-back; those of shop that succeeded are 2, 1")],
)
def test_what_cannot_be_pinned_to_is_refused_with_the_reason(shop: Shop, release: int, said: str) -> None:
    shop.image("web:3", unhealthy())
    shop.release(compose(web("web:3")), "Third")
    before = runs(shop)
    assert pin(shop, release).startswith(f"not pinned: {said}")
    assert runs(shop) == before
    assert shop.store.journal("shop").pin is None


def test_a_release_whose_image_is_gone_is_refused(shop: Shop) -> None:
    shop.engine.remove_image_by_hand(next(each.id for each in shop.engine.held_images() if "web:1" in each.tags))
    assert "not pinned: image web:1" in pin(shop)
    result = shop.ask("pin", "shop", "1", "--reason", "slow")
    assert (result.exit_code, "image web:1" in result.stderr) == (1, True)


def test_nothing_is_pinned_in_observe_mode(shop: Shop) -> None:
    shop.mode = "observe"
    assert pin(shop).startswith("not pinned: mode is observe")


def test_what_is_asked_after_a_pin_comes_after_it(shop: Shop) -> None:
    shop.store.submit(
        Operation("pin", "shop", "ada", shop.clock.now(), {"release": 1, "for_s": 60.0, "reason": "slow"})
    )
    assert "stays out" in ask(shop, "unpin")
    assert runs(shop) == ["web:1"]
