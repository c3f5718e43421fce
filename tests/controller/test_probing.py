"""Asking instances in the loop: each at its own interval, none kept waiting by another, and only what is new wakes."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.controller.probing import Probing
from gitopsd.model.health import Answer, Asked, Check, Checks, Pass, Subject, TcpCheck
from tests.controller.house import SETTINGS, House
from tests.fakes.clock import FakeClock
from tests.fakes.containers import Behaviour
from tests.fakes.probe import CLOSED, FakeProbe, Page
from tests.fakes.timer import FakeTimer
from tests.waiting import eventually

HEALTH = "      health: {http: {port: 80, path: /healthz}, interval: 5s}\n"
ASKED = f"services:\n  web:\n    image: web:1\n    x-gitopsd:\n      min_ready: 0s\n{HEALTH}"


def asked(container: str, interval: float = 5, started_at: datetime | None = None) -> Asked:
    checks = Checks(tcp=TcpCheck(80), interval=timedelta(seconds=interval))
    return Asked(Subject(container, "fake"), started_at, checks, FakeClock().now())


class Stage:
    """A prober on its own, whose wakes are counted."""

    def __init__(self, probe: FakeProbe) -> None:
        self.clock = FakeClock()
        self.timer = FakeTimer(self.clock)
        self.timer.start()
        self.probe, self.wakes = probe, 0
        self.probing = Probing(probe, self.clock, self.timer)

    def keep(self, *each: Asked) -> None:
        self.probing.keep("shop", {one.subject.container: one for one in each}, self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def passing(self, seconds: int) -> None:
        """Let time pass, second by second, and every question be answered."""
        for _ in range(seconds):
            self.timer.tick(1)
            eventually(self._quiet)

    def _quiet(self) -> bool:
        return not any(thread.name == "probe" for thread in threading.enumerate())


class SlowProbe(FakeProbe):
    """One instance never answers before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def probe(self, subject: Subject, check: Check, timeout: timedelta) -> Answer:
        if subject.container == "slow":
            self.let_go.wait(20)
            return Pass()
        return super().probe(subject, check, timeout)


def test_each_is_asked_at_its_own_interval() -> None:
    stage = Stage(FakeProbe())
    stage.keep(asked("often", 2), asked("seldom", 10))

    stage.passing(20)

    assert 9 <= stage.probe.asked.count("often") <= 11
    assert 2 <= stage.probe.asked.count("seldom") <= 3


def test_one_that_is_slow_keeps_no_other_waiting() -> None:
    probe = SlowProbe()
    stage = Stage(probe)
    stage.keep(asked("slow"), *(asked(f"c{number}") for number in range(20)))

    stage.timer.tick(1)

    eventually(lambda: len(stage.probing.heard("shop")) == 20)
    probe.let_go.set()


def test_only_what_may_change_a_standing_wakes_anybody() -> None:
    stage = Stage(FakeProbe())
    stage.keep(asked("c1", 1))
    stage.passing(20)
    assert stage.wakes == 1

    stage.probe.pages["c1", ""] = CLOSED
    stage.passing(20)

    assert stage.wakes == 3, "the first bad answer, and the third"


def test_one_that_was_started_again_has_answered_nothing_yet() -> None:
    stage = Stage(FakeProbe())
    stage.keep(asked("c1"))
    stage.passing(1)
    assert stage.probing.heard("shop")["c1"].passes == 1

    stage.keep(asked("c1", started_at=stage.clock.now()))

    assert stage.probing.heard("shop") == {}


def test_nobody_is_asked_any_more_who_is_gone() -> None:
    stage = Stage(FakeProbe())
    stage.keep(asked("c1", 1))
    stage.passing(2)
    stage.keep()
    stage.probe.asked.clear()

    stage.passing(5)

    assert stage.probe.asked == []


def test_a_release_waits_until_its_instance_answers() -> None:
    house = House().start()
    house.probe.anyone = Page(503, "warming up")
    commit = house.push({"shop/compose.yaml": ASKED})
    house.eventually(lambda: house.probe.asked)
    house.eventually(lambda: (status := house.status("shop")) and "answered 503" in status.services[0].reason)

    house.probe.anyone = Page()

    house.synced(commit, "shop")
    house.stop()


def test_what_an_observed_environment_has_is_not_asked() -> None:
    house = House()
    commit = house.push({"shop/compose.yaml": ASKED})
    house.start()
    house.synced(commit, "shop")
    house.edit(replace(SETTINGS, mode="observe"))
    house.eventually(lambda: (status := house.status("shop")) and status.mode == "observe")
    house.probe.asked.clear()

    for _ in range(20):
        house.timer.tick(1)

    assert house.probe.asked == []
    house.stop()


def test_where_nobody_can_be_asked_the_plan_says_so_and_how_to_mend_it() -> None:
    house = House().start()
    house.probe.apart = "its engine is on another host"
    house.push({"shop/compose.yaml": ASKED})

    house.eventually(lambda: "manifest" in house.guards("shop"))

    status = house.status("shop")
    assert status is not None
    assert "services.web.x-gitopsd.health: nobody here can ask it: its engine is on another host" in status.reason
    assert "probe_image" in status.reason
    assert house.writes() == []
    house.stop()


def test_what_fails_later_is_replaced_and_its_last_words_are_kept() -> None:
    house = House()
    house.engine().add_image("web:1", Behaviour(log="cannot reach the database\n"))
    commit = house.push({"shop/compose.yaml": ASKED})
    house.start()
    house.synced(commit, "shop")
    [old] = house.engine().containers.values()

    house.probe.pages[old.id, ""] = Page(503, "sorry")

    house.eventually(lambda: old.id not in house.engine().containers)
    house.stop()
    [repair] = [
        event for event in house.store.events(limit=1000) if "repair: " in event.message and event.data.get("logs")
    ]
    assert "is unhealthy: http :80/healthz answered 503 (sorry), wanted 200-399" in repair.message
    assert repair.data["logs"] == "cannot reach the database\n"
    assert house.told("DriftFound") == [
        "shop-web-1 unhealthy: its checks fail: http :80/healthz answered 503 (sorry), wanted 200-399"
    ]
