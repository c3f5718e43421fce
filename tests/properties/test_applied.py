"""Whatever is wanted, once it is applied on a real engine nothing drifts, and in another order it is the same."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import docker
import pytest

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.model.drift import DriftItem
from gitopsd.model.settings import TargetEngine
from tests.conftest import PROJECT_LABEL
from tests.images import Images
from tests.manifest.made_up import written
from tests.properties.applied import Applied
from tests.properties.runnable import documents, made_up, permuted

SERVICES = 200
WITHIN = 900.0  # on a machine that many share; alone it takes a fortieth of that
RICH = [
    *('CMD ["sleep", "3600"]', "ENV PATH=/bin FROM=image", "LABEL made=here", "EXPOSE 9999/tcp", "VOLUME /kept"),
    "WORKDIR /tmp",
]


@pytest.fixture
def engine(engine_url: str, images: Images) -> Iterator[DockerEngine]:
    images.busybox("gitopsd-test/plain:1", changes=['CMD ["sleep", "3600"]'])
    images.busybox("gitopsd-test/rich:1", changes=RICH)
    found = connect(TargetEngine(engine_url), {})
    yield found
    found.close()


def held(engine: DockerEngine, api: docker.APIClient, project: str, directory: Path, number: int) -> None:
    """The law, of one environment of many services."""
    services = made_up(SERVICES, number)
    applied = Applied(engine, directory)

    applied.apply(documents(services, project), WITHIN)

    assert applied.held_by == ()
    release = applied.release()
    assert release.outcome == "succeeded", f"{release.reason}: {of(services, release.reason.partition(':')[0])}"
    assert told(applied.drift(), services) == ""
    before = ids(api, project)
    assert len(before) == SERVICES

    applied.forget_baselines()
    applied.apply(documents(permuted(services, Random(number)), project), WITHIN)

    assert applied.release().number == release.number, "another order is another release"
    assert told(applied.drift(), services) == ""
    assert ids(api, project) == before


def ids(api: docker.APIClient, project: str) -> set[str]:
    return {row["Id"] for row in api.containers(all=True, filters={"label": f"{PROJECT_LABEL}={project}"})}


def told(items: tuple[DriftItem, ...], services: dict[str, Any]) -> str:
    """What drifts, and the service that it is of, as it is written."""
    lines = [f"{each.cause} {[(c.path, c.applied, c.live) for c in each.changes]}\n{of(services, each.service)}"
             for each in items if each.state != "unenforceable"]  # fmt: skip
    return "\n".join(lines)


def of(services: dict[str, Any], name: str) -> str:
    return written({name: services.get(name)}, block=False)


@pytest.mark.timeout(2400)
def test_what_was_applied_does_not_drift_and_its_order_does_not_count(
    engine: DockerEngine, docker_api: docker.APIClient, project: str, tmp_path: Path
) -> None:
    held(engine, docker_api, project, tmp_path, number=0)


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("number", range(1, 26))
def test_no_environment_of_many_drifts(
    engine: DockerEngine, docker_api: docker.APIClient, project: str, tmp_path: Path, number: int
) -> None:
    held(engine, docker_api, project, tmp_path, number)
