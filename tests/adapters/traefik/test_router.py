"""A canary all the way through the real Traefik, with clients whose every request counts; and what is told of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitopsd.adapters.traefik.disk import FILE
from gitopsd.adapters.traefik.router import TraefikRouter
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.route import ALL, RoutingTable
from tests.contract.routing_grounds import HOST, RouterGround, TraefikHands, traefik_ground
from tests.load import load
from tests.traefik import TraefikProcess, started
from tests.waiting import eventually


@pytest.fixture
def traefik(tmp_path: Path) -> Iterator[TraefikProcess]:
    process = started(tmp_path)
    yield process
    process.crash()


@pytest.fixture
def hands(traefik: TraefikProcess) -> Iterator[tuple[RouterGround, TraefikHands]]:
    ground, hands = traefik_ground(traefik)
    yield ground, hands
    hands.close()


def test_a_canary_all_the_way_loses_no_request(hands: tuple[RouterGround, TraefikHands]) -> None:
    ground, here = hands
    old, new = ground.instance("old"), ground.instance("new")
    for app in here.apps.values():
        app.seconds = 0.01
    ground.serve((old,))
    with load(here.port, HOST, clients=4, pause=0.01) as clients:

        def going_on(more: int = 100) -> None:
            enough = clients.total + more
            eventually(lambda: clients.total >= enough, within=45)

        for share in (0, 2_000, ALL):
            ground.serve((old,), (new,), share)
            going_on()
        ground.apply((replace(old, state="draining"),), (new,), ALL)
        going_on()
        ground.apply((), (new,), ALL)
        going_on()  # it has had its time
        here.apps["old"].close()
        going_on()
    assert not clients.failed, clients.failed
    assert set(clients.answered) == {"old", "new"}


def test_another_gitopsd_finds_who_is_in_its_slots_and_takes_nobody_out(
    hands: tuple[RouterGround, TraefikHands], traefik: TraefikProcess
) -> None:
    ground, here = hands
    table = RoutingTable((ground.serve((ground.instance("old"),)),))
    before = (traefik.directory / FILE).read_text()

    TraefikRouter(traefik.directory, traefik.url).apply(table)

    assert (traefik.directory / FILE).read_text() == before
    assert here.get("", {}).by == "old"


def test_where_nobody_answers_or_nothing_can_be_written_it_says_which_setting_to_mend(
    hands: tuple[RouterGround, TraefikHands], traefik: TraefikProcess, tmp_path: Path
) -> None:
    ground, _ = hands
    table = RoutingTable((ground.route((ground.instance("old"),)),))

    with pytest.raises(RouterUnavailable, match=r"which `router\.directory` names, cannot be written: no such file"):
        TraefikRouter(tmp_path / "nowhere", traefik.url).apply(table)
    with pytest.raises(RouterUnavailable, match=r"no Traefik answers at http://127.0.0.1:1/api"):
        TraefikRouter(traefik.directory, "http://127.0.0.1:1").apply(table)
    with pytest.raises(RouterError, match=r"none of its entry points listens at port 1 \(Traefik has traefik"):
        ground.router.apply(RoutingTable((replace(table.routes[0], listen=1),)))
