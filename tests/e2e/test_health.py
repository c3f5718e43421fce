"""Real instances that are asked over HTTP: what keeps a release from taking over, and who is replaced later."""

from typing import Any

import pytest

from tests.e2e.conftest import ONE
from tests.e2e.rig import Rig, web
from tests.images import Images

MOODY, TIRED, MORTAL = "gitopsd-test/moody:1", "gitopsd-test/tired:1", "gitopsd-test/mortal:1"
HEAD = "printf 'Status: %s\\r\\nContent-Type: text/plain\\r\\n\\r\\n%s\\n'"
MOOD = f"#!/bin/sh\nif test -e /tmp/sick; then {HEAD} 503 'lost my database'; else {HEAD} 200 fine; fi\n"
SLOWLY = f"#!/bin/sh\nsleep 0.6\n{HEAD} 200 fine\n"
DIES = "httpd -p 8080 -h /www; sleep 1.5; echo out of patience; exit 7"


@pytest.fixture(scope="module", autouse=True)
def _servers(images: Images) -> None:
    server = 'CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]'
    images.busybox(MOODY, {"/www/cgi-bin/health": MOOD}, [server])
    images.busybox(TIRED, {"/www/cgi-bin/health": SLOWLY}, [server])
    images.busybox(MORTAL, {"/www/cgi-bin/health": MOOD}, [f'CMD ["sh", "-c", "{DIES}"]'])


def asked(image: str, path: str = "/cgi-bin/health", **x: Any) -> dict[str, Any]:
    """A service that is asked often, so that a test need not wait long."""
    http = {"port": 8080, "path": path, "body": "fine|one", **x.pop("http", {})}
    health = {"http": http, "interval": "200ms", "timeout": "5s"}
    return web(image, x={"health": health, "healthy_deadline": "10s", **x})


def serving(rig: Rig) -> dict[str, str]:
    """A shop that serves, and whose instance answers; its containers."""
    rig.synced(rig.push(web=asked(ONE, "/")))
    return rig.ids()


def test_a_release_that_never_gets_ready_is_given_up_and_the_check_that_failed_is_named(rig: Rig) -> None:
    before, seen = serving(rig), rig.witness()

    reason = rig.rejected(rig.push(web=asked(MOODY, "/nothing", healthy_deadline="2s")))

    assert "was not ready within 2 s: http :8080/nothing answered 404" in reason
    assert rig.ids() == before
    assert not [each for each in seen.story("die", "stop") if each.endswith("web-1")]


def test_one_that_answers_too_slowly_is_not_ready(rig: Rig) -> None:
    before = serving(rig)

    reason = rig.rejected(rig.push(web=asked(TIRED, http={"latency": "200ms"}, healthy_deadline="3s")))

    assert "http :8080/cgi-bin/health took " in reason
    assert "allowed are 200 ms" in reason
    assert rig.ids() == before


def test_one_that_answers_well_and_dies_within_min_ready_is_given_up_with_its_last_words(rig: Rig) -> None:
    before = serving(rig)

    reason = rig.rejected(rig.push(web=asked(MORTAL, min_ready="5s")))

    assert "exited with code 7" in reason
    told = rig.told("RolloutRollingBack").data
    assert (told["logs"], told["exit_code"]) == ("out of patience\n", 7)
    assert rig.ids() == before


def test_one_that_fails_later_is_told_and_replaced_without_a_gap(rig: Rig) -> None:
    rig.synced(rig.push(web=asked(MOODY)))
    [old] = rig.ids().values()
    seen = rig.witness()

    rig.run_inside("web-1", "touch", "/tmp/sick")

    drift = rig.told("DriftFound")
    assert "unhealthy: its checks fail: http :8080/cgi-bin/health answered 503 (lost my database)" in drift.message
    rig.eventually(lambda: old not in rig.ids().values() and rig.status().health == "Healthy")
    assert [each.split()[0] for each in seen.story("start", "die")] == ["start", "die"]
    assert list(rig.running()) == ["web-1"]


def test_a_daemon_that_was_killed_asks_again_and_brings_the_release_to_its_end(rig: Rig) -> None:
    serving(rig)
    commit = rig.push(web=asked(MOODY, min_ready="3s"))
    rig.eventually(lambda: len(rig.running()) == 2)

    rig.process.kill()
    rig.process.start()

    rig.synced(commit)
    assert rig.running() == {"web-1": MOODY}
