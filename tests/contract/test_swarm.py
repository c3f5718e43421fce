"""The swarm contract: what gitopsd leans on, over the fake and over a real swarm of one node."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import docker
import docker.errors
import pytest

from gitopsd.adapters.docker.swarm import connect_swarm
from gitopsd.controller.swarm_port import Swarm
from gitopsd.drift.swarm import differences
from gitopsd.drift.swarm_ends import went_with
from gitopsd.drift.swarm_ground import ground_drift
from gitopsd.engine_json.swarm_spec import STACK, swarm_labels, swarm_network, swarm_spec
from gitopsd.manifest.swarm import LONGEST_NAME, MOST_CONFIG, MOST_SECRET
from gitopsd.model.errors import Conflict, EngineRefused
from gitopsd.model.release import Journal
from gitopsd.model.settings import Registry, TargetEngine
from gitopsd.model.swarm import ObjectKind, SwarmObject, SwarmService, SwarmSpec, SwarmTask
from gitopsd.release.swarm_nodes import pending
from tests.e2e.conftest import CRASHING, DONE, ONE, TWO, make_pictures
from tests.e2e.own_engine import own_engine
from tests.e2e.swarm_rig import filtered
from tests.fakes.clock import NOON
from tests.fakes.swarm import FakeSwarm
from tests.images import Images
from tests.manifest.compose_builders import KEY, a_state, sealed
from tests.waiting import eventually

Seen = TypeVar("Seen")
LABELS = swarm_labels("", "shop")


@dataclass(frozen=True)
class Ground:
    """A swarm with a project on it that nobody else uses; `step` lets a fake one go on.

    `drain` and `activate` tell its only node what `docker node update --availability` does. `log_in` has another
    password for the registry of its images from now on.
    """

    swarm: Swarm
    step: Callable[[], None]
    project: str
    drain: Callable[[], None]
    activate: Callable[[], None]
    log_in: Callable[[str], object]

    def spec(self, image: str = ONE, replicas: int = 1, **keys: Any) -> SwarmSpec:
        """A service `web`, with a config and the default network, which are there afterwards."""
        web = {
            "image": image,
            "stop_signal": "SIGKILL",
            "configs": [{"source": "page", "target": "/etc/page"}],
            "deploy": {"update_config": {"monitor": "1s", "order": "start-first"}},
            "x-gitopsd": {"min_ready": "0s"},
            **keys,
        }
        document = {"name": self.project, "services": {"web": web}, "configs": {"page": {"content": "hello"}}}
        state = sealed(a_state(document, swarm=True), web=f"sha256:{image}")
        network = state.desired.networks["default"]
        self.swarm.create_network(network.name, swarm_network(network, state.desired, KEY))
        made = swarm_spec(state.services["web"], state.desired, key=KEY, replicas=replicas)
        self.swarm.create_objects(made.objects, self.labels)
        return made

    @property
    def labels(self) -> dict[str, str]:
        return {**LABELS, STACK: self.project}

    def by_hand(self, kind: ObjectKind, name: str) -> None:
        """Somebody makes a config or secret for the stack."""
        self.swarm.create_objects((SwarmObject(kind, name, b"mine"),), {STACK: self.project})

    def service(self) -> SwarmService:
        return self.swarm.look(self.project).services[f"{self.project}_web"]

    def eventually(self, check: Callable[[], Seen]) -> Seen:
        def going_on() -> Seen:
            self.step()
            return check()

        return eventually(going_on, within=90)

    def runs(self, count: int = 1) -> SwarmService:
        """The service once so many of its tasks run, and nothing of it is under way."""

        def found() -> SwarmService:
            service = self.service()
            assert sum(each.runs for each in service.tasks) == count
            assert service.update not in ("updating", "rollback_started")
            return service

        return self.eventually(found)


@pytest.fixture(scope="module")
def real_swarm() -> Iterator[str]:
    """The URL of an engine of the tests' own that is a manager, and the only node."""
    with _managed() as url:
        yield url


