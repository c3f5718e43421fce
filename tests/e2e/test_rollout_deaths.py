"""The daemon is killed around every single call of a replacement; the next one ends it, and no client notices.

Each replacement dies one call later than the one before, until one needs no more calls: just before the engine hears of
it, so that only the intent is there, or just before its answer is heard, so that only the effect is. What a client is
promised meanwhile, with no daemon at all for a while: of a start-first service both instances answer at every moment;
of a stop-first one the old version never answers again once it was stopped, and no two ever write to its volume.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from tests.e2e.client import client_of, client_of_port
from tests.e2e.conftest import ONE, SLOW_TO_START, TWO, MakeRig
from tests.e2e.engine_proxy import EngineProxy, How
from tests.e2e.rig import RESTING, Rig, answering
from tests.e2e.writing import DATA, FIRST, SECOND, writers, writing_images
from tests.images import Images

MOMENTS: tuple[How, ...] = ("kill before the call", "kill before the answer")
EVERY, EVERY_THIRD = range(30), range(0, 30, 3)  # calls of a replacement, by their number
HOW_FAR = [(EVERY_THIRD, MOMENTS[1]), *(pytest.param(EVERY, each, marks=pytest.mark.long) for each in MOMENTS)]


@pytest.fixture(scope="module", autouse=True)
def _databases(images: Images) -> None:
    writing_images(images)


@pytest.mark.parametrize(("calls", "moment"), HOW_FAR)
@pytest.mark.timeout(900)
def test_a_rolling_upgrade_of_two_survives_the_daemons_death_at_every_call(
    proxy: EngineProxy, make_rig: MakeRig, calls: Sequence[int], moment: How
) -> None:
    rig = begun(make_rig, proxy, answering(ONE))
    client = client_of(rig)

    def ended(call: int, old: str, new: str) -> None:
        seen = client.seen()
        assert seen.fewest("one", "two") >= 2, (call, seen.failures())
        assert seen.last == {"web-1": new, "web-2": new}, call
        assert rig.names() == ["web-1", "web-2"], call

    versions = {"one": answering(ONE), "two": answering(SLOW_TO_START)}
    assert dies_at(rig, proxy, moment, calls, versions, ended) >= 3


@pytest.mark.parametrize(("calls", "moment"), HOW_FAR)
@pytest.mark.timeout(900)
def test_a_database_has_one_writer_and_keeps_its_data_through_the_daemons_death_at_every_call(
    proxy: EngineProxy, make_rig: MakeRig, free_port: int, calls: Sequence[int], moment: How
) -> None:
    def database(image: str) -> dict[str, Any]:
        return answering(image, 1, volumes=[DATA], restart="unless-stopped", ports=[f"127.0.0.1:{free_port}:8080"])

    rig = begun(make_rig, proxy, database(FIRST))
    client = client_of_port(rig, free_port)

    def ended(call: int, old: str, new: str) -> None:
        assert client.seen().story == [old, new], call
        assert rig.names() == ["web-1"], call
        assert rig.container()["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped", call

    deaths = dies_at(rig, proxy, moment, calls, {"one": database(FIRST), "two": database(SECOND)}, ended)
    assert deaths >= 2
    assert len(writers(rig, "web-1")) == deaths + 2, "each wrote in one stretch"


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.timeout(900)
def test_a_way_back_survives_the_daemons_death_at_every_call(
    proxy: EngineProxy, make_rig: MakeRig, moment: How
) -> None:
    rig = begun(make_rig, proxy, answering(ONE))
    client = client_of(rig)
    for call in EVERY:
        commit = rig.push(web=answering(TWO, deploy=RESTING, environment={"TRY": str(call)}))
        rig.eventually(lambda: rig.running() == {"web-1": TWO, "web-2": ONE})
        fault = proxy.fault("", moment, skip=call)
        rig.tell("abort")
        rig.eventually(partial(dead_or, rig, partial(rig.has_rejected, commit)))
        if not rig.process.alive():
            rig.start()
        rig.rejected(commit)
        seen = client.seen()
        assert seen.fewest("one", "two") >= 2, (call, seen.failures())
        assert seen.last == {"web-1": "one", "web-2": "one"}, call
        assert rig.names() == ["web-1", "web-2"], call
        if fault.times:
            break
    assert call >= 4


def begun(make_rig: MakeRig, proxy: EngineProxy, service: dict[str, Any]) -> Rig:
    """A shop whose first version serves."""
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=service))
    proxy.kill = rig.process.kill
    return rig


def dies_at(
    rig: Rig,
    proxy: EngineProxy,
    moment: How,
    calls: Sequence[int],
    versions: dict[str, dict[str, Any]],
    ended: Callable[[int, str, str], None],
) -> int:
    """Replace one version by the other for each call, with a death around it. The number of deaths."""
    for deaths, call in enumerate(calls):
        old, new = ("one", "two") if deaths % 2 == 0 else ("two", "one")
        fault = proxy.fault("", moment, skip=call)
        commit = rig.push(web=versions[new])
        rig.eventually(partial(dead_or, rig, partial(rig.has_synced, commit)))
        if not rig.process.alive():
            rig.start()
        rig.synced(commit)
        ended(call, old, new)
        if fault.times:
            return deaths
    raise AssertionError(f"a replacement takes more than {calls[-1]} calls: {proxy.writes}")


def dead_or(rig: Rig, done: Callable[[], object]) -> bool:
    return not rig.process.alive() or bool(done())
