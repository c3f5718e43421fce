"""Taking over what `docker stack deploy` started: its tasks run on, and its services say whose they are.

Only what is as the manifest wants it is taken over. So nothing is made anew, and the plan after it has nothing to do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitopsd.controller.adoption import Adoption, commit_of, kept_out
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import EngineView, Inputs, Store
from gitopsd.controller.states import Loaded, sealed
from gitopsd.controller.swarm_acting import as_it_began, live_state
from gitopsd.controller.swarm_port import Swarm, SwarmView
from gitopsd.drift.swarm import Difference, differences, forced, replicas
from gitopsd.engine_json.labels import ENVIRONMENT
from gitopsd.engine_json.swarm_adopted import Adopted, as_adopted, fingerprint_of_tasks, given, image_of
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.engine_json.swarm_spec import swarm_spec
from gitopsd.model.adoption import Adoptee, AdoptionReport, Match
from gitopsd.model.desired import Image, SealedState
from gitopsd.model.errors import EngineRefused, GitopsdError, ManifestError
from gitopsd.model.live import Instance
from gitopsd.model.plan import FieldChange
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmService, SwarmSpec, SwarmState
from gitopsd.release.adoption import Deed
from gitopsd.release.swarm_adoption import adopt_services

MODE = ("Mode",)
TASKS = ("TaskTemplate", "EndpointSpec", *MODE)
REPLICAS = ("Mode", "Replicated", "Replicas")


@dataclass(frozen=True, slots=True)
class Found:
    """A service that is there, and what it is told so that it stays as it is; `unlike` is what speaks against that."""

    name: str
    service: SwarmService
    spec: SwarmSpec
    unlike: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class StackSurvey:
    """What an adoption would do, and what it needs for it. `state` is None where the report says why not."""

    report: AdoptionReport
    live: SwarmState
    found: tuple[Found, ...] = ()
    state: SealedState | None = None
    loaded: Loaded | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """Where it is asked what is there."""

    engine: EngineView
    swarm: SwarmView
    store: Store


def survey_stack(
    environment: Environment, journal: Journal, desires: Desires, ground: Ground, *, take_over: bool = False
) -> StackSurvey:
    """Hold every service of the stack against the newest manifest. Reads only."""
    desire = desires.load(environment)
    project = desire.loaded.desired.project if desire.loaded is not None else ""
    live = ground.swarm.look(project) if project else SwarmState()
    empty = AdoptionReport(project, environment.name, desire.head, kind="service")
    refused = kept_out(environment, journal, desire, live_state(live), ground.store, take_over=take_over)
    if not refused and journal.project not in ("", project):
        name = journal.environment
        refused = f"{name} manages project {journal.project} still; `gitopsd eject {name}` first"
    if refused or desire.loaded is None:
        return StackSurvey(replace(empty, refused=refused), live)
    try:
        return _compared(environment, journal, desires, desire.loaded, live, ground, empty)
    except ManifestError as error:
        return StackSurvey(replace(empty, refused=str(error)), live)


def adopt_stack(
    environment: Environment, journal: Journal, desires: Desires, ground: Ground, swarm: Swarm, adoption: Adoption
) -> tuple[str, AdoptionReport]:
    """Take the stack over; what was done, or why nothing was. Safe to run again when interrupted."""
    name, store = environment.name, ground.store
    found = survey_stack(environment, journal, desires, ground, take_over=adoption.take_over)
    report, state, loaded, me = found.report, found.state, found.loaded, store.instance_id()
    if environment.mode == "observe" and not report.refused:
        mend = "set `mode: manual` or `auto` for it first"
        report = replace(report, refused=f"the mode of {name} is observe; {mend}")
    if report.refused or state is None or loaded is None:
        return f"refused: {report.refused}", report
    if found.live.owner not in ("", me):
        swarm.disclaim(report.project)
    if (owner := swarm.claim(report.project, me)) != me:
        return f"refused: project {report.project} was claimed by another gitopsd ({owner[:8]}) just now", report
    if not found.found:
        return f"nothing to adopt in stack {report.project}", report
    for each in found.found:
        try:
            swarm.update_service(each.service.id, each.service.version, each.spec, forced(each.service.body))
        except EngineRefused as error:  # also where it was changed just now
            return f"refused: {error}; nothing was made anew, adopt once more", report
    images = {service: sealed_.image for service, sealed_ in state.services.items()}
    store.save_inputs(name, Inputs(loaded.input_digest, loaded.asked, images, loaded.needs))
    commit, number = commit_of(environment, desires, state.revision, adoption.at), store.next_release()
    desires.keep(environment, state.revision, number)
    deed = Deed(adoption.by, adoption.at, number, commit.author, commit.subject)
    counts = {each.name: _count(each) for each in found.found}
    networks = frozenset(each.name for each in found.live.networks)
    taken, release, events = adopt_services(journal, state, counts, networks, deed)
    store.save(taken, events, (release,))
    return _told(report), report


def _told(report: AdoptionReport) -> str:
    count = len(report.adoptees)
    missing = f"; the next release makes {', '.join(report.missing)}" if report.missing else ""
    left = f"; left alone: {', '.join(report.left)}" if report.left else ""
    return f"{count} service{'s' if count != 1 else ''} of stack {report.project} adopted as they run{missing}{left}"


def _count(found: Found) -> int:
    """Of a global service as many as any manifest says of one: Swarm counts its tasks by nodes."""
    wanted = replicas(found.service.body)
    return 1 if wanted is None else wanted


def _compared(
    environment: Environment,
    journal: Journal,
    desires: Desires,
    loaded: Loaded,
    live: SwarmState,
    ground: Ground,
    empty: AdoptionReport,
) -> StackSurvey:
    prefix = f"{loaded.desired.project}_"
    there = {name.removeprefix(prefix): each for name, each in live.services.items()}
    images, unknown = _images(loaded, there, ground.engine)
    if unknown:
        mend = f"`docker pull {unknown}` on the manager, so that it can be compared"
        return StackSurvey(replace(empty, refused=f"image {unknown} is not on the manager; {mend}"), live)
    state = sealed(loaded, images, ground.store.key(), desires.version)
    wanted = {name: each for name, each in there.items() if name in state.services and name not in journal.stable}
    known = replace(state, desired=as_it_began(state.desired, environment))
    key, swarm = ground.store.key(), ground.swarm
    found = tuple(_found(name, each, known, key, swarm) for name, each in sorted(wanted.items()))
    notes = tuple(dict.fromkeys(note for each in found for note in _notes(each)))
    report = replace(
        empty,
        adoptees=tuple(map(_adoptee, found)),
        missing=tuple(sorted(state.services.keys() - there.keys())),
        left=dict(_left(there, state, journal)),
        notes=notes,
    )
    if jobs := [each.spec.name for each in found if runs_to_end(each.service.body)]:
        mend = f"`docker service rm {' '.join(jobs)}` first; the next release runs what the manifest says"
        return StackSurvey(
            replace(report, refused=f"{', '.join(jobs)} would run again, as jobs do when told; {mend}"), live
        )
    if unlike := [each for each in found if each.unlike]:
        told = "; ".join(f"{each.name}: {', '.join('.'.join(one.at) for one in each.unlike)}" for each in unlike)
        mend = "let the manifest say what runs, adopt, and then push the change as a release"
        report = replace(report, refused=f"what runs is not what the manifest says ({told}); {mend}")
    return StackSurvey(report, live, found, state, loaded)


def stays_unlike(
    loaded: Loaded, live: SwarmState, engine: EngineView, swarm: SwarmView, key: bytes
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The fields of each service that a manifest says otherwise than it runs. GitopsdError: an image is not here."""
    prefix = f"{loaded.desired.project}_"
    there = {name.removeprefix(prefix): each for name, each in live.services.items()}
    images, unknown = _images(loaded, there, engine)
    if unknown:
        raise GitopsdError(f"image {unknown} is not on the manager, so it is not compared")
    state = sealed(loaded, images, key)
    for name in sorted(there.keys() & state.services.keys()):
        if unlike := _found(name, there[name], state, key, swarm).unlike:
            yield name, tuple(".".join(each.at) for each in unlike)


