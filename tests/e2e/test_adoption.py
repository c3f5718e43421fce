"""Projects that the real `docker compose` brought up are taken over as they are: nothing changes, nothing restarts."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.conftest import gone_is_fine, remove_project
from tests.e2e.adoptable import ADOPTABLE, WEB, Adoptable, make_images
from tests.e2e.compose import Compose
from tests.e2e.conftest import MakeRig, free_port_number
from tests.e2e.process import ask
from tests.e2e.repository import ALONE, Repository
from tests.images import Images

FEW = ("environment", "web-and-db", "content", "secrets", "namespaces", "limits")
AT_ONCE = 4


@dataclass
class Street:
    """Several projects of one person, each in a directory of its own, and the repository that is to have them all."""

    directory: Path
    api: docker.APIClient
    compose_program: Path
    engine_url: str
    projects: dict[str, str]
    ports: dict[str, int]

    @property
    def config(self) -> Path:
        return self.directory / "gitopsd.yaml"

    def build(self, houses: Sequence[Adoptable]) -> None:
        """Write every project down, and have `docker compose up` bring it up."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._up, houses))

    def _up(self, house: Adoptable) -> None:
        place = self.directory / "work" / house.name
        for path, text in self._contents(house).items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        Compose(self.compose_program, self.engine_url, place).says("up", "--detach", "--quiet-pull")

    def _contents(self, house: Adoptable, *, changed: bool = False) -> dict[str, str]:
        return house.contents(self.projects[house.name], self.ports[house.name], changed=changed)

    def push(self, houses: Sequence[Adoptable], *, changed: bool = False) -> None:
        """The same files in a repository, as environments."""
        if not self.config.exists():
            self.repository = Repository.make(self.directory)
            settings = {
                "repository": {"url": str(self.repository.bare)},
                "target": {"docker": self.engine_url},
            }
            self.config.write_text(yaml.safe_dump(settings))
        self.repository.push(
            {
                f"environments/{house.name}/{path}": text
                for house in houses
                for path, text in self._contents(house, changed=changed).items()
            }
        )

    def hide(self, house: Adoptable) -> None:
        """Let the project's files be somewhere else."""
        place = self.directory / "work" / house.name
        place.rename(place.with_suffix(".away"))

    def written(self, house: Adoptable) -> tuple[Path, str]:
        """A repository of what runs of one project, committed; and where it was taken from."""
        place = self.directory / "written" / house.name
        engine = self.directory / "engine.yaml"
        engine.write_text(yaml.safe_dump({"target": {"docker": self.engine_url}}))
        project = self.projects[house.name]
        said = self.gitopsd("adopt", project, "--write", str(place), "-o", "json", config=engine)
        for words in (
            ["init", "--quiet", "--initial-branch=main"],
            ["add", "."],
            ["commit", "--quiet", "-m", "What runs"],
        ):
            subprocess.run(["git", *words], cwd=place, env={**os.environ, **ALONE}, check=True)
        (environment,) = json.loads(said)["environments"]
        return place / "gitopsd.yaml", environment["source"]

    def gitopsd(self, *arguments: str, code: int = 0, config: Path | None = None) -> str:
        """One command of gitopsd, which no daemon helps; what it prints."""
        config = config or self.config
        done = ask(config, *arguments, "--state-dir", str(config.with_suffix(".state")))
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.gitopsd(*arguments, "-o", "json"))

    def containers(self) -> dict[str, dict[str, str]]:
        """By project's own name, the ids of its containers by service and number."""
        found: dict[str, dict[str, str]] = {}
        for name, project in self.projects.items():
            rows = self.api.containers(all=True, filters={"label": f"com.docker.compose.project={project}"})
            labels = [(row["Labels"], row["Id"]) for row in rows]
            found[name] = {
                f"{own['com.docker.compose.service']}/{own['com.docker.compose.container-number']}": id
                for own, id in labels
            }
        return found

    def replaced(self, before: dict[str, dict[str, str]]) -> dict[str, set[str]]:
        """By project, the services any of whose containers is another than before."""
        now = self.containers()
        return {
            name: {slot.partition("/")[0] for slot in {*was, *now[name]} if was.get(slot) != now[name].get(slot)}
            for name, was in before.items()
        }

    def close(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._clear, self.projects.values()))

    def _clear(self, project: str) -> None:
        remove_project(self.api, project)
        gone_is_fine(partial(self.api.remove_volume, f"gitopsd-owner-{project}", force=True))


@pytest.fixture(scope="session", autouse=True)
def _pictures(images: Images) -> None:
    make_images(images)


