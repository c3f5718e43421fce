"""The ground of the engine contract: the same tests stand on the fake and on the real one."""

from collections.abc import Iterator

import docker
import pytest

from gitopsd.adapters.docker.engine import connect
from gitopsd.model.settings import TargetEngine
from tests.conftest import remove_project
from tests.contract.grounds import FakeHands, Ground, RealHands
from tests.fakes.engine import FakeEngine
from tests.images import Images


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    if request.param == "fake":
        fake = FakeEngine()
        yield Ground(fake, FakeHands(fake), "shop")
        return
    project: str = request.getfixturevalue("project")
    api: docker.APIClient = request.getfixturevalue("docker_api")
    images: Images = request.getfixturevalue("images")
    engine = connect(TargetEngine(request.getfixturevalue("engine_url")), {})
    hands = RealHands(engine, api, images, project)
    yield Ground(engine, hands, project)
    engine.disclaim(project)
    left = {volume for each in engine.observe(project).instances for volume in each.volumes.values()}
    remove_project(api, project)
    hands.clear(left)
    engine.close()
