"""What a client of a service sees of a rollout that goes well, and of one that somebody changes their mind about.

A start-first service promises that at every moment `replicas` instances of a good version answer; a stop-first one that
no two versions answer at once, and that its interruption is what the ledger says.
"""

from typing import Any

from tests.e2e.client import client_of, client_of_port
from tests.e2e.conftest import ONE, SLOW_TO_START, THREE, TWO
from tests.e2e.rig import RESTING, Rig, answering

READY = {"min_ready": "1s"}


def serving(rig: Rig, replicas: int = 2) -> None:
    """A shop whose first version serves."""
    rig.synced(rig.push(web=answering(ONE, replicas)))


def half_way(rig: Rig) -> str:
    """The new version has taken over one of two slots, and the other waits for its turn; its commit."""
    serving(rig)
    commit = rig.push(web=answering(TWO, deploy=RESTING, x=READY))
    rig.eventually(lambda: rig.running() == {"web-1": TWO, "web-2": ONE})
    return commit


def test_a_rolling_upgrade_takes_no_answer_away(rig: Rig) -> None:
    serving(rig, 3)
    client = client_of(rig)
    rig.synced(rig.push(web=answering(SLOW_TO_START, 3)))
    seen = client.seen()
    assert seen.fewest("one", "two") >= 3, seen.failures()
    assert seen.last == {"web-1": "two", "web-2": "two", "web-3": "two"}
    assert set(seen.answers) == {"one", "two"}


def test_an_upgrade_without_room_for_more_misses_the_one_instance_that_it_may(rig: Rig) -> None:
    serving(rig)
    client = client_of(rig)
    rig.synced(rig.push(web=answering(SLOW_TO_START, x={"max_surge": 0, "max_unavailable": 1})))
    seen = client.seen()
    assert seen.fewest("one", "two") == 1, seen.failures()
    assert seen.most == 2
    assert set(seen.last.values()) == {"two"}


def test_the_interruption_of_a_stop_first_service_is_the_one_that_its_ledger_tells(rig: Rig, free_port: int) -> None:
    ports: dict[str, Any] = {"ports": [f"127.0.0.1:{free_port}:8080"]}
    rig.synced(rig.push(web=answering(ONE, 1, **ports)))
    client = client_of_port(rig, free_port)
    rig.synced(rig.push(web=answering(TWO, 1, **ports)))
    seen = client.seen()
    assert seen.story == ["one", "two"]
    (part,) = rig.shown(2)["rollouts"]
    assert part["interruption_s"] > 0
    assert abs(part["interruption_s"] - seen.silence("one", "two")) < 5


def test_a_new_commit_in_the_middle_of_a_rollout_takes_over_without_a_gap(rig: Rig) -> None:
    half_way(rig)
    client = client_of(rig)
    rig.synced(rig.push(web=answering(THREE)))
    seen = client.seen()
    assert seen.fewest("one", "two", "three") >= 2, seen.failures()
    assert seen.last == {"web-1": "three", "web-2": "three"}
    assert [each.outcome for each in rig.store.releases("shop")] == ["succeeded", "superseded", "succeeded"]


def test_a_revert_in_the_middle_of_a_rollout_brings_the_first_version_back_without_a_gap(rig: Rig) -> None:
    half_way(rig)
    kept = rig.container("web-2")["Id"]
    client = client_of(rig)
    rig.synced(rig.repository.revert())
    seen = client.seen()
    assert seen.fewest("one", "two") >= 2, seen.failures()
    assert seen.last == {"web-1": "one", "web-2": "one"}
    assert rig.container("web-2")["Id"] == kept


def test_an_abort_brings_the_first_version_back_without_a_gap_and_says_who_wanted_it(rig: Rig) -> None:
    commit = half_way(rig)
    client = client_of(rig)
    rig.process.command("rollout", "abort", "shop", "--reason", "wrong price")
    assert "aborted by" in rig.rejected(commit)
    seen = client.seen()
    assert seen.fewest("one", "two") >= 2, seen.failures()
    assert seen.last == {"web-1": "one", "web-2": "one"}
    assert rig.release().outcome == "cancelled"
