"""The stage of the demo: images, a repository, a gitopsd process, a customer who never stops asking; no trace stays."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any, TypeVar

import docker
import docker.errors
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e import app  # noqa: E402
from tests.haproxy import image_of_haproxy  # noqa: E402
from tests.images import CONTENT_LABEL, Images, add, import_image  # noqa: E402

PROJECT = "com.docker.compose.project"
PROJECTS = {"production": "shop-production", "staging": "shop-staging", "api": "shop-api"}
PORTS = {"production": 8000, "staging": 8081, "api": 8082}
API, ROUTER = "environments/api", "shop/router:1.0"
GITOPSD = Path(sys.executable).with_name("gitopsd")

Seen = TypeVar("Seen")
Event = Mapping[str, Any]


class StepFailed(Exception):
    """Something that the demo promises did not happen."""


# --- images ----------------------------------------------------------------------------------------------------------

# Process 1 ignores a signal without a handler, so the shell takes it: no new requests, the last answers, the end.
SERVE = """#!/bin/sh
trap 'kill $server; sleep 0.3; exit 0' TERM
httpd -f -p 8080 -h "${1:-/www}" &
server=$!
wait $server
"""
MIGRATE = '#!/bin/sh\necho "prepared by $(cat /version)" > "$1/schema"\n'
BROKEN = "#!/bin/sh\necho 'cannot read /etc/shop/prices.conf' >&2\nexit 1\n"
EDGE = """#!/bin/sh
trap 'kill $server; exit 0' TERM
nc -ll -p 8080 -e /bin/pass-on &
server=$!
wait $server
"""
# An instance that refuses or does not answer is passed over, as any reverse proxy does.
PASS_ON = """#!/bin/sh
request=
while IFS= read -r line && [ ${#line} -gt 1 ]; do
    request="$request$line
"
done
for attempt in 1 2 3 4 5 6 7 8; do
    answer=$(printf '%s\\r\\n' "$request" | nc -w 1 web 8080 2>/dev/null)
    [ -z "$answer" ] || exec printf '%s\\n' "$answer"
done
"""


# What a version of the API does: how many of a thousand requests it fails.
API_VERSIONS = {"1.0": 0, "1.1": 0, "1.2": 100, "2.0": 0}


def traffic_images(api: docker.APIClient) -> None:
    """A service as people write them, in C, and the router."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        add(archive, "app", tarfile.REGTYPE, 0o755, app.program())
    for version, errors in API_VERSIONS.items():
        says = f'ENV VERSION="api {version}" ERRORS="{errors}" LATENCY_MS="5" JITTER_MS="10" TERM_MODE="exit"'
        import_image(api, f"shop/api:{version}", buffer.getvalue(), ['CMD ["/app"]', "EXPOSE 8080/tcp", says])
    image_of_haproxy(api, ROUTER)


def shop_images() -> dict[str, tuple[dict[str, str], str]]:
    """Files and command of each image, by its name."""
    web = {version: {"/bin/serve": SERVE, "/www/index.html": f"shop {version}\n"} for version in ("1.0", "1.1")}
    return {
        **{f"shop/web:{version}": (files, '["serve"]') for version, files in web.items()},
        "shop/web:1.2": ({"/bin/serve": BROKEN}, '["serve"]'),
        "shop/backend:1.0": ({"/bin/serve": SERVE, "/bin/migrate": MIGRATE, "/version": "1.0\n"}, '["serve", "/data"]'),
        "shop/edge:1.0": ({"/bin/serve": EDGE, "/bin/pass-on": PASS_ON}, '["serve"]'),
    }


# --- the engine -------------------------------------------------------------------------------------------------------


@dataclass
class Ground:
    """The engine before and after: nothing that was there is touched, nothing that came with the demo stays."""

    api: docker.APIClient
    made: list[str] = field(default_factory=list)
    volumes: frozenset[str] = frozenset()
    routerless: str = "it has not been tried"  # why no router can be shown here, "" where one can

    def prepare(self) -> None:
        self.refuse_neighbours()
        self.volumes = frozenset(each["Name"] for each in self._volumes())
        images = Images(self.api)
        for name, (files, command) in shop_images().items():
            if not self._held(name):
                self.made.append(name)
            images.busybox(name, files, [f"CMD {command}"])
        self.routerless = self._routerless()

    def _routerless(self) -> str:
        """Makes what the router needs; what stands in its way, in words."""
        if os.geteuid():
            return "a router shares files with gitopsd, which has to be root for that"
        if self.api.containers(all=True, filters={"label": "gitopsd.router"}):
            return "the engine has a router of gitopsd already"
        names = [ROUTER, *(f"shop/api:{version}" for version in API_VERSIONS)]
        held = [name for name in names if self._held(name)]
        try:
            traffic_images(self.api)
        except pytest.skip.Exception as missing:
            return str(missing)
        self.made += [name for name in names if name not in held]
        return ""

    def refuse_neighbours(self) -> None:
        """Somebody else's project or image of these names would be changed, and removed at the end."""
        for project in PROJECTS.values():
            if self.containers(project) or any(_project(each) == project for each in self._volumes()):
                raise StepFailed(f"the engine has a project {project} already; remove it, or use another engine")
        for name in shop_images():
            if self._held(name) and CONTENT_LABEL not in (self.api.inspect_image(name)["Config"].get("Labels") or {}):
                raise StepFailed(f"the engine has an image {name} that is not the demo's; use another engine")

    def containers(self, project: str) -> list[dict[str, Any]]:
        found = self.api.containers(all=True, filters={"label": f"{PROJECT}={project}"})
        return sorted(found, key=lambda each: str(each["Names"][0]))

    def clear(self) -> None:
        for project in PROJECTS.values():
            for container in self.containers(project):
                _quietly(self.api.remove_container, container["Id"], force=True)
            for network in self.api.networks(filters={"label": f"{PROJECT}={project}"}):
                _quietly(self.api.remove_network, network["Id"])
        if not self.routerless:
            self._clear_router()
        for volume in self._volumes():
            if volume["Name"] not in self.volumes and _ours(volume):
                _quietly(self.api.remove_volume, volume["Name"])
        for name in self.made:
            _quietly(self.api.remove_image, name)

    def _clear_router(self) -> None:
        for container in self.api.containers(all=True, filters={"label": "gitopsd.router"}):
            _quietly(self.api.remove_container, container["Id"], force=True)
        for network in self.api.networks(filters={"label": "gitopsd.routed"}):
            _quietly(self.api.remove_network, network["Id"])

    def _held(self, name: str) -> bool:
        try:
            return bool(self.api.inspect_image(name))
        except docker.errors.ImageNotFound:
            return False

    def _volumes(self) -> list[dict[str, Any]]:
        return list(self.api.volumes()["Volumes"] or [])


def _project(resource: Mapping[str, Any]) -> str:
    return str((resource.get("Labels") or {}).get(PROJECT, ""))


def _ours(volume: Mapping[str, Any]) -> bool:
    labels = volume.get("Labels") or {}
    owners = {f"gitopsd-owner-{claimed}" for claimed in (*PROJECTS.values(), "gitopsd-router")}
    return volume["Name"] in owners or "gitopsd.router" in labels or labels.get("gitopsd.environment") in PROJECTS


def _quietly(action: Callable[..., object], *arguments: object, **more: object) -> None:
    """Goes on to the next thing to clear away; what could not be is named."""
    try:
        action(*arguments, **more)
    except docker.errors.APIError as refused:
        print(f"not cleared away: {refused.explanation}", file=sys.stderr)


# --- the customer -----------------------------------------------------------------------------------------------------


class Customer(threading.Thread):
    """Asks the shop over and over, one request at a time, and counts what comes back."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._left = threading.Event()
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self._slowest = 0.0

    def run(self) -> None:
        while not self._left.is_set():
            begun = time.monotonic()
            answer = get(self._url, timeout=10) or "failed"
            with self._lock:
                self._answers[answer] += 1
                self._slowest = max(self._slowest, time.monotonic() - begun)
            self._left.wait(0.01)

    def report(self) -> tuple[Counter[str], float]:
        """What came back since the last report, and the slowest answer in seconds."""
        with self._lock:
            found, self._answers = self._answers, Counter()
            slowest, self._slowest = self._slowest, 0.0
        return found, slowest

    def leave(self) -> None:
        self._left.set()


def get(url: str, timeout: float = 5) -> str:
    """The page, or "" when there is none."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return str(answer.read().decode().strip())
    except OSError:
        return ""


# --- repository and daemon --------------------------------------------------------------------------------------------


class Stage:
    """`with Stage(api) as stage`: everything the demo needs; leaving clears it away, whatever happened."""

    def __init__(self, api: docker.APIClient) -> None:
        self.ground = Ground(api)
        self.directory = Path(tempfile.mkdtemp(prefix="gitopsd-demo-"))
        self.repository, self.state = self.directory / "shop", self.directory / "state"
        self.settings = self.directory / "gitopsd.yaml"
        self.ports: dict[str, int] = {}
        self._processes: list[subprocess.Popen[str]] = []
        self._customer: Customer | None = None
        self._events: Queue[Event] = Queue()

    def __enter__(self) -> "Stage":
        try:
            self.ground.prepare()
            shutil.copytree(ROOT / "example-repo", self.repository)
            for environment, port in PORTS.items():
                self._place(environment, port)
            (self.repository / API).rename(self.directory / "api")
            self.settings.write_text(f"router: {{image: {ROUTER}}}\n")
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self._customer is not None:
            self._customer.leave()
        for process in reversed(self._processes):
            end(process)
        self.ground.clear()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _place(self, environment: str, wanted: int) -> None:
        """Let the environment be reached at a port that is free here."""
        self.ports[environment] = port = free_port(wanted)
        path = self.repository / "environments" / environment / ".env"
        path.write_text(path.read_text().replace(f"_PORT={wanted}", f"_PORT={port}"))

    @property
    def routerless(self) -> str:
        return self.ground.routerless

    def bring_api(self) -> None:
        """The environment that needs a router, which is in the repository from now on."""
        (self.directory / "api").rename(self.repository / API)

    def url(self, environment: str, page: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[environment]}/{page}"

    def git(self, *arguments: str) -> str:
        """A Git command in the repository, with nobody's own configuration."""
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in IDENTITY.items()}
        known = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.repository,
            env={**os.environ, **known},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StepFailed(f"git {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def gitopsd(self, *arguments: str) -> str:
        """What a gitopsd command prints, whatever its exit code says."""
        command = [GITOPSD, *arguments, "--state-dir", self.state]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return (done.stdout or done.stderr).strip()

    def start_gitopsd(self) -> None:
        """The daemon, and a listener to its events."""
        with (self.directory / "gitopsd.log").open("w") as log:
            run = [
                GITOPSD,
                "run",
                "--config",
                self.settings,
                "--repository",
                self.repository,
                "--state-dir",
                self.state,
            ]
            self._processes.append(subprocess.Popen(run, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True))
        self.until(lambda: '"daemon": true' in self.gitopsd("status", "-o", "json"), "gitopsd runs")
        follow = [GITOPSD, "events", "-f", "-o", "json", "--limit", "10000", "--state-dir", self.state]
        feed = subprocess.Popen(follow, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._processes.append(feed)
        threading.Thread(target=self._listen, args=(feed,), daemon=True).start()

    def stop_gitopsd(self) -> None:
        for process in self._processes:
            end(process)

    def customer(self) -> Customer:
        """The one who asks production, from now on."""
        if self._customer is None:
            self._customer = Customer(self.url("production"))
            self._customer.start()
        return self._customer

    def _listen(self, feed: "subprocess.Popen[str]") -> None:
        for line in feed.stdout or ():
            self._events.put(json.loads(line))

    def events(self, last: Callable[[Event], bool], what: str, within: float = 60) -> Iterator[Event]:
        """What happens, as it happens, up to the event that was waited for."""
        deadline = time.monotonic() + within
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise StepFailed(f"not within {within:g} s: {what}") from None
            yield event
            if last(event):
                return

    def until(self, check: Callable[[], Seen], what: str, within: float = 30) -> Seen:
        """The first answer of `check` that says yes."""
        deadline = time.monotonic() + within
        while not (seen := check()):
            if time.monotonic() > deadline:
                raise StepFailed(f"not within {within:g} s: {what}")
            time.sleep(0.05)
        return seen

    def log(self) -> str:
        path = self.directory / "gitopsd.log"
        return "\n".join(path.read_text().splitlines()[-20:]) if path.exists() else ""


IDENTITY = {"NAME": "Ada", "EMAIL": "ada@shop.example"}


def end(process: "subprocess.Popen[str]") -> None:
    """Asks a process to end, and insists after a while."""
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port(wanted: int) -> int:
    """The wanted port of the loopback address, or another one where that is taken."""
    for port in (wanted, 0):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    raise StepFailed("no port of the loopback address is free")
