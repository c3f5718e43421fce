"""The daemon: repositories polled, environments discovered, one loop per engine, and what wakes them."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from gitopsd.controller.addressing import Addresses, make_network
from gitopsd.controller.application import Application
from gitopsd.controller.arrangement import Arrangement, Known, Takeover, arrangement
from gitopsd.controller.desire import Desires
from gitopsd.controller.elsewhere import Elsewhere
from gitopsd.controller.engine_loop import EngineLoop
from gitopsd.controller.environments import Environment
from gitopsd.controller.fence import fenced_engine, fenced_router, fenced_swarm
from gitopsd.controller.host import host_paths
from gitopsd.controller.notifying import Notifying
from gitopsd.controller.operations import told
from gitopsd.controller.outcome import exit_code
from gitopsd.controller.polling import Polling
from gitopsd.controller.ports import Engine
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Known as KnownRepository
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.router_desks import Desks
from gitopsd.controller.router_owner import Claims, RouterOwner
from gitopsd.controller.router_port import Router
from gitopsd.controller.router_reach import fetch_image
from gitopsd.controller.routing import RouterDesk
from gitopsd.controller.shared import shared
from gitopsd.controller.tag_approvals import TagApprovals
from gitopsd.model.errors import SettingsError
from gitopsd.model.event import Event, Severity
from gitopsd.model.release import Journal
from gitopsd.model.settings import Repository, RouterSettings, Settings, TargetEngine

MOST_FAILURES_ONCE = 3
SETTLE_LOOK_S = 0.05
TAKEOVER_LOOK = timedelta(seconds=1)  # between two looks whether all has ended that began under an old name


class Daemon:
    """Everything that runs. Built anew from the settings at a reload; what must last is in the store."""

    def __init__(self, application: Application, *, observe: bool = False) -> None:
        self._application = application
        self._store, self._clock = application.store, application.clock
        self._timer, self._watcher = application.open_timer(), application.open_watcher()
        self._observe = observe
        self._tally = application.tally
        self._settings = application.settings
        self._arranging = threading.Lock()
        self._registry = Registry()
        self._repositories = self._open(self._settings)
        self._polling = Polling(self._clock, self._timer, application.chance, self._known, self._poll)
        chance, open_groups = application.chance, application.open_groups
        self._elsewhere = Elsewhere(self._clock, self._timer, chance, open_groups, lambda: self._settings.host)
        self._approvals = TagApprovals(self._store, self._clock)
        self._loops: dict[str, EngineLoop] = {}
        self._desires: dict[str, Desires] = {}
        self._environments: dict[str, Environment] = {}
        self._problems: tuple[str, ...] = ()
        self._arranged: Mapping[str, str] = {}
        self._watched: frozenset[Path] = frozenset()
        self._notifying = Notifying(self._store, self._clock, self._timer, self._repository_of)

    def once(self) -> int:
        """Poll every repository once, bring every environment as far as it comes without a person; the exit code."""
        self._timer.start()
        self._notifying.use(self._application.open_notifiers(self._settings))
        for name in self._repositories.names():
            self._repositories.poll(name)
        self.arrange()
        while not all(loop.settled() or _hopeless(loop) for loop in self._loops.values()):
            threading.Event().wait(SETTLE_LOOK_S)
        self.stop()
        self._notifying.finish()
        failing = any(loop.failures() for loop in self._loops.values()) or bool(self._problems)
        unreached = any(self._repositories.trouble(name) for name in self._repositories.names())
        return exit_code(self._store.statuses(), tuple(self._environments), failed=failing or unreached)

    def start(self) -> None:
        """Begin to poll, watch, listen and work. Environments that are known already are looked at at once."""
        self._timer.start()
        self._notifying.use(self._application.open_notifiers(self._settings))
        self.arrange()
        self._watch()
        self._schedule()

    def stop(self) -> None:
        self._watcher.stop()
        self._timer.stop()
        for loop in self._loops.values():
            loop.stop()

    def arrange(self) -> None:
        """Find the environments, make every claim known before any acts, and hand each to its engine's loop."""
        with self._arranging:
            revisions = self._revisions()
            found = self._arrangement()
            if found.takeovers:
                found = self._take_over(found)
            waiting = {name for each in found.takeovers for name in (each.new, each.old.name)}
            journals = {name: self._store.journal(name) for name in self._store.environments()}
            told = {*self._environments, *journals, *(each.name for each in self._store.statuses())}
            self._let_go(told - {*found.environments})
            self._note_problems(found.problems)
            self._keep({name: each for name, each in found.environments.items() if name not in waiting})
            for name, environment in self._environments.items():
                self._desire(name).hold(environment, journals.get(name, Journal(name)))
                self._desire(name).load(environment)
            self._hand_out()
            self._arranged = revisions

    def _arrangement(self) -> Arrangement:
        journals = {name: self._store.journal(name) for name in self._store.environments()}
        repositories = self._repositories
        unanswered = repositories.unanswered()
        return arrangement(Known(self._settings, repositories.heads(), journals, unanswered, repositories.files_of))

    def _keep(self, environments: Mapping[str, Environment]) -> None:
        self._environments = {name: self._own(environment) for name, environment in environments.items()}

    def _take_over(self, found: Arrangement) -> Arrangement:
        """Give renamed environments their new names, as soon as nothing is under way for them any more."""
        waiting = {name for each in found.takeovers for name in (each.new, each.old.name)}
        self._keep({name: each for name, each in found.environments.items() if name not in waiting})
        self._hand_out()
        for takeover in found.takeovers:
            if all(loop.quiet(name) for loop in self._loops.values() for name in (takeover.new, takeover.old.name)):
                self._moved(takeover)
            else:
                self._timer.at("arrange again", self._clock.now() + TAKEOVER_LOOK, self.arrange)
        return self._arrangement()

    def _moved(self, takeover: Takeover) -> None:
        new, old = takeover.new, takeover.old
        project = self._store.journal(old.name).project
        self._store.move(old.name, new, old.path)
        self._registry.let_go(old.name)
        for name in (new, old.name):
            self._desires.pop(name, None)
            for loop in self._loops.values():
                loop.let_go(name)
        if project:
            message = f"{new} is what {old.name} was: project {project}, its containers and its releases are its own"
            self._store.append([Event(self._clock.now(), "EnvironmentMoved", message, environment=new)])

    def _let_go(self, names: set[str]) -> None:
        """Forget environments of which nothing is left, neither in Git nor on an engine."""
        for name in sorted(names):
            self._registry.let_go(name)
            self._desires.pop(name, None)
            for loop in self._loops.values():
                loop.let_go(name)
            self._store.forget(name)

    def _own(self, environment: Environment) -> Environment:
        return replace(environment, mode="observe") if self._observe else environment

    def _desire(self, name: str) -> Desires:
        if name not in self._desires:
            secrets, version = self._application.secrets, self._application.fingerprints
            self._desires[name] = Desires(self._repositories, self._store, self._registry, secrets, version)
        return self._desires[name]

    def _hand_out(self) -> None:
        by_engine: dict[str, dict[str, Environment]] = {url: {} for url in self._loops}
        for name, environment in self._environments.items():
            by_engine.setdefault(environment.engine.url, {})[name] = environment
        for url, environments in by_engine.items():
            if url not in self._loops:
                self._loops[url] = self._loop(url, environments)
            self._loops[url].keep(environments)

    def _loop(self, url: str, environments: Mapping[str, Environment]) -> EngineLoop:
        target = next(iter(environments.values())).engine
        engine = fenced_engine(self._application.connect(target), self._store.holds)
        probe = self._application.open_probe(target, lambda: self._settings.probe_image)
        metrics = self._application.open_metrics(lambda: self._settings.prometheus)
        swarm = fenced_swarm(self._application.connect_swarm(target), self._store.holds)
        desks = Desks(self._desk(target, engine, engine), self._desk(target, engine, swarm, swarm=True))
        here = shared(engine, probe, metrics, self._clock, self._timer, desks, self._tally)
        here = replace(here, swarm=swarm, elsewhere=self._elsewhere)
        loop = EngineLoop(url, here, self._store, self._clock, self._timer, self._desire, self._registry)
        if self._timer.running():
            loop.start()
        return loop

    def _desk(self, target: TargetEngine, engine: Engine, claims: Claims, *, swarm: bool = False) -> RouterDesk:
        owner, place = RouterOwner(claims, self._store, "config" if swarm else "volume"), replace(target, swarm=swarm)

        def opened(settings: RouterSettings) -> Router:
            if settings.mode == "managed":
                owner.hold()
                fetch_image(engine, settings.image)
                if settings.network == "bridge" and not swarm:
                    make_network(Addresses(engine, self._store, together=True))
            return fenced_router(lambda: self._application.open_router(place, settings), self._store.holds)

        return RouterDesk(target.url, opened, self._store, self._clock, self._timer, owner.give_up, swarm=swarm)

    def _schedule(self, at_once: Collection[str] = ()) -> None:
        """One on this machine is asked at once: no fleet shares it, and what came before it was watched counts."""
        repositories = self._settings.repositories.values()
        here = {each.name for each in repositories if _local_path(each) is not None}
        self._polling.keep(repositories, here | set(at_once))
        self._timer.every("resync", self._settings.resync, self._resync)

    def _known(self, name: str) -> KnownRepository:
        return self._repositories.known(name) if name in self._repositories.names() else KnownRepository()

    def _poll(self, name: str) -> None:
        """Ask a repository; wake what it concerns."""
        repositories = self._repositories
        if name not in repositories.names():
            return
        troubled = bool(repositories.known(name).error)
        moved = repositories.poll(name)
        answered = not repositories.known(name).error
        self._tally.asked_git(name, answered=answered)
        if moved or self._arranged != self._revisions():
            self.arrange()
            self._watch_hosts()
        if moved or troubled or repositories.trouble(name):
            self._wake_of(name)
        if answered:
            here = [each for each in list(self._environments.values()) if each.repository == name]
            self._approvals.look(repositories.source(name), here)

    def _revisions(self) -> Mapping[str, str]:
        return {name: files.revision for name, files in self._repositories.heads().items()}

    def _wake_of(self, repository: str) -> None:
        for name, environment in self._environments.items():
            if environment.repository == repository and environment.engine.url in self._loops:
                self._loops[environment.engine.url].wake(name)

    def _resync(self) -> None:
        for loop in list(self._loops.values()):
            loop.wake_all(thorough=True)

    def _asked(self) -> None:
        """A person asked for something: wake the environments that it concerns, and look at Git for a sync."""
        pending = self._store.pending()
        names = {operation.environment for operation in pending}
        syncs = {operation.environment for operation in pending if operation.verb == "sync"}
        for repository in {self._environments[name].repository for name in syncs if name in self._environments}:
            if repository in self._repositories.names():
                self._polling.soon(repository)
        for name in names & set(self._environments):
            self._loops[self._environments[name].engine.url].wake(name)
        for operation in pending:
            if operation.environment not in self._environments:
                now, result = self._clock.now(), "there is no such environment any more"
                nothing = Journal(operation.environment)
                self._store.complete(operation.number, result, now, [told(operation, result, now, (nothing, nothing))])

    def _watch(self) -> None:
        watcher = self._watcher
        watcher.watch("operations", [self._settings.state_dir / "wake"], self._asked)
        if self._settings.config_file is not None:
            watcher.watch("settings", [self._settings.config_file], self.reload)
        for repository in self._settings.repositories.values():
            local = _local_path(repository)
            if local is not None:
                watcher.watch(f"repository {repository.name}", [local], self._prompt(repository.name))
        self._watch_hosts()

    def _watch_hosts(self) -> None:
        """Watch variables, secrets and keys of all environments; a change is looked at everywhere, as few share any."""
        secrets, keys = self._application.secrets, self._settings.keys.age_key_file
        paths = {path for each in self._environments.values() for path in host_paths(secrets, each)}
        paths |= {keys} if keys is not None else set()
        if paths != self._watched:
            self._watched = frozenset(paths)
            self._watcher.watch("variables and secrets", sorted(paths), self._host_changed)

    def _host_changed(self) -> None:
        for loop in list(self._loops.values()):
            loop.wake_all()

    def _prompt(self, name: str) -> Callable[[], None]:
        return lambda: self._polling.soon(name)

    def application(self) -> Application:
        return replace(self._application, settings=self._settings)

    def poll(self, repository: str) -> None:
        if repository in self._repositories.names():
            self._polling.soon(repository)

    def reload(self) -> None:
        """Read the settings anew. Bad ones change nothing but the ledger, which names the line."""
        try:
            settings = self._application.load_settings()
        except SettingsError as error:
            self._tell("SettingsInvalid", f"the old settings stay: {error}", "error")
            return
        if settings == self._settings:
            return
        before = self._settings.repositories
        changed = [name for name, each in settings.repositories.items() if each != before.get(name)]
        with self._arranging:
            self._settings = settings
            self._repositories = self._open(settings)
            self._desires.clear()
            for loop in self._loops.values():
                loop.forget()
        self._notifying.use(self._application.open_notifiers(settings))
        self._tell("SettingsReloaded", f"{settings.config_file} was read anew")
        self.arrange()
        self._watch()
        self._schedule(changed)
        self._resync()

    def _open(self, settings: Settings) -> Repositories:
        return Repositories(settings.repositories, self._application.open_source, self._store, self._clock)

    def _repository_of(self) -> Mapping[str, str]:
        return {name: each.repository for name, each in self._environments.items()}

    def _note_problems(self, problems: tuple[str, ...]) -> None:
        for problem in set(problems) - set(self._problems):
            self._tell("DiscoveryProblem", problem, "error")
        self._problems = problems

    def _tell(self, reason: str, message: str, severity: Severity = "info") -> None:
        self._store.append([Event(self._clock.now(), reason, message, severity)])


def _hopeless(loop: EngineLoop) -> bool:
    """Some pass failed again and again while nothing else is left to do."""
    return any(count >= MOST_FAILURES_ONCE for count in loop.failures().values())


def _local_path(repository: Repository) -> Path | None:
    """The directory of a repository on this machine; None for a remote one."""
    if repository.url.startswith("/"):
        return Path(repository.url)
    parts = urlsplit(repository.url)
    return Path(parts.path) if parts.scheme == "file" else None
