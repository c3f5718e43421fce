"""The volumes of environments, and who needs them: none is ever removed, so a person has to know which are left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from gitopsd.controller.environments import Environment
from gitopsd.controller.queries.look import Failure
from gitopsd.controller.queries.view import View
from gitopsd.model.errors import GitopsdError
from gitopsd.model.live import KeptVolume
from gitopsd.model.settings import TargetEngine

Need = Literal["mounted", "declared", "unknown", "orphaned"]


@dataclass(frozen=True, slots=True)
class FoundVolume:
    """`environment` is whose it is, or was. `need` in a word, and `why` in words."""

    name: str
    environment: str
    engine: str
    need: Need
    why: str


@dataclass(frozen=True, slots=True)
class Volumes:
    found: tuple[FoundVolume, ...]
    failures: tuple[Failure, ...] = ()


def volumes(view: View, name: str = "") -> Volumes:
    """Those of all environments that are, and that were, on their engines; with `name`, those of that one.

    GitopsdError: the one that is named is on a swarm, whose volumes are on its nodes.
    """
    if name and view.select(name)[0].engine.swarm:
        raise GitopsdError(f"the volumes of {name} are on the nodes of a swarm; `docker volume ls` there shows them")
    found: list[FoundVolume] = []
    failures: list[Failure] = []
    for target in _engines(view):
        mine = [each for each in view.select() if each.engine.url == target.url]
        try:
            found += _on(view, target, mine)
        except GitopsdError as error:
            failures += [Failure(each.name, str(error)) for each in mine]
    chosen = [each for each in found if name in ("", each.environment)]
    return Volumes(tuple(chosen), tuple(each for each in failures if name in ("", each.environment)))


def _engines(view: View) -> Iterator[TargetEngine]:
    """Those of the environments, and the usual one, which may have had some."""
    usual = view.settings.engine
    targets = {each.engine.url: each.engine for each in view.select()} | {usual.url: usual}
    yield from (target for _, target in sorted(targets.items()) if not target.swarm)


def _on(view: View, target: TargetEngine, environments: list[Environment]) -> Iterator[FoundVolume]:
    known = {each.name: _declared(view, each) for each in environments}
    projects = {project: name for name, (project, _) in known.items() if project}
    former = {was: each.name for each in environments for was in view.journal(each.name).names}
    for volume in view.engine_at(target).kept_volumes():
        name = projects.get(volume.project) or former.get(volume.environment) or volume.environment
        if name:
            need, why = _need(volume, name, known)
            yield FoundVolume(volume.name, name, target.url, need, why)


def _declared(view: View, environment: Environment) -> tuple[str, frozenset[str] | None]:
    """The project, and the names of its volumes by what Git says and by what serves; None: nobody can say."""
    journal, desire = view.journal(environment.name), view.desire(environment)
    if desire.loaded is None:
        return journal.project, None
    basis = view.desires(environment.name).basis(environment, journal, None)
    states = [desire.loaded.desired, *([basis.desired] if basis is not None else [])]
    named = frozenset(volume.name for state in states for volume in state.volumes.values())
    return desire.loaded.desired.project, named


def _need(volume: KeptVolume, name: str, known: Mapping[str, tuple[str, frozenset[str] | None]]) -> tuple[Need, str]:
    if volume.mounted:
        return "mounted", "a container has it"
    if name not in known:
        return "orphaned", f"environment {name} is no more"
    declared = known[name][1]
    if declared is None:
        return "unknown", f"the manifest of {name} cannot be loaded"
    if volume.name in declared:
        return "declared", f"{name} declares it, and no container has it now"
    return "orphaned", f"{name} declares it no more"
