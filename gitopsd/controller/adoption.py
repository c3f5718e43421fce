"""Taking over what `docker compose up` started: containers stay as they are, and the store learns what they are.

Labels cannot be changed on a live container, so what an inventory by labels would tell stands in the journal alone.
An environment whose project is another one by now begins anew with it; what it had before is given up as it runs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.controller.desire import Desire, Desires
from gitopsd.controller.ejection import give_up, refusal
from gitopsd.controller.environments import Environment, settled_in
from gitopsd.controller.matching import Matching
from gitopsd.controller.ports import Commit, Engine, EngineView, Inputs, Store
from gitopsd.controller.states import Loaded, sealed
from gitopsd.model.adoption import Adoptee, AdoptionReport
from gitopsd.model.desired import Image, SealedState
from gitopsd.model.errors import ManifestError, SourceError
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal
from gitopsd.plan.foreign import is_foreign
from gitopsd.release import recognise
from gitopsd.release.adoption import Deed, adopt, slots

WORKING_DIR = "com.docker.compose.project.working_dir"
NOT_PULLED = "not yet pulled: "


@dataclass(frozen=True, slots=True)
class Survey:
    """What an adoption would do, and what it needs for it. `state` is None where the report says why not."""

    report: AdoptionReport
    journal: Journal
    live: LiveState
    state: SealedState | None = None
    loaded: Loaded | None = None
    host_dir: str = ""


def survey(
    environment: Environment,
    journal: Journal,
    desires: Desires,
    engine: EngineView,
    store: Store,
    *,
    take_over: bool = False,
) -> Survey:
    """Hold every container that somebody else started for the environment against its newest manifest. Reads only."""
    project = _project(environment, desires)
    live = engine.observe(project) if project else LiveState()
    host_dir = _working_directory(live, journal) or journal.host_dir
    environment = settled_in(environment, host_dir)
    desire = desires.load(environment)
    before, journal = journal, recognise(_of_project(journal, project), live)
    refused = kept_out(environment, journal, desire, live, store, take_over=take_over)
    refused = refused or _kept_from_giving_up(before, project, engine, store)
    empty = AdoptionReport(project, environment.name, desire.head, refused=refused)
    if refused or desire.loaded is None:
        return Survey(empty, journal, live)
    try:
        state, report = compared(desire.loaded, journal, live, engine, store.key(), desires.version)
    except ManifestError as error:
        return Survey(replace(empty, refused=str(error)), journal, live)
    return Survey(_renamed(report, before), journal, live, state, desire.loaded, host_dir)


def compared(
    loaded: Loaded, journal: Journal, live: LiveState, engine: EngineView, key: bytes, version: str
) -> tuple[SealedState, AdoptionReport]:
    """Every container that somebody else started, held against a manifest. ManifestError: this engine cannot have it.

    The state is sealed with the images that run, where the manifest names those.
    """
    images, notes = _images(loaded, live, engine)
    state = sealed(loaded, images, key, version)
    empty = AdoptionReport(loaded.desired.project, journal.environment, loaded.revision)
    report = _report(empty, journal, state, live, Matching(state, live, engine, key))
    return state, replace(report, notes=(*notes, *report.notes))


@dataclass(frozen=True, slots=True)
class Adoption:
    """Who takes a project over, and whether from another gitopsd, too."""

    by: str
    take_over: bool
    at: datetime


def adopt_project(
    environment: Environment, journal: Journal, desires: Desires, engine: Engine, store: Store, adoption: Adoption
) -> tuple[str, AdoptionReport]:
    """Take the environment's project over; what was done, or why nothing was. Safe to run again when interrupted."""
    name, me = environment.name, store.instance_id()
    if environment.mode == "observe":
        mend = "set `mode: manual` or `auto` for it first"
        nothing = AdoptionReport(environment.project, name, "", refused=f"the mode of {name} is observe; {mend}")
        return f"refused: {nothing.refused}", nothing
    found = survey(environment, journal, desires, engine, store, take_over=adoption.take_over)
    report, state, loaded = found.report, found.state, found.loaded
    if report.refused or state is None or loaded is None:
        return f"refused: {report.refused}", report
    if found.live.owner not in ("", me):
        engine.disclaim(report.project)
    owner = engine.claim(report.project, me)
    if owner != me:
        return f"refused: project {report.project} was claimed by another gitopsd ({owner[:8]}) just now", report
    if not report.adoptees:
        return f"nothing to adopt in project {report.project}{_taken_over(found.live, me)}", report
    if _is_another(journal, report.project):
        give_up(journal, engine, store)
    if not any(sealed_.image.id.startswith(NOT_PULLED) for sealed_ in state.services.values()):
        images = {service: sealed_.image for service, sealed_ in state.services.items()}
        store.save_inputs(name, Inputs(loaded.input_digest, loaded.asked, images, loaded.needs))
    commit = commit_of(environment, desires, state.revision, adoption.at)
    number = store.next_release()
    desires.keep(environment, state.revision, number)
    deed = Deed(adoption.by, adoption.at, number, commit.author, commit.subject)
    taken, release, events = adopt(found.journal, state, found.live, report, deed)
    store.save(replace(taken, host_dir=found.host_dir), events, (release,))
    return told(report) + _taken_over(found.live, me), report


