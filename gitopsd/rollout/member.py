"""One instance as a rollout sees it: what the engine shows, beside what the inventory knows, judged at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from gitopsd.model.desired import Policy
from gitopsd.model.health import Readiness
from gitopsd.model.live import Instance
from gitopsd.model.release import Placed
from gitopsd.model.rollout import Sighting

MOST_CRASHES = 100  # that are remembered
SIGKILLED = 137
EXITS_WHEN_ASKED = frozenset({0, 137, 143})  # also at the hands of SIGTERM and SIGKILL
EXITS_CUT_OFF = frozenset({137, 143, 255})  # 255: its engine found it gone
MOST_EXCUSES = 2

Condition = Literal["created", "starting", "ready", "failed", "stopped", "paused"]


@dataclass(frozen=True, slots=True)
class Member:
    """An instance of ours. Fingerprint, slot and `kept` are the inventory's: labels and names can be copied.

    `readiness` is what it answered, None where it is not asked.
    """

    instance: Instance
    placed: Placed
    readiness: Readiness | None = None

    @property
    def id(self) -> str:
        return self.instance.id

    @property
    def up(self) -> bool:
        return self.instance.state in ("running", "restarting", "paused")

    @property
    def unhealthy(self) -> bool:
        """It runs, and its checks have failed for good: the engine's healthcheck, or what it was asked."""
        failed = self.readiness is not None and self.readiness.state == "unhealthy"
        return self.instance.state == "running" and (self.instance.check == "unhealthy" or failed)

    @property
    def sure(self) -> bool:
        """Nothing that it answered last speaks against what is known of it."""
        return self.readiness is None or self.readiness.sure

    @property
    def complaint(self) -> str:
        """What its checks say against it, in one line."""
        said = self.instance.check_output if self.instance.check != "healthy" else ""
        return " ".join(((self.readiness.said if self.readiness is not None else "") or said).split())


def ready_now(member: Member) -> bool:
    """Whether the instance is good at this very moment, however briefly."""
    instance, readiness = member.instance, member.readiness
    answers = readiness is None or readiness.state == "ready"
    return instance.state == "running" and instance.check in ("none", "healthy") and answers


def preference(member: Member) -> tuple[bool, bool, bool, datetime]:
    """The order in which equals in a slot are chosen: what runs before what does not, what works, then the oldest."""
    return (not member.up, member.unhealthy, member.placed.kept, member.instance.created_at)


def sightings(
    members: tuple[Member, ...], known: Mapping[str, Sighting], now: datetime, newest: int, *, returned: bool
) -> dict[str, Sighting]:
    """What has been seen of each member up to now, by one clock: the engine's may differ from ours.

    Members of the release `newest` are new: all their restarts count. `returned`: the engine was away, or nobody
    looked; what stopped meanwhile need not have stopped by itself.
    """
    seen = ((member, _sighting(member, known.get(member.id), now, newest)) for member in members)
    return {member.id: _excused(member, sighting, returned=returned) for member, sighting in seen}


def _excused(member: Member, sighting: Sighting, *, returned: bool) -> Sighting:
    """What was stopped from outside, by a person or by an engine about to go, is no evidence; but not for ever."""
    if member.up or sighting.excused:
        return sighting
    instance = member.instance
    asked = instance.state == "exited" and instance.exit_code in EXITS_WHEN_ASKED and not instance.oom_killed
    if not returned and asked and sighting.excuses < MOST_EXCUSES:
        return replace(sighting, excused=True, excuses=sighting.excuses + 1)
    return replace(sighting, excused=returned)


def _sighting(member: Member, known: Sighting | None, now: datetime, newest: int) -> Sighting:
    instance = member.instance
    if known is None:
        before = 0 if member.placed.release == newest else instance.restart_count
        known = Sighting(now, instance.started_at, None, before, starts=int(instance.started_at is not None))
    elif known.started_at != instance.started_at:
        # Docker counts from 0 again when somebody starts a container by hand.
        restarts, starts = min(known.restarts, instance.restart_count), known.starts + 1
        kept = Sighting(now, instance.started_at, None, restarts, excuses=known.excuses, crashes=known.crashes)
        known = replace(kept, starts=starts)
    known = _crashes_noted(known, instance.restart_count, now)
    if not ready_now(member):
        return replace(known, ready_since=None)
    return known if known.ready_since is not None else replace(known, ready_since=now)


def _crashes_noted(known: Sighting, restarts: int, now: datetime) -> Sighting:
    more = restarts - known.restarts
    if more <= 0:
        return known
    return replace(known, restarts=restarts, crashes=(*known.crashes, *[now] * more)[-MOST_CRASHES:])


def out_of_memory(instance: Instance) -> bool:
    """Whether it ended so. An engine goes on saying it of one that has ended in other ways since."""
    return instance.oom_killed and instance.exit_code == SIGKILLED


