"""An engine that ends and comes back in the middle of a rollout: what a client saw until then, and from then on.

While an engine is away nobody is promised an answer, as its containers end with it or at its return. Promised is that
the rollout goes on where it was, that nothing is held against the new version, and that a database which was stopped to
make room is not started again by the engine beside the one that takes its place.
"""

from typing import Any

import pytest

from tests.e2e.client import client_of, client_of_port
from tests.e2e.conftest import LONG_ENOUGH, ONE, TWO, MakeRig, StartEngine, rig_on
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.rig import Rig, answering, web
from tests.e2e.writing import DATA, FIRST, SECOND, writers, writing_images
from tests.images import Images

HOW = ["stop", pytest.param("kill", marks=pytest.mark.long)]
ALWAYS = 1_000_000
# As patient as without any setting, 6 s: an engine that goes still lists as running for a while what it has ended.
PATIENT = {"health": {"failure_threshold": 30}}


# Docker 20.10, restarted with its containers up, cannot always remove a file system afterwards: it is busy, for ever.
@pytest.mark.long
@pytest.mark.parametrize("how", HOW)
def test_a_rolling_upgrade_goes_on_once_the_engine_is_back_and_nothing_is_held_against_it(
    start_engine: StartEngine, make_rig: MakeRig, how: str
) -> None:
    engine = start_engine()
    rig = rig_on(make_rig, engine)
    rig.synced(rig.push(web=answering(ONE, x=PATIENT)))
    client = client_of(rig)
    commit = rig.push(web=answering(TWO, x={**PATIENT, "min_ready": "3s"}))
    rig.eventually(lambda: rig.running() == {"web-1": TWO, "web-2": ONE, "web-2.gitopsd-2": TWO})
    before = client.seen()
    getattr(engine, how)()
    rig.eventually(lambda: rig.status().sync == "Unknown")
    engine.start()
    rig.synced(commit, within=LONG_ENOUGH)
    assert before.fewest("one", "two") >= 2, before.failures()
    seen = client.seen()
    assert set(seen.answers) <= {"one", "two"}
    assert seen.last == {"web-1": "two", "web-2": "two"}
    assert [each.outcome for each in rig.store.releases("shop")] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("how", HOW)
def test_a_database_that_was_stopped_to_make_room_stays_so_when_the_engine_comes_back_before_the_new_one_started(
    start_engine: StartEngine, make_rig: MakeRig, free_port: int, how: str
) -> None:
    def shop(image: str) -> dict[str, Any]:
        lasting: dict[str, Any] = {"restart": "always"}
        ports = [f"127.0.0.1:{free_port}:8080"]
        return {"db": answering(image, 1, volumes=[DATA], ports=ports, **lasting), "other": web(ONE, **lasting)}

    engine = start_engine()
    writing_images(Images(engine.api()))
    proxy = EngineProxy(engine.url, kill=getattr(engine, how))
    rig = rig_on(make_rig, engine, proxy.url)
    rig.at_end(proxy.close)
    rig.synced(rig.push(**shop(FIRST)))
    client = client_of_port(rig, free_port)

    proxy.fault("/start", "kill before the call")
    commit = rig.push(**shop(SECOND))
    rig.eventually(lambda: not engine.alive())
    proxy.fault(" /", "reset", times=ALWAYS)  # the daemon does not reach the engine yet
    engine.start()

    rig.eventually(lambda: rig.running() == {"other-1": ONE})  # what the engine starts by itself it has started
    assert policies(rig) == {"db-1": "no", "db-1.gitopsd-2": "always", "other-1": "always"}
    proxy.mend()
    rig.synced(commit, within=LONG_ENOUGH)
    assert client.seen().story == ["one", "two"]
    assert len(writers(rig, "db-1")) == 2
    assert policies(rig) == {"db-1": "always", "other-1": "always"}


def policies(rig: Rig) -> dict[str, str]:
    """The restart policies by container, as the engine gives them when it is asked."""
    return {name: rig.container(name)["HostConfig"]["RestartPolicy"]["Name"] for name in rig.names()}