@pytest.fixture
def street(tmp_path: Path, docker_api: docker.APIClient, compose_program: Path, engine_url: str) -> Iterator[Street]:
    mark = f"gitopsd-test-{uuid.uuid4().hex[:6]}"
    projects = {house.name: f"{mark}-{house.name}" for house in ADOPTABLE}
    ports = {house.name: free_port_number() for house in ADOPTABLE}
    made = Street(tmp_path, docker_api, compose_program, engine_url, projects, ports)
    yield made
    made.close()


def adopt_and_change(street: Street, houses: Sequence[Adoptable]) -> None:
    """The whole proof: adopted unchanged, nothing to do; then one key changed in each, and only what it concerns."""
    street.build(houses)
    street.push(houses)
    before = street.containers()

    adopted = street.json("adopt", "--all")["projects"]
    plans = street.json("plan")["environments"]
    street.gitopsd("run", "--once")

    differing = {each["environment"]: each["instances"] for each in adopted if not each["adopted"]} | {
        instance["name"]: instance["changes"] + instance["in_place"]
        for each in adopted
        for instance in each["instances"]
        if instance["changes"] or instance["in_place"]
    }
    assert differing == {}
    assert {plan["name"] for plan in plans} == {house.name for house in houses}
    assert [plan for plan in plans if not nothing_to_do(plan)] == []
    assert {name: which for name, which in street.replaced(before).items() if which} == {}

    street.push(houses, changed=True)
    changes = {
        plan["name"]: {each["service"] for each in plan["changes"] if each["change"] != "unchanged"}
        for plan in street.json("plan")["environments"]
    }
    street.gitopsd("run", "--once")

    assert changes == {house.name: set(house.gives_way) for house in houses}
    replaced = {name: which for name, which in street.replaced(before).items() if which}
    assert replaced == {house.name: set(house.gives_way) for house in houses if not house.in_place}


def nothing_to_do(plan: dict[str, Any]) -> bool:
    made = [*plan["networks"]["create"], *plan["networks"]["remove"], *plan["volumes"]["create"]]
    changed = [each for each in plan["changes"] if each["change"] != "unchanged"]
    return not (made or changed or plan["holds"] or plan["problems"])


def test_projects_that_compose_started_are_adopted_as_they_are(street: Street) -> None:
    adopt_and_change(street, [house for house in ADOPTABLE if house.name in FEW])


def test_a_running_daemon_leaves_a_project_alone_until_it_is_asked_to_adopt_it(
    make_rig: MakeRig, compose: Compose
) -> None:
    rig = make_rig()
    text = f"name: {rig.project}\nservices: {{web: {{image: {WEB}, x-gitopsd: {{min_ready: 0s}}}}}}\n"
    (compose.directory / "compose.yaml").write_text(text)
    compose.says("up", "--detach")
    before = rig.ids()
    commit = rig.repository.push({"environments/shop/compose.yaml": text})
    rig.start()

    held = rig.held("foreign")
    adopted = ask(rig.config, "adopt", rig.project)

    assert f"`gitopsd adopt {rig.project}` takes them over" in held
    assert adopted.returncode == 0, adopted.stderr
    rig.synced(commit)
    assert rig.ids() == before


@pytest.mark.long
@pytest.mark.timeout(600)
def test_all_projects_that_compose_started_are_adopted_as_they_are(street: Street) -> None:
    adopt_and_change(street, ADOPTABLE)


def write_and_adopt(street: Street, house: Adoptable, *, hidden: bool) -> None:
    """What is written of a running project is adopted without a change, wherever it was taken from."""
    if hidden:
        street.hide(house)
    config, source = street.written(house)
    project = street.projects[house.name]

    (found,) = json.loads(street.gitopsd("adopt", project, "-o", "json", config=config))["projects"]
    (plan,) = json.loads(street.gitopsd("plan", "-o", "json", config=config))["environments"]

    assert source.startswith("containers" if hidden else "files of")
    assert [each for each in found["instances"] if each["changes"] or each["in_place"]] == []
    assert nothing_to_do(plan), plan


def test_a_repository_written_of_what_runs_is_adopted_without_a_change(street: Street) -> None:
    by_name = {house.name: house for house in ADOPTABLE}
    street.build([by_name["content"], by_name["networks"]])

    write_and_adopt(street, by_name["content"], hidden=False)
    write_and_adopt(street, by_name["networks"], hidden=True)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("hidden", [False, True], ids=["files", "containers"])
def test_repositories_of_all_projects_written_of_what_runs_are_adopted_without_a_change(
    street: Street, hidden: bool
) -> None:
    street.build(ADOPTABLE)
    for house in ADOPTABLE:
        write_and_adopt(street, house, hidden=hidden)
