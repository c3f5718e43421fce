"""One instance as a rollout sees it: what the engine shows, beside what the inventory knows, judged at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gitopsd.model.desired import Policy
from gitopsd.model.live import Instance
from gitopsd.model.release import Placed
from gitopsd.model.rollout import Sighting

CRASHES_BEFORE_FAILURE = 3

Condition = Literal["created", "starting", "ready", "failed", "stopped", "paused"]


@dataclass(frozen=True, slots=True)
class Member:
    """An instance of ours. Fingerprint, slot and `kept` are the inventory's: labels and names can be copied."""

    instance: Instance
    placed: Placed

    @property
    def id(self) -> str:
        return self.instance.id

    @property
    def up(self) -> bool:
        return self.instance.state in ("running", "restarting", "paused")


def ready_now(member: Member) -> bool:
    """Whether the instance is good at this very moment, however briefly."""
    return member.instance.state == "running" and member.instance.check in ("none", "healthy")


def sightings(members: tuple[Member, ...], known: Mapping[str, Sighting], now: datetime) -> dict[str, Sighting]:
    """What has been seen of each member up to now, by one clock: the engine's may differ from ours."""
    return {member.id: _sighting(member, known.get(member.id), now) for member in members}


def _sighting(member: Member, known: Sighting | None, now: datetime) -> Sighting:
    started = member.instance.started_at
    first = known.first_seen if known is not None else now
    if not ready_now(member):
        return Sighting(first, started, None)
    unbroken = known is not None and known.started_at == started and known.ready_since is not None
    return known if unbroken and known is not None else Sighting(first, started, now)


@dataclass(frozen=True, slots=True)
class Judge:
    """What instances are held against: the policy, what was seen of them, and whether they are new in this rollout."""

    policy: Policy
    release: int
    seen: Mapping[str, Sighting]
    now: datetime

    def condition(self, member: Member) -> Condition:
        """What a rollout may expect of the instance. `failed` is evidence against what it runs."""
        match member.instance.state:
            case "created" | "paused" as state:
                return state
            case "running" if member.instance.check == "unhealthy" or self.crash_looping(member):
                return "failed"
            case "running" if self.ready(member):
                return "ready"
            case "running" | "restarting":
                return "failed" if self.crash_looping(member) or self.overdue(member) else "starting"
            case _:
                return "stopped"

    def ready(self, member: Member) -> bool:
        """Good for `min_ready` without a break."""
        since = self.seen[member.id].ready_since
        return since is not None and self.now - since >= self.policy.min_ready

    def crash_looping(self, member: Member) -> bool:
        """Restarted by the engine again and again since this rollout brought it."""
        new = member.placed.release == self.release
        return new and member.instance.restart_count >= CRASHES_BEFORE_FAILURE

    def overdue(self, member: Member) -> bool:
        """Not ready within `healthy_deadline` of being seen first."""
        waited = self.now - self.seen[member.id].first_seen
        return not ready_now(member) and waited > self.policy.healthy_deadline

    def next_look(self, member: Member) -> datetime | None:
        """When the passing of time alone will change the condition."""
        sighting = self.seen[member.id]
        if sighting.ready_since is not None:
            return sighting.ready_since + self.policy.min_ready if not self.ready(member) else None
        return sighting.first_seen + self.policy.healthy_deadline if member.up else None

    def evidence(self, member: Member) -> str:
        """Why an instance counts as failed, in words."""
        instance = member.instance
        if instance.state == "running" and instance.check == "unhealthy":
            said = instance.check_output.strip()
            return f"{instance.name} is unhealthy" + (f": {said[:200]}" if said else "")
        if self.crash_looping(member):
            return f"{instance.name} restarted {instance.restart_count} times, last exit code {instance.exit_code}"
        if instance.state in ("exited", "dead"):
            killed = ", out of memory" if instance.oom_killed else ""
            said = f": {instance.error}" if instance.error else ""
            return f"{instance.name} exited with code {instance.exit_code}{killed}{said}"
        return f"{instance.name} was not ready within {self.policy.healthy_deadline.total_seconds():g} s"