@contextmanager
def _managed() -> Iterator[str]:
    with ExitStack() as started:
        engine = started.enter_context(own_engine(firewall=True))
        api = engine.api()
        engine.inside("ip", "link", "set", "lo", "up")
        api.init_swarm(advertise_addr="127.0.0.1")
        make_pictures(Images(api))
        yield engine.url
        api.leave_swarm(force=True)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    project = f"gitopsd-test-{uuid.uuid4().hex[:8]}"
    if request.param == "fake":
        fake = FakeSwarm()
        fake.failing = {CRASHING}
        fake.said = {CRASHING: "no database\n", DONE: "migrated\n"}

        def going_on() -> None:
            fake.clock.advance(1)
            fake.step()

        activate = partial(fake.node, "alpha", availability="active")
        yield Ground(fake, going_on, project, partial(fake.drain, "alpha"), activate, partial(setattr, fake, "login"))
        return
    url, password = request.getfixturevalue("real_swarm"), tmp_path / "password"
    registries: dict[str, Registry] = {}

    def log_in(word: str) -> None:
        password.write_text(word)
        registries["docker.io"] = Registry("ci", password)

    with filtered(url) as asked_at:
        swarm = connect_swarm(TargetEngine(asked_at, swarm=True), registries, lambda: KEY)
        drain, activate = partial(available, url, "drain"), partial(available, url, "active")
        yield Ground(swarm, lambda: None, project, drain, activate, log_in)
        available(url, "active")
        for service in swarm.look(project).services.values():
            swarm.remove_service(service.id)
        swarm.close()


def available(url: str, availability: str) -> None:
    api: Any = docker.APIClient(base_url=url, timeout=60)
    (node,) = api.nodes()
    api.update_node(node["ID"], node["Version"]["Index"], {**node["Spec"], "Availability": availability})


def test_a_project_is_the_first_ones_until_it_gives_it_up(ground: Ground) -> None:
    assert ground.swarm.claim(ground.project, "me") == "me"
    assert ground.swarm.claim(ground.project, "you") == "me"
    assert ground.swarm.look(ground.project).owner == "me"
    ground.swarm.disclaim(ground.project)
    assert ground.swarm.look(ground.project).owner == ""


def test_a_service_runs_as_many_tasks_as_it_is_told_and_shows_what_it_was_told(ground: Ground) -> None:
    told = ground.spec(replicas=2)
    ground.swarm.create_service(told)
    service = ground.runs(2)
    assert differences(told, service) == ()
    assert {each.fingerprint for each in service.tasks} == {told.fingerprint}
    with pytest.raises(Conflict):
        ground.swarm.create_service(told)


def test_a_change_that_is_based_on_an_older_look_is_a_conflict(ground: Ground) -> None:
    ground.swarm.create_service(ground.spec())
    before = ground.runs()
    ground.swarm.update_service(before.id, before.version, ground.spec(replicas=2))
    with pytest.raises(Conflict):
        ground.swarm.update_service(before.id, before.version, ground.spec(replicas=3))
    assert differences(ground.spec(replicas=2), ground.service()) == ()


def test_a_login_that_is_renewed_is_no_change_of_a_service_and_makes_no_task_anew(ground: Ground) -> None:
    ground.log_in("first")
    spec = ground.spec()
    ground.swarm.create_service(spec)
    before = ground.runs()
    marks = ground.swarm.logins([ONE])
    assert marks == {ONE: before.login} != {ONE: ""}

    ground.log_in("second")
    assert ground.swarm.logins([ONE]) not in (marks, {ONE: ""})
    ground.swarm.update_service(before.id, before.version, spec)

    after = ground.runs()
    assert ground.swarm.logins([ONE]) == {ONE: after.login}
    assert [each.id for each in after.tasks] == [each.id for each in before.tasks]
    assert differences(spec, after) == ()


def test_an_upgrade_is_completed_and_keeps_what_it_could_go_back_to(ground: Ground) -> None:
    ground.swarm.create_service(ground.spec())
    before = ground.runs()
    told = ground.spec(TWO, configs=[])
    ground.swarm.update_service(before.id, before.version, told)
    ground.eventually(lambda: ground.service().update == "completed")
    service = ground.runs()
    assert differences(told, service) == ()
    assert service.uses == before.uses != frozenset()


