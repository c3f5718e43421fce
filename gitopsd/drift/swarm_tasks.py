"""Drift of the tasks of a swarm: what its managers know of each that does not run as its service says. Pure.

Swarm replaces what ends, by itself and within seconds. So only what stays is told, one thing of each place of a service
at most, and nothing while an update moves it. A place is a slot or, of a global service, a node.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gitopsd.drift.swarm import Hiding, differing, field_drifts, healable, replicas
from gitopsd.drift.swarm_ends import ENDED, failures
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.model.desired import CrashLoop, SealedState
from gitopsd.model.drift import DriftItem, DriftKind
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmNode, SwarmService, SwarmSpec, SwarmState, SwarmTask

GRACE: Final = timedelta(seconds=10)
"""How long what has just changed is left to Swarm, which notes at once what takes the place of a task that ended."""
UNPLACED: Final = timedelta(minutes=1)
"""How long a task may wait for a place without a word of the reason."""
GONE: Final = timedelta(days=1)
"""How long what a lost machine may run still is told. Swarm itself calls its tasks orphaned after a day."""
KEPT: Final = 4  # ended tasks of a place, by Swarm's default: no more failures can be counted
_KILLED: Final = {"137": "killed, by hand or out of memory", "143": "by SIGTERM, and not Swarm's"}
_IMAGE: Final = "TaskTemplate.ContainerSpec.Image"


@dataclass(frozen=True, slots=True)
class _Place:
    """Its tasks, oldest first; `name` as `docker service ps` has it."""

    name: str
    tasks: Sequence[SwarmTask]

    @property
    def newest(self) -> SwarmTask:
        return self.tasks[-1]

    @property
    def running(self) -> SwarmTask | None:
        return next((each for each in reversed(self.tasks) if each.runs), None)


@dataclass(frozen=True, slots=True)
class _Around:
    """What the tasks of a service are judged by. `loop` is how often one may fail; `told`: it is as it was told."""

    name: str
    service: SwarmService
    nodes: Mapping[str, SwarmNode]
    loop: CrashLoop
    told: bool
    hiding: Hiding
    now: datetime

    def item(self, task: str, kind: DriftKind, cause: str, since: datetime | None = None) -> DriftItem:
        """One that is nobody's to mend but Swarm's, `since` when a manager noted it."""
        began = min(since or self.now, self.now)
        return DriftItem("task", task, self.name, task, kind, cause, began, self.now)


def task_drift(
    journal: Journal,
    serving: SealedState | None,
    live: SwarmState,
    told: Mapping[str, SwarmSpec],
    hiding: Hiding,
    now: datetime,
) -> Iterator[DriftItem]:
    """Every place that has no task as its service says. A container that was changed on its node shows only once it has
    ended: no manager is told of anything else.
    """
    nodes = {each.id: each for each in live.nodes}
    for name, spec in sorted(told.items()):
        service, rollout = live.services.get(spec.name), journal.rollouts.get(name)
        sealed = serving.services.get(name) if serving is not None else None
        if service is None or sealed is None or (rollout is not None and rollout.open) or runs_to_end(service.body):
            continue
        if service.moves or (service.changed is not None and now < service.changed + GRACE):
            continue
        as_told = not healable(differing(spec.body, service.body, spec.ignored))
        yield from _of_service(
            _Around(name, service, nodes, sealed.service.policy.crash_loop, as_told, hiding, now),
        )


def _of_service(around: _Around) -> Iterator[DriftItem]:
    wanted, places = replicas(around.service.body), _places(around)
    yield from _orphans(around)
    lacking: list[_Place] = []
    for place in places:
        if item := _looping(place, around) or _other_content(place, around):
            yield item
        elif place.running is None:
            lacking.append(place)
        yield from _beside(place, around)
    up = sum(each.running is not None for each in places)
    most = len(lacking) if wanted is None else max(0, wanted - up)
    yield from (item for place in lacking[:most] if (item := _lacking(place, around)))
    if wanted is not None:
        yield from _without_task(around, wanted - len(places))


def _places(around: _Around) -> list[_Place]:
    """In the order of their slots, or of their nodes. A node that takes no tasks is none of a global service."""
    name, everywhere = around.service.name, replicas(around.service.body) is None
    found: dict[tuple[int, str], list[SwarmTask]] = {}
    for each in sorted(around.service.tasks, key=lambda each: each.made or each.at):
        node = around.nodes.get(each.node)
        if not everywhere or (node is not None and not node.ailing):
            found.setdefault((each.slot, each.node if everywhere else ""), []).append(each)
    return [_Place(f"{name}.{slot or node}", tasks) for (slot, node), tasks in sorted(found.items())]


def _looping(place: _Place, around: _Around) -> DriftItem | None:
    """That its task fails again and again, whether or not it happens to run just now."""
    now, own = around.now, [each for each in place.tasks if not each.made_from]
    lately = [each for each in failures(own, around.nodes.values()) if now - each.at <= around.loop.within]
    if len(lately) < min(around.loop.restarts, KEPT):
        return None
    last = lately[-1]
    done = "is rejected" if last.state == "rejected" else "fails"
    return around.item(
        place.name, "unhealthy", f"it {done} again and again{_where(last, around)}: {_why(last)}", lately[0].at
    )


def _other_content(place: _Place, around: _Around) -> DriftItem | None:
    """A task that runs, and that Swarm made from what its service said before."""
    task = place.running
    if task is None or not task.made_from:
        return None
    says = {"TaskTemplate": around.service.body["TaskTemplate"]}
    unlike = differing(says, {"TaskTemplate": task.made_from})
    changes = field_drifts([each for each in unlike if each.at[1:2] != ("Placement",)], around.hiding)
    paused = f", and Swarm paused the update: {around.service.message}" if around.service.update else ""
    cause = f"made from what its service said before: {', '.join(each.path for each in changes)}{paused}"
    kind: DriftKind = "image" if [each.path for each in changes] == [_IMAGE] else "modified"
    found = around.item(place.name, kind, cause, around.service.changed)
    return replace(found, changes=changes, cure="none" if around.told else "recreate") if changes else None


def _beside(place: _Place, around: _Around) -> Iterator[DriftItem]:
    """Tasks of a place that has a newer one, which managers are seen to leave there after a restart in an update."""
    newest = place.running
    if newest is None or around.now - newest.at <= GRACE:
        return
    for task in place.tasks:
        if task.runs and task is not newest:
            cause = f"Swarm runs it{_where(task, around)} beside another one in the same place"
            yield around.item(f"{place.name}.{task.id}", "extra", cause, newest.at)


def _lacking(place: _Place, around: _Around) -> DriftItem | None:
    """A place in which nothing runs: its task waits for a node, or has ended and is not begun anew."""
    task, now = place.newest, around.now
    waits = now - (task.made or task.at)
    if task.state in ("new", "pending") and waits > (GRACE if task.why else UNPLACED):
        cause = f"Swarm finds no place for it: {task.why or 'it does not say why'}"
        return around.item(place.name, "missing", cause, task.made)
    if task.state in ("complete", "failed", "rejected") and now - task.at > GRACE:
        cause = f"it has ended{_where(task, around)}, and Swarm does not begin it anew: {_why(task)}"
        return around.item(place.name, "stopped", cause, task.at)
    return None


def _without_task(around: _Around, lacking: int) -> Iterator[DriftItem]:
    """Replicas of which Swarm shows no task, not even one that ended."""
    taken = {each.slot for each in around.service.tasks}
    free = (slot for slot in range(1, lacking + len(taken) + 1) if slot not in taken)
    for slot, _ in zip(free, range(lacking), strict=False):
        yield around.item(f"{around.service.name}.{slot}", "missing", "Swarm has made no task for it")


def _orphans(around: _Around) -> Iterator[DriftItem]:
    """Tasks of a machine of which no manager hears any more, and which the swarm has given up."""
    found = [each for each in around.service.tasks if _orphaned(each, around)]
    for task in sorted(found, key=lambda each: each.id):
        node = around.nodes.get(task.node)
        gone = f"node {node.hostname} is lost" if node is not None else "its node is of the swarm no more"
        name = f"{around.service.name}.{task.slot or task.node}"
        cause = f"{gone}: if that machine runs, so may this container still"
        yield around.item(f"{name}.{task.id}", "extra", cause, task.at)


def _orphaned(task: SwarmTask, around: _Around) -> bool:
    node = around.nodes.get(task.node)
    if not task.node or not around.nodes or around.now - task.at > GONE:
        return False
    if task.state == "orphaned":
        return node is None or node.lost
    return node is None and task.state not in ENDED


def _where(task: SwarmTask, around: _Around) -> str:
    node = around.nodes.get(task.node)
    return f" on {node.hostname}" if node is not None else ""


def _why(task: SwarmTask) -> str:
    """Swarm's words, with what an exit code tells more."""
    said = task.why or ("it ended well" if task.state == "complete" else task.state)
    more = _KILLED.get(str(task.exit_code), "")
    return f"{said} ({more})" if more else said
