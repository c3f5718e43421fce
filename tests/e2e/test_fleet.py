"""Two machines with an engine and a daemon each, and one repository: who goes first, who waits, who shows both."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.apps import free_port
from tests.e2e.conftest import CRASHING, ONE, TWO, MakeRig, StartEngine
from tests.e2e.process import PROGRAM, _environment
from tests.e2e.rig import Rig, web

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]
PATIENCE = 120.0  # questions among machines are spread over half a minute
PROVEN_AFTER_S = 6


@dataclass(frozen=True)
class Fleet:
    """`first` is the host that goes first, `later` one that waits until that has been well for a while."""

    first: Rig
    later: Rig
    servers: Path

    def push(self, image: str) -> str:
        """The same version for both, each in its host's directory; the commit's id."""
        files = {
            f"hosts/{rig.settings['host']}/shop/compose.yaml": yaml.safe_dump(
                {"name": rig.project, "services": {"web": web(image)}}
            )
            for rig in (self.first, self.later)
        }
        return self.first.repository.push(files, f"Change to {image}")

    def status(self, code: int = 0) -> Mapping[str, Any]:
        """What `gitopsd fleet status` tells of each server, by name."""
        told = fleet_command(self.servers, "-o", "json", code=code)
        return {each["name"]: each for each in json.loads(told)["servers"]}


def fleet_command(servers: Path, *words: str, code: int = 0) -> str:
    command = [*PROGRAM, "fleet", "status", "--servers", str(servers), *words]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def fleet(start_engine: StartEngine, make_rig: MakeRig, docker_api: docker.APIClient, tmp_path: Path) -> Fleet:
    ports = {host: free_port() for host in ("web1", "web2")}
    servers = tmp_path / "servers.yaml"
    known = {host: {"url": f"http://127.0.0.1:{port}"} for host, port in ports.items()}
    servers.write_text(yaml.safe_dump({"servers": known, "groups": {"canary-hosts": ["web1"]}}))
    discover = ["hosts/$HOST/*"]
    first = make_rig(host="web1", discover=discover)
    engine = start_engine()
    other: Any = engine.api()
    for tag in (ONE, TWO, CRASHING):  # the same images, as both would have them from one registry
        for line in other.load_image(docker_api.get_image(tag)):
            assert "error" not in line, line
    repository = {"url": str(first.repository.bare), "interval": "1s"}
    requires = {"environment": "canary-hosts", "healthy_for": f"{PROVEN_AFTER_S}s"}
    policy = {"requires": requires, "servers_file": str(servers)}
    later = make_rig(
        engine=engine.url, api=engine.api(), host="web2", discover=discover, repository=repository, policy=policy
    )
    for rig in (first, later):
        rig.process.listen = f"127.0.0.1:{ports[rig.settings['host']]}"
        rig.start()
    return Fleet(first, later, servers)


def test_a_version_reaches_the_second_machine_once_the_first_has_proven_it(fleet: Fleet) -> None:
    good = fleet.push(ONE)
    fleet.later.eventually(lambda: fleet.later.held("requires"), PATIENCE)
    assert fleet.later.running() == {}
    fleet.first.synced(good)
    fleet.later.synced(good, within=PATIENCE)
    proven, begun = fleet.first.release().finished_at, fleet.later.release().started_at
    assert proven is not None
    assert (begun - proven).total_seconds() >= PROVEN_AFTER_S

    found = fleet.status()
    assert {name: each["environments"][0]["revision"] for name, each in found.items()} == {"web1": good, "web2": good}


@pytest.mark.long
def test_a_bad_version_never_reaches_the_second_machine_and_the_next_good_one_does(fleet: Fleet) -> None:
    good = fleet.push(ONE)
    fleet.first.synced(good)
    fleet.later.synced(good, within=PATIENCE)

    bad = fleet.push(CRASHING)
    fleet.first.rejected(bad, within=PATIENCE)
    fleet.later.eventually(lambda: fleet.later.status().desired_revision == bad)
    for _ in range(3):
        fleet.later.looks_again()
        assert "canary-hosts" in fleet.later.held("requires")
    assert fleet.later.running() == {"web-1": ONE}
    assert [each.outcome for each in fleet.later.store.releases("shop", 9) if each.outcome] == ["succeeded"]
    assert fleet.status(code=3)["web1"]["environments"][0]["holds"][0]["guard"] == "rejected"

    fleet.later.synced(fleet.push(TWO), within=PATIENCE)
    assert fleet.first.running() == fleet.later.running() == {"web-1": TWO}


@pytest.mark.long
def test_a_machine_whose_daemon_is_away_is_said_and_waited_for(fleet: Fleet) -> None:
    good = fleet.push(ONE)
    fleet.later.synced(good, within=PATIENCE)

    fleet.first.process.kill()
    second = fleet.push(TWO)

    fleet.later.eventually(lambda: "web1" in fleet.later.held("requires"), PATIENCE)
    found = fleet.status(code=1)
    assert "cannot be asked" in found["web1"]["error"]
    assert found["web2"]["environments"][0]["revision"] == good
    assert "2 servers, 1 environments; 1 did not answer" in fleet_command(fleet.servers, code=1)
    assert fleet.later.running() == {"web-1": ONE}

    fleet.first.process.start()
    fleet.later.eventually(partial(fleet.later.has_synced, second), PATIENCE)
