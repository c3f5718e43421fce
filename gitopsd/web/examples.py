"""The examples of the OpenAPI document: one environment on its way, in the very shapes that answers have."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gitopsd.controller import accounts, proofs, shapes
from gitopsd.controller.queries.differences import Difference, ServiceDifference, Side
from gitopsd.controller.queries.ledger import Offline
from gitopsd.controller.queries.made import Made
from gitopsd.controller.queries.progress import Progress
from gitopsd.controller.queries.status import StatusReport
from gitopsd.controller.queries.volumes import FoundVolume, Volumes
from gitopsd.controller.queries.why import Decision, Explanation, Link
from gitopsd.model.drift import DriftItem, DriftReport, FieldDrift, PastDrift
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from gitopsd.model.plan import Change, FieldChange, Plan
from gitopsd.model.release import Release, ReleasedService
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus, ServiceStatus
from gitopsd.release.guarding import Proof

Answers = dict[int | str, dict[str, Any]]

_NAME = "production"
_BEFORE, _AFTER = "1c9d0e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d", "8f3b2c1d9e0a4b5c6d7e8f9a0b1c2d3e4f5a6b7c"
_THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LATER = _THEN + timedelta(minutes=9)
_DIGEST, _FINGERPRINT, _CONFIG = "sha256:9d4c1e6a", "v2:5d1f6c0e", "0c3e52af"
_CAUSE = "image shop/web:1.4.1 -> shop/web:1.4.2"
_IMAGE = FieldChange("image", "shop/web:1.4.1", "shop/web:1.4.2")

_SERVICE = ServiceStatus("web", "Synced", "Healthy", _FINGERPRINT, "shop/web:1.4.2", 4, 4)
_STATUS = EnvironmentStatus(
    *(_NAME, "shop", "auto", _AFTER, _AFTER, "Synced", "Healthy", "", _THEN, _AFTER, 41),
    services=(_SERVICE,),
    engine="unix:///var/run/docker.sock",
)
_REPOSITORY = RepositoryStatus("default", "https://git.example.com/shop/environments.git", "main", _AFTER, _THEN)
_RELEASE = Release(
    *(41, _NAME, _AFTER, "", "", "Ada", "Baskets: one query less", "newer content in Git", _THEN),
    services=(ReleasedService("web", "shop/web:1.4.2", _DIGEST, _FINGERPRINT, _CONFIG),),
    finished_at=_LATER,
    outcome="succeeded",
)
_EVENT = Event(_THEN, "RolloutProgressing", f"web: {_CAUSE}", "info", _NAME, "web", 41, {"cause": _CAUSE}, 1207)
_FIELD = FieldDrift(("resources.memory",), 512 << 20, 512 << 20, 256 << 20, "declared", "in-place")
_ITEM = DriftItem(
    *("container", "shop-web-2", "web", "5d1f6c0e9a7b", "modified", "resources.memory changed by hand", _THEN, _LATER),
    changes=(_FIELD,),
    cure="in-place",
)
_CHANGE = Change("web", "replace", _CAUSE, fields=(_IMAGE,), strategy="canary", steps=("10 %", "pause 2m", "all"))
_LINK = Link(_THEN, "drift", "resources.memory: 512MiB -> 256MiB")
_DECISION = Decision("repair", _ITEM.cause, None, [_LINK], _LATER, "healed in place")
_DIFFERENCE = Difference(
    _NAME, Side("40", _BEFORE, 40), Side("41", _AFTER, 41), (ServiceDifference("web", "changed", (_IMAGE,)),), ()
)
_VOLUME = FoundVolume("shop_cache", _NAME, "unix:///var/run/docker.sock", "orphaned", "production declares it no more")
_COMMIT = Made(
    *(_NAME, "main", _BEFORE, 40, _AFTER, "5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d"),
    changed=("environments/production/compose.yaml",),
    others=(),
    pushed=True,
)

WANTED: dict[str, Any] = {
    "verb": "suspend",
    "environment": _NAME,
    "arguments": {"reason": "the sale", "for_s": 7200},
}
BACK: dict[str, Any] = {"to": "40", "push": True}
OVER: dict[str, Any] = {"from": "staging", "push": True}


def _json(example: object) -> dict[str, Any]:
    return {"application/json": {"example": example}}


def _answer(example: object, status: int = 200) -> Answers:
    return {status: {"content": _json(example)}}


def _for_operators(answer: Answers) -> Answers:
    return {**answer, 403: {"description": "The token may not do that."}}


ERROR = _json({"error": {"message": "there is no environment shop; there are production, staging"}})
STATUS = _answer(shapes.status_report(StatusReport((_REPOSITORY,), (_STATUS,), (), daemon=True), _LATER))
ENVIRONMENT = _answer(shapes.environment(_STATUS))
PLAN = _answer({"environments": [shapes.plan(Plan(_NAME, _AFTER, (_CHANGE,)))], "problems": []})
PROOF = _answer(proofs.shape(Proof(41, frozenset({_DIGEST}), _THEN), _LATER))
DRIFT = _answer({"environments": [shapes.drift(DriftReport(_NAME, _AFTER, "Synced", (_ITEM,), ()))], "problems": []})
DRIFTED = _answer({"items": [shapes.past_drift(PastDrift(_ITEM, _LATER, "healed", "repair"))]})
RELEASES = _answer({"releases": [shapes.release(_RELEASE, {}, {})]})
RELEASE = _answer({**shapes.release(_RELEASE, {}, {}), "rollouts": [], "events": [shapes.event(_EVENT)]})
OFFLINE = _answer(shapes.offline(Offline(possible=False, lacks=("image shop/web:1.4.2 is not on the engine",))))
ROLLOUTS = _answer(shapes.progress(Progress(_NAME, _RELEASE, True, (), _LATER)))
EVENTS = _answer({"events": [shapes.event(_EVENT)]})
DIFFERENCE = _answer(shapes.difference(_DIFFERENCE))
EXPLANATION = _answer(accounts.explanation(Explanation(_STATUS, _SERVICE, _RELEASE, (_EVENT,), (_DECISION,))))
VOLUMES = _answer(accounts.volumes(Volumes((_VOLUME,))))
FIELDS = _answer({**accounts.fields("resources.memory"), "keys": accounts.fields("strategy")["keys"]})
_DONE = Operation("suspend", _NAME, "alice from 10.0.0.2", _THEN, WANTED["arguments"], 7, _THEN, "suspended")
OPERATION = _for_operators(_answer(shapes.operation(_DONE), 202))
ASKED = _answer(shapes.operation(_DONE))
MADE = _for_operators(_answer(accounts.made(_COMMIT)))
