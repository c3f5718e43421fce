"""Tasks of a swarm: what stays otherwise than its service says is told with its cause, what Swarm is at is not."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitopsd.drift.swarm import Hiding
from gitopsd.drift.swarm_tasks import task_drift
from gitopsd.engine_json.swarm_spec import swarm_spec
from gitopsd.model.drift import DriftItem
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmNode, SwarmService, SwarmState, SwarmTask
from tests.fakes.clock import NOON
from tests.manifest.compose_builders import KEY, a_state, sealed

MANIFEST = """\
name: shop
services:
  web: {image: nginx, environment: {PASSWORD: secret}, deploy: {replicas: 2}}
"""
STATE = sealed(a_state(MANIFEST, swarm=True))
EVERYWHERE = sealed(a_state(MANIFEST.replace("replicas: 2", "mode: global"), swarm=True))
TOLD = swarm_spec(STATE.services["web"], STATE.desired, key=KEY, replicas=2)
ALPHA = SwarmNode("n1", "alpha", "manager", "ready", "active")
BETA = SwarmNode("n2", "beta", "worker", "ready", "active")
LONG_AGO = NOON - timedelta(hours=1)


def task(slot: int = 1, state: str = "running", **more: Any) -> SwarmTask:
    wanted = "shutdown" if state in ("failed", "rejected", "complete", "shutdown", "orphaned") else "running"
    at = more.pop("at", LONG_AGO)
    made = more.pop("made", at)
    return SwarmTask(f"t{slot}", state, more.pop("wanted", wanted), at, slot, more.pop("node", "n1"), made=made, **more)


def failed(ago: float, **more: Any) -> SwarmTask:
    how = {"why": "task: non-zero exit (3)", "exit_code": 3, **more}
    return task(state=how.pop("state", "failed"), at=NOON - timedelta(seconds=ago), **how)


def web(*tasks: SwarmTask, body: Mapping[str, Any] = TOLD.body, **more: Any) -> SwarmService:
    return SwarmService("id", TOLD.name, 7, body, tasks=tasks, **{"changed": LONG_AGO, **more})


def drift(service: SwarmService, *nodes: SwarmNode, state: Any = STATE) -> list[DriftItem]:
    live = SwarmState({TOLD.name: service}, nodes or (ALPHA, BETA))
    spec = swarm_spec(state.services["web"], state.desired, key=KEY, replicas=2)
    hiding = Hiding(KEY, lambda text: text)
    return list(task_drift(Journal("production", project="shop"), state, live, {"web": spec}, hiding, NOON))


def older(**container: Any) -> dict[str, Any]:
    """A template with something else in its container."""
    found: dict[str, Any] = copy.deepcopy(dict(TOLD.body))["TaskTemplate"]
    found["ContainerSpec"].update(container)
    return found


def test_tasks_that_run_as_their_service_says_do_not_drift_wherever_and_in_whatever_slots() -> None:
    assert drift(web(task(2), task(5, node="n2"))) == []


def test_a_second_task_in_one_place_is_told_once_it_stays() -> None:
    newer = replace(task(2, at=NOON - timedelta(seconds=30), node="n2"), id="t9")
    (told,) = drift(web(task(1), task(2), newer))
    assert (told.name, told.kind) == ("shop_web.2.t2", "extra")
    assert told.cause.startswith("Swarm runs it on alpha beside another one in the same place")
    just_now = replace(newer, at=NOON - timedelta(seconds=5))
    assert drift(web(task(1), task(2), just_now)) == []


WAITS = task(2, "pending", why="no suitable node (insufficient resources on 2 nodes)", node="")
ENDED = failed(60, slot=2)


@pytest.mark.parametrize(
    ("tasks", "kind", "cause"),
    [
        ([WAITS], "missing", "Swarm finds no place for it: no suitable node (insufficient resources on 2 nodes)"),
        ([task(2, "new", node="")], "missing", "Swarm finds no place for it: it does not say why"),
        ([ENDED], "stopped", "it has ended on alpha, and Swarm does not begin it anew: task: non-zero exit (3)"),
        (
            [task(2, "complete", node="n2")],
            "stopped",
            "it has ended on beta, and Swarm does not begin it anew: it ended well",
        ),
        (
            [replace(ENDED, exit_code=137, why="task: non-zero exit (137)")],
            "stopped",
            "it has ended on alpha, and Swarm does not begin it anew: task: non-zero exit (137)"
            " (killed, by hand or out of memory)",
        ),
        (
            [failed(ago, slot=2, state="rejected", why="No such image: web:1") for ago in (40, 30, 20)],
            "unhealthy",
            "it is rejected again and again on alpha: No such image: web:1",
        ),
        ([], "missing", "Swarm has made no task for it"),
    ],
)
def test_a_place_in_which_nothing_runs_says_why(tasks: list[SwarmTask], kind: str, cause: str) -> None:
    (item,) = drift(web(task(1), *tasks))
    assert (item.kind, item.cause) == (kind, cause)
    assert (item.resource, item.name, item.instance, item.service) == ("task", "shop_web.2", "shop_web.2", "web")
    assert (item.cure, item.changes) == ("none", ())


def test_what_fails_again_and_again_is_told_also_while_it_happens_to_run_and_since_when() -> None:
    (item,) = drift(web(failed(100), failed(60), failed(20), task(1, at=NOON), task(2)))
    assert (item.name, item.kind, item.first_seen) == ("shop_web.1", "unhealthy", NOON - timedelta(seconds=100))
    assert item.cause == "it fails again and again on alpha: task: non-zero exit (3)"


def test_a_task_of_other_content_says_what_is_other_and_shows_no_variable() -> None:
    before = older(Image="nginx:0", Env=["PASSWORD=former"])
    service = web(
        task(1, made_from=before), task(2), update="paused", message="update paused due to failure of task t9"
    )
    (item,) = drift(service)
    paths = ["TaskTemplate.ContainerSpec.Env.PASSWORD", "TaskTemplate.ContainerSpec.Image"]
    assert (item.kind, [each.path for each in item.changes]) == ("modified", paths)
    assert item.cause.startswith("made from what its service said before: TaskTemplate.ContainerSpec.Env.PASSWORD, ")
    assert item.cause.endswith("and Swarm paused the update: update paused due to failure of task t9")
    assert "former" not in str(item)
    assert (item.changes[1].desired, item.changes[1].live, item.cure) == ("nginx", "nginx:0", "none")


def test_where_the_service_is_told_again_its_tasks_are_made_anew() -> None:
    by_hand = {**TOLD.body, "TaskTemplate": older(Image="nginx:2")}
    (item,) = drift(web(task(1, made_from=TOLD.body["TaskTemplate"]), task(2), body=by_hand, update="paused"))
    assert (item.kind, item.cure) == ("image", "recreate")


@pytest.mark.parametrize(
    "tasks",
    [
        [failed(5, slot=2)],
        [failed(60, slot=2), task(2, "ready", wanted="ready", at=NOON)],
        [failed(100, slot=2), failed(30, slot=2), task(2)],
        [failed(300, slot=2), failed(200, slot=2), failed(20, slot=2), task(2, at=NOON)],
        [task(2, "preparing")],
        [replace(WAITS, made=NOON - timedelta(seconds=5))],
        [task(2, "pending", made=NOON - timedelta(seconds=30))],
        [*(failed(ago, slot=2, made_from=older(Image="nginx:2")) for ago in (40, 30, 20)), task(2, at=NOON)],
        [task(2), task(3, "shutdown")],
        [task(2), failed(60, slot=3)],
        [task(2, wanted="shutdown", node="n2"), task(2, "starting", at=NOON)],
    ],
    ids=[
        *("just ended", "begun anew after its delay", "failed twice", "failed seldom", "pulls its image"),
        *("waits since lately", "waits without a reason", "failed with what was thrown back"),
        *("taken away by a scale", "failed and taken away", "made anew elsewhere"),
    ],
)
def test_what_swarm_is_at_by_itself_is_no_drift(tasks: list[SwarmTask]) -> None:
    assert drift(web(task(1), *tasks)) == []


@pytest.mark.parametrize("moving", [{"update": "updating"}, {"update": "rollback_started"}, {"changed": NOON}])
def test_nothing_is_told_of_tasks_while_their_service_changes(moving: dict[str, Any]) -> None:
    assert drift(web(task(1, made_from=older(Image="nginx:0")), ENDED, **moving)) == []


def test_a_global_service_has_a_place_on_each_node_that_takes_tasks() -> None:
    body = swarm_spec(EVERYWHERE.services["web"], EVERYWHERE.desired, key=KEY, replicas=1).body
    there, ended = task(0), task(0, "complete", node="n2")
    (item,) = drift(web(there, ended, body=body), state=EVERYWHERE)
    assert (item.name, item.kind) == ("shop_web.n2", "stopped")
    assert drift(web(there, ended, body=body), ALPHA, replace(BETA, availability="drain"), state=EVERYWHERE) == []


@pytest.mark.parametrize(
    ("left", "nodes", "cause"),
    [
        (task(1, "orphaned", node="n3"), (ALPHA,), "its node is of the swarm no more: "),
        (task(1, wanted="shutdown", node="n3"), (ALPHA,), "its node is of the swarm no more: "),
        (task(1, "orphaned", node="n2"), (ALPHA, replace(BETA, state="down")), "node beta is lost: "),
    ],
)
def test_what_a_machine_that_left_may_run_still_is_told_for_a_day(
    left: SwarmTask, nodes: tuple[SwarmNode, ...], cause: str
) -> None:
    others = (task(1, at=NOON), task(2))
    (item,) = drift(web(left, *others), *nodes)
    assert (item.name, item.kind, item.cure) == ("shop_web.1.t1", "extra", "none")
    assert item.cause == f"{cause}if that machine runs, so may this container still"
    assert drift(web(replace(left, at=NOON - timedelta(days=2)), *others), *nodes) == []


def test_where_no_node_is_known_none_has_left() -> None:
    live = SwarmState({TOLD.name: web(task(1), task(2))})
    journal, hiding = Journal("production", project="shop"), Hiding(KEY, lambda text: text)
    assert list(task_drift(journal, STATE, live, {"web": TOLD}, hiding, NOON)) == []
