"""A person steers the release under way, and a daemon that is killed meanwhile forgets nothing of it."""

import json
from typing import Any

from tests.e2e.conftest import ONE, TWO
from tests.e2e.rig import Rig, web

LONG = {"x": {"min_ready": "120s"}}
NOT_YET: dict[str, Any] = {"healthcheck": {"test": ["CMD", "false"], "interval": "1s", "start_period": "300s"}}
BOTH = {"web-1": ONE, "web-1.gitopsd-2": TWO}


def under_way(rig: Rig, **more: Any) -> str:
    """A first release serves, and the second one waits for what it brought; its commit."""
    rig.synced(rig.push(web=web(ONE)))
    commit = rig.push(web=web(TWO, **more))
    rig.eventually(lambda: rig.running() == BOTH)
    return commit


def test_a_release_is_paused_from_the_command_line_and_promoted_after_the_daemon_was_killed(rig: Rig) -> None:
    commit = under_way(rig, **LONG)
    assert "paused: web" in rig.process.command("rollout", "pause", "shop", "--reason", "lunch")
    rig.process.kill()
    rig.start()
    assert "lunch" in rig.held("paused")
    rig.looks_again()
    assert rig.running() == BOTH
    shown = json.loads(rig.process.command("rollout", "show", "shop", "-o", "json"))["services"][0]
    assert [(each["role"], each["ready"]) for each in shown["instances"]] == [("old", True), ("new", True)]
    assert shown["phase"] == "Paused"
    assert "without waiting" in rig.process.command("rollout", "promote", "shop/web")
    rig.synced(commit)
    assert rig.running() == {"web-1": TWO}


def test_a_release_that_is_aborted_while_the_daemon_is_dead_goes_back_once_it_lives(rig: Rig) -> None:
    commit = under_way(rig, **NOT_YET)
    first = rig.container("web-1")["Id"]
    rig.process.kill()
    said = rig.process.command("rollout", "abort", "shop", "--reason", "wrong price")
    assert "queued" in said
    rig.start()
    assert "aborted by" in rig.rejected(commit)
    assert rig.ids() == {f"/{rig.project}-web-1": first}
    release = json.loads(rig.process.command("show", "2", "-o", "json"))
    assert (release["outcome"], release["reason"].endswith("wrong price")) == ("cancelled", True)
    assert [event.reason for event in rig.events("OperationAbort")] == ["OperationAbort"]
    assert "may be tried again" in rig.process.command("rollout", "retry", "shop")
    rig.eventually(lambda: rig.running() == {"web-1": ONE, "web-1.gitopsd-3": TWO})


def test_an_abort_takes_a_database_back_although_the_daemon_is_killed_on_the_way(rig: Rig) -> None:
    data = {"volumes": ["data:/data"]}
    rig.synced(rig.push(db=web(ONE, **data)))
    commit = rig.push(db=web(TWO, **NOT_YET, **data))
    rig.eventually(lambda: rig.running() == {"db-1.gitopsd-2": TWO})
    rig.ask("abort")
    rig.process.kill()
    rig.start()
    rig.rejected(commit)
    assert rig.running() == {"db-1": ONE}
    assert rig.names("db") == ["db-1"]
    (part,) = json.loads(rig.process.command("show", "2", "-o", "json"))["rollouts"]
    assert (part["phase"], part["evidence"]) == ("RolledBack", "release 2 aborted by ada")
    assert 0 < part["interruption_s"] <= part["seconds"]
    assert "(as measured" not in rig.process.command("plan", "shop")  # only what succeeded foretells anything


def test_a_pin_brings_a_kept_release_back_with_git_gone_and_a_daemon_that_is_killed_on_the_way(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, x={"min_ready": "1s"})))
    rig.synced(rig.push(web=web(TWO, x={"min_ready": "1s"})))
    rig.process.kill()
    rig.repository.bare.rename(rig.repository.bare.with_name("away"))
    assert "queued" in rig.process.command("pin", "shop", "1", "--for", "1h", "--reason", "checkout is slow")
    rig.start()
    rig.eventually(lambda: len(rig.running()) == 2)
    rig.process.kill()
    rig.start()
    rig.eventually(lambda: rig.running() == {"web-1": ONE})
    assert "checkout is slow" in rig.held("pin")
    assert "a revert is owed" in rig.process.command("status", "shop", code=1)
    assert len(rig.store.releases("shop")) == 3
    rig.repository.bare.with_name("away").rename(rig.repository.bare)
    assert "stays out" in rig.process.command("unpin", "shop")
    rig.looks_again()
    assert rig.running() == {"web-1": ONE}
    rig.synced(rig.push(web=web(ONE, x={"min_ready": "1s"})))
    assert rig.status().holds == ()
