"""Every environment that a repository on disk holds, as the daemon would find them."""

from pathlib import Path

from gitopsd.controller.arrangement import Known, arrangement
from gitopsd.controller.environments import Environment
from gitopsd.controller.ground import Ground
from gitopsd.controller.ports import Secrets
from gitopsd.controller.queries.paths import OnDisk, variables_here
from gitopsd.model.errors import GitopsdError
from gitopsd.model.files import Files
from gitopsd.model.settings import Repository, Settings


def everything(ground: Ground, path: Path) -> tuple[tuple[OnDisk, ...], tuple[str, ...]]:
    """The environments, and what is wrong with the set of them. GitopsdError when there are none."""
    place = path.absolute()
    found, problems = found_in(ground, place, ground.directory(place))
    if not found:
        raise GitopsdError(
            f"no environment found in {place}: no directory that holds a Compose file matches "
            f"{', '.join(ground.settings.discover)}; name one, or set `discover` in gitopsd.yaml"
        )
    return found, problems


def found_in(ground: Ground, place: Path, files: Files) -> tuple[tuple[OnDisk, ...], tuple[str, ...]]:
    """The environments in the files of a repository that lies at `place`, and what is wrong with the set of them."""
    settings = ground.settings
    name = next(iter(settings.repositories), "default")
    alone = Settings(
        host=settings.host,
        state_dir=settings.state_dir,
        repositories={name: settings.repositories.get(name, Repository(name, str(place)))},
        discover=settings.discover,
        environments=settings.environments,
        engine=settings.engine,
        policy=settings.policy,
    )
    found = arrangement(Known(alone, {name: files}, {}, "", lambda _: {}))
    all_of_them = found.environments.values()
    return tuple(_discovered(ground.secrets, each, place, files) for each in all_of_them), found.problems


def _discovered(secrets: Secrets, environment: Environment, root: Path, files: Files) -> OnDisk:
    variables = variables_here(secrets, environment.vars_file)
    return OnDisk(
        environment.name,
        root,
        environment.path,
        files.again(),
        variables,
        environment.project,
        environment.host_dir,
        environment.first_name,
        environment.refused,
        environment.policy.workload,
        environment.engine.swarm,
    )
