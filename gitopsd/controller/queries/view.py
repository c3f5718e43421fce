"""What every question stands on: settings, environments, repositories and engines, each opened when first needed."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from gitopsd.controller.application import Application
from gitopsd.controller.arrangement import Arrangement, Known, arrangement, taken_over
from gitopsd.controller.desire import Desire, Desires, orphan_mend
from gitopsd.controller.environments import Environment, settled_in
from gitopsd.controller.fence import fenced_engine, fenced_swarm
from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.ports import Engine, Probe
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.swarm_port import Swarm
from gitopsd.model.errors import GitopsdError
from gitopsd.model.release import Hold, Journal
from gitopsd.model.settings import Repository, Settings, TargetEngine


class View:
    """One look by one command. `fresh`: the remotes are asked once where no daemon does so anyway."""

    def __init__(self, application: Application, *, fresh: bool = False) -> None:
        self.application = application
        self.store = application.store
        self.now = application.clock.now()
        self._fresh = fresh
        self._engines: dict[str, Engine] = {}
        self._registry = Registry()
        self._desires: dict[str, Desires] = {}
        self._claiming: set[str] = set()

    def later(self) -> "View":
        """Another look, now, over the same connections to engines, which remember what they saw."""
        view = View(self.application)
        view._engines = self._engines
        return view

    @cached_property
    def daemon_runs(self) -> bool:
        return self.store.daemon_runs()

    @cached_property
    def settings(self) -> Settings:
        """The settings; where they name no repository, those that the daemon knew, so that a command needs no flags."""
        settings = self.application.settings
        if settings.repositories:
            return settings
        known = {each.name: Repository(each.name, each.url, each.branch) for each in self.store.repositories()}
        return replace(settings, repositories=known)

    @cached_property
    def repositories(self) -> Repositories:
        """The repositories as the mirrors hold them. One that was never fetched is asked for its first commit."""
        opened = Repositories(
            self.settings.repositories, self.application.open_source, self.store, self.application.clock
        )
        if not self.daemon_runs:
            for name in opened.names():
                if self._fresh or opened.head(name) is None:
                    opened.poll(name)
        return opened

    @cached_property
    def _arrangement(self) -> Arrangement:
        journals = {name: self.store.journal(name) for name in self.store.environments()}
        heads, unanswered = self.repositories.heads(), self.repositories.unanswered()
        return arrangement(Known(self.settings, heads, journals, unanswered, self.repositories.files_of))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the set of environments."""
        return self._arrangement.problems

    @cached_property
    def environments(self) -> Mapping[str, Environment]:
        """Every environment that a repository or a journal has, by name; one that has a new name, under that alone."""
        gone = {takeover.old.name for takeover in self._arrangement.takeovers}
        found = self._arrangement.environments
        return {
            name: settled_in(found[name], self.journal(name).host_dir) for name in sorted(found) if name not in gone
        }

    def journal(self, name: str) -> Journal:
        """The journal of an environment, also before a daemon has moved it to the environment's new name."""
        own = self.store.journal(name)
        for takeover in self._arrangement.takeovers:
            if takeover.new == name:
                return taken_over(self.store.journal(takeover.old.name), own, takeover.old.path)
        return own

    def take_over(self, name: str) -> None:
        """Give an environment the journal of what it was before its directory was renamed, as a daemon would."""
        for takeover in self._arrangement.takeovers:
            if takeover.new == name:
                self.store.move(takeover.old.name, name, takeover.old.path)

    def select(self, name: str = "") -> tuple[Environment, ...]:
        """The environment of that name, or all of them. GitopsdError when there is none of that name."""
        if not name:
            return tuple(self.environments.values())
        if name in self.environments:
            return (self.environments[name],)
        raise GitopsdError(f"there is no environment {name}; {self.known()}")

    def known(self) -> str:
        """Which environments there are; where there are none, what is missing."""
        trouble = next((found for each in self.repositories.names() if (found := self.repositories.trouble(each))), "")
        if self.environments:
            return "there are " + ", ".join(self.environments) + (f" ({trouble})" if trouble else "")
        if not self.repositories.names():
            return "no repository is configured; name one in gitopsd.yaml, or with `gitopsd run --repository URL`"
        return trouble or f"no directory matches {', '.join(self.settings.discover)} in the repositories"

    def engine(self, environment: Environment) -> Engine:
        return self.engine_at(environment.engine)

    def engine_at(self, target: TargetEngine) -> Engine:
        if target.url not in self._engines:
            self._engines[target.url] = fenced_engine(self.application.connect(target), self.store.holds)
        return self._engines[target.url]

    def swarm(self, environment: Environment) -> Swarm:
        return fenced_swarm(self.application.connect_swarm(environment.engine), self.store.holds)

    def probe(self, environment: Environment) -> Probe:
        return self.application.open_probe(environment.engine, lambda: self.settings.probe_image)

    @property
    def metrics(self) -> Metrics:
        return self.application.open_metrics(lambda: self.settings.prometheus)

    def desire(self, environment: Environment) -> Desire:
        """What the newest known commit says, without images; with disputes between environments of one engine."""
        if not environment.path:
            return self._orphaned(environment)
        for other in self.environments.values():
            if other.engine == environment.engine and other.name not in self._claiming:
                self._claiming.add(other.name)
                self.desires(other.name).load(other)
                if not other.path:
                    self.desires(other.name).hold(other, self.journal(other.name))
        return self.desires(environment.name).load(environment)

    def desires(self, name: str) -> Desires:
        """The desired states of an environment at any of its revisions."""
        if name not in self._desires:
            secrets = self.application.secrets
            self._desires[name] = Desires(self.repositories, self.store, self._registry, secrets, self.fingerprints)
        return self._desires[name]

    @property
    def fingerprints(self) -> str:
        return self.application.fingerprints

    def _orphaned(self, environment: Environment) -> Desire:
        head = next((files.revision for files in self.repositories.heads().values()), "")
        mend = orphan_mend(environment.name)
        if not head:
            return Desire(holds=(Hold("source", f"no repository has answered yet; {mend}"),))
        return Desire(head, holds=(Hold("orphaned", f"Orphaned: {environment.name} is in no repository; {mend}"),))
