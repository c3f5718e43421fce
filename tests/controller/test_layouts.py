"""Forty stacks on six engines from one repository: in one daemon, or in six that each find their own host's."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gitopsd.cli.main import gitopsd
from gitopsd.model.settings import EnvironmentSettings, TargetEngine
from tests.controller.house import HERE, SETTINGS, House, NearHouse, compose, with_environments
from tests.fakes.source import FakeSource

HOSTS = tuple(f"web{number}" for number in range(1, 7))
STACKS = {f"stack{number:02}": HOSTS[number % 6] for number in range(1, 41)}


def url(host: str) -> str:
    return f"unix:///{host}"


def on(host: str) -> list[str]:
    """The containers that a host shall have."""
    return [f"{stack}-web-1" for stack, where in STACKS.items() if where == host]


@pytest.fixture
def house() -> Iterator[House]:
    """One daemon; gitopsd.yaml says which stack is for which engine."""
    made = NearHouse()
    named = [EnvironmentSettings(stack, target=TargetEngine(url(host))) for stack, host in STACKS.items()]
    made.edit_before_start(with_environments(SETTINGS, *named))
    yield made
    for engine in made.engines.values():
        engine.away = False
    made.stop()


def everything(image: str = "web:1") -> dict[str, str | None]:
    return {f"{stack}/compose.yaml": compose(image) for stack in STACKS}


def test_one_daemon_brings_every_stack_to_its_engine_and_nothing_to_another(house: House) -> None:
    house.start()
    house.synced(house.push(everything()), *STACKS)
    assert {host: house.engine(url(host)).names(running=True) for host in HOSTS} == {host: on(host) for host in HOSTS}
    assert house.engine(HERE).writes == []


def test_a_change_of_one_stack_writes_to_its_engine_alone(house: House) -> None:
    house.start()
    house.synced(house.push(everything()), *STACKS)
    before = {host: len(house.writes(url(host))) for host in HOSTS}

    house.synced(house.push({"stack07/compose.yaml": compose("web:2")}), *STACKS)

    wrote = [host for host in HOSTS if len(house.writes(url(host))) > before[host]]
    assert wrote == [STACKS["stack07"]]


def test_an_engine_that_is_away_holds_up_its_own_stacks_alone(house: House) -> None:
    house.start()
    house.synced(house.push(everything()), *STACKS)
    house.engine(url("web3")).away = True
    others = [stack for stack, host in STACKS.items() if host != "web3"]

    commit = house.push(everything("web:2"))

    house.synced(commit, *others)
    house.engine(url("web3")).away = False
    house.synced(commit, *STACKS)


def test_the_status_of_forty_stacks_is_a_page_that_says_where_to_look(house: House) -> None:
    house.start()
    house.synced(house.push(everything()), *STACKS)
    house.push({"stack07/compose.yaml": "services: ["})
    house.eventually(lambda: "manifest" in house.guards("stack07"))

    with house.store.lock():
        wiring = SimpleNamespace(application=lambda _: house.application())
        shown = CliRunner().invoke(gitopsd, ["status"], obj=wiring).stdout.splitlines()

    assert shown[0].split()[:3] == ["ENVIRONMENT", "ENGINE", "REVISION"]
    rows = [line for line in shown if line.startswith("stack")]
    assert [row.split()[:2] for row in rows] == [[stack, url(host)] for stack, host in STACKS.items()]
    assert max(len(row) for row in rows if not row.startswith("stack07")) < 100
    assert "40 environments on 6 engines: 39 Synced, 1 Unknown; 40 Healthy" in shown


@pytest.fixture
def houses() -> Iterator[dict[str, House]]:
    """Six daemons of one repository, each with the name of its host."""
    source = FakeSource()
    made = {}
    for host in HOSTS:
        made[host] = NearHouse()
        made[host].sources["default"] = source
        engine = TargetEngine(url(host))
        made[host].edit_before_start(replace(SETTINGS, host=host, engine=engine, discover=("hosts/$HOST/*",)))
    with ExitStack() as ends:
        for house in made.values():
            ends.callback(house.stop)
        yield made


def test_six_daemons_each_bring_up_what_lies_under_their_host_s_name(houses: dict[str, House]) -> None:
    source = next(iter(houses.values())).source()
    files = {f"hosts/{host}/{stack}/compose.yaml": compose() for stack, host in STACKS.items()}
    files |= {f"hosts/{host}/proxy/compose.yaml": compose() for host in HOSTS}
    commit = source.write(files)

    for house in houses.values():
        house.start()
    for host, house in houses.items():
        house.synced(commit, "proxy", *(stack for stack, where in STACKS.items() if where == host))

    found = {host: house.engine(url(host)).names(running=True) for host, house in houses.items()}
    assert found == {host: ["proxy-web-1", *on(host)] for host in HOSTS}
    assert all(len(house.store.environments()) == len(on(host)) + 1 for host, house in houses.items())


def test_a_stack_that_moves_to_another_host_is_orphaned_there_and_begins_here(houses: dict[str, House]) -> None:
    old, new = houses["web1"], houses["web2"]
    source = old.source()
    for house in (old, new):
        house.start()
    old.synced(source.write({"hosts/web1/shop/compose.yaml": compose()}), "shop")

    commit = source.write({"hosts/web1/shop/compose.yaml": None, "hosts/web2/shop/compose.yaml": compose()})

    new.synced(commit, "shop")
    old.eventually(lambda: "orphaned" in old.guards("shop"))
    assert old.engine(url("web1")).names(running=True) == ["shop-web-1"]
