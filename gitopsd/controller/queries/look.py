"""One look at one environment: journal, what Git wants, what is there; read only, nothing is recorded by looking."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from gitopsd.controller.desire import Desire, policy_holds, provisional
from gitopsd.controller.environments import Environment
from gitopsd.controller.host import Host
from gitopsd.controller.matching import look_again
from gitopsd.controller.meeting import meet_instances
from gitopsd.controller.ports import Engine, Inputs, Source
from gitopsd.controller.queries.view import View
from gitopsd.controller.rekeying import compared_by_reading
from gitopsd.controller.renewing import renewed
from gitopsd.controller.states import (
    Asking,
    Loaded,
    Named,
    Unsealed,
    find_images,
    load_environment,
    recorded_images,
    sealed,
)
from gitopsd.controller.swarm_acting import live_state
from gitopsd.model.desired import SealedState
from gitopsd.model.errors import EngineError, GitopsdError
from gitopsd.model.live import LiveState
from gitopsd.model.plan import FieldChange
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmState
from gitopsd.release import recognise


@dataclass(frozen=True, slots=True)
class Look:
    """`live` is None when the engine did not answer; `trouble` then says why.

    `unlike` is how what was adopted differs from what Git wants, by service. `swarm` is what is there on a swarm, None
    where the environment is on a plain engine.
    """

    environment: Environment
    journal: Journal
    desire: Desire
    live: LiveState | None
    trouble: str = ""
    unlike: Mapping[str, tuple[FieldChange, ...]] = field(default_factory=dict)
    swarm: SwarmState | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An environment about which a question could not be answered, and why."""

    environment: str
    reason: str


def look(view: View, environment: Environment, revision: str = "") -> Look:
    """Look once. With `revision`, Git is asked for that commit instead of the newest one."""
    journal = view.journal(environment.name)
    desire = _at(view, environment, revision) if revision else view.desire(environment)
    try:
        engine = view.engine(environment)
        desire = with_images(view, desire, journal, engine)
        project = journal.project or (desire.loaded.desired.project if desire.loaded is not None else "")
        if environment.engine.swarm:
            state = view.swarm(environment).look(project) if project else SwarmState()
            return Look(environment, journal, desire, live_state(state), swarm=state)
        live = engine.observe(project) if project else LiveState()
        seen = Look(environment, _recognised(view, environment, journal, live), desire, live)
        states = (desire.state, applied(view, seen))
        found = compared_by_reading(seen.journal, live, states, engine, view.store.key(), view.now)
        known = desire.state if not desire.missing and not desire.holds else None
        again = look_again(found.journal, known, live, engine, view.store.key())
        secrecy = view.desires(environment.name).secrecy
        meet_instances(secrecy, again.journal, live, states, engine)
        return replace(seen, journal=again.journal, live=secrecy.masked_live(live), unlike=again.unlike)
    except EngineError as error:
        return Look(environment, journal, desire, None, view.desires(environment.name).secrecy.masked(str(error)))


def _recognised(view: View, environment: Environment, journal: Journal, live: LiveState) -> Journal:
    """The journal with what is there, in this version's fingerprints."""
    again = partial(view.desires(environment.name).again, environment)
    return renewed(recognise(journal, live), view.fingerprints, again, view.store).journal


def _at(view: View, environment: Environment, revision: str) -> Desire:
    loaded = load_at(view, environment, revision)
    return Desire(loaded.revision, loaded, holds=policy_holds(environment, loaded.desired))


def load_at(view: View, environment: Environment, revision: str) -> Loaded:
    """The environment as any commit, branch or tag has it; fetched on demand. ManifestError, SourceError."""
    source = view.repositories.source(environment.repository)
    commit = resolved(source, revision)
    files = source.files(commit).again()
    place = environment.at(files)
    if not place.path or not files.is_directory(place.path):
        raise GitopsdError(f"there is no {environment.path or environment.name} in revision {commit[:8]}; name another")
    loaded = load_environment(place, files, Host(view.application.secrets, environment), view.store.key())
    view.desires(environment.name).secrecy.learn_state(loaded.desired, loaded.variables)
    return loaded


def resolved(source: Source, revision: str) -> str:
    """The commit of any branch, tag or commit, of the branch's `HEAD`, and of those before one: `HEAD~2`, `v1^`."""
    base, back = _steps(revision)
    commit = (source.head() or source.poll()) if base == "HEAD" else source.resolve(base)
    line = source.log(commit, back + 1)
    if len(line) <= back:
        raise GitopsdError(f"there are only {len(line) - 1} commits before {base}, so {revision} is none; name another")
    return line[back].id


def _steps(revision: str) -> tuple[str, int]:
    """A revision without what leads back from it, and how many steps that is along first parents."""
    found = re.fullmatch(r"(.+?)((?:~[0-9]{0,6}|\^)+)", revision)
    if found is None:
        return revision, 0
    back = sum(int(number or 1) if mark == "~" else 1 for mark, number in re.findall(r"([~^])([0-9]*)", found[2]))
    return found[1], back


def with_images(view: View, desire: Desire, journal: Journal, engine: Engine) -> Desire:
    """The desire sealed with the images that are recorded or held; those that are missing stand by their names."""
    loaded = desire.loaded
    if loaded is None:
        return desire
    key = view.store.key()
    found = find_images(loaded, engine, view.store, journal, Asking(journal.asked, view.now))
    match found:
        case Inputs(images=images):
            return replace(desire, state=sealed(loaded, images, key, view.fingerprints))
        case Unsealed():
            return provisional(desire, loaded, found, key, view.fingerprints)


def recorded(view: View, environment: Environment, named: Named) -> SealedState | None:
    """The state of what was released, with its images; None when it cannot be rebuilt."""
    if not named.revision:
        return None
    try:
        loaded = load_at(view, environment, named.revision)
    except GitopsdError:
        return None
    images = recorded_images(view.store, loaded, named)
    return sealed(loaded, images, view.store.key(), view.fingerprints) if images is not None else None


def applied(view: View, seen: Look) -> SealedState | None:
    """What the open release wants or, without one, what serves: the state that live is measured against."""
    named = seen.journal.release or seen.journal.serving
    if named is None:
        return None
    state = seen.desire.state
    if state is not None and state.content_digest == named.content_digest:
        return state
    return recorded(view, seen.environment, named)