def test_an_update_whose_tasks_fail_goes_back_with_its_labels(ground: Ground) -> None:
    told = ground.spec()
    ground.swarm.create_service(told)
    before = ground.runs()
    deploy = {"update_config": {"monitor": "30s", "order": "start-first"}}
    ground.swarm.update_service(before.id, before.version, ground.spec(CRASHING, deploy=deploy))
    ground.eventually(lambda: ground.service().update == "rollback_completed")
    service = ground.runs()
    assert differences(told, service) == ()
    assert any("exit" in each.why for each in service.tasks)
    other = {_image(each) for each in service.tasks if each.made_from}
    assert other == {CRASHING}  # what was thrown back was made from what the service says no more
    assert [each.made_from for each in service.tasks if each.runs] == [{}]


def _image(task: SwarmTask) -> str:
    template: Any = task.made_from
    return str(template["ContainerSpec"]["Image"])


JOB: Any = {"deploy": {}, "x-gitopsd": {"job": {}}}


def ended(ground: Ground, state: str, iteration: int = 0) -> SwarmService:
    """The service once the newest task of its newest run has ended so."""

    def found() -> SwarmService:
        service = ground.service()
        assert service.iteration == iteration
        assert [each.state for each in service.tasks if each.iteration == iteration][-1:] == [state]
        return service

    return ground.eventually(found)


def test_a_job_ends_and_runs_anew_whatever_it_is_told(ground: Ground) -> None:
    told = ground.spec(DONE, **JOB)
    ground.swarm.create_service(told)
    service = ended(ground, "complete")
    assert differences(told, service) == ()
    assert ground.swarm.logs(service.tasks[-1].id, 5) == "migrated\n"
    ground.swarm.update_service(service.id, service.version, told)
    again = ended(ground, "complete", iteration=1)
    assert again.version != service.version
    assert {each.fingerprint for each in again.tasks} == {told.fingerprint}


def test_a_job_that_fails_shows_its_exit_code_and_is_begun_anew_as_often_as_it_may(ground: Ground) -> None:
    retrying: Any = {"x-gitopsd": {"job": {"retries": 1}}}
    told = ground.spec(CRASHING, deploy={}, **retrying)
    ground.swarm.create_service(told)
    ground.eventually(lambda: [each.state for each in ground.service().tasks] == ["failed", "failed"])
    last = ground.service().tasks[-1]
    assert (last.exit_code, "non-zero exit (3)" in last.why) == (3, True)
    assert ground.swarm.logs(last.id, 5) == "no database\n"


def test_no_service_becomes_a_job(ground: Ground) -> None:
    ground.swarm.create_service(ground.spec())
    before = ground.runs()
    with pytest.raises(EngineRefused, match="mode change is not allowed"):
        ground.swarm.update_service(before.id, before.version, ground.spec(**JOB))


def test_a_config_that_a_service_has_stays_until_the_service_is_gone(ground: Ground) -> None:
    ground.swarm.create_service(ground.spec())
    (config,) = ground.swarm.look(ground.project).objects
    with pytest.raises(EngineRefused):
        ground.swarm.remove_object("config", config.id)
    service = ground.service().id
    ground.swarm.remove_service(service)
    ground.swarm.remove_service(service)
    ground.swarm.remove_object("config", config.id)
    ground.swarm.remove_object("config", config.id)
    assert ground.swarm.look(ground.project).objects == ()


def test_what_a_config_holds_is_told_by_its_name(ground: Ground) -> None:
    (made,) = ground.spec().objects
    assert ground.swarm.config(made.name) == b"hello"
    assert ground.swarm.config(f"{made.name}-not-there") is None


def test_an_object_of_somebody_elses_is_a_conflict(ground: Ground) -> None:
    made = ground.spec().objects
    ground.swarm.create_objects(made, ground.labels)
    with pytest.raises(Conflict):
        ground.swarm.create_objects(made, {**ground.labels, "gitopsd.environment": "other"})


