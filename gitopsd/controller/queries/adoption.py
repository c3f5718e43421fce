"""Adoption as a command asks for it: which environment a project belongs to, what would be taken over, and doing it."""

from gitopsd.controller.adoption import Adoption, adopt_project, survey
from gitopsd.controller.environments import Environment
from gitopsd.controller.operations import told
from gitopsd.controller.queries.view import View
from gitopsd.controller.swarm_adoption import Ground, adopt_stack, survey_stack
from gitopsd.model.adoption import AdoptionReport
from gitopsd.model.errors import GitopsdError
from gitopsd.model.operation import Operation


def named_by(view: View, project: str) -> Environment:
    """The one environment that is to be this Compose project. GitopsdError: none is, or several."""
    found = [each for each in view.environments.values() if project in _projects(view, each)]
    if len(found) == 1:
        _refuse_former(view, found[0], project)
        return found[0]
    if found:
        names = " and ".join(each.name for each in found)
        raise GitopsdError(f"environments {names} both name project {project}; give one of them another `project`")
    mend = (
        "name it in gitopsd.yaml (`project:`), or let `gitopsd adopt --all --write DIR` write a repository of what runs"
    )
    lost = [f"{each.name}: {why}" for each in view.environments.values() if (why := _unloaded(view, each))]
    unknown = f"; of some it is not known, as {'; '.join(lost)}" if lost else ""
    raise GitopsdError(f"no environment is project {project}; {view.known()}{unknown}; {mend}")


def _refuse_former(view: View, environment: Environment, project: str) -> None:
    """What an environment has by now and its files no longer name is not what it can take over."""
    loaded = view.desire(environment).loaded
    if loaded is not None and loaded.desired.project != project:
        wanted = loaded.desired.project
        mend = f"set `project: {project}` for it in gitopsd.yaml, or `gitopsd adopt {wanted}` if that one runs already"
        raise GitopsdError(f"{environment.name} has project {project} already, and is to be project {wanted}; {mend}")


def _unloaded(view: View, environment: Environment) -> str:
    desire = view.desire(environment)
    return desire.reason if desire.loaded is None and environment.path else ""


def _projects(view: View, environment: Environment) -> frozenset[str]:
    loaded = view.desire(environment).loaded
    wanted = loaded.desired.project if loaded is not None else environment.project
    return frozenset((wanted, view.store.journal(environment.name).project)) - {""}


def named_projects(view: View) -> tuple[str, ...]:
    """The projects that run where an environment names them: on its engine or, as stacks, on its swarm."""
    engines = {each.engine: each for each in view.environments.values()}
    running = {engine: _running(view, environment) for engine, environment in engines.items()}
    there = (running[each.engine] & _projects(view, each) for each in view.environments.values())
    return tuple(sorted(frozenset().union(*there)))


def _running(view: View, environment: Environment) -> frozenset[str]:
    if environment.engine.swarm:
        return view.swarm(environment).stacks()
    return frozenset(view.engine(environment).projects())


def report(view: View, environment: Environment, *, take_over: bool) -> AdoptionReport:
    """What an adoption would take over; nothing is changed by asking."""
    engine, desires = view.engine(environment), view.desires(environment.name)
    view.desire(environment)  # makes the claims of the others known
    journal = view.store.journal(environment.name)
    if environment.engine.swarm:
        ground = Ground(engine, view.swarm(environment), view.store)
        return survey_stack(environment, journal, desires, ground, take_over=take_over).report
    return survey(environment, journal, desires, engine, view.store, take_over=take_over).report


def adopt(view: View, environment: Environment, by: str, *, take_over: bool) -> tuple[str, AdoptionReport]:
    """Adopt without a daemon, which must not start meanwhile. What was done, and what was taken over."""
    store, name = view.store, environment.name
    view.desire(environment)
    with store.lock():
        adoption, before = Adoption(by, take_over, view.now), store.journal(name)
        desires, engine = view.desires(name), view.engine(environment)
        if environment.engine.swarm:
            swarm = view.swarm(environment)
            result, found = adopt_stack(environment, before, desires, Ground(engine, swarm, store), swarm, adoption)
        else:
            result, found = adopt_project(environment, before, desires, engine, store, adoption)
        operation = Operation("adopt", name, by, view.now, {"take_over": True} if take_over else {})
        store.append([told(operation, result, view.now, (before, store.journal(name)))])
    return result, found