def told(report: AdoptionReport) -> str:
    """What an adoption comes to, in a line."""
    count = len(report.adoptees)
    what = f"{count} container{'s' if count != 1 else ''} of project {report.project} adopted"
    differing = [
        f"{name} ({', '.join(change.path for change in changes)})"
        for changes_of in (report.unlike, report.in_place)
        for name, changes in changes_of.items()
    ]
    differing += [f"{name} (does not run)" for name in report.missing]
    alike = "as the manifest wants them" if not differing else f"not as the manifest says: {', '.join(differing)}"
    left = f"; left alone: {', '.join(report.left)}" if report.left else ""
    return f"{what}, {alike}{left}"


def _is_another(journal: Journal, project: str) -> bool:
    return bool(project) and journal.project not in ("", project)


def _of_project(journal: Journal, project: str) -> Journal:
    """The journal as that of the project: one of another project tells nothing of it but names and suspension."""
    if not _is_another(journal, project):
        return journal
    return Journal(journal.environment, suspension=journal.suspension, formerly=journal.formerly)


def _kept_from_giving_up(journal: Journal, project: str, engine: EngineView, store: Store) -> str:
    """Why the project that the environment had before cannot be given up; "" when it can, or need not be."""
    if not _is_another(journal, project):
        return ""
    why = refusal(journal, engine.observe(journal.project), store.instance_id())
    return f"{journal.environment} manages project {journal.project} still: {why}" if why else ""


def _renamed(report: AdoptionReport, before: Journal) -> AdoptionReport:
    """The report with what becomes of another project that the environment had before."""
    if not _is_another(before, report.project):
        return report
    if not report.adoptees:
        mend = f"`gitopsd remove {before.environment}` ends that, `project: {before.project}` in gitopsd.yaml keeps it"
        why = f"nothing of project {report.project} runs, and {before.environment} manages project {before.project}"
        return replace(report, refused=f"{why}; {mend}")
    note = f"project {before.project} is given up: its containers keep running, and its volumes stay"
    return replace(report, notes=(note, *report.notes))


def _taken_over(live: LiveState, me: str) -> str:
    return f"; taken over from gitopsd {live.owner[:8]}" if live.owner not in ("", me) else ""


def _project(environment: Environment, desires: Desires) -> str:
    loaded = desires.load(environment).loaded
    return loaded.desired.project if loaded is not None else ""


def _working_directory(live: LiveState, journal: Journal) -> str:
    """Where `docker compose` was run for most of what it started."""
    found = Counter(each.labels.get(WORKING_DIR, "") for each in live.instances if is_foreign(each, journal))
    directory = found.most_common(1)[0][0] if found else ""
    return directory if directory.startswith("/") else ""


