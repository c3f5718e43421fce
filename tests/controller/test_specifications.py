"""A fingerprint does not tell limits apart: the digest of what can change in place does, also on the way back."""

from pathlib import Path

import pytest

from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import discovered
from gitopsd.controller.execute import Specification
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.model.errors import GitopsdError
from tests.cli.shop import Shop, compose, web


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


def limited(memory: str) -> str:
    return compose(web("web:1", f"mem_limit: {memory}"))


def specification(shop: Shop, *named: str) -> Specification:
    """Looked up by a daemon that has nothing in memory."""
    repositories = Repositories(shop.settings.repositories, lambda _: shop.source, shop.store, shop.clock)
    environment = discovered(shop.settings, repositories.heads())[0]["shop"]
    service, fingerprint, in_place = named
    desires = Desires(repositories, shop.store, Registry(), shop.secrets)
    return desires.specification(environment, (), (service, fingerprint, in_place))


def test_the_limits_of_an_earlier_release_are_found_beside_newer_ones_of_the_same_fingerprint(shop: Shop) -> None:
    shop.release(limited("64m"), "small")
    small = shop.store.journal("shop").stable["web"]
    shop.release(limited("128m"), "large")
    large = shop.store.journal("shop").stable["web"]
    assert small.fingerprint == large.fingerprint

    found = [specification(shop, "web", each.fingerprint, each.in_place) for each in (small, large)]

    assert [each.sealed.service.options["mem_limit"] for each in found] == ["67108864", "134217728"]


def test_limits_that_nobody_remembers_are_those_that_were_released_last(shop: Shop) -> None:
    shop.release(limited("64m"), "small")
    shop.release(limited("128m"), "large")
    fingerprint = shop.store.journal("shop").stable["web"].fingerprint

    for in_place in ("", "forgotten"):
        found = specification(shop, "web", fingerprint, in_place)
        assert found.sealed.service.options["mem_limit"] == "134217728"


def test_a_fingerprint_that_was_never_released_says_what_to_do(shop: Shop) -> None:
    shop.release(limited("64m"), "small")

    with pytest.raises(GitopsdError, match="push a commit that replaces the service"):
        specification(shop, "web", "v1:unknown", "")
