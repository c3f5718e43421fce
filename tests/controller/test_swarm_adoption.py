"""A stack that `docker stack deploy` made is taken over as it runs, and given up as it runs; over a fake of a swarm."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.controller.house import compose
from tests.controller.test_swarm import ON_SWARM, SwarmHouse

STACK = {"com.docker.stack.namespace": "shop"}
MANIFEST = (
    "    deploy: {replicas: 2}\n    configs: [{source: page, target: /page}]\nconfigs: {page: {content: hello}}\n"
)


def as_deployed(image: str = "web:1", replicas: int = 2, **container: Any) -> dict[str, Any]:
    """What `docker stack deploy` says of MANIFEST, as an engine shows it: what is usual is not written there."""
    return {
        "Name": "shop_web",
        "Labels": {**STACK, "com.docker.stack.image": image},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Labels": STACK,
                "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
                "Configs": [{"File": {"Name": "page", "UID": "0", "GID": "0", "Mode": 292}, "ConfigName": "shop_page"}],
                "Isolation": "default",
                **container,
            },
            "Resources": {},
            "Placement": {},
            "Networks": [{"Target": "shop_default", "Aliases": ["web"]}],
            "ForceUpdate": 3,
            "Runtime": "container",
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        "EndpointSpec": {"Mode": "vip"},
    }


class StackHouse(SwarmHouse):
    """A swarm with a stack that runs already."""

    def deployed(self, body: Mapping[str, Any], config: bytes = b"hello") -> None:
        self.swarm.configs["shop_page"] = config
        self.swarm.deployed("shop_web", body, "shop_default")

    def tasks(self) -> list[str]:
        return sorted(each.id for each in self.swarm.services["shop_web"].tasks if each.runs)

    def pushed(self, image: str = "web:1", more: str = MANIFEST) -> str:
        return self.push({"shop/compose.yaml": compose(image, more)})

    def waits(self) -> None:
        self.eventually(lambda: "foreign" in self.guards("shop"))

    def adopted(self) -> str:
        self.pushed()
        self.waits()
        return self.asks("adopt")


@pytest.fixture
def house() -> Iterator[StackHouse]:
    made = StackHouse(ON_SWARM)
    made.start()
    yield made
    made.stop()


def test_a_stack_waits_until_somebody_adopts_it(house: StackHouse) -> None:
    house.deployed(as_deployed())
    house.pushed()
    house.waits()
    held = next(each for each in house.status("shop").holds if each.guard == "foreign")  # type: ignore[union-attr]
    assert "`gitopsd adopt shop` takes them over as they run" in held.reason
    assert house.swarm.calls == []


def test_an_adopted_stack_keeps_its_tasks_and_has_nothing_to_do(house: StackHouse) -> None:
    house.deployed(as_deployed())
    tasks = house.tasks()
    commit = house.pushed()
    house.waits()

    assert house.asks("adopt") == "1 service of stack shop adopted as they run"

    house.synced(commit, "shop")
    for _ in range(3):
        house.timer.tick(60)
    assert house.tasks() == tasks
    assert house.swarm.calls == ["claim", "update shop_web"]
    assert house.told("DriftFound") == []
    assert [each.outcome for each in house.store.releases("shop", 9)] == ["succeeded"]
    assert list(house.swarm.objects) == ["config/shop_page"]


def test_an_adopted_service_is_scaled_back_without_new_tasks(house: StackHouse) -> None:
    house.deployed(as_deployed())
    house.adopted()
    tasks = house.tasks()

    house.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=1))

    house.eventually(lambda: house.told("DriftEnded"))
    assert "scaled by hand from 2 to 1" in house.told("DriftFound")[0]
    assert set(house.tasks()) & set(tasks)
    assert house.replicas() == 2


def test_what_somebody_changes_of_an_adopted_service_is_told_as_that_field_alone(house: StackHouse) -> None:
    house.deployed(as_deployed())
    house.adopted()

    house.swarm.by_hand("shop_web", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(User="root"))

    house.eventually(lambda: house.told("DriftEnded"))
    assert "shop_web was changed by hand: TaskTemplate.ContainerSpec.User" in house.told("DriftEnded")[0]
    assert not house.spec()["TaskTemplate"]["ContainerSpec"].get("User")


def test_the_next_version_is_an_ordinary_release_and_what_fails_goes_back_to_what_was_adopted(
    house: StackHouse,
) -> None:
    house.deployed(as_deployed())
    house.adopted()
    house.swarm.failing = {"web:2"}
    house.pushed("web:2")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    assert house.outcome() == "rolled-back"
    assert house.image() == "web:1"
    assert "gitopsd.adopted" in house.spec()["Labels"]

    house.swarm.failing = set()
    house.engine().add_image("web:3")
    house.synced(house.pushed("web:3"), "shop")
    assert "gitopsd.adopted" not in house.spec()["Labels"]


@pytest.mark.parametrize(
    ("body", "config", "named"),
    [
        (as_deployed(User="root"), b"hello", "web: TaskTemplate.ContainerSpec.User"),
        (as_deployed(), b"another page", "web: TaskTemplate.ContainerSpec.Configs"),
        (as_deployed("web:2"), b"hello", "web: TaskTemplate.ContainerSpec.Image"),
        ({**as_deployed(), "Mode": {"Global": {}}}, b"hello", "web: Mode.Global"),
    ],
)
def test_what_is_not_as_the_manifest_says_is_refused_and_left_as_it_is(
    house: StackHouse, body: dict[str, Any], config: bytes, named: str
) -> None:
    house.deployed(body, config)
    said = house.adopted()
    assert said.startswith("refused: what runs is not what the manifest says")
    assert named in said
    assert house.swarm.calls == []
    assert house.swarm.owners == {}


def test_a_project_of_another_gitopsd_is_refused_until_it_is_taken_over(house: StackHouse) -> None:
    house.deployed(as_deployed())
    house.swarm.owners["shop"] = "somebody else"
    house.pushed()
    house.waits()
    assert "belongs to another gitopsd (somebody); if that one is gone for good, `--take-over`" in house.asks("adopt")
    tasks = house.tasks()
    assert house.asks("adopt", take_over=True) == "1 service of stack shop adopted as they run"
    assert house.tasks() == tasks


def test_one_that_was_scaled_before_is_adopted_with_what_it_has_and_then_scaled(house: StackHouse) -> None:
    house.deployed(as_deployed(replicas=5))
    house.adopted()
    house.eventually(lambda: [each.outcome for each in house.store.releases("shop", 9)] == ["succeeded", "succeeded"])
    assert house.replicas() == 2
    assert house.store.releases("shop", 9)[1].reason == "not as the manifest says: web"


def test_an_ejected_environment_runs_on_and_is_taken_back_without_new_tasks(house: StackHouse) -> None:
    house.deployed(as_deployed())
    house.adopted()
    tasks = house.tasks()

    said = house.asks("eject")

    assert said.startswith("given up; 1 services of stack shop keep running")
    assert house.swarm.owners == {}
    house.asks("resume")
    house.eventually(lambda: len(house.store.releases("shop", 9)) == 2 and house.outcome() == "succeeded")
    assert house.tasks() == tasks


def test_an_adoption_that_a_manager_cuts_short_is_done_again(house: StackHouse) -> None:
    house.deployed(as_deployed())
    tasks = house.tasks()
    house.pushed()
    house.waits()
    house.swarm.refuses = "update shop_web"
    assert house.asks("adopt") == "refused: update shop_web: invalid; nothing was made anew, adopt once more"
    assert house.store.journal("shop").stable == {}
    house.swarm.refuses = ""
    assert house.asks("adopt") == "1 service of stack shop adopted as they run"
    assert house.tasks() == tasks


def test_a_job_of_the_stack_is_not_told_anything_as_that_would_run_it_again(house: StackHouse) -> None:
    job = {"Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}}
    house.deployed({**as_deployed(), **job})
    house.pushed(more=MANIFEST.replace("{replicas: 2}", "{mode: replicated-job}"))
    house.waits()
    said = house.asks("adopt")
    assert said.startswith(
        "refused: shop_web would run again, as jobs do when told; `docker service rm shop_web` first"
    )
    assert house.swarm.calls == []
