"""Everything that an end-to-end test needs: a repository, a daemon, a real engine, and eyes on all of them."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

import docker
import yaml

from gitopsd.adapters.store.sqlite import SqliteStore, open_store
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.release import Release
from gitopsd.model.status import EnvironmentStatus
from tests.conftest import PROJECT_LABEL, gone_is_fine, remove_project
from tests.e2e.process import Process
from tests.e2e.repository import Repository
from tests.e2e.witness import SERVICE_LABEL, Witness
from tests.waiting import eventually

Seen = TypeVar("Seen")
WITHIN = 45.0


def web(image: str, **more: Any) -> dict[str, Any]:
    """A service that counts as good as soon as it runs, and goes at once when it is told to."""
    extension = {"min_ready": "0s", **more.pop("x", {})}
    return {"image": image, "stop_signal": "SIGKILL", "x-gitopsd": extension, **more}


# One after the other, and after the first one nobody's turn comes for as long as a test lasts.
RESTING = {"update_config": {"order": "start-first", "parallelism": 1, "delay": "300s"}}


def answering(image: str, replicas: int = 2, *, path: str = "/", **more: Any) -> dict[str, Any]:
    """A service whose instances count as good once they answer as one of the versions that are known to be good."""
    http = {"port": 8080, "path": path, "body": "^(one|two|three)$", **more.pop("http", {})}
    deploy, x = {"replicas": replicas, **more.pop("deploy", {})}, more.pop("x", {})
    health = {"http": http, "interval": "200ms", "timeout": "10s", **x.get("health", {})}
    return web(image, deploy=deploy, x={**x, "health": health}, **more)


@dataclass
class Rig:
    """One gitopsd on one engine. `settings` are gitopsd.yaml's, beside repository and state directory."""

    directory: Path
    api: docker.APIClient
    engine_url: str
    project: str
    settings: dict[str, Any] = field(default_factory=dict)
    projects: set[str] = field(default_factory=set)
    _closing: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.repository = Repository.make(self.directory)
        self.process = Process(self.config)
        self.projects.add(self.project)
        self.configure()

    # --- arranging ----------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.directory / "gitopsd.yaml"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @cached_property
    def store(self) -> SqliteStore:
        return open_store(self.state)

    def configure(self, **settings: Any) -> None:
        """Write gitopsd.yaml; a running daemon reads it anew."""
        self.settings |= settings
        known = {
            "repository": {"url": str(self.repository.bare), "interval": "1s"},
            "state_dir": str(self.state),
            "target": {"docker": self.engine_url},
            "resync": "60s",
            "images": {"min_free": 0},  # however full the disk is that these tests run on
        }
        text = yaml.safe_dump({**known, **self.settings}, sort_keys=False)
        draft = self.config.with_name("gitopsd.yaml.new")
        draft.write_text(text)
        draft.replace(self.config)

    def push(self, environment: str = "shop", /, project: str = "", **services: Mapping[str, Any]) -> str:
        """Commit and push an environment of these services; the commit's id. `volumes` are found in the services."""
        return self.push_document({"services": services}, environment, project=project)

    def push_locally(self, environment: str = "shop", /, **services: Mapping[str, Any]) -> str:
        """Commit as `push` does, for a later push."""
        return self.repository.commit(self._files({"services": services}, environment, ""), f"Change {environment}")

    def push_document(
        self, document: Mapping[str, Any], environment: str = "shop", *, project: str = "", gone: str = "", **files: str
    ) -> str:
        """Commit a Compose file with its project's name and the volumes that its services name, and push.

        `gone` is a path that the commit removes.
        """
        contents: dict[str, str | None] = {**self._files(document, environment, project)}
        contents |= {gone: None} if gone else {}
        contents |= {f"environments/{environment}/{path}": data for path, data in files.items()}
        return self.repository.push(contents, f"Change {environment}")

    def _files(self, document: Mapping[str, Any], environment: str, project: str) -> dict[str, str]:
        name = project or self.project_of(environment)
        self.projects.add(name)
        volumes: dict[str, Any] = {
            mount.partition(":")[0]: {}
            for service in document.get("services", {}).values()
            for mount in service.get("volumes", ())
            if not mount.startswith((".", "/"))
        }
        written = {"name": name, **({"volumes": volumes} if volumes else {}), **document}
        return {f"environments/{environment}/compose.yaml": yaml.safe_dump(written, sort_keys=False)}

    def project_of(self, environment: str) -> str:
        """The first environment bears the rig's project, the others one beside it."""
        return self.project if environment == "shop" else f"{self.project}-{environment}"

    def start(self) -> "Rig":
        self.process.start()
        return self

    def at_end(self, clear: Callable[[], None]) -> None:
        """Do something when everything else is cleared away."""
        self._closing.append(clear)

    def witness(self, environment: str = "shop") -> Witness:
        made = Witness(self.api, self.project_of(environment))
        self.at_end(made.close)
        return made

    # --- asking -------------------------------------------------------------------------------------------------------

    def ask(self, verb: Verb, environment: str = "shop", **arguments: Any) -> str:
        """Submit an operation and wait for its result."""
        return self.eventually(partial(self._result, self.tell(verb, environment, **arguments)))

    def approved(self, commit: str, environment: str = "shop") -> str:
        """Say yes to a commit as soon as it waits for that; the commit."""
        self.eventually(lambda: self.ask("approve", environment, what=commit).endswith("is approved"))
        return commit

    def tell(self, verb: Verb, environment: str = "shop", **arguments: Any) -> int:
        """Submit an operation, whose result may come later; its number."""
        return self.store.submit(Operation(verb, environment, "ada", datetime.now(UTC), arguments))

    def _result(self, number: int) -> str:
        operation = self.store.operation(number)
        return operation.result if operation is not None else ""

    def looks_again(self, environment: str = "shop") -> None:
        """Wait for passes that began after this call, and for all that they set off."""
        for _ in range(2):
            self.ask("resume", environment)

    # --- hurting ------------------------------------------------------------------------------------------------------

    def occupy(self, port: int) -> Callable[[], None]:
        """Listen on a port of this host until the end, or until what this gives is called."""
        taken = socket.create_server(("127.0.0.1", port))
        self.at_end(taken.close)
        return taken.close

    def forget_database(self) -> None:
        """Lose the database, but neither key nor identity."""
        self.store.close()
        for file in self.state.glob("gitopsd.db*"):
            file.unlink()
        self.reopen()

    def reopen(self) -> None:
        """Look at the state directory anew."""
        self.__dict__.pop("store", None)

    # --- looking ------------------------------------------------------------------------------------------------------

    def eventually(self, check: Callable[[], Seen], within: float = WITHIN) -> Seen:
        """As `tests.waiting.eventually`, with more patience."""
        return eventually(check, within)

    def account(self) -> str:
        """What a person would look at first when something is wrong."""
        lines = [self.process.words(), *map(str, self.store.statuses())]
        for event in self.store.events(newest=True, limit=40):
            lines.append(f"{event.at.time()} {event.severity} {event.environment} {event.reason}: {event.message}")
        lines += [f"{each['Names']} {each['Image']} {each['Status']}" for each in self.rows()]
        return "\n".join(lines)

    def status(self, environment: str = "shop") -> EnvironmentStatus:
        found = next((each for each in self.store.statuses() if each.name == environment), None)
        assert found is not None, f"no status of {environment} yet"
        return found

    def synced(self, commit: str, environment: str = "shop", within: float = WITHIN) -> EnvironmentStatus:
        """Wait until a commit serves, and nothing is left to do."""
        return self.eventually(partial(self.has_synced, commit, environment), within)

    def has_synced(self, commit: str, environment: str = "shop") -> EnvironmentStatus:
        """The status once a commit serves and nothing is left to do; AssertionError before."""
        status = self.status(environment)
        assert (status.revision, status.sync, status.health) == (commit, "Synced", "Healthy"), status
        assert not self.store.journal(environment).rollouts
        return status

    def rejected(self, commit: str, environment: str = "shop", within: float = WITHIN) -> str:
        """Wait until a commit was tried and given up; why."""
        return self.eventually(partial(self.has_rejected, commit, environment), within)

    def has_rejected(self, commit: str, environment: str = "shop") -> str:
        """Why a commit was tried and given up; "" or AssertionError before."""
        status = self.status(environment)
        assert status.desired_revision == commit, status
        assert not self.store.journal(environment).rollouts
        return next((hold.reason for hold in status.holds if hold.guard == "rejected"), "")

    def held(self, guard: str, environment: str = "shop", within: float = WITHIN) -> str:
        """Wait until an environment is held by a guard; why."""

        def reason() -> str:
            return next((hold.reason for hold in self.status(environment).holds if hold.guard == guard), "")

        return self.eventually(reason, within)

    def content_known(self) -> int:
        """How many containers have had their content looked at."""
        return sum("content" in "".join(each.shown) for each in self.store.baselines("shop").values())

    def told(self, reason: str, environment: str = "", within: float = WITHIN) -> Event:
        """Wait for an event of this name, and give the newest."""

        def found() -> Event | None:
            return next(iter(self.events(reason, environment)[::-1]), None)

        event = self.eventually(found, within)
        assert event is not None
        return event

    def events(self, reason: str = "", environment: str = "") -> list[Event]:
        return [each for each in self.store.events(environment=environment, limit=5000) if reason in ("", each.reason)]

    def release(self, environment: str = "shop") -> Release:
        """The newest one."""
        return self.store.releases(environment, 1)[0]

    def shown(self, number: int) -> dict[str, Any]:
        """What the ledger shows of a release to a person who asks for it by its number."""
        found: dict[str, Any] = json.loads(self.process.command("show", str(number), "-o", "json"))
        return found

    def rows(self, service: str = "", environment: str = "") -> list[dict[str, Any]]:
        """The containers of one environment, or of all, running or not, as the engine lists them."""
        wanted = {self.project_of(environment)} if environment else self.projects
        labels = [f"{SERVICE_LABEL}={service}"] if service else []
        found = []
        for name in sorted(wanted):
            found += self.api.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={name}", *labels]})
        return found

    def names(self, service: str = "", environment: str = "shop") -> list[str]:
        """Container names without the project, sorted: `web-1`."""
        prefix = f"{self.project_of(environment)}-"
        rows = self.rows(service, environment)
        return sorted(name.removeprefix("/").removeprefix(prefix) for row in rows for name in row["Names"])

    def running(self, environment: str = "shop") -> dict[str, str]:
        """Image by container name of what runs, without the project."""
        prefix = f"{self.project_of(environment)}-"
        rows = [row for row in self.rows(environment=environment) if row["State"] == "running"]
        return {row["Names"][0].removeprefix("/").removeprefix(prefix): row["Image"] for row in rows}

    def container(self, name: str = "web-1", environment: str = "shop") -> dict[str, Any]:
        """The inspection of a container of the project."""
        found: dict[str, Any] = self.api.inspect_container(f"{self.project_of(environment)}-{name}")
        return found

    def ids(self, environment: str = "shop") -> dict[str, str]:
        return {row["Names"][0]: row["Id"] for row in self.rows(environment=environment)}

    def networks(self, environment: str = "shop") -> list[str]:
        """Network names without the project, sorted."""
        project = self.project_of(environment)
        found = self.api.networks(filters={"label": f"{PROJECT_LABEL}={project}"})
        return sorted(each["Name"].removeprefix(f"{project}_") for each in found)

    def run_inside(self, name: str, *command: str) -> str:
        """What a command in a container writes."""
        made = self.api.exec_create(self.container(name)["Id"], list(command))
        return str(self.api.exec_start(made["Id"]).decode())

    def page(self, name: str = "web-1") -> str:
        """What the container's web server says, asked from within."""
        return self.eventually(partial(self.run_inside, name, "wget", "-qO-", "http://127.0.0.1:8080"))

    def fetch(self, port: int) -> str:
        """What a published port says to this host."""

        def ask() -> str:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}", timeout=2) as answer:
                return str(answer.read().decode())
            return ""

        return self.eventually(ask)

    # --- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the daemon, and remove all that the rig's projects left on the engine."""
        try:
            self.end()
        finally:
            self._clear_away()

    def end(self) -> None:
        """End the daemon, if it runs."""
        if self.process.alive():
            self.process.stop()

    def _clear_away(self) -> None:
        claims = self.api.volumes(filters={"label": f"gitopsd.owner={self.store.instance_id()}"})["Volumes"] or ()
        self.store.close()
        for project in self.projects:
            remove_project(self.api, project)
        for name in (*(f"gitopsd-owner-{project}" for project in self.projects), *(each["Name"] for each in claims)):
            gone_is_fine(partial(self.api.remove_volume, name, force=True))
        for clear in self._closing:
            clear()
