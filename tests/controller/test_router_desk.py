"""The desk of one engine's router by itself: what it shows of the router, and what it does when that will not."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from gitopsd.controller.environments import Environment
from gitopsd.controller.route_table import rendered
from gitopsd.controller.routing import RouterDesk
from gitopsd.model.certificate import Certificate, Certificates
from gitopsd.model.errors import StoreError
from gitopsd.model.mode import Mode
from gitopsd.model.release import Journal
from gitopsd.model.route import RouteName, RoutingTable
from gitopsd.model.routing import Placing, Routed, Seen
from gitopsd.model.settings import RouterSettings, TargetEngine
from gitopsd.model.traffic import Traffic
from tests.controller.routed import StreetRouter
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.store import FakeStore
from tests.fakes.timer import FakeTimer
from tests.waiting import eventually

HERE = "unix:///here"
MANAGED = RouterSettings()


class Desk:
    """A desk over fakes, with what it woke."""

    def __init__(self) -> None:
        self.clock, self.store, self.router = FakeClock(), FakeStore(), StreetRouter()
        self.timer = FakeTimer(self.clock)
        self.timer.start()
        self.woken: list[str] = []
        self.opened = 0
        self.desk = RouterDesk(HERE, self._open, self.store, self.clock, self.timer)
        self.desk.start(self.woken.append)

    def _open(self, settings: RouterSettings) -> "Opened":
        self.opened += 1
        return Opened(self.router)

    def know(self, *names: str, mode: Mode = "auto", router: RouterSettings = MANAGED) -> None:
        target = TargetEngine(HERE)
        self.desk.know(
            {name: Environment(name, "default", name, target, mode, "/srv", router=router) for name in names}
        )

    def tick(self, seconds: float = 0.05) -> None:
        """One more look, if it is time for one."""
        self.rest()
        self.timer.tick(seconds)
        self.rest()

    def routed(self, *services: str, environment: str = "shop", **how: Routed) -> Mapping[str, Routed]:
        """Have these routed, each at a port of its own."""
        wanted = {name: routed(8000 + at) for at, name in enumerate(services)} | how
        self.desk.want(environment, wanted)
        self.rest()
        return wanted

    def rest(self) -> None:
        """Wait until the last look is over."""

        def idle() -> bool:
            self.clock.advance(0.01)
            return self.desk._queue.idle()

        eventually(idle)

    def told(self, reason: str) -> list[str]:
        return [event.message for event in self.store.events(limit=1_000) if event.reason == reason]


class Opened:
    """The router once more: another way to it, as there is one after each change of settings."""

    def __init__(self, router: StreetRouter) -> None:
        self._router = router

    def __getattr__(self, name: str) -> Any:
        return getattr(self._router, name)


def routed(port: int = 80, share: int = 0, **places: Placing) -> Routed:
    return Routed(Traffic(port, 8080), share, places)


def place(address: str = "10.0.0.1", *, leaving: bool = False) -> Placing:
    return Placing("a", address, NOON, leaving=NOON if leaving else None)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    made.know("shop", "store")
    yield made
    made.desk.stop()


def test_nothing_is_opened_before_there_is_something_to_route(desk: Desk) -> None:
    desk.desk.want("shop", {}, moving=True)
    desk.tick()
    assert (desk.opened, desk.desk.settled()) == (0, True)


def test_a_router_is_agreed_with_only_after_it_took_over_these_very_routes(desk: Desk) -> None:
    before = {"web": routed(one=place())}
    after = {"web": routed(one=place(), two=place("10.0.0.2"))}
    desk.routed(**before)
    assert desk.desk.sight("shop", before)["web"].agreed
    assert not desk.desk.sight("shop", after)["web"].agreed
    desk.routed(**after)
    assert desk.desk.sight("shop", after)["web"].agreed
    assert not desk.desk.sight("shop", before)["web"].agreed


def test_an_environment_is_woken_when_its_view_changes_and_not_when_another_one_does(desk: Desk) -> None:
    web = desk.routed(web=routed(one=place()))
    desk.desk.sight("shop", web)
    desk.desk.sight("store", {})
    desk.woken.clear()
    desk.router.failing.add("one")
    for _ in range(3):
        desk.tick(2)
    assert set(desk.woken) == {"shop"}


def test_nothing_in_flight_counts_after_two_looks_that_are_some_time_apart(desk: Desk) -> None:
    web = {"web": routed(one=place(leaving=True))}
    desk.router.in_flight["one"] = 2
    desk.routed(**web)
    assert in_flight(desk, web) == 2
    desk.router.in_flight.clear()
    desk.tick(0.06)
    assert in_flight(desk, web) == 1
    desk.tick(0.06)
    assert in_flight(desk, web) == 0


def test_a_request_between_two_looks_begins_the_counting_anew(desk: Desk) -> None:
    web = {"web": routed(one=place(leaving=True))}
    desk.routed(**web)
    assert in_flight(desk, web) == 1
    desk.router.in_flight["one"] = 1
    desk.tick(0.06)
    desk.router.in_flight.clear()
    desk.tick(0.06)
    assert in_flight(desk, web) == 1


def test_what_only_serves_is_never_said_to_have_nothing_in_flight(desk: Desk) -> None:
    web = desk.routed(web=routed(one=place()))
    for _ in range(3):
        desk.tick(2)
    assert in_flight(desk, web) == 1


def test_where_everything_is_new_one_bad_route_keeps_no_other_out(desk: Desk) -> None:
    desk.router.against[RouteName("shop", "b")] = "somebody has port 8001"
    desk.routed("a", "b", "c", "d")
    for _ in range(10):
        desk.tick(1)
    assert [route.service for route in desk.router.table.routes] == ["a", "c", "d"]
    assert [hold.reason for hold in desk.desk.holds("shop")] == ["somebody has port 8001"]
    assert desk.desk.unrouted("shop", {"a": routed(), "b": routed()}) == {"b"}

    desk.router.against.clear()
    for _ in range(5):
        desk.tick(10)
    assert [route.service for route in desk.router.table.routes] == ["a", "b", "c", "d"]
    assert desk.desk.holds("shop") == ()


def test_of_two_that_want_one_port_the_one_that_has_it_keeps_it(desk: Desk) -> None:
    desk.routed(environment="store", web=routed(80))
    desk.routed(environment="shop", web=routed(80))
    assert [str(route.name) for route in desk.router.table.routes] == ["store/web"]
    assert [hold.reason for hold in desk.desk.holds("shop")] == [
        "shop/web and store/web both want all hosts/ on port 80"
    ]
    assert desk.desk.holds("store") == ()


def test_a_router_that_is_away_is_told_once_and_asked_ever_less_often(desk: Desk) -> None:
    desk.router.away = True
    desk.routed("web")
    for _ in range(100):
        desk.tick(1)
    assert desk.told("RouterUnavailable") == [
        "router of unix:///here: no router answers; until it routes as wanted nothing is stopped"
    ]
    assert desk.router.looks < 20
    assert desk.desk.away() == "no router answers"

    desk.router.restart()
    desk.tick(10)
    assert desk.told("RouterBack") == ["router of unix:///here: it routes as wanted again; before: no router answers"]
    assert (desk.desk.away(), desk.desk.holds("shop")) == ("", ())


def test_a_router_that_was_started_anew_without_its_table_gets_it_again_and_that_is_told(desk: Desk) -> None:
    desk.routed("web")
    desk.router.lose_disk()
    desk.tick(2)
    assert [str(route.name) for route in desk.router.table.routes] == ["shop/web"]
    assert desk.told("DriftFound") == [
        "route shop/web modified: shop/web: it is not routed: the router was started anew"
    ]


def test_settings_that_name_another_image_hand_the_router_over_once(desk: Desk) -> None:
    desk.routed("web")
    desk.router.outdated = True
    desk.tick(10)
    assert desk.router.outdated

    desk.know("shop", "store", router=RouterSettings(image="haproxy:3.2"))
    desk.tick(2)
    desk.tick(2)

    assert not desk.router.outdated
    assert desk.told("RouterRenewed") == ["router of unix:///here: another one has taken over"]
    assert desk.told("DriftFound") == []


def test_a_break_in_the_routers_service_is_told_once(desk: Desk) -> None:
    desk.routed("web")
    desk.router.told = ("another one has taken its place, with nobody at its ports for 0.9 s",)
    for _ in range(2):
        desk.tick(2)

    assert desk.told("RouterReplaced") == [
        "router of unix:///here: another one has taken its place, with nobody at its ports for 0.9 s"
    ]


def test_a_router_that_cannot_take_over_holds_nothing_and_is_tried_again(desk: Desk) -> None:
    desk.router.outdated, desk.router.no_successor = True, "the new router does not start"
    desk.routed("web")
    for _ in range(20):
        desk.tick(2)
    assert desk.told("RouterNotRenewed") == [
        "router of unix:///here: no other one can take over: the new router does not start"
    ]
    assert desk.desk.holds("shop") == ()

    desk.router.no_successor = ""
    for _ in range(15):
        desk.tick(2)
    assert not desk.router.outdated


def test_what_nobody_thought_of_is_told_and_tried_again(desk: Desk) -> None:
    def broken(table: RoutingTable) -> None:
        raise ZeroDivisionError("a bug")

    desk.router.apply = broken  # type: ignore[method-assign]
    desk.routed("web")
    assert desk.told("RouterFailed") == ["router of unix:///here: unexpected ZeroDivisionError: a bug"]
    del desk.router.apply  # type: ignore[method-assign]
    desk.tick(2)
    assert desk.router.table.routes
    assert desk.desk.holds("shop") == ()


def test_a_full_disk_keeps_the_router_from_nothing(desk: Desk) -> None:
    def full(events: object) -> None:
        raise StoreError("no space left")

    desk.routed("web")
    desk.store.append = full  # type: ignore[method-assign,assignment]
    desk.router.share_by_hand(RouteName("shop", "web"), 5_000)
    desk.tick(2)
    assert desk.router.share() == 0


@pytest.mark.parametrize(("mode", "router"), [("observe", RouterSettings()), ("auto", RouterSettings("none"))])
def test_who_only_looks_on_or_has_no_router_writes_to_none(mode: Mode, router: RouterSettings) -> None:
    made = Desk()
    made.store.save(Journal("shop", "shop", routes={"web": routed()}))
    made.know("shop", mode=mode, router=router)
    made.desk.want("shop", {"web": routed(share=5)})
    made.tick(2)
    assert made.opened == 0


def test_a_journal_that_a_former_process_left_is_routed_at_once() -> None:
    made = Desk()
    made.store.save(Journal("shop", "shop", routes={"web": routed()}))
    made.know("shop")
    eventually(lambda: [str(route.name) for route in made.router.table.routes] == ["shop/web"])
    made.desk.stop()


def test_while_a_rollout_is_open_it_is_counted_what_slots_answer(desk: Desk) -> None:
    web = {"web": routed(one=place())}
    desk.desk.want("shop", web, moving=True)
    for _ in range(3):
        desk.tick(0.1)
    desk.router.request(RouteName("shop", "web"))
    desk.tick(0.1)
    seen = desk.desk.sight("shop", web)["web"]
    assert (seen.counts["a"].requests, seen.counts["b"].requests) == (1, 0)
    assert seen.bounds == (0.1, 1.0)


def in_flight(desk: Desk, routes: Mapping[str, Routed]) -> int:
    seen: Seen = desk.desk.sight("shop", routes)["web"]
    return seen.in_flight("one")


SECURE = {"web": Routed(Traffic(443, 8080, tls=True, redirect_from=80), 0, {})}


def kept(edition: str, days: int = 90, **bad: str) -> Certificates:
    return Certificates(edition, (Certificate("shop.pem", NOON + timedelta(days=days)),), bad)


def test_a_renewed_certificate_is_taken_over_by_itself(desk: Desk) -> None:
    desk.router.kept = kept("1")
    desk.routed(**SECURE)
    before = len(desk.router.applied)

    desk.router.kept = kept("2")
    for _ in range(3):
        desk.tick(2)

    assert len(desk.router.applied) == before + 1
    assert desk.told("CertificatesRenewed") == ["clients are shown the certificates that are there now: shop.pem"]


def test_a_certificate_that_ends_soon_is_told_once_and_holds_nothing(desk: Desk) -> None:
    desk.router.kept = kept("1", days=15)
    desk.routed(**SECURE)
    desk.desk.sight("shop", SECURE)
    before = desk.desk.warnings("shop")

    desk.clock.advance(timedelta(days=2).total_seconds())
    for _ in range(3):
        desk.tick(2)

    words = "the certificate shop.pem expires on 2026-03-16; put a renewed one in its place"
    assert (before, desk.desk.warnings("shop"), desk.desk.warnings("store")) == ((), (words,), ())
    assert desk.told("CertificateWarning") == [words]
    assert desk.desk.holds("shop") == ()
    assert "shop" in desk.woken


def test_a_broken_certificate_is_named_and_what_it_was_goes_on(desk: Desk) -> None:
    desk.router.kept = kept("1", **{"shop.pem": "its private key is that of another certificate"})
    desk.routed(**SECURE)

    words = "certificates: shop.pem: its private key is that of another certificate; what was good before goes on"
    assert desk.told("CertificateWarning") == [words]
    assert desk.desk.warnings("shop") == (words,)
    assert desk.router.table.routes


def test_tls_without_a_certificate_holds_up_no_other_route(desk: Desk) -> None:
    desk.routed("plain", environment="store")

    desk.routed(**SECURE)
    desk.tick()

    assert [str(route.name) for route in desk.router.table.routes] == ["store/plain"]
    assert [hold.reason for hold in desk.desk.holds("shop")] == ["clients speak TLS, and there is no certificate"]
    assert desk.desk.holds("store") == ()


def test_what_a_router_has_from_a_former_process_stays_in_it_when_it_takes_nothing_new() -> None:
    made = Desk()
    routes = {name: routed(8000 + at) for at, name in enumerate("abc")}
    made.store.save(Journal("shop", "shop", routes=routes))
    made.router.apply(rendered({"shop": routes}, frozenset(), {}).table)
    made.router.refuses = "a certificate is broken"
    made.know("shop")
    for _ in range(5):
        made.tick(1)
    made.router.refuses = ""
    for _ in range(5):
        made.tick(10)

    assert [route.service for route in made.router.table.routes] == ["a", "b", "c"]
    assert made.told("RouterFailed")
    assert all(len(table.routes) == 3 for table in made.router.applied)
    made.desk.stop()
