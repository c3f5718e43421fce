"""Five questions that a stranger asks the overview: what runs, is it broken, why, since when, and what do I type."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from gitopsd.controller.ports import Found
from gitopsd.model.drift import Drifted, DriftItem
from gitopsd.model.release import Hold
from gitopsd.model.status import EnvironmentStatus, ServiceStatus
from gitopsd.web.site import site
from tests.controller.house import House
from tests.web.conftest import BROWSER

REVISION = "8f3b2c1d" + "0" * 32
IMAGE = "registry.example.com/shop/web:1.4.2@sha256:0123456789abcdef"


class Glance:
    """An overview of one environment whose words are the test's."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._client = TestClient(site(house.daemon), base_url="http://127.0.0.1", client=("127.0.0.1", 4711))

    def at(self, health: str, reason: str = "", hold: Hold | None = None, drift: str = "", sync: str = "Synced") -> str:
        """The words of its card, as they are read."""
        service = ServiceStatus("web", sync, health, "v2:1", IMAGE, 2, 1 if health == "Degraded" else 2, reason)
        since = self._house.clock.now() - timedelta(minutes=3)
        words = ("shop", "shop", "auto", REVISION, REVISION, sync, health, reason, since, REVISION, 41)
        status = EnvironmentStatus(*words, holds=(hold,) if hold else (), services=(service,))  # type: ignore[arg-type]
        item = DriftItem("container", "shop-web-1", "web", "c1", "modified", drift, since, since, cure="in-place")
        found = Found(status, Drifted("shop", (item,) if drift else ()))
        self._house.store.save(self._house.store.journal("shop"), found=found)
        text = self._client.get("/", headers=BROWSER).text
        card = text[text.index('<article class="card') : text.index("</article>")]
        return " ".join(re.sub(r"<[^>]+>", " ", card).split())


@pytest.fixture
def glance() -> Iterator[Glance]:
    house = House()
    with ExitStack() as stack:
        stack.callback(house.stop)
        stack.enter_context(house.store.lock())
        yield Glance(house)


def test_where_all_is_well_nothing_is_to_be_typed(glance: Glance) -> None:
    words = glance.at("Healthy")
    for answer in ("8f3b2c1d", "release 41", "web 2/2 web:1.4.2", "Synced Healthy", "3m ago", "nothing: it is well"):
        assert answer in words


def test_what_is_broken_says_why_and_where_to_look(glance: Glance) -> None:
    words = glance.at("Degraded", "1 of 2 ready: web-2 exited with 3")
    for answer in ("release 41", "Degraded", "web-2 exited with 3", "3m ago", "gitopsd why shop/web"):
        assert answer in words


def test_what_is_held_says_by_what_and_how_to_settle_it(glance: Glance) -> None:
    hold = Hold("rejected", "web: 3 of 3 instances of 9a8b7c6d were not ready; push a fix")
    words = glance.at("Healthy", "rejected", hold, sync="OutOfSync")
    for answer in ("release 41", "OutOfSync Healthy", "were not ready", "3m ago", "gitopsd rollout retry shop"):
        assert answer in words
    assert "it is well" not in words


def test_what_drifted_says_what_was_changed_and_how_to_heal_it(glance: Glance) -> None:
    words = glance.at("Healthy", drift="resources.memory changed by hand")
    for answer in ("release 41", "Healthy", "resources.memory changed by hand", "1 drifted", "gitopsd heal shop"):
        assert answer in words


def test_what_cannot_be_looked_at_is_not_known_and_says_how_to_find_out(glance: Glance) -> None:
    words = glance.at("Unknown", "the engine does not answer", sync="Unknown")
    for answer in ("release 41", "Unknown Unknown", "the engine does not answer", "3m ago", "gitopsd doctor"):
        assert answer in words
