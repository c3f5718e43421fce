"""What a person asks is queued, waited for and followed; without a daemon it is said that nobody answers yet."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitopsd.controller.queries.operate import Following, ask, remove
from gitopsd.model.errors import GitopsdError, StoreError
from gitopsd.model.event import Event
from tests.cli.shop import Shop, compose, web


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    made.release(compose(web()))
    return made


@contextmanager
def daemon(shop: Shop, *results: str) -> Iterator[None]:
    """Someone holds the lock and answers operation after operation."""

    def answer() -> None:
        for result in results:
            while not shop.store.pending():
                if over.wait(0.005):
                    return
            number = shop.store.pending()[0].number
            shop.store.append([Event(shop.clock.now(), "Working", "on it", environment="shop")])
            shop.store.complete(number, result, shop.clock.now())

    over = threading.Event()
    thread = threading.Thread(target=answer)
    with shop.store.lock():
        thread.start()
        yield
    over.set()
    thread.join()


def test_an_operation_is_answered_by_the_daemon_and_what_happens_meanwhile_is_told_once(shop: Shop) -> None:
    told: list[str] = []
    view = shop.view()
    with daemon(shop, "suspended"):
        asked = ask(view, "suspend", "shop", "ada", {"reason": "lunch"})
        answer = Following(view, asked, 10, lambda event: told.append(event.message)).answer()
    assert answer is not None
    assert (answer.result, answer.by, answer.arguments) == ("suspended", "ada", {"reason": "lunch"})
    assert told == ["on it"]


def test_without_a_daemon_the_operation_stays_queued(shop: Shop) -> None:
    view = shop.view()
    asked = ask(view, "sync", "shop", "ada", {})
    assert Following(view, asked, 10, lambda _: None).answer() is None
    assert [each.verb for each in shop.store.pending()] == ["sync"]


def test_a_daemon_that_says_nothing_is_waited_for_until_the_deadline(shop: Shop) -> None:
    view = shop.view()
    with daemon(shop):
        asked = ask(view, "sync", "shop", "ada", {})
        waited = Following(view, asked, 10, lambda _: None, pause=shop.clock.advance)
        assert waited.answer() is None
    assert (shop.clock.now() - view.now).total_seconds() == pytest.approx(10, abs=0.5)


def test_nothing_is_asked_of_an_environment_that_nobody_knows(shop: Shop) -> None:
    with pytest.raises(GitopsdError, match="no environment blog"):
        ask(shop.view(), "suspend", "blog", "ada", {})
    assert shop.store.pending() == ()


def test_an_environment_is_removed_without_a_daemon_and_its_volumes_stay(shop: Shop) -> None:
    data = web("web:2", "volumes: [data:/data]")
    shop.release(compose(data) + "volumes: {data: {}}\n")
    result = remove(shop.view(), "shop", "ada")
    assert result.startswith("1 containers removed, volumes stay; it is still in Git and stays suspended")
    assert shop.engine.names() == []
    assert "shop_data" in shop.engine.volumes
    assert shop.store.journal("shop").suspension is not None
    assert shop.store.events(newest=True)[-1].message == f"ada asked to remove: {result}"


def test_a_running_daemon_keeps_others_from_removing_beside_it(shop: Shop) -> None:
    with shop.store.lock(), pytest.raises(StoreError, match="another gitopsd"):
        remove(shop.view(), "shop", "ada")
    assert shop.engine.names(running=True) == ["shop-web-1"]
