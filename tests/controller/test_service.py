"""A process that may act, or has to wait while another one does: what it answers, and that it keeps its hands off."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from gitopsd.controller.fence import ENGINE_WRITES, fenced_engine, fenced_router
from gitopsd.controller.ports import Engine, EngineView
from gitopsd.controller.service import Service
from gitopsd.model.errors import EngineUnavailable, RouterUnavailable
from gitopsd.model.route import RoutingTable
from tests.controller.house import SETTINGS, House, compose
from tests.fakes.page import FakePage
from tests.fakes.router import FakeRouter

OTHER = "process 7 on web2"


class Post:
    """A service that runs, in a house, with its page."""

    def __init__(self, house: House) -> None:
        self.house, self.page = house, FakePage()
        application = replace(house.application(), open_page=lambda doorbell: self.page)
        self.service = Service(application)
        self.codes: list[int] = []
        self._thread = threading.Thread(target=lambda: self.codes.append(self.service.run()))

    @contextmanager
    def running(self) -> Iterator["Post"]:
        self._thread.start()
        try:
            yield self
        finally:
            self.end()

    def end(self) -> None:
        self.service.end()
        self._thread.join()

    def told(self, reason: str) -> list[str]:
        return [event.message for event in self.house.store.events(limit=1000) if event.reason == reason]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def house() -> House:
    house = House()
    house.push({"shop/compose.yaml": compose()})
    return house


def test_one_that_is_alone_acts_and_answers(house: House, stack: ExitStack) -> None:
    post = stack.enter_context(Post(house).running())
    house.eventually(lambda: house.engine().names() == ["shop-web-1"])
    assert post.page.running
    post.end()
    assert (post.codes, post.page.running) == ([0], False)
    assert post.told("Stopped") == ["stopped by a signal"]


def test_while_another_acts_it_answers_touches_nothing_and_begins_when_that_one_ends(
    house: House, stack: ExitStack
) -> None:
    house.store.elsewhere = OTHER
    post = stack.enter_context(Post(house).running())
    house.eventually(lambda: post.page.running)
    assert post.told("StandingBy") == [f"gitopsd on web1 answers, and acts when {OTHER} ends"]
    assert (house.writes(), post.told("Started"), house.store.statuses()) == ([], [], ())

    house.store.elsewhere = ""

    house.eventually(lambda: house.engine().names() == ["shop-web-1"])


def test_one_that_waits_ends_at_a_signal(house: House, stack: ExitStack) -> None:
    house.store.elsewhere = OTHER
    post = stack.enter_context(Post(house).running())
    house.eventually(lambda: post.page.running)
    post.end()
    assert (post.codes, post.page.running) == ([0], False)


def test_one_that_was_relieved_answers_on_and_acts_again_only_when_it_is_its_turn(
    house: House, stack: ExitStack
) -> None:
    post = stack.enter_context(Post(house).running())
    house.eventually(lambda: house.engine().names() == ["shop-web-1"])
    before = house.writes()

    house.store.elsewhere = OTHER
    commit = house.push({"shop/compose.yaml": compose("web:2")})
    house.eventually(lambda: post.told("Relieved"))

    assert (house.writes(), post.page.running) == (before, True)
    house.store.elsewhere = ""
    house.synced(commit, "shop")


def test_one_that_takes_over_goes_by_the_settings_of_then(house: House, stack: ExitStack) -> None:
    house.store.elsewhere = OTHER
    post = stack.enter_context(Post(house).running())
    house.eventually(lambda: post.page.running)
    house.settings = replace(SETTINGS, mode="observe")

    house.store.elsewhere = ""

    house.eventually(lambda: (status := house.status("shop")) and status.mode == "observe")
    assert house.writes() == []


def test_a_view_has_no_write_that_the_fence_does_not_know() -> None:
    calls = {name for name in dir(Engine) if not name.startswith("_")}
    views = {name for name in dir(EngineView) if not name.startswith("_")}
    assert calls - views == ENGINE_WRITES


@pytest.mark.parametrize("write", sorted(ENGINE_WRITES))
def test_an_engine_is_looked_at_but_not_written_to_by_one_that_may_not_act(house: House, write: str) -> None:
    engine = fenced_engine(house.engine(), lambda: False)
    assert engine.projects() == ()
    with pytest.raises(EngineUnavailable, match="its lease was not renewed in time"):
        getattr(engine, write)("x")
    assert house.writes() == []


def test_a_router_is_neither_opened_nor_told_anything_by_one_that_may_not_act() -> None:
    opened: list[FakeRouter] = []

    def open_router() -> FakeRouter:
        opened.append(FakeRouter())
        return opened[-1]

    may = [True]
    router = fenced_router(open_router, lambda: may[0])
    may[0] = False

    with pytest.raises(RouterUnavailable, match="another may act"):
        router.apply(RoutingTable())
    with pytest.raises(RouterUnavailable):
        fenced_router(open_router, lambda: may[0])
    assert len(opened) == 1
