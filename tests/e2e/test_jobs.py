"""A job that was cut off together with the daemon that had started it, on a real engine."""

from typing import Any

import pytest

from tests.e2e.conftest import ONE, TWO
from tests.e2e.rig import Rig, web

PATIENT = 120.0  # two lives of a daemon, and two of a job
CUT_OFF = "before: it was cut off, and nobody knows how far it came"


def with_job(image: str, **said: Any) -> dict[str, Any]:
    x = {"job": {"phase": "before", **said}}
    before = {"image": ONE, "command": ["sh", "-c", "echo begun; sleep 2"], "stop_signal": "SIGKILL", "x-gitopsd": x}
    return {"before": before, "web": web(image)}


def cut_off(rig: Rig) -> None:
    """The host fails: the daemon and the container of the job end at once, and only the daemon comes back."""
    rig.eventually(lambda: any(row["State"] == "running" for row in rig.rows("before")))
    rig.process.kill()
    rig.api.kill(rig.rows("before")[0]["Id"])
    rig.start()


@pytest.mark.parametrize("safe", [False, True])
def test_a_job_that_was_cut_off_with_the_daemon_is_told_and_runs_again_only_where_that_is_safe(
    rig: Rig, *, safe: bool
) -> None:
    first = rig.push(web=web(ONE))
    rig.synced(first)
    before = rig.ids()
    commit = rig.push(**with_job(TWO, **({"idempotent": True} if safe else {})))
    cut_off(rig)
    if not safe:
        assert CUT_OFF in rig.rejected(commit, within=PATIENT)
        assert rig.ids()[f"/{rig.project}-web-1"] == before[f"/{rig.project}-web-1"]
        rig.ask("retry")
    rig.synced(commit, within=PATIENT)
    done = [event.message for event in rig.events("ActionDone") if event.service == "before"]
    assert any("anew, as it was cut off" in message for message in done) == safe
    assert rig.running()["web-1"] == TWO
