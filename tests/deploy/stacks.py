"""gitopsd as a service of a swarm, deployed with deploy/stack.yaml by the real Docker command, behind a filter."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest
import yaml

from tests.deploy.conftest import built
from tests.deploy.test_sidecar import git

ROOT = Path(__file__).resolve().parents[2]
FILTER = "gitopsd-test/filter:1"
NAME = "gitops"  # of the stack
GITOPSD = f"{NAME}_gitopsd"
ASK = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[2], method=sys.argv[1], data=b'{}'))"


@dataclass(frozen=True)
class Stack:
    """gitopsd on the swarm of these engines, on a repository that the test commits to."""

    apis: tuple[docker.APIClient, ...]
    repository: Path

    @classmethod
    def make(cls, apis: tuple[docker.APIClient, ...], directory: Path) -> "Stack":
        repository = directory / "repository"
        repository.mkdir()
        git(repository, "init", "--quiet", "--initial-branch", "main")
        return cls(apis, repository)

    def commit(self, document: Mapping[str, Any]) -> str:
        """The environment `shop`, of the project of the same name; the commit's id."""
        path = self.repository / "environments/shop/compose.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"name": "shop", **document}))
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--message", "Change shop")
        return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=self.repository, text=True).strip()

    def container(self, service: str = GITOPSD) -> tuple[docker.APIClient, str]:
        """The one that runs of a service, and its engine; AssertionError while there is none, or more than one."""
        label = {"label": f"com.docker.swarm.service.name={service}"}
        found = [(api, str(each["Id"])) for api in self.apis for each in api.containers(filters=label)]
        assert len(found) == 1, found
        return found[0]

    def inside(self, *command: str) -> tuple[int, str]:
        """Exit code and output of a command in gitopsd's container; AssertionError where that ends just then."""
        api, container = self.container()
        try:
            made = api.exec_create(container, list(command))["Id"]
            output = api.exec_start(made).decode()
            return int(api.exec_inspect(made)["ExitCode"] or 0), output.strip()
        except docker.errors.APIError as error:
            raise AssertionError(str(error)) from error

    def says(self, *command: str) -> Any:
        """What gitopsd answers to a command, as JSON."""
        code, said = self.inside("gitopsd", *command, "-o", "json")
        assert code in (0, 3), said
        return json.loads(said)

    def serves(self, commit: str) -> bool:
        """True; AssertionError unless a commit runs, and nothing is left to do."""
        found = next(iter(self.says("status")["environments"]), {})
        assert (found.get("revision"), found.get("sync"), found.get("health")) == (commit, "Synced", "Healthy"), found
        return True

    def denied(self, method: str, path: str) -> bool:
        """Whether the filter turns away what somebody in gitopsd's container asks of the engine."""
        asked = self.inside("python3", "-c", ASK, method, f"http://engine:2375/v1.41{path}")
        return asked[0] != 0 and ("HTTP Error 403" in asked[1] or "HTTP Error 405" in asked[1])

    def deploy(self, url: str, socket: str, settings: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """By the manager at a URL. `settings` are gitopsd.yaml's, `own` is what a test adds to the stack."""
        program = shutil.which("docker")
        if program is None:
            pytest.skip("there is no docker command here to deploy a stack with")
        room = self.repository.parent
        text = yaml.safe_dump({"repository": {"url": "/repository", "interval": "1s"}, **settings})
        (room / "gitopsd.yaml").write_text(text)
        (room / "stack.yaml").write_text(uncommented((ROOT / "deploy" / "stack.yaml").read_text()))
        (room / "test.yaml").write_text(yaml.safe_dump({"version": "3.8", **own}))
        command = [program, "stack", "deploy", "--resolve-image", "never", "-c", "stack.yaml", "-c", "test.yaml", NAME]
        known = {
            "DOCKER_HOST": url,
            "GITOPSD_IMAGE": "gitopsd-test/gitopsd:1",
            "GITOPSD_CONFIG": str(room),
            "DOCKER_SOCKET": socket,
            "PATH": os.environ["PATH"],
            "HOME": str(room),
        }
        done = subprocess.run(command, cwd=room, env=known, capture_output=True, text=True, check=False, timeout=60)
        assert not done.returncode, done.stderr
        assert "Ignoring" not in done.stderr, done.stderr  # as it does to what a stack has no word for

    def account(self) -> str:
        """What a person would look at first when something is wrong."""
        lines = []
        for service in sorted(each["Spec"]["Name"] for each in self.apis[0].services(filters={"name": NAME})):
            tasks = self.apis[0].tasks(filters={"service": service})
            lines += [f"{service}: {each['Status']['State']} {each['Status'].get('Err', '')}" for each in tasks]
            said = self.apis[0].service_logs(service, stdout=True, stderr=True)
            lines.append(b"".join(said).decode(errors="replace"))
        return "\n".join(lines)


def uncommented(text: str) -> str:
    """The stack file with what it says of secrets in force."""
    for line in ("    # secrets: [git_token]", "# secrets:", "#   git_token: {external: true}"):
        assert f"\n{line}\n" in text, line
        indent = line[: len(line) - len(line.lstrip())]
        text = text.replace(f"\n{line}\n", f"\n{indent}{line.strip().removeprefix('# ').removeprefix('#')}\n")
    return text


def filter_image(api: docker.APIClient, base: str) -> None:
    """The program that stands in for the socket proxy, started as that one is: with flags alone."""
    start = f'FROM {base}\nCOPY filter.py /\nENTRYPOINT ["python3", "-u", "/filter.py"]\nHEALTHCHECK NONE\n'
    program = Path(__file__).with_name("socket_filter.py").read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in (("Dockerfile", start.encode()), ("filter.py", program)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    buffer.seek(0)
    built(api, FILTER, fileobj=buffer, custom_context=True, network_mode="none")


def labelled(api: docker.APIClient, hostname: str, **labels: str) -> None:
    """As `docker node update --label-add` does."""
    node = next(each for each in api.nodes() if each["Description"]["Hostname"] == hostname)
    spec = {**node["Spec"], "Labels": {**node["Spec"].get("Labels", {}), **labels}}
    api.update_node(node["ID"], node["Version"]["Index"], spec)
