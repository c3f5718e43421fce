"""Commands that ask a gitopsd on another machine, over its HTTP API: the same words from what that one answers."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gitopsd.cli.door import Door
from gitopsd.controller import answers

if TYPE_CHECKING:
    from gitopsd.controller.queries.differences import Difference
    from gitopsd.controller.queries.ledger import Offline, Part
    from gitopsd.controller.queries.look import Failure
    from gitopsd.controller.queries.made import Made
    from gitopsd.controller.queries.why import Explanation
    from gitopsd.controller.server_port import Server
    from gitopsd.model.drift import DriftReport, PastDrift
    from gitopsd.model.event import Event
    from gitopsd.model.plan import Plan
    from gitopsd.model.release import Release

LOOK_S = 0.5
ANSWER_S = 30.0
NONE_THERE = "that gitopsd has none"


def status_there(door: Door, server: "Server", environment: str) -> int:
    from gitopsd.cli.commands.status import show_report
    from gitopsd.controller.outcome import WAITS, exit_code

    body = server.get("/environments")
    body = {**body, "environments": [each for each in body["environments"] if environment in ("", each["name"])]}
    if environment and not body["environments"]:
        server.get(_of(environment))  # refuses it, and says what there is
    report = answers.status_report(body)
    show_report(door, report, datetime.now(UTC), detailed=bool(environment))
    names = [each.name for each in report.environments]
    code = exit_code(report.environments, names, failed=bool(report.problems))
    return 0 if code == WAITS else code


def plans_there(server: "Server", environment: str, revision: str) -> "tuple[list[Plan], tuple[Failure, ...]]":
    bodies = [server.get(f"{_of(each)}/plan", revision=revision) for each in _names(server, environment)]
    found = [answers.plan(each) for body in bodies for each in body["environments"]]
    return found, tuple(each for body in bodies for each in answers.failures(body["problems"]))


def drifts_there(server: "Server", environment: str) -> "tuple[tuple[DriftReport, ...], tuple[Failure, ...]]":
    bodies = [server.get(f"{_of(each)}/drift") for each in _names(server, environment)]
    found = tuple(answers.drift(each) for body in bodies for each in body["environments"])
    return found, tuple(each for body in bodies for each in answers.failures(body["problems"]))


def past_drifts_there(server: "Server", environment: str, limit: int) -> "Mapping[str, tuple[PastDrift, ...]]":
    return {
        each: tuple(map(answers.past_drift, server.get(f"{_of(each)}/drift/history", limit=min(limit, 1000))["items"]))
        for each in _names(server, environment)
    }


def difference_there(server: "Server", environment: str, a: str, b: str) -> "Difference":
    return answers.difference(server.get(f"{_of(environment)}/diff", a=a, b=b))


def history_there(
    server: "Server", environment: str, limit: int
) -> "tuple[list[Release], Mapping[int, int], Mapping[int, str], Any]":
    """The releases, which have equal content, which cannot be returned to, and all of it as it came."""
    body = server.get(f"{_of(environment)}/releases", limit=min(limit, 1000))
    rows = body["releases"]
    same = {each["id"]: each["same_content_as"] for each in rows if each.get("same_content_as")}
    gone = {each["id"]: each["cannot_return_to"] for each in rows if each.get("cannot_return_to")}
    return [answers.release(each) for each in rows], same, gone, body


def shown_there(
    server: "Server", number: int
) -> "tuple[Release, Mapping[int, int], Offline, tuple[Part, ...], tuple[Event, ...], Any]":
    """A release, which one it equals, its way back, what it came to, what happened, and all of it as it came."""
    body = server.get(f"/releases/{number}")
    body = {**body, "offline": server.get(f"/releases/{number}/offline")}
    same = {number: twin} if (twin := body.get("same_content_as")) else {}
    parts, happened = tuple(map(answers.part, body["rollouts"])), tuple(map(answers.event, body["events"]))
    return answers.release(body), same, answers.offline(body["offline"]), parts, happened, body


def why_there(server: "Server", environment: str, service: str, limit: int) -> "tuple[Explanation, Any]":
    """The chains of causes, and all of it as it came."""
    body = server.get(f"{_of(environment)}/why", service=service, limit=min(limit, 1000))
    return answers.explanation(body), body


def commit_there(server: "Server", environment: str, what: str, wanted: Mapping[str, Any]) -> "tuple[Made, Any]":
    """The commit that was made there, and all of it as it came."""
    body = server.post(f"{_of(environment)}/{what}", dict(wanted))
    return answers.made(body), body


def events_there(door: Door, server: "Server", environment: str, limit: int, *, follow: bool) -> int:
    from gitopsd.cli.happenings import told

    path = f"{_of(environment)}/events" if environment else "/events"
    found = server.get(path, limit=max(1, min(limit, 1000)))["events"]
    seen = found[-1]["id"] if found else 0
    found = found if limit else []
    if door.as_json and not follow:
        door.json({"events": found})
        return 0
    while True:
        for each in found:
            (door.json_line(each) if door.as_json else door.text(told(answers.event(each))))
        if not follow:
            return 0
        threading.Event().wait(LOOK_S)
        found = server.get(path, after=seen, limit=1000)["events"] if seen else server.get(path, limit=1000)["events"]
        seen = found[-1]["id"] if found else seen


def operate_there(
    door: Door, server: "Server", verb: str, environment: str, arguments: Mapping[str, Any], refused: str = ""
) -> int:
    """Ask, and wait for the answer. Returns the exit code: 1 for one that begins with `refused`, or for none."""
    asked = server.post("/operations", {"verb": verb, "environment": environment, "arguments": dict(arguments)})
    done = _answered(server, asked)
    if door.as_json:
        door.json(done)
    elif done["done_at"]:
        door.text(f"{done['environment']}: {done['result']}")
    else:
        door.note(f"the daemon has not answered yet; `gitopsd events {environment}` tells when it does")
    answered = bool(done["done_at"])
    return 1 if not answered or (refused and str(done["result"]).startswith(refused)) else 0


def sync_there(door: Door, server: "Server", environment: str, *, pull: bool, patience_s: float) -> int:
    """Ask one environment, or all, and follow their releases. Exit code 3: a release failed."""
    codes, shown = [], []
    for name in _names(server, environment):
        body = {"verb": "sync", "environment": name, "arguments": {"pull": True} if pull else {}}
        done = _answered(server, server.post("/operations", body))
        result = str(done["result"] or "the daemon has not answered")
        begun = result.startswith("release")
        release = _followed(server, name, patience_s) if patience_s and begun else None
        bad = result.startswith("rejected") or (release is not None and release["outcome"] in ("failed", "rolled-back"))
        codes.append(1 if not done["done_at"] else 3 if bad else 0)
        shown.append({**done, "release": release})
        if not door.as_json:
            door.text(f"{name}: {result}")
        if release is not None and not door.as_json:
            why = f": {release['reason']}" if release["reason"] else ""
            door.text(f"{name}: release {release['id']} {release['outcome'] or 'is still under way'}{why}")
    if door.as_json:
        door.json({"operations": shown})
    return next((code for code in (1, 3) if code in codes), 0)


def _followed(server: "Server", environment: str, patience_s: float) -> Any:
    """The newest release at its end, or as it is when the time is up; None for no release."""
    for _ in range(max(1, int(patience_s / LOOK_S))):
        found = server.get(f"{_of(environment)}/releases", limit=1)["releases"]
        if not found or found[0]["finished_at"]:
            break
        threading.Event().wait(LOOK_S)
    return found[0] if found else None


def _answered(server: "Server", asked: Any) -> Any:
    for _ in range(int(ANSWER_S / LOOK_S)):
        if asked["done_at"]:
            return asked
        threading.Event().wait(LOOK_S)
        asked = server.get(f"/operations/{asked['operation']}")
    return asked


def _names(server: "Server", environment: str) -> list[str]:
    return [environment] if environment else [each["name"] for each in server.get("/environments")["environments"]]


def _of(environment: str) -> str:
    return f"/environments/{quote(environment, safe='')}"


def below(environment: str, what: str) -> str:
    """The path of something of an environment."""
    return f"{_of(environment)}/{what}"
