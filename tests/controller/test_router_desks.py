"""Two routers on one engine: that of its own containers, and that of the swarm which it manages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from gitopsd.controller.environments import Environment
from gitopsd.controller.router_desks import Desks
from gitopsd.controller.routing import RouterDesk
from gitopsd.model.health import Pass, Unknown
from gitopsd.model.release import Journal
from gitopsd.model.route import RouteName
from gitopsd.model.routing import Names, Placing, Routed
from gitopsd.model.settings import TargetEngine
from gitopsd.model.status import EnvironmentStatus
from gitopsd.model.traffic import Traffic
from tests.controller.routed import StreetRouter
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.store import FakeStore
from tests.fakes.timer import FakeTimer
from tests.waiting import eventually

HERE = "unix:///here"
PLAIN, SWARM = RouteName("shop", "web"), RouteName("stack", "web")


@dataclass
class Both:
    """The desks of one engine over a fake router each; `shop` is a plain environment, `stack` one of the swarm."""

    desks: Desks
    plain: StreetRouter
    swarm: StreetRouter
    store: FakeStore
    clock: FakeClock

    def know(self, *names: str) -> None:
        targets = {"shop": TargetEngine(HERE), "stack": TargetEngine(HERE, swarm=True)}
        self.desks.know({name: Environment(name, "default", name, targets[name], "auto", "/srv") for name in names})

    def rest(self) -> None:
        def idle() -> bool:
            self.clock.advance(0.01)
            return self.desks.settled()

        eventually(idle)

    def routed(self) -> tuple[list[RouteName], list[RouteName]]:
        self.rest()
        return [each.name for each in self.plain.table.routes], [each.name for each in self.swarm.table.routes]


def routed(port: int, *, swarm: bool) -> Routed:
    place = {"i1": Placing("a", "10.0.0.1", NOON)}
    return Routed(Traffic(port, 8080), places=place, names=Names("tasks.stack_web:8080", "b", 16) if swarm else None)


@pytest.fixture
def both() -> Iterator[Both]:
    clock, store = FakeClock(), FakeStore()
    timer = FakeTimer(clock)
    timer.start()
    plain, swarm = StreetRouter(), StreetRouter()
    desks = Desks(
        RouterDesk(HERE, lambda settings: plain, store, clock, timer),
        RouterDesk(HERE, lambda settings: swarm, store, clock, timer, swarm=True),
    )
    desks.start(lambda name: None)
    yield Both(desks, plain, swarm, store, clock)
    desks.stop()


@pytest.fixture
def journals(both: Both) -> Both:
    """Both environments are routed, and a daemon has only just begun."""
    for name, port in ((PLAIN, 80), (SWARM, 81)):
        routes = {name.service: routed(port, swarm=name is SWARM)}
        both.store.save(replace(Journal(name.environment), routes=routes))
        status = EnvironmentStatus(name.environment, "p", "auto", "", "", "Synced", "Healthy", "", NOON, engine=HERE)
        both.store.save_status(status)
    return both


def test_each_environment_is_routed_by_the_router_of_where_it_runs(journals: Both) -> None:
    journals.know("shop", "stack")
    assert journals.routed() == ([PLAIN], [SWARM])


def test_what_left_git_stays_with_the_router_that_has_it(journals: Both) -> None:
    journals.know("shop")
    assert journals.routed()[0] == [PLAIN]
    journals.know("stack")
    assert journals.routed() == ([PLAIN], [SWARM])


def test_a_request_of_gitopsds_own_goes_to_the_router_that_has_the_route(journals: Both) -> None:
    journals.know("shop", "stack")
    journals.rest()
    journals.swarm.observe()  # its checks run

    answer = journals.desks.probe(SWARM, "a", timedelta(seconds=1), "/warm")

    assert (answer, journals.swarm.probed, journals.plain.probed) == (Pass(), [(SWARM, "a", "/warm")], [])
    assert isinstance(journals.desks.probe(RouteName("other", "web"), "a", timedelta(seconds=1)), Unknown)
