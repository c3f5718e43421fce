"""What somebody changes by hand, as people are told of it: live, afterwards, and as a chain of causes."""

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
    # As from a terminal: what a script starts in the background is deaf to SIGINT, and hands that down.
    command = [
        "env",
        "--default-signal=INT",
        *PROGRAM,
        "drift",
        "shop",
        "--watch",
        "-o",
        "json",
        "--config",
        str(rig.config),
    ]
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


def test_what_was_changed_and_healed_can_be_read_afterwards_from_the_hand_to_the_heal(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, mem_limit="64m")))
    rig.eventually(lambda: rig.store.baselines("shop"))
    rig.run_inside("web-1", "true")
    rig.api.update_container(rig.container()["Id"], mem_limit=32 << 20, memswap_limit=64 << 20)
    rig.told("DriftEnded")

    past = rig.process.command("drift", "shop", "--history")
    told = rig.process.command("why", "shop/web", "--limit", "1").splitlines()

    assert "resources.memory: 64MiB -> 32MiB" in past
    assert "healed in place" in past
    chain = [(line.split()[0], " ".join(line.split()[2:])) for line in told if line.startswith("  ") and ":" in line]
    kinds = [kind for kind, _ in chain]
    assert kinds[-4:] == ["event", "drift", "action", "look"]
    words = dict(chain)
    assert words["event"].startswith("exec of true at ")
    assert "# repair: resources.memory" in words["action"]
    assert "healed in place" in words["look"]