def test_what_was_made_is_no_drift_and_what_somebody_adds_is(ground: Ground) -> None:
    state = sealed(a_state({"name": ground.project, "services": {"web": {"image": ONE}}}, swarm=True))
    told = ground.spec()
    ground.swarm.create_service(told)

    def drift() -> list[tuple[str, str]]:
        found = ground_drift(Journal("shop"), state, ground.swarm.look(ground.project), {"web": told}, NOON)
        return [(each.resource, each.kind) for each in found]

    assert drift() == []
    ground.by_hand("config", f"{ground.project}_mine")
    assert drift() == [("config", "extra")]


def test_networks_come_and_go_and_nodes_are_shown(ground: Ground) -> None:
    ground.spec()
    state = ground.swarm.look(ground.project)
    assert [each.name for each in state.networks] == [f"{ground.project}_default"]
    ground.swarm.remove_network(state.networks[0].id)
    ground.swarm.remove_network(state.networks[0].id)
    assert ground.swarm.look(ground.project).networks == ()
    (node,) = state.nodes
    assert (node.role, node.state, node.standing, node.reachability) == ("manager", "ready", "ready", "reachable")
    assert node.changed is not None


def test_a_node_that_is_drained_ends_its_tasks_and_those_that_find_no_place_say_why(ground: Ground) -> None:
    ground.swarm.create_service(ground.spec())
    (before,) = (each for each in ground.runs().tasks if each.runs)
    ground.drain()
    waiting = ground.eventually(lambda: pending(ground.service()))
    assert "no suitable node" in waiting[0].why
    (node,) = ground.swarm.look(ground.project).nodes
    assert node.standing == "drained"

    def ended() -> SwarmTask:
        (found,) = (each for each in ground.service().tasks if each.id == before.id)
        assert found.state == "shutdown"
        return found

    assert went_with(ground.eventually(ended), {node.id: node})
    ground.activate()
    ground.runs()


def test_who_takes_room_of_the_nodes_is_told_of_every_stack_with_what_it_has_reserved(ground: Ground) -> None:
    reservations = {"resources": {"reservations": {"cpus": "0.1", "memory": "16m"}}}
    ports = [{"target": 80, "published": 18080, "mode": "host"}]
    ground.swarm.create_service(ground.spec(deploy=reservations, ports=ports))
    ground.runs()
    (found,) = (each for each in ground.swarm.occupants() if each.service == f"{ground.project}_web")
    assert (found.cpus, found.memory, found.ports) == (0.1, 16 << 20, frozenset({("tcp", 18080)}))
    assert ground.project in ground.swarm.stacks()
    assert found.node in {each.id for each in ground.swarm.look(ground.project).nodes}
    ground.drain()
    ground.eventually(lambda: pending(ground.service()))
    ground.eventually(lambda: not [each for each in ground.swarm.occupants() if each.service == found.service])
    ground.activate()
    ground.runs()


@pytest.mark.engine
@pytest.mark.parametrize(("kind", "most"), [("config", MOST_CONFIG), ("secret", MOST_SECRET)])
def test_a_real_swarm_takes_just_the_size_that_manifests_are_held_against(
    real_swarm: str, kind: ObjectKind, most: int
) -> None:
    swarm, name = connect_swarm(TargetEngine(real_swarm, swarm=True), {}, lambda: KEY), uuid.uuid4().hex
    swarm.create_objects((SwarmObject(kind, f"fits-{name}", b"x" * most),), LABELS)
    with pytest.raises(EngineRefused, match="less than"):
        swarm.create_objects((SwarmObject(kind, f"large-{name}", b"x" * (most + 1)),), LABELS)
    swarm.close()


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("n" * LONGEST_NAME, True),
        ("n" * (LONGEST_NAME + 1), False),
        ("web.api", False),
        ("web-", False),
        ("a--b_c", True),
    ],
)
def test_a_real_swarm_takes_just_the_names_that_manifests_are_held_against(
    real_swarm: str, name: str, taken: bool
) -> None:
    api: Any = docker.APIClient(base_url=real_swarm, timeout=60)
    with nullcontext() if taken else pytest.raises(docker.errors.APIError, match="name must be"):
        api.remove_service(api.create_service({"ContainerSpec": {"Image": ONE}}, name=name)["ID"])