def _found(name: str, service: SwarmService, state: SealedState, key: bytes, swarm: SwarmView) -> Found:
    spec = swarm_spec(state.services[name], state.desired, key=key, replicas=replicas(service.body) or 0)
    objects, before = dict(_objects(spec, service, swarm)), fingerprint_of_tasks(service.body)
    taken = Adopted(spec.fingerprint, objects, forced(service.body), before)
    stays = as_adopted(spec, taken, service.body)
    unlike = tuple(each for each in differences(stays, service) if each.at[0] in TASKS and each.at != REPLICAS)
    return Found(name, service, stays, unlike)


def _objects(spec: SwarmSpec, service: SwarmService, swarm: SwarmView) -> Iterator[tuple[str, str]]:
    """What the service has in the place of what would be made. No secret can be compared: it is taken for right."""
    data = {each.name: each.data for each in spec.objects}
    secrets = given(service.body, "secret")
    yield from ((place, secrets[place]) for place in given(spec.body, "secret") if place in secrets)
    configs = given(service.body, "config")
    for place, name in given(spec.body, "config").items():
        if place in configs and swarm.config(configs[place]) == data.get(name):
            yield place, configs[place]


def _notes(found: Found) -> Iterator[str]:
    names = sorted(given(found.spec.body, "secret").values())
    if names:
        yield f"{found.name}: what {', '.join(names)} holds cannot be read back, and is taken for what is wanted"


def _images(loaded: Loaded, there: Mapping[str, SwarmService], engine: EngineView) -> tuple[Mapping[str, Image], str]:
    """The image of each service, as it runs where the manifest names that; and one that the manager has not."""
    images: dict[str, Image] = {}
    for service in loaded.desired.services.values():
        runs = image_of(there[service.name].body) if service.name in there else service.image
        held = engine.image(runs if runs.partition("@")[0] == service.image.partition("@")[0] else service.image)
        if held is None:
            return {}, runs
        images[service.name] = replace(held, reference=service.image)
    return images, ""


def _adoptee(found: Found) -> Adoptee:
    """A service as adoption tells of what it finds; values of variables are not shown."""
    changes = tuple(FieldChange(".".join(each.at), None, None, hidden=True) for each in found.unlike)
    made = min((task.at for task in found.service.tasks), default=datetime.min.replace(tzinfo=UTC))
    service = found.service
    return Adoptee(Instance(service.id, service.name, found.name, 0, "running", made), 0, Match(changes))


def _left(there: Mapping[str, SwarmService], state: SealedState, journal: Journal) -> Iterator[tuple[str, str]]:
    """Services of the stack that stay as they are, and why."""
    for name, service in sorted(there.items()):
        if name in journal.stable and service.labels.get(ENVIRONMENT) in journal.names:
            yield service.name, f"{name} is gitopsd's already"
        elif name not in state.services:
            yield service.name, f"service {name} is not in the manifest"
