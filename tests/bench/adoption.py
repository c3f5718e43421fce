"""Adoption, held against what it cannot do without: one inspection of each container."""

import os
from statistics import median

from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.docker.engine import connect
from gitopsd.adapters.git.source import open_source
from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.store.sqlite import open_store
from gitopsd.controller.adoption import Adoption, adopt_project
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import discovered
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.model.release import Journal
from gitopsd.model.settings import Repository as RepositorySettings
from gitopsd.model.settings import Settings, TargetEngine
from tests.bench.ground import Ground, Repository, manifest, seconds, typical
from tests.bench.result import Result


def adoption(ground: Ground) -> list[Result]:
    """200 containers that Compose started, taken over in one pass: looked at, compared field by field, written down."""
    name = "benchadopt"
    content, directory = manifest(20, 10, ground.image(1)), ground.directory / name
    directory.mkdir()
    (directory / "compose.yaml").write_text(content)
    repository = Repository(ground.directory, f"{name}-git")
    repository.name = name
    repository.commit(content)
    repository.push()
    try:
        ground.compose_up(directory, name)
        containers = [str(each["Id"]) for each in ground.running(name)]
        theirs = typical(lambda: [ground.api.inspect_container(each) for each in containers], 5)
        ours = median(_adopted(ground, repository, number) for number in range(5))
    finally:
        ground.remove(name)
    return [Result(f"{len(containers)} containers adopted in one pass, vs. their raw inspects", ours, theirs, 1.5)]


def _adopted(ground: Ground, repository: Repository, number: int) -> float:
    """Seconds of one adoption by a gitopsd that knows nothing yet."""
    state = ground.directory / f"adopting-{number}"
    store, clock = open_store(state), SystemClock()
    named = RepositorySettings("default", str(repository.bare))
    repositories = Repositories({"default": named}, lambda each: open_source(each, state), store, clock)
    repositories.poll("default")
    target = TargetEngine(os.environ.get("DOCKER_HOST", TargetEngine().url))
    settings = Settings("bench", state, {"default": named}, engine=target)
    environment = discovered(settings, repositories.heads())[0][repository.name]
    engine, desires = connect(target, {}), Desires(repositories, store, Registry(), HostSecrets(state))
    engine.api()

    def work() -> None:
        doing = Adoption("bench", False, clock.now())
        result, _ = adopt_project(environment, Journal(environment.name), desires, engine, store, doing)
        assert "as the manifest wants them" in result, result

    taken = seconds(work)
    engine.disclaim(environment.name)
    engine.close()
    return taken
