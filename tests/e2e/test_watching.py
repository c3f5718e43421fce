"""`gitopsd drift --watch` beside a daemon: what somebody changes shows without being asked for, and its end as well."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ONE
from tests.e2e.process import PROGRAM, ROOT
from tests.e2e.rig import Rig, web


def shown(output: Path) -> list[list[str]]:
    """The kinds of drift in every report that has been printed so far."""
    lines = output.read_text().splitlines(keepends=True)
    reports: list[Any] = [json.loads(line)["environments"] for line in lines if line.endswith("\n")]
    return [[item["kind"] for each in report for item in each["items"]] for report in reports]


def test_what_somebody_changes_is_shown_to_who_watches_until_interrupted(rig: Rig) -> None:
    rig.synced(rig.push_document({"services": {"web": web(ONE)}, "x-gitopsd": {"heal": "report"}}))
    command = [*PROGRAM, "drift", "shop", "--watch", "-o", "json", "--config", str(rig.config)]
    output = rig.directory / "watched"
    with output.open("w") as file:
        watching = subprocess.Popen(command, stdout=file, env={**os.environ, "PYTHONPATH": str(ROOT)})
    rig.at_end(watching.kill)
    rig.eventually(lambda: shown(output) == [[]])
    rig.api.pause(rig.container()["Id"])
    rig.eventually(lambda: shown(output)[1:2] == [["paused"]])
    rig.api.unpause(rig.container()["Id"])
    rig.eventually(lambda: shown(output)[-1] == [])

    watching.send_signal(signal.SIGINT)

    assert watching.wait(timeout=10) == 130
