"""What gitopsd needs of this machine, its repositories and its engines, checked one by one, each with its mend."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from gitopsd.controller.application import Application
from gitopsd.controller.queries.view import View
from gitopsd.engine_json.support import Row, support
from gitopsd.model.errors import GitopsdError
from gitopsd.model.image import Disk, OutOfSight, size_text
from gitopsd.model.settings import TargetEngine

OLDEST_GIT = (2, 30)
LEAST_FREE_BYTES = 500 * 1024 * 1024
CLOCK_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. `ok` None: could not be told. `mend` is what to do when it is not well.

    `support` are the rows of the support table that an engine is in.
    """

    name: str
    ok: bool | None
    found: str
    mend: str = ""
    support: tuple[Row, ...] = ()


def doctor(application: Application) -> tuple[Check, ...]:
    """Every check; one that fails does not keep the others from being made."""
    view = View(application)
    return tuple(_checks(view))


def _checks(view: View) -> Iterator[Check]:
    settings = view.settings
    where = str(settings.config_file) if settings.config_file is not None else "defaults and flags"
    yield Check("settings", True, f"{where}; {len(settings.repositories)} repositories, mode {settings.mode}")
    yield _state_dir(view)
    yield Check("daemon", True, "runs" if view.daemon_runs else "does not run")
    yield _git()
    if not settings.repositories:
        yield Check("repository", False, "none is configured", "name one under `repository` in gitopsd.yaml")
    yield from _repositories(view)
    yield from _engines(view)
    yield from _router(view)
    yield from _notifiers(view)
    yield _clock(view)


def _state_dir(view: View) -> Check:
    path = view.settings.state_dir
    if not path.exists() and os.access(path.parent, os.W_OK | os.X_OK):
        return Check("state directory", True, f"{path} is not there yet; `gitopsd run` makes it")
    if not os.access(path, os.W_OK | os.X_OK):
        return Check("state directory", False, f"{path} is not writable", "make it writable, or give --state-dir")
    free = shutil.disk_usage(path).free
    found = f"{path}, {free // 1024**2} MiB free"
    mend = "free some space: the ledger and the mirrors live here"
    return Check("state directory", free >= LEAST_FREE_BYTES, found, mend)


def _git() -> Check:
    try:
        said = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Check("git", False, str(error), "install git")
    version = said.split()[2] if len(said.split()) > 2 else "unknown"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return Check("git", numbers >= OLDEST_GIT, version, f"install git {OLDEST_GIT[0]}.{OLDEST_GIT[1]} or newer")


def _repositories(view: View) -> Iterator[Check]:
    for name, repository in sorted(view.settings.repositories.items()):
        label = f"repository {name}"
        try:
            commit = view.application.open_source(repository).poll()
        except GitopsdError as error:
            yield Check(label, False, str(error), "check URL, branch, credentials and network")
        else:
            yield Check(label, True, f"{repository.url} {repository.branch}@{commit[:8]}")


def _engines(view: View) -> Iterator[Check]:
    targets: dict[TargetEngine, list[str]] = {view.settings.engine: []}
    if view.settings.repositories:
        for environment in view.environments.values():
            targets.setdefault(environment.engine, []).append(environment.name)
    for target, names in targets.items():
        yield _engine(view, target)
        yield from _disk(view, target)
        yield from _swarm(view, target)
        for name in names:
            yield from _owner(view, name)


def _engine(view: View, target: TargetEngine) -> Check:
    label = f"engine {target.url}"
    try:
        facts = view.application.connect(target).facts()
    except GitopsdError as error:
        mend = "start Docker, or name the engine under `target` in gitopsd.yaml; its socket must be readable for you"
        return Check(label, False, str(error), mend)
    found = f"{facts.version}, API {facts.api[0]}.{facts.api[1]}, {facts.operating_system or 'unknown system'}"
    rows = support(facts)
    refused = next((row for row in rows if row.verdict == "not"), None)
    return Check(label, refused is None, found, refused.lacks if refused is not None else "", rows)


