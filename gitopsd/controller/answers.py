"""What the HTTP API answers, read back into the values that it was made of; the opposite of `shapes`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gitopsd.controller.queries.differences import Difference, ServiceDifference, Side
from gitopsd.controller.queries.ledger import Offline, Part
from gitopsd.controller.queries.look import Failure
from gitopsd.controller.queries.made import Made
from gitopsd.controller.queries.status import StatusReport
from gitopsd.controller.queries.why import Decision, Explanation, Link
from gitopsd.model.analysis import BOUNDS, Metric, Tally
from gitopsd.model.canonical import Json
from gitopsd.model.drift import DriftItem, DriftReport, FieldDrift, PastDrift
from gitopsd.model.errors import Place, Problem, ServerError
from gitopsd.model.event import Event
from gitopsd.model.plan import Change, FieldChange, Plan
from gitopsd.model.release import Hold, Release, ReleasedService
from gitopsd.model.status import EnvironmentStatus, NextStep, NodeStatus, Quorum, RepositoryStatus, ServiceStatus
from gitopsd.model.trace import Point, Trace
from gitopsd.plan.contents import TextDifference
from gitopsd.rollout.judge import Figure

Body = Mapping[str, Any]


def time(text: str | None) -> datetime | None:
    return moment(text) if text else None


def moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise ServerError(f"the answer holds {text!a} for a time; it may be of another version") from None


def status_report(body: Body) -> StatusReport:
    return StatusReport(
        tuple(_repository(each) for each in body["repositories"]),
        tuple(environment(each) for each in body["environments"]),
        tuple(body["problems"]),
        daemon=body["daemon"],
        acting=body.get("acting") or "",
    )


def _repository(body: Body) -> RepositoryStatus:
    seen, error = time(body["seen_at"]), body["error"] or ""
    return RepositoryStatus(body["name"], body["url"], body["branch"], body["revision"] or "", seen, error)


def environment(body: Body) -> EnvironmentStatus:
    following, serving, quorum = body["next"], body["serving"], body.get("quorum")
    return EnvironmentStatus(
        name=body["name"],
        project=body["project"] or "",
        mode=body["mode"],
        revision=body["revision"] or "",
        desired_revision=body["desired_revision"] or "",
        sync=body["sync"],
        health=body["health"],
        reason=body["reason"],
        since=moment(body["since"]),
        serving_revision=serving["revision"] or "",
        serving_release=serving["release"],
        holds=tuple(_hold(each) for each in body["holds"]),
        next=NextStep(moment(following["at"]), following["what"]) if following else None,
        services=tuple(_service(each) for each in body["services"]),
        engine=body["engine"] or "",
        warnings=tuple(body["warnings"]),
        nodes=tuple(_node(each) for each in body.get("nodes") or ()),
        quorum=Quorum(quorum["managers"], quorum["reachable"]) if quorum else None,
    )


def _node(body: Body) -> NodeStatus:
    return NodeStatus(body["id"], body["name"], body["role"], body["standing"], body["reason"] or "")


def _service(body: Body) -> ServiceStatus:
    texts: Body = {name: body[name] or "" for name in ("fingerprint", "image", "address")}
    others: Body = {name: body[name] for name in ("name", "sync", "health", "desired", "ready", "reason")}
    return ServiceStatus(**others, **texts, pending=body.get("pending") or 0)


def _hold(body: Body) -> Hold:
    return Hold(body["guard"], body["reason"], body["release"], time(body["until"]), body["by"] or "")


def plan(body: Body) -> Plan:
    return Plan(
        body["name"],
        body["revision"] or "",
        tuple(_change(each) for each in body["changes"]),
        networks=tuple(body["networks"]["create"]),
        volumes=tuple(body["volumes"]["create"]),
        removed_networks=tuple(body["networks"]["remove"]),
        holds=tuple(_hold(each) for each in body["holds"]),
        warnings=tuple(body["warnings"]),
        problems=tuple(_problem(each) for each in body["problems"]),
        loosened=tuple(body["loosens"]),
    )


def _change(body: Body) -> Change:
    names = ("service", "change", "cause", "wave", "strategy", "order", "interruption_s", "interruption")
    fields = tuple(_field_change(each) for each in body["fields"])
    return Change(**{name: body[name] for name in names}, fields=fields, steps=tuple(body["steps"]))


def _problem(body: Body) -> Problem:
    return Problem(Place(body["file"], body["line"], body["column"]), body["path"], body["message"])


def failures(found: list[Body]) -> tuple[Failure, ...]:
    return tuple(Failure(each["environment"] or "", each["reason"]) for each in found)


def drift(body: Body) -> DriftReport:
    items = tuple(_item(each) for each in body["items"])
    return DriftReport(body["name"], body["revision"] or "", body["sync"], items, tuple(body["not_checked"]))


def _item(body: Body) -> DriftItem:
    return DriftItem(
        body["resource"],
        body["name"],
        body["service"] or "",
        body["instance"] or "",
        body["kind"],
        body["cause"],
        moment(body["first_seen"]),
        moment(body["last_seen"]),
        body["state"],
        tuple(_field(each) for each in body["changes"]),
        body["cure"],
    )


def past_drift(body: Body) -> PastDrift:
    return PastDrift(_item(body), moment(body["ended_at"]), body["end"], body["ended_by"] or "")


def _field(body: Body) -> FieldDrift:
    desired, applied, live = (_value(body[side]) for side in ("desired", "applied", "live"))
    return FieldDrift((body["path"],), desired, applied, live, body["source"], body["cure"])


def difference(body: Body) -> Difference:
    services = tuple(
        ServiceDifference(
            each["name"],
            each["change"],
            tuple(_field_change(one) for one in each["fields"]),
            tuple(TextDifference(one["path"], tuple(one["diff"].split("\n"))) for one in each["contents"]),
        )
        for each in body["services"]
    )
    resources = tuple((each["name"], each["change"]) for each in body["resources"])
    return Difference(body["environment"], _side(body["a"]), _side(body["b"]), services, resources)


def _side(body: Body) -> Side:
    return Side(body["name"], body["revision"], body["release"])


def _field_change(body: Body) -> FieldChange:
    return FieldChange(body["path"], body["before"], body["after"], body["hidden"])


def _value(shown: Json) -> Json:
    return {"hidden": ""} if shown == "(hidden)" else shown


def release(body: Body) -> Release:
    """What is shown of a release; digests of inputs and content stay where they are."""
    services = tuple(
        ReleasedService(each["name"], each["image"], each["digest"], each["fingerprint"], each["config_digest"])
        for each in body["services"]
    )
    return Release(
        body["id"],
        body["environment"],
        body["revision"],
        "",
        "",
        body["author"],
        body["subject"],
        body["cause"],
        moment(body["started_at"]),
        services,
        finished_at=time(body["finished_at"]),
        outcome=body["outcome"],
        reason=body["reason"],
    )


def part(body: Body) -> Part:
    by_slot: Body = {what: body[f"{what}_s"] for what in ("starts", "warms", "drains", "stops")}
    return Part(
        body["service"],
        body["phase"],
        body["kind"] or "",
        body["seconds"],
        body["interruption_s"],
        **by_slot,
        evidence=body["evidence"] or "",
        pre_warm=body["pre_warm_s"],
        measures=tuple(body["steps"]),
        trace=tuple(body["trace"]),
    )


def offline(body: Body) -> Offline:
    return Offline(body["possible"], tuple(body["lacks"]))


def event(body: Body) -> Event:
    return Event(
        moment(body["at"]),
        body["reason"],
        body["message"],
        body["severity"],
        body["environment"] or "",
        body["service"] or "",
        body["release"],
        body["data"],
        body["id"],
    )


def explanation(body: Body) -> Explanation:
    stands, brought = body["service"], body["release"]
    return Explanation(
        environment(body["environment"]),
        _service(stands) if stands else None,
        release(brought) if brought else None,
        tuple(event(each) for each in body["events"]),
        tuple(_decision(each) for each in body["decisions"]),
    )


def _decision(body: Body) -> Decision:
    links = [
        Link(moment(each["at"]), each["what"], each["words"], each["seconds"], each["failed"], each["logs"] or "")
        for each in body["links"]
    ]
    ended = time(body["ended_at"])
    return Decision(body["kind"], body["subject"], body["release"], links, ended, body["outcome"] or "")


def made(body: Body) -> Made:
    """A commit that the other gitopsd made; where it can be fetched is on its machine, and nobody's business here."""
    return Made(
        body["environment"],
        body["branch"],
        body["to"]["revision"],
        body["to"]["release"],
        body["base"],
        body["commit"] or "",
        tuple(body["changed"]),
        tuple(body["also_concerns"]),
        pushed=body["pushed"],
        note=body["note"] or "",
    )


def figure(body: Body) -> Figure:
    """A metric that a rollout is judged by, with what is written of it."""
    bounds: dict[str, Any] = {bound: body.get(bound) for bound in BOUNDS}
    metric = Metric(body["name"], body["source"], **bounds)
    return Figure(metric, body["new"], body["old"], body["verdict"], body["reason"])


def trace(points: list[Body]) -> Trace:
    return Trace(points=tuple(map(_point, points)))


def _point(body: Body) -> Point:
    new, old = body["new"], body["old"]
    tallies = [Tally(each["requests"], each["bad"]) for each in (new, old)]
    return Point(body["intervals"], round(body["share"] * 100), tallies[0], tallies[1], new["p95_s"], old["p95_s"])