def kept_out(
    environment: Environment, journal: Journal, desire: Desire, live: LiveState, store: Store, *, take_over: bool
) -> str:
    """Why the project cannot be taken over; "" when it can."""
    if desire.loaded is None:
        return desire.reason or f"what Git wants of {environment.name} is not known yet"
    project = desire.loaded.desired.project
    if desire.holds:
        return desire.holds[0].reason
    if live.owner not in ("", store.instance_id()) and not take_over:
        mend = "if that one is gone for good, `--take-over` replaces it"
        return f"project {project} belongs to another gitopsd ({live.owner[:8]}); {mend}"
    if journal.release is not None or journal.rollouts:
        return f"a release or a repair of {environment.name} is under way; wait for its end"
    return ""


def _images(loaded: Loaded, live: LiveState, engine: EngineView) -> tuple[Mapping[str, Image], tuple[str, ...]]:
    """The image of each service: the one that its containers run, if they name it as the manifest does."""
    images: dict[str, Image] = {}
    notes: list[str] = []
    for service in loaded.desired.services.values():
        held = engine.image(service.image)
        ran = {each.image_id for each in _of(service.name, live) if each.image == service.image}
        if len(ran) == 1 and (held is None or held.id not in ran):
            images[service.name] = _running(service.image, ran.pop(), engine)
            notes.append(
                f"{service.image} means another image by now; what runs is kept, `sync --pull` brings the newer"
            )
        elif held is not None:
            images[service.name] = held
        else:
            images[service.name] = Image(service.image, f"{NOT_PULLED}{service.image}")
            notes.append(f"{service.image} is not on the engine yet; it is pulled before anything is replaced")
    return images, tuple(dict.fromkeys(notes))


def _running(reference: str, id: str, engine: EngineView) -> Image:
    defaults = engine.image_defaults(id)
    volumes = defaults.get("Volumes")
    test = defaults.get("Healthcheck")
    names = tuple(sorted(volumes)) if isinstance(volumes, Mapping) else ()
    return Image(reference, id, volumes=names, healthcheck=isinstance(test, Mapping) and test.get("Test") != ["NONE"])


def _of(service: str, live: LiveState) -> list[Instance]:
    return [each for each in live.instances if each.service == service and not each.one_off]


def _report(
    empty: AdoptionReport, journal: Journal, state: SealedState, live: LiveState, matching: Matching
) -> AdoptionReport:
    present = {journal.inventory[each.id].service for each in live.instances if each.id in journal.inventory}
    foreign = [each for each in live.instances if is_foreign(each, journal)]
    wanted = [each for each in foreign if each.service in state.services and each.service not in present]
    adoptees = tuple(
        Adoptee(each, slot, matching.match(each, slot))
        for name in sorted({each.service for each in wanted})
        for each, slot in slots(each for each in wanted if each.service == name)
    )
    here = present | {each.service for each in wanted}
    notes = tuple(dict.fromkeys(f"{each.instance.service}: {note}" for each in adoptees for note in each.match.notes))
    return replace(
        empty,
        adoptees=adoptees,
        missing=tuple(sorted(set(state.services) - here)),
        left=dict(_left(journal, live, {each.instance.id for each in adoptees}, state)),
        notes=notes,
    )


def _left(journal: Journal, live: LiveState, adopted: set[str], state: SealedState) -> Iterator[tuple[str, str]]:
    """Containers of the project that stay as they are, nobody's, and why."""
    for each in live.instances:
        if each.id in adopted or each.id in journal.inventory:
            continue
        if each.one_off:
            yield each.name, "made by `docker compose run`"
        elif each.service not in state.services:
            yield each.name, f"service {each.service or '(none)'} is not in the manifest"
        else:
            yield each.name, f"{each.service} is gitopsd's already"


def commit_of(environment: Environment, desires: Desires, revision: str, now: datetime) -> Commit:
    """The commit as its repository tells of it, or as much as is known where that does not answer."""
    try:
        return desires.commit(environment, revision)
    except SourceError:
        return Commit(revision, "unknown", "unknown", now)
