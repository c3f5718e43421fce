"""How the services of a swarm stand: as Git says, and whether as many tasks run as shall; with Swarm's own reasons."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from gitopsd.drift.swarm import differences, healable, replicas
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.model.desired import SealedService, SealedState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Rollout, Target
from gitopsd.model.status import Health, ServiceStatus
from gitopsd.model.swarm import SwarmNode, SwarmService, SwarmSpec, SwarmState, SwarmTask
from gitopsd.release.status import waits_apart
from gitopsd.release.swarm_nodes import pending

LOOK_AGAIN, WAITS = timedelta(seconds=2), timedelta(seconds=5)
_COMING = ("new", "pending", "assigned", "accepted", "preparing", "ready", "starting")


def service_statuses(
    journal: Journal, wanted: SealedState | None, live: SwarmState, project: str
) -> Iterator[ServiceStatus]:
    sealed = wanted.services if wanted is not None else {}
    for name in sorted({*journal.stable, *journal.rollouts, *sealed}):
        rollout, stable = journal.rollouts.get(name), journal.stable.get(name)
        goal = rollout.target if rollout is not None and rollout.open else stable
        service = live.services.get(f"{project}_{name}")
        fingerprint = sealed[name].fingerprint if name in sealed else ""
        if name in sealed and sealed[name].service.job is not None:
            yield _job(journal, sealed[name], rollout, service, live.nodes)
            continue
        rolling = rollout is not None and rollout.open
        health = _health(service, rolling=rolling)
        yield ServiceStatus(
            name=name,
            sync="Synced" if stable is not None and stable.fingerprint == fingerprint else "OutOfSync",
            health=health,
            fingerprint=goal.fingerprint if goal is not None else "",
            image=_image(goal) or (sealed[name].service.image if name in sealed else ""),
            desired=_desired(service, goal),
            ready=_running(service),
            pending=len(pending(service)),
            reason="" if health == "Healthy" else _reason(service, live.nodes),
        )


def _job(
    journal: Journal,
    sealed: SealedService,
    rollout: Rollout | None,
    service: SwarmService | None,
    nodes: tuple[SwarmNode, ...],
) -> ServiceStatus:
    """How one stands that ends: it is good once it has ended well, or where no release runs it by itself."""
    done = waits_apart(sealed) or sealed.fingerprint in journal.completed.get(sealed.service.name, ())
    rolling = rollout is not None and rollout.open
    health: Health = "Healthy" if done else "Progressing" if rolling else "Degraded" if service else "Missing"
    return ServiceStatus(
        name=sealed.service.name,
        sync="Synced" if done else "OutOfSync",
        health=health,
        fingerprint=sealed.fingerprint,
        image=sealed.service.image,
        desired=1,
        ready=int(done),
        reason=_last_words(service, nodes) if health == "Degraded" else "",
    )


def ailing(live: SwarmState, told: Mapping[str, SwarmSpec]) -> bool:
    """Whether a service is not there, or is otherwise than it was told."""
    services = ((spec, live.services.get(spec.name)) for spec in told.values() if not runs_to_end(spec.body))
    return any(service is None or healable(differences(spec, service)) for spec, service in services)


def moving(live: SwarmState) -> Iterator[tuple[timedelta, str]]:
    """How soon to look again while tasks are on their way, or wait for a place, and for what."""
    lacking = [each for each in live.services.values() if _running(each) < _desired(each, None)]
    if any(not pending(each) for each in lacking):
        yield LOOK_AGAIN, "Swarm starts tasks"
    elif lacking:
        yield WAITS, "tasks wait for a place"


def _image(goal: Target | None) -> str:
    return goal.image if goal is not None else ""


def _desired(service: SwarmService | None, goal: Target | None) -> int:
    if service is not None:
        wanted = replicas(service.body)
        return service.desired if wanted is None else wanted
    return goal.replicas if goal is not None else 0


def _running(service: SwarmService | None) -> int:
    return sum(each.runs for each in service.tasks) if service is not None else 0


def _health(service: SwarmService | None, *, rolling: bool) -> Health:
    if rolling:
        return "Progressing"
    if service is None:
        return "Missing"
    if service.update in ("paused", "rollback_paused"):
        return "Degraded"
    if _running(service) >= _desired(service, None):
        return "Healthy"
    newest = _newest(service)
    coming = any(each.state in _COMING and each.wanted == "running" and not each.why for each in newest)
    failing = any(each.state in ("failed", "rejected") for each in newest)
    return "Progressing" if coming and not failing else "Degraded"


def _newest(service: SwarmService) -> list[SwarmTask]:
    """The last task of each slot, or of each node where it is a global one."""
    found: dict[tuple[int, str], SwarmTask] = {}
    for each in sorted(service.tasks, key=lambda each: each.made or each.at):
        found[each.slot, "" if each.slot else each.node] = each
    return list(found.values())


def _reason(service: SwarmService | None, nodes: tuple[SwarmNode, ...]) -> str:
    if service is None:
        return ""
    said = f"{_running(service)} of {_desired(service, None)} tasks run"
    return "; ".join(filter(None, (said, _last_words(service, nodes))))


def _last_words(service: SwarmService | None, nodes: tuple[SwarmNode, ...]) -> str:
    """Of the tasks that wait for a place, else of the last task that Swarm says anything of."""
    if waiting := pending(service):
        return f"{_count(waiting)} pending: {waiting[-1].why}"
    task = next((each for each in reversed(service.tasks) if each.why), None) if service is not None else None
    if task is None:
        return ""
    where = next((f" on {node.hostname}" for node in nodes if node.id == task.node), "")
    return f"one is {task.state}{where}: {task.why}"


def _count(tasks: tuple[SwarmTask, ...]) -> str:
    return "one is" if len(tasks) == 1 else f"{len(tasks)} are"
