"""What a person took away beside the containers: it is seen, and brought back."""

from pathlib import Path

import pytest

from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.operation import Operation
from tests.cli.shop import Shop, compose, web


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    made.release(compose(web()), "first")
    return made


def status(shop: Shop) -> str:
    (found,) = shop.store.statuses()
    return found.sync


def test_a_network_that_was_removed_by_hand_is_made_again(shop: Shop) -> None:
    del shop.engine.networks["shop_default"]
    shop.work()

    assert "shop_default" in shop.engine.networks
    assert status(shop) == "Synced"


def test_a_missing_network_is_not_in_sync_where_nothing_may_be_mended(shop: Shop) -> None:
    del shop.engine.networks["shop_default"]
    shop.mode = "observe"
    shop.work()

    assert "shop_default" not in shop.engine.networks
    assert status(shop) == "OutOfSync"


def test_a_sync_says_that_git_does_not_answer(shop: Shop) -> None:
    shop.source.failure = SourceUnavailable("the remote did not answer within 60 s")
    number = shop.store.submit(Operation("sync", "shop", "ada", shop.clock.now()))
    shop.work()

    operation = shop.store.operation(number)
    assert operation is not None
    assert operation.result.endswith(
        "but Git does not answer: the remote did not answer within 60 s; what is known is 0 s old"
    )