@dataclass(frozen=True, slots=True)
class Judge:
    """What instances are held against: the policy, and what was seen of them in this rollout.

    `admitted` are those that answer through the router, with the time since when; None: there is none before them.
    """

    policy: Policy
    seen: Mapping[str, Sighting]
    now: datetime
    admitted: Mapping[str, datetime] | None = None

    def condition(self, member: Member) -> Condition:
        """What a rollout may expect of the instance. `failed` is evidence against what it runs."""
        match member.instance.state:
            case "created" | "paused" as state:
                return state
            case "running" if member.unhealthy or self.crash_looping(member):
                return "failed"
            case "running" if self.ready(member):
                return "ready"
            case "running" | "restarting":
                return "failed" if self.crash_looping(member) or self.overdue(member) else "starting"
            case _:
                return "stopped"

    def ready(self, member: Member) -> bool:
        """Proven and, where a router is before it, seen to answer through that."""
        return self.proven(member) and (self.admitted is None or member.id in self.admitted)

    def proven(self, member: Member) -> bool:
        """Good for `min_ready` without a break, and by its last answer too; or let in since its last start."""
        since = self.seen[member.id].ready_since
        if since is None or not member.sure:
            return False
        return self.now - since >= self.policy.min_ready or self._let_in(member)

    def _let_in(self, member: Member) -> bool:
        since, started = (self.admitted or {}).get(member.id), member.instance.started_at
        return since is not None and (started is None or started <= since)

    def crash_looping(self, member: Member) -> bool:
        """Restarted by the engine again and again, in too short a time, since this rollout began."""
        return self._crashes(member) >= self.policy.crash_loop.restarts

    def _crashes(self, member: Member) -> int:
        within = self.policy.crash_loop.within
        return sum(self.now - at < within for at in self.seen[member.id].crashes)

    def excused(self, member: Member) -> bool:
        """That it is stopped is no word against it."""
        return self.seen[member.id].excused

    def cut_off(self, member: Member) -> bool:
        """That it was ended from outside, or with its engine: how far it came, its exit code does not say."""
        return self.excused(member) and member.instance.exit_code in EXITS_CUT_OFF

    def tries(self, member: Member) -> int:
        """How often it was started in this rollout."""
        return self.seen[member.id].starts

    def overdue(self, member: Member) -> bool:
        """Not ready within `healthy_deadline` of its last start. Where it could not be asked, nobody knows."""
        waited = self.now - self.seen[member.id].first_seen
        unknown = member.readiness is not None and member.readiness.trouble
        return not ready_now(member) and waited >= self.policy.healthy_deadline and not unknown

    def relapse(self, member: Member) -> str:
        """What speaks against one that was good: that it fell over, however briefly, or that its checks fail."""
        down = member.instance.state in ("exited", "dead") and not self.excused(member)
        if member.placed.kept:
            return ""
        if (member.unhealthy and member.sure) or down:
            return self.evidence(member)
        times = len(self.seen[member.id].crashes)
        return _restarted(member, times) if times else ""

    def next_look(self, member: Member) -> datetime | None:
        """When the passing of time alone will change the condition."""
        sighting = self.seen[member.id]
        if sighting.ready_since is not None:
            return sighting.ready_since + self.policy.min_ready if not self.proven(member) else None
        return sighting.first_seen + self.policy.healthy_deadline if member.up else None

    def evidence(self, member: Member) -> str:
        """Why an instance counts as failed, in words."""
        instance, said = member.instance, member.complaint[:200]
        late = member.readiness is not None and not member.readiness.proven and member.instance.check != "unhealthy"
        if member.unhealthy and not late:
            return f"{instance.name} is unhealthy" + (f": {said}" if said else "")
        killed = ", out of memory" if out_of_memory(instance) else ""
        if self.crash_looping(member):
            return _restarted(member, self._crashes(member))
        if instance.state in ("exited", "dead"):
            error = f": {instance.error}" if instance.error else ""
            return f"{instance.name} exited with code {instance.exit_code}{killed}{error}"
        waited = self.policy.healthy_deadline if self.overdue(member) else self.now - self.seen[member.id].first_seen
        late_by = f"{instance.name} was not ready within {round(waited.total_seconds(), 1):g} s"
        return f"{late_by}: {said}" if said else late_by


def _restarted(member: Member, times: int) -> str:
    """One that runs again does not show its last exit code, unless somebody heard of it."""
    instance = member.instance
    known = instance.exit_code or instance.state != "running"
    code = f", last exit code {instance.exit_code}" if known else ""
    killed = ", out of memory" if out_of_memory(instance) else ""
    return f"{instance.name} restarted {'once' if times == 1 else f'{times} times'}{code}{killed}"
