"""A Traefik 3 of people's own in front of a real engine: it has what gitopsd writes, and no request is lost."""

from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.app import app_image, routed
from tests.e2e.conftest import MakeRig
from tests.load import load
from tests.traefik import started

PATIENCE_S = 180.0


@pytest.mark.timeout(900)
def test_behind_a_traefik_of_ones_own_a_canary_and_a_rolling_upgrade_lose_no_request(
    make_rig: MakeRig, docker_api: docker.APIClient, tmp_path: Path
) -> None:
    app_image(docker_api)
    traefik = started(tmp_path)
    router = {"mode": "traefik", "directory": str(traefik.directory), "api": traefik.url}
    rig = make_rig(router=router).start()
    rig.at_end(traefik.crash)
    at = [f"127.0.0.1:{traefik.port}:8080"]  # as its entry point has it
    quick = {"drain_timeout": "2s"}
    canary = {**quick, "strategy": "canary", "steps": [{"set_weight": 20}, {"pause": {}}]}

    def pushed(version: str, x: dict[str, Any]) -> str:
        return rig.push(web=routed(version, traefik.port, ports=at, x=x))

    rig.synced(pushed("one", quick), within=PATIENCE_S)
    with load(traefik.port, "localhost") as seen:
        commit = pushed("two", canary)
        rig.eventually(lambda: seen.answered["two"], PATIENCE_S)
        before = seen.so_far()
        seen.more(500)
        assert 10 < seen.share("two", before) < 30
        rig.ask("promote")
        rig.synced(commit, within=PATIENCE_S)
        rig.synced(pushed("three", quick), within=PATIENCE_S)
        rig.eventually(lambda: seen.answered["three"] > 50, PATIENCE_S)
    seen.none_lost()
    assert set(seen.answered) == {"one", "two", "three"}
