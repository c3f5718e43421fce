"""What a client of a service sees of a new version that is no good: nothing, or only the share that had it already.

The promise: at every moment both instances of the old version answer. Where the bad one was good for `min_ready`, and
so took a slot over before it showed, the other one does, until that slot is back.
"""

from typing import Any

import pytest

from tests.e2e.client import Client, Seen, client_of, client_of_port
from tests.e2e.conftest import ONE, TWO
from tests.e2e.rig import RESTING, Rig, answering
from tests.e2e.writing import BROKEN, DATA, FIRST, writers, writing_images
from tests.images import Images

LOST, SLOW, QUICK = "gitopsd-test/lost:1", "gitopsd-test/slow:1", "gitopsd-test/quick:1"
CRASHES, LEAKS = "gitopsd-test/crashes-later:1", "gitopsd-test/leaks:1"
CRASHES_BY_ITSELF = "gitopsd-test/crashes-by-itself:1"
HEAD = "printf 'Status: 200\\r\\nContent-Type: text/plain\\r\\n\\r\\n%s\\n'"
SERVE = 'CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]'
PAGE = "/cgi-bin/page"
READY = {"min_ready": "1s"}


@pytest.fixture(scope="module", autouse=True)
def _servers(images: Images) -> None:
    writing_images(images)
    images.web(LOST, "lost")
    images.busybox(QUICK, {f"/www{PAGE}": f"#!/bin/sh\n{HEAD} one\n"}, [SERVE])
    images.busybox(SLOW, {f"/www{PAGE}": f"#!/bin/sh\nsleep 3\n{HEAD} two\n"}, [SERVE])
    told, crash = "until test -e /tmp/enough; do sleep 0.1; done", "echo out of patience; exit 7"
    for tag, then in (
        (CRASHES, f"{told}; {crash}"),
        (LEAKS, f"{told}; exec tail /dev/zero"),
        (CRASHES_BY_ITSELF, f"sleep 10; {crash}"),
    ):
        images.web(tag, "two", [f'CMD ["sh", "-c", "httpd -p 8080 -h /www; {then}"]'])


def serving(rig: Rig, image: str = ONE, path: str = "/", **more: Any) -> Client:
    """A client of two instances of a shop that serves."""
    rig.synced(rig.push(web=answering(image, path=path, **more)))
    return client_of(rig, path=path)


def test_a_version_that_never_gets_healthy_takes_no_answer_away(rig: Rig) -> None:
    client = serving(rig)
    reason = rig.rejected(rig.push(web=answering(LOST, x={"healthy_deadline": "3s"})))
    seen = client.seen()
    assert "was not ready within 3 s: http :8080/ answered 200 (lost)" in reason
    assert seen.fewest("one") >= 2, seen.failures()
    assert seen.last == {"web-1": "one", "web-2": "one"}


def has_a_share(rig: Rig, image: str, **more: Any) -> str:
    """A version that was good for `min_ready` has taken one of two slots over; its commit."""
    commit = rig.push(web=answering(image, deploy=RESTING, x=READY, **more))
    rig.eventually(lambda: rig.running() == {"web-1": image, "web-2": ONE})
    return commit


def test_a_version_that_crashes_once_it_has_a_share_goes_back_and_the_rest_answers_meanwhile(rig: Rig) -> None:
    client = serving(rig)
    commit = has_a_share(rig, CRASHES)
    rig.run_inside("web-1", "touch", "/tmp/enough")
    assert "web-1 exited with code 7" in rig.rejected(commit)
    assert rig.told("RolloutRollingBack").data["logs"] == "out of patience\n"
    went_back(client.seen())


@pytest.mark.long
def test_a_version_that_crashes_after_ten_seconds_goes_back_and_the_rest_answers_meanwhile(rig: Rig) -> None:
    client = serving(rig)
    assert "web-1 exited with code 7" in rig.rejected(has_a_share(rig, CRASHES_BY_ITSELF))
    went_back(client.seen())


def test_a_version_that_leaks_memory_until_the_kernel_ends_it_goes_back_and_the_evidence_says_so(rig: Rig) -> None:
    client = serving(rig, mem_limit="24m")
    commit = has_a_share(rig, LEAKS, mem_limit="24m")
    rig.run_inside("web-1", "touch", "/tmp/enough")
    assert "web-1 exited with code 137, out of memory" in rig.rejected(commit)
    assert "web-1 exited with code 137, out of memory" in rig.shown(2)["reason"]
    evidence = rig.told("RolloutRollingBack").data
    assert (evidence["exit_code"], evidence["out_of_memory"]) == (137, True)
    went_back(client.seen())


def went_back(seen: Seen) -> None:
    """One of two slots was the bad version's for a while, and the other never."""
    assert seen.answers["two"] > 0
    assert seen.fewest("one") == 1, seen.failures()
    assert seen.last == {"web-1": "one", "web-2": "one"}


def test_a_version_that_answers_more_slowly_than_the_bound_takes_no_answer_away(rig: Rig) -> None:
    bound = {"latency": "2s"}
    client = serving(rig, QUICK, PAGE, http=bound)
    reason = rig.rejected(rig.push(web=answering(SLOW, path=PAGE, http=bound, x={"healthy_deadline": "5s"})))
    seen = client.seen()
    assert f"http :8080{PAGE} took 3" in reason
    assert "allowed are 2000 ms" in reason
    assert seen.fewest("one") >= 2, seen.failures()
    assert seen.last == {"web-1": "one", "web-2": "one"}


def test_a_bad_version_of_a_database_gives_its_place_back_to_the_one_that_it_was_stopped_for(
    rig: Rig, free_port: int
) -> None:
    def database(image: str, **x: Any) -> dict[str, Any]:
        return answering(image, 1, volumes=[DATA], ports=[f"127.0.0.1:{free_port}:8080"], x=x)

    rig.synced(rig.push(db=database(FIRST)))
    before = rig.ids()
    client = client_of_port(rig, free_port)
    assert "answered 200 (lost)" in rig.rejected(rig.push(db=database(BROKEN, healthy_deadline="6s")))
    assert client.seen().story == ["one", "lost", "one"]
    assert len(writers(rig, "db-1")) == 3, "the first one, the bad one, and the first one again"
    assert rig.ids() == before


def test_a_failure_in_the_second_wave_brings_the_first_one_back_without_a_gap_in_either(rig: Rig) -> None:
    def shop(back: str, front: str, **x: Any) -> dict[str, Any]:
        return {"backend": answering(back, 1, x=READY), "web": answering(front, 1, x=x, depends_on=["backend"])}

    rig.synced(rig.push(**shop(ONE, ONE)))
    backend, web = client_of(rig, "backend"), client_of(rig, "web")
    assert "web: " in rig.rejected(rig.push(**shop(TWO, LOST, healthy_deadline="3s")))
    behind, before = backend.seen(), web.seen()
    assert behind.answers["two"] > 0, "it was promoted before the other failed"
    assert behind.fewest("one", "two") >= 1, behind.failures()
    assert behind.last == {"backend-1": "one"}
    assert before.fewest("one") >= 1, before.failures()
    assert before.last == {"web-1": "one"}
