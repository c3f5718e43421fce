"""`gitopsd drift` looks into containers: at delivered content always, at the rest when it is asked to."""

from pathlib import Path

import pytest

from gitopsd.drift.detect import LAYERS
from gitopsd.model.errors import EngineRefused
from gitopsd.model.live import LayerChange
from tests.cli.shop import MANIFEST, Shop, compose, web


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    mounted = web("web:1", "volumes: [./a.conf:/etc/a.conf:ro]")
    made.release({MANIFEST: compose(mounted), "environments/shop/a.conf": "a"}, "First")
    made.wait(11)
    made.work()
    made.mode = "observe"
    return made


def test_content_is_looked_at_whenever_a_person_asks(shop: Shop) -> None:
    shop.engine.container("shop-web-1").files = {"/etc/a.conf": b"by hand"}

    shown = shop.text("drift")

    assert "  ~ shop-web-1:/etc/a.conf  modified: /etc/a.conf was changed in the container by hand\n" in shown
    assert "can be mended in place" in shown


def test_files_in_a_containers_layer_are_shown_on_request(shop: Shop) -> None:
    shop.engine.container("shop-web-1").layer = (LayerChange("/tmp/note", "added"),)

    assert "no drift" in shop.text("drift")
    shown = shop.text("drift", "--fs")

    assert "  + shop-web-1:/tmp/note  extra: /tmp/note was added in the container's own layer\n" in shown
    assert "not gitopsd's to mend" in shown
    assert LAYERS not in shown


def test_content_that_may_not_be_read_is_named(shop: Shop) -> None:
    shop.engine.fail("read /etc/a.conf", EngineRefused("denied by the proxy", 403))

    (environment,) = shop.json("drift")["environments"]

    assert environment["items"] == []
    assert "what was delivered to shop-web-1" in environment["not_checked"]


def test_a_field_that_no_inspection_shows_is_explained(shop: Shop) -> None:
    assert shop.text("explain", "content").startswith("content of a container, read from its files\n")


def test_an_engine_that_does_not_tell_of_files_is_named(shop: Shop) -> None:
    shop.engine.fail("changes", EngineRefused("denied by the proxy", 403))

    (environment,) = shop.json("drift", "--fs")["environments"]

    assert environment["items"] == []
    assert "files inside shop-web-1: denied by the proxy" in environment["not_checked"]
