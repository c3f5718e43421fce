"""Many stacks of one repository on several engines: here one real engine, reached through six sockets."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import ONE, TWO, MakeRig
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.rig import Rig, web


@pytest.fixture
def sockets(engine_url: str) -> Iterator[list[EngineProxy]]:
    made = [EngineProxy(engine_url) for _ in range(6)]
    with ExitStack() as ends:
        for socket in made:
            ends.callback(socket.close)
        yield made


def spread(make_rig: MakeRig, sockets: list[EngineProxy], stacks: int) -> tuple[Rig, dict[str, EngineProxy]]:
    """A daemon whose stacks are spread over the sockets, each with a service."""
    where = {f"stack{number:02}": sockets[number % len(sockets)] for number in range(stacks)}
    rig = make_rig(environments={name: {"target": {"docker": socket.url}} for name, socket in where.items()})
    rig.start()
    for name in where:
        rig.push_locally(name, web=web(ONE))
    commit = rig.repository.publish()
    for name in where:
        rig.synced(commit, name, within=120)
    return rig, where


def created(socket: EngineProxy) -> list[str]:
    """The stacks of the containers that were made through a socket."""
    calls = [call for call in socket.writes if call.startswith("POST") and "/containers/create" in call]
    return sorted(call.rpartition("name=")[2].removesuffix("-web-1")[-7:] for call in calls)


@pytest.mark.parametrize("stacks", [12, pytest.param(40, marks=pytest.mark.long)])
def test_every_stack_is_brought_up_through_its_own_socket_and_a_change_goes_through_that_alone(
    make_rig: MakeRig, sockets: list[EngineProxy], stacks: int
) -> None:
    rig, where = spread(make_rig, sockets, stacks)
    for socket in sockets:
        assert created(socket) == [name for name in where if where[name] is socket]
    before = [len(socket.writes) for socket in sockets]

    commit = rig.push("stack07", web=web(TWO))

    for name in where:
        rig.synced(commit, name)
    wrote = [socket for socket, count in zip(sockets, before, strict=True) if len(socket.writes) > count]
    assert wrote == [where["stack07"]]


def test_one_project_twice_is_one_too_many_also_through_two_sockets(
    make_rig: MakeRig, sockets: list[EngineProxy]
) -> None:
    rig = make_rig(environments={"twin": {"target": {"docker": sockets[0].url}}})
    rig.start()
    rig.synced(rig.push(web=web(ONE)))
    rig.push_document({"services": {"web": web(TWO)}}, "twin", project=rig.project)
    assert f"project {rig.project} is claimed by environment shop too" in rig.held("claim", "twin")
    assert sockets[0].writes == []
