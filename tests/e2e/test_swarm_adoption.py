"""A stack of a real swarm is taken over with its tasks running on, and given up the same way."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitopsd.drift.swarm_tasks import GRACE
from tests.e2e.conftest import ONE, TWO
from tests.e2e.process import ask
from tests.e2e.swarm_rig import PATIENCE, SwarmRig
from tests.e2e.test_swarm import swarm
from tests.waiting import eventually

__all__ = ("swarm",)
pytestmark = pytest.mark.engine
STACK: dict[str, Any] = {
    "services": {
        "web": {
            "image": ONE,
            "stop_signal": "SIGKILL",
            "environment": {"COLOUR": "blue", "ANSWER": "42"},
            "labels": {"said": "by a user"},
            "volumes": ["data:/data"],
            "configs": [{"source": "page", "target": "/etc/page"}],
            "secrets": ["token"],
            "networks": {"default": {"aliases": ["shop"]}, "back": {}},
            "healthcheck": {"test": ["CMD", "true"], "interval": "1s"},
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
            "deploy": {
                "replicas": 2,
                "labels": {"team": "shop"},
                "update_config": {"parallelism": 0, "order": "start-first", "monitor": "1s"},
                "resources": {"limits": {"memory": "64M"}},
                "restart_policy": {"condition": "on-failure"},
                "placement": {"constraints": ["node.role == manager"]},
            },
        },
        "agent": {"image": ONE, "stop_signal": "SIGKILL", "deploy": {"mode": "global", "endpoint_mode": "dnsrr"}},
    },
    "networks": {"default": {}, "back": {}},
    "volumes": {"data": {}},
    "configs": {"page": {"file": "./page"}},
    "secrets": {"token": {"file": "./token"}},
}
SETTLES_S = 5.0
FILES = {"page": "a page\n", "token": "a secret\n"}


@pytest.fixture
def deploy(swarm: SwarmRig, tmp_path: Path) -> Any:
    """Runs `docker stack deploy` on a file."""
    program = shutil.which("docker")
    if program is None:
        pytest.skip("there is no docker command here to deploy a stack with")

    def deployed(document: dict[str, Any]) -> None:
        for name, data in {**FILES, "stack.yaml": yaml.safe_dump(document)}.items():
            (tmp_path / name).write_text(data)
        command = [program, "stack", "deploy", "--resolve-image", "never", "-c", "stack.yaml", swarm.rig.project]
        known = {"DOCKER_HOST": swarm.rig.engine_url, "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        done = subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return deployed


def tasks(swarm: SwarmRig) -> set[str]:
    """The ids of all tasks that run; AssertionError while they are not all there."""
    found = swarm.rig.api.tasks(filters={"desired-state": "running"})
    assert [each["Status"]["State"] for each in found] == ["running"] * 3
    return {str(each["ID"]) for each in found}


@pytest.mark.timeout(300)
def test_a_stack_is_adopted_mended_and_given_up_without_one_new_task(swarm: SwarmRig, deploy: Any) -> None:
    rig = swarm.rig
    deploy({"version": "3.8", **STACK})
    before = eventually(lambda: tasks(swarm), PATIENCE)
    commit = rig.push_document(STACK, **FILES)
    assert f"`gitopsd adopt {rig.project}` takes them over as they run" in rig.held("foreign")

    said = rig.process.command("adopt", rig.project)
    assert f"2 services of stack {rig.project} adopted as they run" in said
    assert "cannot be read back, and is taken for what is wanted" in said

    swarm.synced(commit)
    planned = json.loads(rig.process.command("plan", "shop", "-o", "json"))
    assert [each["change"] for each in planned["environments"][0]["changes"]] == ["unchanged", "unchanged"]
    assert json.loads(rig.process.command("drift", "shop", "-o", "json"))["environments"][0]["items"] == []
    assert tasks(swarm) == before

    swarm.scale(1)
    assert "healed" in rig.told("DriftEnded", within=PATIENCE).message
    mended = eventually(lambda: tasks(swarm), PATIENCE)
    assert len(mended & before) == 2  # the one that stopped is back, the others ran on

    file = json.loads(ask(rig.config, "eject", "shop", "-o", "json").stdout)["environments"][0]["document"]
    assert tasks(swarm) == mended
    assert file["configs"]["page"] == {"external": True, "name": f"{rig.project}_page"}
    deploy(file)
    goes_on(swarm, mended)


def goes_on(swarm: SwarmRig, before: set[str]) -> None:
    """The same tasks run when Swarm has had the time to begin an update, if it had one."""
    stays(lambda: tasks(swarm) == before, SETTLES_S)


def stays(so: Callable[[], bool], seconds: float) -> None:
    """It is so for so long, from the first moment on."""
    started = time.monotonic()

    def later() -> bool:
        assert so()
        return time.monotonic() > started + seconds

    eventually(later, seconds + PATIENCE)


def drifts(swarm: SwarmRig) -> list[Any]:
    said = json.loads(swarm.rig.process.command("drift", "shop", "-o", "json"))
    return list(said["environments"][0]["items"])


FULL: dict[str, Any] = {
    "services": {
        "web": {
            "image": ONE,
            "stop_signal": "SIGKILL",
            "stop_grace_period": "3s",
            "environment": {"Z": "a$$b", "A": "1"},
            "ports": ["9090:90", {"target": 80, "published": 8081, "protocol": "udp"}, "8080:80"],
            "extra_hosts": ["z=10.0.0.9", "a=10.0.0.8"],
            "cap_add": ["NET_ADMIN", "CHOWN"],
            "cap_drop": ["MKNOD"],
            "sysctls": {"net.core.somaxconn": "1024"},
            "ulimits": {"nproc": 1000, "nofile": {"soft": 1000, "hard": 2000}},
            "init": True,
            "user": "0",
            "hostname": "full",
            "working_dir": "/",
            "tty": True,
            "stdin_open": True,
            "dns": ["10.0.0.53"],
            "dns_search": ["shop.test"],
            "volumes": [
                "data:/z",
                "/tmp:/bound:ro",
                "other:/m",
                "/anonymous",
            ],
            "tmpfs": ["/scratch"],
            "restart": "on-failure:5",
            "mem_limit": "64m",
            "cpus": 0.25,
            "mem_reservation": "32m",
            "networks": {"zeta": {"aliases": ["c", "b"]}, "alpha": {}, "default": {}},
            "configs": ["b", {"source": "a", "target": "/a", "mode": 0o400}],
            "secrets": ["token"],
            "deploy": {
                "replicas": 2,
                "update_config": {"parallelism": 0, "monitor": "1s", "order": "stop-first"},
                "placement": {"preferences": [{"spread": "node.labels.zone"}]},
            },
        },
        "agent": {"image": ONE, "stop_signal": "SIGKILL", "deploy": {"mode": "global"}},
    },
    "networks": {"zeta": {"name": "gitopsd-test-named"}, "alpha": {}, "default": {}},
    "volumes": {"data": {}, "other": {"labels": {"tier": "store"}}},
    "configs": {"a": {"content": "1"}, "b": {"content": "2"}},
    "secrets": {"token": {"file": "./token"}},
}


@pytest.mark.timeout(300)
def test_what_gitopsd_released_goes_on_under_docker_stack_deploy_without_one_new_task(
    swarm: SwarmRig, deploy: Any
) -> None:
    rig = swarm.rig
    swarm.synced(rig.push_document(FULL, **FILES))
    before = eventually(lambda: tasks(swarm), PATIENCE)
    stays(lambda: drifts(swarm) == [], GRACE.total_seconds() + 2)
    said = ask(rig.config, "eject", "shop", "-o", "json")
    assert "makes the tasks of these anew" not in said.stderr + said.stdout
    deploy(json.loads(said.stdout)["environments"][0]["document"])
    assert "gitopsd.fingerprint" not in swarm.service()["Spec"]["Labels"]  # it was told by another hand
    goes_on(swarm, before)


@pytest.mark.timeout(300)
def test_what_was_adopted_is_upgraded_as_everything_else_and_doctor_knows_the_swarm(
    swarm: SwarmRig,
    deploy: Any,
) -> None:
    rig = swarm.rig
    deploy({"version": "3.8", **STACK})
    eventually(lambda: tasks(swarm), PATIENCE)
    rig.push_document(STACK, **FILES)
    rig.held("foreign")
    rig.process.command("adopt", rig.project)

    newer = {**STACK["services"]["web"], "image": TWO, "x-gitopsd": {"min_ready": "0s"}}
    swarm.synced(rig.push_document({**STACK, "services": {**STACK["services"], "web": newer}}, **FILES))
    assert swarm.running() == [TWO, TWO]
    assert swarm.running("agent") == [ONE]
    hostname = rig.api.info()["Name"]
    assert f"1 node, of which {hostname} manages" in rig.process.command("doctor", code=0)
    assert "2 services removed" in rig.ask("remove")
