"""What people ask is in the ledger with what was before and after it; and what one pass finds is seen all at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitopsd.model.canonical import Json
from gitopsd.model.operation import Operation, Verb
from tests.cli.shop import Shop, compose, web
from tests.fakes.composed import compose_up
from tests.fakes.store import FakeStore

SERVES = {"project": "shop", "serving": 1, "containers": 1}
NOTHING = {"project": None, "serving": None, "containers": 0}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


def asked(shop: Shop, verb: Verb, **arguments: Json) -> Mapping[str, Any]:
    """What the ledger has beside the words, once it was asked and is done."""
    shop.store.submit(Operation(verb, "shop", "ada", shop.clock.now(), arguments))
    shop.work()
    (told,) = (each for each in shop.store.events(limit=1000) if each.reason == f"Operation{verb.capitalize()}")
    return told.data


def test_a_sync_is_told_with_the_release_that_came_of_it(shop: Shop) -> None:
    shop.mode = "manual"
    shop.release(compose(web("web:1")))
    told = asked(shop, "sync")
    assert (told["before"]["release"], told["after"]["release"]) == (None, 1)


def test_a_sync_that_finds_nothing_to_do_has_turned_nothing(shop: Shop) -> None:
    shop.release(compose(web("web:1")))
    assert not asked(shop, "sync").keys() & {"before", "after"}


def test_a_pin_is_told_with_what_was_pinned_before(shop: Shop) -> None:
    shop.release(compose(web("web:1")))
    shop.release(compose(web("web:2")))
    told = asked(shop, "pin", release=1)
    assert (told["before"], told["after"]) == ({"pinned": None}, {"pinned": 1})


@pytest.mark.parametrize("verb", ["eject", "remove"])
def test_what_is_given_up_or_taken_down_is_told_with_what_it_was(shop: Shop, verb: Verb) -> None:
    shop.release(compose(web("web:1")))
    told = asked(shop, verb)
    assert {key: told["before"][key] for key in SERVES} == SERVES
    assert {key: told["after"][key] for key in SERVES} == NOTHING
    assert (told["before"]["suspended"], told["after"]["suspended"] is not None) == (None, True)


def test_a_project_that_is_taken_over_is_told_with_what_it_came_to(shop: Shop) -> None:
    compose_up(shop.engine, compose(web("web:1")))
    shop.commit(compose(web("web:1")))
    told = asked(shop, "adopt")
    assert (told["before"], told["after"]) == (NOTHING, SERVES)


class Watched(FakeStore):
    """Notes what a reader would see after each write: the last release's outcome, and which one is said to serve."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: set[tuple[int, str | None, int | None]] = set()

    def save(self, *kept: Any, **more: Any) -> None:
        super().save(*kept, **more)
        for release in self.releases("shop", 1):
            for status in self.statuses():
                self.moments.add((release.number, release.outcome, status.serving_release))


def test_no_reader_sees_a_release_at_its_end_beside_a_status_of_before_it(shop: Shop) -> None:
    shop.store = Watched()
    shop.release(compose(web("web:1")))
    shop.release(compose(web("web:2")))
    assert shop.store.moments == {(1, None, None), (1, "succeeded", 1), (2, None, 1), (2, "succeeded", 2)}