def _swarm(view: View, target: TargetEngine) -> Iterator[Check]:
    """Which swarm it is, and whether it decides: without a majority of its managers nothing can be told to it."""
    if not target.swarm:
        return
    label = f"swarm of {target.url}"
    try:
        nodes = view.application.connect_swarm(target).look("").nodes
    except GitopsdError as error:
        mend = "name a manager under `target`, `docker swarm init` where there is no swarm yet"
        yield Check(label, False, str(error), mend)
        return
    managers = [each for each in nodes if each.role == "manager"]
    away = sorted(each.hostname for each in managers if each.reachability == "unreachable")
    ailing = "".join(f"; {each.hostname} is {each.ailing}" for each in nodes if each.ailing)
    names = ", ".join(sorted(each.hostname for each in managers))
    count = (
        f"{len(nodes)} node{'s' if len(nodes) != 1 else ''}, of which {names} manage{'s' if len(managers) == 1 else ''}"
    )
    quorum = 2 * len(away) < len(managers)
    yield Check(
        label,
        quorum,
        f"{count}{ailing}",
        "" if quorum else f"bring {', '.join(away)} back: most managers have to be there",
    )


def _router(view: View) -> Iterator[Check]:
    """People's own; a managed one is started when the first service needs it."""
    settings = view.settings.router
    if settings.mode != "traefik":
        return
    try:
        view.application.open_router(view.settings.engine, settings).samples()
    except GitopsdError as error:
        mend = "start Traefik in the host's network, with --api, --metrics.prometheus and --providers.file.directory"
        yield Check("router", False, str(error), mend)
    else:
        yield Check("router", True, f"Traefik at {settings.api}, with its files in {settings.directory}")


def _notifiers(view: View) -> Iterator[Check]:
    """Whether what the settings name for whoever is to be told is there. Nobody is told for it."""
    for name, notifier in view.application.open_notifiers(view.settings).items():
        lacks = notifier.lacks()
        mend = "mend it, or what happens is not told there"
        yield Check(f"notify {name}", not lacks, lacks or "has what it needs; nothing was sent", mend)


def _disk(view: View, target: TargetEngine) -> Iterator[Check]:
    """Whether there is room for the next image. An engine that is away was told already."""
    label, wanted = f"disk of engine {target.url}", view.settings.images.min_free
    try:
        disk = view.application.connect(target).disk()
    except GitopsdError:
        return
    match disk:
        case Disk(path=path, free=free, total=total):
            found = f"{path}, {size_text(free)} of {size_text(total)} free; images.min_free is {wanted}"
            mend = "free some space, or lower it: until then no image is pulled, and releases that need one wait"
            yield Check(label, free >= wanted.of(total), found, mend)
        case OutOfSight(why=why):
            yield Check(label, None, f"images.min_free ({wanted}) is not checked: {why}")


def _owner(view: View, name: str) -> Iterator[Check]:
    """Whether a project on the engine is claimed by another gitopsd. An engine that is away was told already."""
    environment = view.environments[name]
    project = view.store.journal(name).project
    if not project:
        return
    try:
        seen = (view.swarm(environment).look if environment.engine.swarm else view.engine(environment).observe)(project)
    except GitopsdError:
        return
    owner, claim = seen.owner, "config" if environment.engine.swarm else "volume"
    mine = owner in ("", view.store.instance_id())
    found = "is ours" if owner and mine else ("is unclaimed" if mine else f"belongs to another gitopsd ({owner[:8]})")
    mend = f"if that one is gone for good, remove the {claim} gitopsd-owner-{project}"
    yield Check(f"project {project}", mine, found, mend)


def _clock(view: View) -> Check:
    """A clock that lags behind what is written down already makes times and deadlines wrong."""
    last = view.store.events(limit=1, newest=True)
    behind = bool(last) and last[0].at - view.now > CLOCK_SLACK
    found = f"{view.now:%Y-%m-%d %H:%M:%S} UTC" + (", behind the newest event" if behind else "")
    return Check("clock", not behind, found, "set the clock, and keep it right with NTP")
