"""Ejection as a command asks for it: the plain Compose file of what runs, and giving the environment up."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitopsd.controller.ejection import Ejection, eject_environment
from gitopsd.controller.environments import Environment, orphan
from gitopsd.controller.host import Host
from gitopsd.controller.operations import told
from gitopsd.controller.ports import Engine
from gitopsd.controller.queries.operate import still_in_git
from gitopsd.controller.queries.view import View
from gitopsd.controller.swarm_ejection import eject_stack
from gitopsd.engine_json.labels import CONFIG_HASH, FINGERPRINT, OPTIONS
from gitopsd.engine_json.swarm_spec import pinned_image
from gitopsd.manifest import Loaded, Plain, load_all, made_anew, plain, stack_file
from gitopsd.model.adoption import FOUND
from gitopsd.model.desired import Image
from gitopsd.model.errors import GitopsdError
from gitopsd.model.files import Files
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal


@dataclass(frozen=True, slots=True)
class PlainFile:
    """What to go on with, without gitopsd. `notes` tell what to know before `docker compose up` is run on it."""

    environment: str
    project: str
    plain: Plain
    notes: tuple[str, ...]


def plain_file(view: View, environment: Environment) -> PlainFile:
    """The Compose file of what serves, with its images as they run. GitopsdError: nothing does, or Git lost it."""
    journal = view.store.journal(environment.name)
    if journal.serving is None:
        raise GitopsdError(f"nothing of {environment.name} serves, so there is nothing to write down")
    environment, files = _files(view, environment, journal)
    loaded = _loaded(view, environment, journal, files)
    known = view.store.inputs(environment.name, journal.serving.input_digest)
    recorded = known.images if known is not None else {}
    if environment.engine.swarm:
        return _stack(view, environment, journal, loaded, recorded, files)
    engine = view.engine(environment)
    live = engine.observe(journal.project)
    running = {journal.inventory[each.id].service: each for each in live.instances if each.id in journal.inventory}
    images = {
        name: _pinned(service.image, running[name], recorded.get(name), engine)
        for name, service in loaded.desired.services.items()
        if name in running
    }
    made = plain(loaded, images)
    notes = (*_recreated(journal, live), *_to_do(environment, journal, made), *_encrypted(environment, files, made))
    return PlainFile(environment.name, journal.project, made, notes)


def _stack(
    view: View,
    environment: Environment,
    journal: Journal,
    loaded: Loaded,
    recorded: Mapping[str, Image],
    files: Files,
) -> PlainFile:
    """What `docker stack deploy` goes on with."""
    services = loaded.desired.services
    images = {
        name: pinned_image(recorded[name]) if name in recorded else services[name].image
        for name in journal.stable
        if name in services
    }
    project = journal.project
    live = view.swarm(environment).look(project).services
    there = {name: live[f"{project}_{name}"] for name in images if f"{project}_{name}" in live}
    bodies = {name: each.body for name, each in there.items()}
    made = stack_file(plain(loaded, images), bodies)
    anew = "; ".join(f"{name}, as {why}" for name, why in made_anew(made, bodies))
    told = (f"`docker stack deploy` makes the tasks of these anew, once: {anew}",) if anew else ()
    notes = (*told, *_to_do(environment, journal, made), *_encrypted(environment, files, made))
    return PlainFile(environment.name, project, made, notes)


def eject(view: View, name: str, by: str) -> str:
    """Give an environment up without a daemon, which must not start meanwhile. What was done."""
    (environment,) = view.select(name)
    store = view.store
    with store.lock():
        ejection, before = Ejection(by, still_in_git(view, name), view.now), store.journal(name)
        if environment.engine.swarm:
            result = eject_stack(before, view.swarm(environment), store, ejection)
        else:
            result = eject_environment(before, view.engine(environment), store, ejection)
        operation = Operation("eject", name, by, view.now)
        store.append([told(operation, result, view.now, (before, store.journal(name)))])
    return result


def _files(view: View, environment: Environment, journal: Journal) -> tuple[Environment, Files]:
    """The files of the revision that serves; an environment that left Git since is looked up where it was."""
    serving = journal.serving
    assert serving is not None
    if not environment.path:
        then = view.repositories.files_of(serving.revision)
        found = orphan(view.settings, environment.name, then)
        environment = replace(environment, path=found.was, repository=environment.repository or next(iter(then), ""))
    if not environment.path:
        raise GitopsdError(f"the manifest of {environment.name} is in no repository any more")
    return environment, view.repositories.source(environment.repository).files(serving.revision)


def _loaded(view: View, environment: Environment, journal: Journal, files: Files) -> Loaded:
    return load_all(
        files.unlocked_by(view.application.secrets.unlock),
        environment.path,
        environment.name,
        variables=Host(view.application.secrets, environment).variables,
        project=journal.project,
        host_dir=environment.host_dir,
        for_config=True,
        swarm=environment.engine.swarm,
    )


def _pinned(reference: str, running: Instance, recorded: Image | None, engine: Engine) -> str:
    """The image as it runs: by its registry's digest, by its name where that still means it, or by its id."""
    name, at, _ = reference.partition("@")
    if recorded is not None and recorded.digest and recorded.id == running.image_id:
        return reference if at else f"{name}@{recorded.digest.rpartition('@')[2]}"
    held = engine.image(reference)
    return reference if held is not None and held.id == running.image_id else running.image_id


def _recreated(journal: Journal, live: LiveState) -> list[str]:
    """What Compose would make of the containers: it goes by a hash of its own, which only it can compute."""
    ours = [each for each in live.instances if each.id in journal.inventory]
    own = sorted({each.service for each in ours if FINGERPRINT in each.labels})
    adopted = sorted({each.service for each in ours} - set(own))
    notes = []
    if own:
        notes.append(
            f"`docker compose up` would recreate {', '.join(own)}: gitopsd made the containers, and Compose knows only "
            "those for unchanged whose config-hash it computed itself"
        )
    if adopted:
        notes.append(
            f"`docker compose up` keeps {', '.join(adopted)} only where it comes to the config-hash that it gave "
            "them; another image name, path or Compose version gives another"
        )
    asked = sorted(each.name for each in live.volumes if CONFIG_HASH in each.labels and OPTIONS in each.labels)
    if asked:
        notes.append(f"Compose asks whether to make {', '.join(asked)} anew, which loses the data: answer no")
    unlike = sorted(name for name, target in journal.stable.items() if target.fingerprint.startswith(FOUND))
    if unlike:
        notes.append(f"{', '.join(unlike)} runs otherwise than the file says: it was adopted, and never replaced")
    return notes


def _to_do(environment: Environment, journal: Journal, made: Plain) -> list[str]:
    notes = []
    if made.content and journal.serving is not None:
        where = f"{environment.path or environment.name} of revision {journal.serving.revision[:8]}"
        notes.append(f"{', '.join(made.content)} is content of the repository: keep the file in a checkout of {where}")
    if made.secrets:
        notes.append(f"secret values are not in the file; set {', '.join(made.secrets)} in a .env beside it")
    return notes


def _encrypted(environment: Environment, files: Files, made: Plain) -> list[str]:
    """Compose mounts files as they are, and a container would find ciphertext there."""
    paths = {each: posixpath.normpath(posixpath.join(environment.path, each)) for each in made.content}
    locked = [each for each, path in paths.items() if any(map(files.sealed, (path, *files.below(path))))]
    mend = "decrypt them in that checkout first, with age or sops, as Compose mounts files as they are"
    return [f"{', '.join(locked)} is encrypted in the repository: {mend}"] if locked else []
