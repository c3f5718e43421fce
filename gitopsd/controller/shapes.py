"""The JSON that commands print and the HTTP API answers: snake_case, ISO 8601 UTC times, durations in seconds."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gitopsd.model.canonical import Json
from gitopsd.model.drift import DriftItem, DriftReport, PastDrift
from gitopsd.model.errors import Problem
from gitopsd.model.event import Event
from gitopsd.model.plan import Change, FieldChange, Plan
from gitopsd.model.release import Hold, Release
from gitopsd.model.status import EnvironmentStatus, NodeStatus, Quorum, RepositoryStatus, ServiceStatus

if TYPE_CHECKING:
    from gitopsd.controller.queries.differences import Difference
    from gitopsd.controller.queries.ledger import Offline, Part
    from gitopsd.controller.queries.progress import Progress
    from gitopsd.controller.queries.proposed import Proposed
    from gitopsd.controller.queries.status import StatusReport
    from gitopsd.model.operation import Operation
    from gitopsd.release.progress import ServiceProgress

Shape = dict[str, Any]


def time(when: datetime | None) -> str | None:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z") if when is not None else None


def status_report(report: "StatusReport", now: datetime) -> Shape:
    return {
        "repositories": [repository(each, now) for each in report.repositories],
        "environments": [environment(each) for each in report.environments],
        "problems": list(report.problems),
        "daemon": report.daemon,
        "acting": report.acting or None,
    }


def repository(status: RepositoryStatus, now: datetime) -> Shape:
    """`age_s`: how old the knowledge is."""
    return {
        "name": status.name,
        "url": status.url,
        "branch": status.branch,
        "revision": status.revision or None,
        "seen_at": time(status.seen_at),
        "age_s": (now - status.seen_at).total_seconds() if status.seen_at is not None else None,
        "error": status.error or None,
    }


def environment(status: EnvironmentStatus) -> Shape:
    following = {"at": time(status.next.at), "what": status.next.what} if status.next is not None else None
    return {
        "name": status.name,
        "project": status.project or None,
        "engine": status.engine or None,
        "mode": status.mode,
        "revision": status.revision or None,
        "desired_revision": status.desired_revision or None,
        "sync": status.sync,
        "health": status.health,
        "reason": status.reason,
        "since": time(status.since),
        "serving": {"revision": status.serving_revision or None, "release": status.serving_release},
        "holds": [hold(each) for each in status.holds],
        "warnings": list(status.warnings),
        "next": following,
        "services": [service(each) for each in status.services],
        "nodes": [node(each) for each in status.nodes],
        "quorum": quorum(status.quorum) if status.quorum is not None else None,
    }


def node(status: NodeStatus) -> Shape:
    return {
        "id": status.id,
        "name": status.name,
        "role": status.role,
        "standing": status.standing,
        "reason": status.why or None,
    }


def quorum(found: Quorum) -> Shape:
    """`spare`: how many managers more may be lost before nothing can be changed."""
    return {"managers": found.managers, "reachable": found.reachable, "needed": found.needed, "spare": found.spare}


def service(status: ServiceStatus) -> Shape:
    return {
        "name": status.name,
        "sync": status.sync,
        "health": status.health,
        "fingerprint": status.fingerprint or None,
        "image": status.image or None,
        "desired": status.desired,
        "ready": status.ready,
        "reason": status.reason,
        "address": status.address or None,
        "pending": status.pending,
    }


def hold(hold: Hold) -> Shape:
    return {
        "guard": hold.guard,
        "release": hold.release,
        "until": time(hold.until),
        "by": hold.by or None,
        "reason": hold.reason,
    }


def drift(report: DriftReport) -> Shape:
    return {
        "name": report.environment,
        "revision": report.revision or None,
        "sync": report.sync,
        "items": [drift_item(each) for each in report.items],
        "not_checked": list(report.not_checked),
    }


def drift_item(item: DriftItem) -> Shape:
    changes = [
        {
            "path": each.path,
            "desired": _shown(each.desired),
            "applied": _shown(each.applied),
            "live": _shown(each.live),
            "source": each.source,
            "cure": each.cure,
        }
        for each in item.changes
    ]
    return {
        "resource": item.resource,
        "name": item.name,
        "service": item.service or None,
        "instance": item.instance or None,
        "kind": item.kind,
        "state": item.state,
        "cause": item.cause,
        "first_seen": time(item.first_seen),
        "last_seen": time(item.last_seen),
        "changes": changes,
        "cure": item.cure,
    }


def past_drift(past: PastDrift) -> Shape:
    """A drift that is over: as it was when it was last seen, and how it ended."""
    return {**drift_item(past.item), "ended_at": time(past.ended_at), "end": past.end, "ended_by": past.by or None}


def _shown(value: Json) -> Json:
    """What may be secret is not shown, nor what stands for it."""
    return "(hidden)" if isinstance(value, Mapping) and value.keys() == {"hidden"} else value


def plan(plan: Plan) -> Shape:
    return {
        "name": plan.environment,
        "revision": plan.revision or None,
        "changes": [change(each) for each in plan.changes],
        "networks": {"create": list(plan.networks), "remove": list(plan.removed_networks)},
        "volumes": {"create": list(plan.volumes)},
        "holds": [hold(each) for each in plan.holds],
        "warnings": list(plan.warnings),
        "problems": [problem(each) for each in plan.problems],
        "loosens": list(plan.loosened),
    }


def proposed(found: "Proposed") -> Shape:
    return {
        "base": found.base,
        "head": found.head,
        "environments": [{**plan(each), "new": each.environment in found.added} for each in found.plans],
        "removed": list(found.removed),
        "failures": failures(found.failures),
    }


def change(change: Change) -> Shape:
    return {
        "service": change.service,
        "change": change.change,
        "cause": change.cause,
        "wave": change.wave,
        "fields": [field(each) for each in change.fields],
        "strategy": change.strategy,
        "steps": list(change.steps),
        "order": change.order,
        "interruption_s": change.interruption_s,
        "interruption": change.interruption,
    }


def field(field: FieldChange) -> Shape:
    return {"path": field.path, "before": field.before, "after": field.after, "hidden": field.hidden}


def problem(problem: Problem) -> Shape:
    place = problem.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "path": problem.path,
        "message": problem.message,
    }


def difference(found: "Difference") -> Shape:
    return {
        "environment": found.environment,
        "a": {"name": found.a.name, "revision": found.a.revision, "release": found.a.release},
        "b": {"name": found.b.name, "revision": found.b.revision, "release": found.b.release},
        "services": [
            {
                "name": each.service,
                "change": each.change,
                "fields": [field(one) for one in each.fields],
                "contents": [{"path": file.path, "diff": "\n".join(file.lines)} for file in each.contents],
            }
            for each in found.services
        ],
        "resources": [{"name": name, "change": change} for name, change in found.resources],
    }


def release(release: Release, same: Mapping[int, int] | None = None, gone: Mapping[int, str] | None = None) -> Shape:
    """`same`, where it is known: which earlier release had the same content, by number. `gone`, where that is: why a
    release cannot be returned to.
    """
    services = [
        {
            "name": each.name,
            "image": each.image,
            "digest": each.digest,
            "fingerprint": each.fingerprint,
            "config_digest": each.config_digest,
            "version": each.version,
        }
        for each in release.services
    ]
    return {
        "id": release.number,
        "environment": release.environment,
        "revision": release.revision,
        "author": release.author,
        "subject": release.subject,
        "cause": release.cause,
        "started_at": time(release.started_at),
        "finished_at": time(release.finished_at),
        "outcome": release.outcome,
        "reason": release.reason,
        **({"same_content_as": same.get(release.number)} if same is not None else {}),
        **({"cannot_return_to": gone.get(release.number)} if gone is not None else {}),
        "services": services,
    }


def event(event: Event) -> Shape:
    return {
        "id": event.number,
        "at": time(event.at),
        "reason": event.reason,
        "message": event.message,
        "severity": event.severity,
        "environment": event.environment or None,
        "service": event.service or None,
        "release": event.release,
        "data": dict(event.data),
    }


def part(part: "Part") -> Shape:
    """What a release came to for one service."""
    return {
        "service": part.service,
        "phase": part.phase,
        "kind": part.kind or None,
        "seconds": part.seconds,
        "interruption_s": part.interruption,
        "starts_s": dict(part.starts),
        "warms_s": dict(part.warms),
        "drains_s": dict(part.drains),
        "stops_s": dict(part.stops),
        "pre_warm_s": part.pre_warm,
        "steps": [dict(each) for each in part.measures],
        "trace": [dict(each) for each in part.trace],
        "evidence": part.evidence or None,
    }


def offline(offline: "Offline") -> Shape:
    return {"possible": offline.possible, "lacks": list(offline.lacks)}


def progress(seen: "Progress") -> Shape:
    """The release under way, or the last one."""
    return {
        "environment": seen.environment,
        "over": seen.over,
        "returning": seen.release is not None and seen.release.phase == "returning",
        "release": release(seen.release) if seen.release is not None else None,
        "services": [service_progress(each) for each in seen.services],
    }


def service_progress(each: "ServiceProgress") -> Shape:
    rollout = each.rollout
    paused = rollout.paused
    return {
        "name": rollout.service,
        "phase": rollout.stage,
        "kind": rollout.kind,
        "cause": rollout.cause,
        "started_at": time(rollout.started_at),
        "deadline": time(rollout.deadline) if paused is None else None,
        "paused": {"by": paused.by, "at": time(paused.at), "reason": paused.reason} if paused else None,
        "wanted": each.wanted,
        "serving": each.serving,
        "share": each.share / 100 if each.share is not None else None,
        "step": each.step or None,
        "verdict": each.verdict or None,
        "warning": each.warning or None,
        "evidence": each.evidence or None,
        "metrics": [dict(figure.plain()) for figure in each.figures],
        "trace": [dict(point.plain()) for point in rollout.trace.points],
        "instances": [
            {
                "name": instance.name,
                "slot": instance.slot,
                "role": instance.role,
                "state": instance.state,
                "check": instance.check,
                "ready": instance.ready,
                "ready_since": time(instance.ready_since),
                "reason": instance.words or None,
            }
            for instance in each.instances
        ],
        "next": [{"at": time(expected.at), "what": expected.what} for expected in each.next],
    }


def operation(found: "Operation") -> Shape:
    """`done_at` and `result` are null while the operation is queued."""
    return {
        "operation": found.number,
        "verb": found.verb,
        "environment": found.environment,
        "by": found.by,
        "at": time(found.at),
        "done_at": time(found.done_at),
        "result": found.result or None,
    }


def failures(found: Iterable[Any]) -> list[Mapping[str, str | None]]:
    """Environments about which nothing could be said, with the reason."""
    return [{"environment": each.environment or None, "reason": each.reason} for each in found]
