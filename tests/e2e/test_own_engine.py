"""An engine that ends, comes back, or is full: what is under way goes on where it was, and nothing is there twice."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from tests.e2e.conftest import LONG_ENOUGH, ONE, TWO, MakeRig, StartEngine, rig_on
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.own_engine import OwnEngine
from tests.e2e.rig import Rig, web

CALLS_AT_MOST = 20


@pytest.mark.long
@pytest.mark.parametrize("more", [{}, {"volumes": ["data:/data"]}], ids=["start-first", "stop-first"])
def test_an_engine_that_is_killed_at_every_call_of_a_replacement_ends_with_one_instance(
    start_engine: StartEngine, make_rig: MakeRig, more: dict[str, Any]
) -> None:
    engine = start_engine()
    proxy = EngineProxy(engine.url, kill=engine.kill)
    rig = rig_on(make_rig, engine, proxy.url)
    rig.at_end(proxy.close)
    rig.synced(rig.push(web=web(ONE, **more)))
    assert ends_at_every_call(rig, proxy, engine, lambda image: web(image, **more)) >= 4


def ends_at_every_call(
    rig: Rig, proxy: EngineProxy, engine: OwnEngine, service: Callable[[str], dict[str, Any]]
) -> int:
    """Replace again and again, each time with an end of the engine one call later; the number of ends."""
    for call in range(CALLS_AT_MOST):
        image = (TWO, ONE)[call % 2]
        fault = proxy.fault("", "kill before the answer", skip=call)
        commit = rig.push(web=service(image))
        rig.eventually(partial(gone_or_done, rig, engine, commit), LONG_ENOUGH)
        if not engine.alive():
            engine.start()
        rig.synced(commit, within=LONG_ENOUGH)
        assert rig.names() == ["web-1"], call
        assert rig.running() == {"web-1": image}, call
        if fault.times:
            return call
    raise AssertionError(f"a replacement takes more than {CALLS_AT_MOST} calls: {proxy.writes}")


def gone_or_done(rig: Rig, engine: OwnEngine, commit: str) -> bool:
    return not engine.alive() or bool(rig.has_synced(commit))


def test_a_full_disk_of_the_engine_holds_the_release_until_there_is_room(
    start_engine: StartEngine, make_rig: MakeRig
) -> None:
    engine = start_engine(disk="64m")
    rig = rig_on(make_rig, engine)
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    fill(engine)
    commit = rig.push(web=web(TWO))
    assert "no space left on device; make room on the engine's host" in rig.held("host")
    assert rig.ids() == before
    (engine.data / "filler").unlink()
    rig.ask("sync")
    rig.synced(commit)


def fill(engine: OwnEngine) -> None:
    """Take all the room on the engine's disk."""
    with (engine.data / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            continue


def test_an_engine_without_free_addresses_holds_only_the_environment_that_needs_some(
    start_engine: StartEngine, make_rig: MakeRig
) -> None:
    rig = rig_on(make_rig, start_engine(pools=1))
    rig.synced(rig.push(web=web(ONE)))
    rig.push("blog", web=web(ONE))
    assert "remove networks that nothing uses" in rig.held("host", "blog")
    commit = rig.push(web=web(TWO))
    rig.synced(commit)
    rig.ask("remove")
    rig.ask("sync", "blog")
    rig.synced(commit, "blog")
