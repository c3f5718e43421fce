"""What a person asks of an environment as a whole: to take its project over, to give it up, or to take it down."""

from datetime import datetime

from gitopsd.controller.adoption import Adoption, adopt_project
from gitopsd.controller.ejection import Ejection, eject_environment
from gitopsd.controller.environments import Environment
from gitopsd.controller.pinning import World
from gitopsd.controller.removal import Removal, remove_environment
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal


def carry_out(
    asked: Operation, environment: Environment, journal: Journal, world: World, now: datetime
) -> tuple[str, tuple[Event, ...]]:
    """What was done, or why not, and what is told of it. Safe to run again after an interruption."""
    engine, store, in_git = world.engine, world.store, bool(environment.path)
    match asked.verb:
        case "adopt":
            adoption = Adoption(asked.by, asked.arguments.get("take_over") is True, now)
            return adopt_project(environment, journal, world.desires, engine, store, adoption)[0], ()
        case "eject":
            return eject_environment(journal, engine, store, Ejection(asked.by, in_git, now)), ()
        case _:
            return remove_environment(journal, engine, store, Removal(asked.by, in_git, now))
