"""gitopsd in a container, started with deploy/compose.yaml, manages its siblings and leaves itself alone."""

import json
import os
import socket as sockets
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import docker
import pytest
import yaml

from tests.conftest import gone_is_fine, remove_project
from tests.haproxy import image_of_haproxy
from tests.images import Images
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
WEB, HAPROXY = "gitopsd-test/sidecar-web:1", "gitopsd-test/haproxy:1"
SERVICE = "com.docker.compose.service"


@dataclass(frozen=True)
class Sidecar:
    """A gitopsd container on a repository that the test commits to. `compose` runs the real Compose command."""

    api: docker.APIClient
    repository: Path
    project: str
    compose: Callable[..., str]

    @property
    def sibling_project(self) -> str:
        return f"{self.project}-shop"

    @property
    def container(self) -> str:
        return str(self.of(self.project, "gitopsd")[0]["Id"])

    def of(self, project: str, service: str) -> list[dict[str, Any]]:
        label = [f"com.docker.compose.project={project}", f"{SERVICE}={service}"]
        return list(self.api.containers(all=True, filters={"label": label}))

    def commit(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--message", "A change")

    def inside(self, container: str, *command: str) -> tuple[int, str]:
        """Exit code and output of a command in a running container."""
        made = self.api.exec_create(container, list(command))["Id"]
        output = self.api.exec_start(made).decode()
        return int(self.api.exec_inspect(made)["ExitCode"]), output.strip()

    def page(self, path: str) -> str:
        """A file of the sibling that serves, "" while there is none."""
        running = [each for each in self.of(self.sibling_project, "web") if each["State"] == "running"]
        try:
            return self.inside(running[0]["Id"], "cat", path)[1] if running else ""
        except docker.errors.APIError as refused:
            if "is not running" not in str(refused) and refused.status_code != 404:
                raise
            return ""  # it was replaced in between

    def environment(self, name: str) -> dict[str, Any]:
        """What `gitopsd status` says about one environment, {} while it is not known."""
        _, said = self.inside(self.container, "gitopsd", "status", "-o", "json")
        known = json.loads(said)["environments"]
        return next((dict(each) for each in known if each["name"] == name), {})

    def healthy(self) -> bool:
        return bool(self.environment("shop").get("health") == "Healthy")

    def held(self, environment: str, guard: str) -> str:
        """Why something holds the environment, "" while nothing of that name does."""
        holds = self.environment(environment).get("holds", [])
        return next((str(hold["reason"]) for hold in holds if hold["guard"] == guard), "")

    def volumes(self) -> set[str]:
        """The volumes that its siblings mount, and those that say who owns what."""
        found = self.api.containers(all=True, filters={"label": f"com.docker.compose.project={self.sibling_project}"})
        mounted = {mount["Name"] for each in found for mount in each["Mounts"] if mount["Type"] == "volume"}
        return mounted | {f"gitopsd-owner-{self.sibling_project}", f"gitopsd-owner-{self.project}"}


@pytest.fixture
def sidecar(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    docker_api: docker.APIClient,
    engine_url: str,
    gitopsd_image: str,
    images: Images,
    compose_program: Path,
) -> Iterator[Sidecar]:
    """With what the parameter names of deploy/, beside compose.yaml."""
    variants: tuple[str, ...] = getattr(request, "param", ())
    images.web(WEB, "an image without content")
    project = f"gitopsd-test-{uuid.uuid4().hex[:8]}"
    socket = Path(urlsplit(engine_url).path)
    config, repository = tmp_path / "config", tmp_path / "repository"
    for directory in (config, repository):
        directory.mkdir(mode=0o755)
    git(repository, "init", "--quiet", "--initial-branch", "main")
    settings = {"repository": {"url": "/repository", "interval": "1s"}, "router": {"image": HAPROXY}}
    (config / "gitopsd.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump({"services": {"gitopsd": {"volumes": [f"{repository}:/repository:ro"]}}})
    )
    known = {
        "GITOPSD_IMAGE": gitopsd_image,
        "GITOPSD_CONFIG": str(config),
        "DOCKER_SOCKET": str(socket),
        "DOCKER_GID": str(socket.stat().st_gid),
        "DOCKER_HOST": engine_url,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
    }
    paths = [*(ROOT / "deploy" / name for name in ("compose.yaml", *variants)), tmp_path / "test.yaml"]
    files = [word for path in paths for word in ("-f", str(path))]

    def compose(*arguments: str) -> str:
        command = [compose_program, "-p", project, *files, *arguments]
        done = subprocess.run(command, env=known, capture_output=True, text=True, check=False, timeout=60)
        assert not done.returncode, done.stderr
        return done.stdout

    made = Sidecar(docker_api, repository, project, compose)
    made.commit(a_shop(made.sibling_project))
    compose("up", "--detach")
    yield made
    print(compose("logs"))
    if variants:
        compose("stop")
        remove_router(docker_api)
    compose("down", "--volumes", "--timeout", "5")
    volumes = made.volumes()
    remove_project(docker_api, made.sibling_project)
    for name in volumes:
        gone_is_fine(partial(docker_api.remove_volume, name))


def remove_router(api: docker.APIClient) -> None:
    """That of the volume which `compose down` is to remove."""
    for each in api.containers(all=True, filters={"label": "gitopsd.router=gitopsd-router"}):
        api.remove_container(each["Id"], force=True)
    gone_is_fine(partial(api.remove_volume, "gitopsd-owner-gitopsd-router"))


def a_shop(project: str) -> dict[str, str]:
    """An environment whose web service gets a directory and a single file from the repository."""
    service = {
        "image": WEB,
        "stop_signal": "SIGKILL",
        "volumes": ["./pages:/www:ro", "./shop.conf:/etc/shop.conf:ro"],
        "x-gitopsd": {"min_ready": "0s"},
    }
    return {
        "environments/shop/compose.yaml": yaml.safe_dump({"name": project, "services": {"web": service}}),
        "environments/shop/pages/index.html": "a page from Git\n",
        "environments/shop/pages/about/index.html": "a page below\n",
        "environments/shop/shop.conf": "colour = blue\n",
    }


@pytest.mark.timeout(300)
def test_a_gitopsd_in_a_container_delivers_the_repositorys_files_to_its_siblings(sidecar: Sidecar) -> None:
    eventually(lambda: sidecar.page("/www/index.html") == "a page from Git", within=60)

    assert sidecar.page("/www/about/index.html") == "a page below"
    assert sidecar.page("/etc/shop.conf") == "colour = blue"


@pytest.mark.timeout(300)
def test_a_changed_file_reaches_the_sibling(sidecar: Sidecar) -> None:
    eventually(lambda: sidecar.page("/etc/shop.conf") == "colour = blue", within=60)

    sidecar.commit({"environments/shop/shop.conf": "colour = red\n"})

    eventually(lambda: sidecar.page("/etc/shop.conf") == "colour = red", within=60)


@pytest.mark.timeout(300)
def test_it_is_no_root_writes_nowhere_but_its_state_and_counts_as_alive(sidecar: Sidecar) -> None:
    eventually(sidecar.healthy, within=60)
    check = sidecar.api.inspect_container(sidecar.container)["Config"]["Healthcheck"]["Test"]

    assert sidecar.inside(sidecar.container, "id", "-u") == (0, "10001")
    assert sidecar.inside(sidecar.container, "touch", "/opt/gitopsd/new")[0] != 0
    assert check[0] == "CMD-SHELL"
    assert sidecar.inside(sidecar.container, "sh", "-c", check[1]) == (0, "")


@pytest.mark.timeout(300)
def test_it_refuses_to_replace_its_own_container(sidecar: Sidecar) -> None:
    eventually(sidecar.healthy, within=60)
    before = sidecar.container

    itself = {"name": sidecar.project, "services": {"gitopsd": {"image": WEB}}}
    sidecar.commit({"environments/infra/compose.yaml": yaml.safe_dump(itself)})

    reason = eventually(lambda: sidecar.held("infra", "self"), within=30)
    assert reason.startswith(f"gitopsd runs in the container {sidecar.project}-gitopsd-1 of service gitopsd")
    assert sidecar.container == before


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sidecar", [("compose.router.yaml",)], indirect=True)
def test_with_what_a_router_needs_it_serves_its_siblings_through_one(sidecar: Sidecar) -> None:
    image_of_haproxy(sidecar.api, HAPROXY)
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    web = {"image": WEB, "ports": [f"127.0.0.1:{port}:8080"], "x-gitopsd": {"min_ready": "0s", "traffic": {}}}
    shop = yaml.safe_dump({"name": sidecar.sibling_project, "services": {"web": web}})
    sidecar.commit({"environments/shop/compose.yaml": shop})

    assert eventually(lambda: asked(port), within=90) == "an image without content"


def asked(port: int) -> str:
    """What the sibling answers, "" while nobody does."""
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return str(answer.read().decode().strip())
    return ""


def git(repository: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "tester" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    known = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}
    subprocess.run(["git", *arguments], cwd=repository, env={**os.environ, **known}, check=True, capture_output=True)
