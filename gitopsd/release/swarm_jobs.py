"""What next for a service of a swarm that ends: it is told once, and has succeeded when its tasks have ended well.

Whatever such a service is told, Swarm runs it anew. So it is told nothing but to run, and what it was told for this
rollout is known from the journal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from gitopsd.engine_json.labels import FINGERPRINT, SERVICE
from gitopsd.engine_json.swarm_mode import attempts, completions, mode_of, runs_to_end
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Rollout
from gitopsd.model.swarm import DropService, Sent, SwarmService, SwarmSpec, SwarmState, SwarmTask

SETTLES: Final = timedelta(seconds=2)  # so soon after a task failed, Swarm may not have begun it anew yet
OTHER_MODE: Final = "Swarm changes no service from one that runs on to one that ends, or back"
_FAILED: Final = ("failed", "rejected")
_CUT_OFF: Final = ("orphaned", "shutdown", "remove")
_UNKNOWN: Final = "nobody knows how far it came; look, then say `retry`, or write idempotent: true if it may run twice"


@dataclass(frozen=True, slots=True)
class JobStep:
    """`send`: tell Swarm to run it; `drop`: the service is in its way; `why` is the cause. `begun`: it was seen to."""

    kind: Literal["wait", "send", "drop", "done", "failed"]
    why: str = ""
    begun: bool = False


def job_step(
    rollout: Rollout, service: SwarmService | None, sent: Sent | None, spec: SwarmSpec, now: datetime
) -> JobStep:
    """The next step of a job that is under way, by what Swarm shows of it."""
    if rollout.stable is not None:
        return _interrupted(rollout, service)
    if service is not None and mode_of(service.body) != mode_of(spec.body):
        return JobStep("drop", OTHER_MODE)
    if service is None or not _was_told(rollout, service, sent, spec):
        if rollout.begun and not rollout.terms.idempotent:
            return JobStep("failed", f"its service is gone, and {_UNKNOWN}")
        return JobStep("send", rollout.cause)
    tasks = [each for each in service.tasks if each.iteration == service.iteration]
    step = _run(rollout, tasks, spec, now)
    return JobStep(step.kind, step.why, begun=bool(tasks))


def _interrupted(rollout: Rollout, service: SwarmService | None) -> JobStep:
    """It succeeded long ago; a run of something newer, which is not wanted any more, is taken away."""
    newer = service is not None and service.labels.get(FINGERPRINT) != rollout.target.fingerprint
    return JobStep("drop", rollout.cause) if newer else JobStep("done")


def _was_told(rollout: Rollout, service: SwarmService, sent: Sent | None, spec: SwarmSpec) -> bool:
    """Whether Swarm was told to run it for this rollout, and has heard it: its index is another one since."""
    told = sent is not None and sent.digest == spec.digest and sent.at >= rollout.started_at
    return told and sent is not None and service.labels.get(SPEC) == spec.digest and service.version != sent.version


def _run(rollout: Rollout, tasks: list[SwarmTask], spec: SwarmSpec, now: datetime) -> JobStep:
    if _has_succeeded(tasks, spec):
        return JobStep("done")
    again = attempts(spec.body)
    failed = [each for each in tasks if each.state in _FAILED]
    most = rollout.policy.crash_loop.restarts if again is None else again + 1
    given_up = [each for each in _newest(tasks, spec) if _is_given_up(each, again, now)]
    if given_up or (again is None and len(failed) >= most):
        return JobStep("failed", _words(given_up or failed, len(failed)))
    if cut := next((each for each in _newest(tasks, spec) if _was_cut_off(each)), None):
        said = f"it was cut off ({cut.why or cut.state})"
        if rollout.terms.idempotent:
            return JobStep("send", f"{rollout.cause}; anew, as {said}")
        return JobStep("failed", f"{said}, and {_UNKNOWN}")
    limit = rollout.deadline - rollout.started_at
    if now >= max([rollout.deadline, *(each.at + limit for each in failed)]):  # each try has the whole time
        waits = next((f": {each.why}" for each in reversed(tasks) if each.why), "")
        return JobStep("failed", f"it has not ended after {limit.total_seconds() / 60:g} minutes{waits}")
    return JobStep("wait")


def _has_succeeded(tasks: list[SwarmTask], spec: SwarmSpec) -> bool:
    wanted = completions(spec.body)
    if wanted is not None:
        return sum(each.state == "complete" for each in tasks) >= wanted
    return bool(tasks) and all(each.state == "complete" for each in _newest(tasks, spec))


def _newest(tasks: Iterable[SwarmTask], spec: SwarmSpec) -> list[SwarmTask]:
    """The last task of each slot, or of each node where each has one."""
    by_node = completions(spec.body) is None
    return list({each.node if by_node else each.slot: each for each in tasks}.values())


def _is_given_up(task: SwarmTask, again: int | None, now: datetime) -> bool:
    """It has failed, and Swarm does not begin it anew."""
    return task.state in _FAILED and (again == 0 or task.at + SETTLES <= now)


def _was_cut_off(task: SwarmTask) -> bool:
    """It ended, or is to end, and not by itself."""
    return task.state in _CUT_OFF or (goes_on(task) and task.wanted in ("shutdown", "remove"))


def goes_on(task: SwarmTask) -> bool:
    """Whether it has not ended yet."""
    return task.state not in ("complete", *_FAILED, *_CUT_OFF)


def lost_runs(journal: Journal, live: SwarmState) -> tuple[DropService, ...]:
    """Jobs that go on though their release has ended badly, and nobody waits for them any more."""
    if journal.release is not None or not journal.rejected:
        return ()
    return tuple(
        DropService(name, service.id, "its release has ended, and it has not")
        for service in live.services.values()
        if (name := service.labels.get(SERVICE, "")) and runs_to_end(service.body) and SPEC in service.labels
        if name not in journal.rollouts and service.labels.get(FINGERPRINT) not in journal.completed.get(name, ())
        if any(goes_on(each) for each in service.tasks)
    )


def _words(failed: list[SwarmTask], count: int) -> str:
    before = f", as did {count - 1} tries before" if count > 1 else ""
    return (failed[-1].why or failed[-1].state) + before
