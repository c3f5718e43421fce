"""What next for a service of a swarm that runs on: what Swarm's own updater has made of what it was told last.

Swarm goes back by itself when tasks fail. That counts against what was told, unless they went with their node.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from gitopsd.drift.swarm import replicas
from gitopsd.drift.swarm_ends import failures
from gitopsd.engine_json.swarm_spec import LEAST_MONITOR, SPEC
from gitopsd.model.rollout import RollingBack, Rollout, Target
from gitopsd.model.swarm import Sent, SwarmNode, SwarmService, SwarmSpec, SwarmTask
from gitopsd.release.swarm_jobs import SETTLES
from gitopsd.release.swarm_nodes import lost_with

PAUSED: Final = ("paused", "rollback_paused")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look shows of a service, and of the machines that its tasks are on."""

    service: SwarmService | None
    nodes: Sequence[SwarmNode]
    now: datetime


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """`send`: tell Swarm; `again`: what it took back. `why` is the cause, or what speaks against the target."""

    kind: Literal["wait", "send", "again", "failed", "arrived"]
    why: str = ""


def update_step(rollout: Rollout, goal: Target, spec: SwarmSpec, sent: Sent | None, seen: Seen) -> UpdateStep:
    """The next step of a service that is under way to `goal`, which `spec` says and it may have been told."""
    service = seen.service
    if service is None:
        return UpdateStep("send", cause_of(rollout))
    lost = _lost(rollout, service, sent, spec, seen)
    if service.labels.get(SPEC) != spec.digest:
        why = _thrown_back(service, sent, spec)
        if why and not lost:
            return UpdateStep("failed", why)
        if why:
            return UpdateStep("again", f"told again: {lost}, and Swarm rolled it back for that")
        return UpdateStep("send", cause_of(rollout))
    if lost and service.update in PAUSED:
        return UpdateStep("again", f"told again: {lost}, and Swarm paused it for that")
    if service.update == "completed" and rollout.policy.on_failure == "continue":
        return UpdateStep("arrived")
    if problem := _problem(rollout, service, goal, seen):
        return UpdateStep("failed", problem)
    return UpdateStep("arrived" if _has_arrived(rollout, service, goal, sent, seen.now) else "wait")


def cause_of(rollout: Rollout) -> str:
    """Why a service is told, or taken away."""
    return f"rollback: {rollout.phase.reason}" if isinstance(rollout.phase, RollingBack) else rollout.cause


def _thrown_back(service: SwarmService, sent: Sent | None, spec: SwarmSpec) -> str:
    """Why Swarm took back what it was told last, in words; "" where it did not, or was told nothing yet."""
    taken = sent is not None and sent.digest == spec.digest and service.version != sent.version
    if not taken or not service.update.startswith("rollback"):
        return ""
    why = _latest_failure(service, spec.fingerprint) or service.message or "its tasks failed"
    return f"Swarm rolled it back: {why}"


def _lost(rollout: Rollout, service: SwarmService, sent: Sent | None, spec: SwarmSpec, seen: Seen) -> str:
    """The nodes, in words, whose loss is all that Swarm may have against what it was told last; "" for none, and once
    the time is over that a rollout has.
    """
    if sent is None or sent.digest != spec.digest or seen.now >= rollout.deadline:
        return ""
    return lost_with(service, spec.fingerprint, sent.at, seen.nodes)


def _problem(rollout: Rollout, service: SwarmService, goal: Target, seen: Seen) -> str:
    """What speaks against the target that the service has by now."""
    if service.update in PAUSED:
        why = _latest_failure(service, goal.fingerprint) or service.message
        return f"Swarm paused the update: {why}"
    failed = failures(_own(service, goal.fingerprint), seen.nodes)
    lately = [each for each in failed if each.at >= rollout.started_at]
    # An update that may go back by itself is left to Swarm, which counts what it began.
    if not service.moves and len(lately) >= rollout.policy.crash_loop.restarts:
        return f"{len(lately)} of its tasks failed: {lately[-1].why or lately[-1].state}"
    if seen.now < rollout.deadline or (not lately and any(each.lost for each in seen.nodes)):
        return ""
    ready, most = _ready(service, goal)
    pending = next((each.why for each in reversed(service.tasks) if each.why), "")
    minutes = (rollout.deadline - rollout.started_at).total_seconds() / 60
    return f"{ready} of {most} tasks run after {minutes:.0f} minutes" + (f": {pending}" if pending else "")


def _has_arrived(rollout: Rollout, service: SwarmService, goal: Target, sent: Sent | None, now: datetime) -> bool:
    ready, most = _ready(service, goal)
    if service.moves or ready < most:
        return False
    # That Swarm has ended its watch is not enough: what crashes later than that is begun again and again by then.
    own = _own(service, goal.fingerprint)
    failed = any(each.state in ("failed", "rejected") and each.at >= rollout.started_at for each in own)
    lasting = max(rollout.policy.min_ready, LEAST_MONITOR if failed else timedelta(0))
    if not all(each.at + lasting <= now for each in own if each.runs):
        return False
    # Nothing was to be moved, or Swarm has not begun yet: told so lately, it shows neither.
    begun = service.update in ("completed", "rollback_completed")
    return begun or sent is None or now >= sent.at + SETTLES


def _ready(service: SwarmService, goal: Target) -> tuple[int, int]:
    """How many tasks of the target run, and how many shall; of a global one as many as there are nodes for it."""
    wanted = replicas(service.body)
    return sum(each.runs for each in _own(service, goal.fingerprint)), service.desired if wanted is None else wanted


def _own(service: SwarmService, fingerprint: str) -> list[SwarmTask]:
    return [each for each in service.tasks if each.fingerprint == fingerprint]


def _latest_failure(service: SwarmService, fingerprint: str) -> str:
    return next((each.why for each in reversed(_own(service, fingerprint)) if each.why), "")
