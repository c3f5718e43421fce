"""What the API answers is read back without a loss: made into JSON again, it is the same."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitopsd.controller import answers, shapes
from gitopsd.controller.queries.differences import Difference, ServiceDifference, Side
from gitopsd.controller.queries.ledger import Offline, Part
from gitopsd.model.drift import DriftItem, DriftReport, FieldDrift, PastDrift
from gitopsd.model.errors import Place, Problem, ServerError
from gitopsd.model.event import Event
from gitopsd.model.plan import Change, FieldChange, Plan
from gitopsd.model.release import Hold, Release, ReleasedService
from gitopsd.model.status import EnvironmentStatus, NextStep, ServiceStatus
from gitopsd.plan.contents import TextDifference

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOLD = Hold("approval", "it waits", 7, NOON, "ada")


def test_a_status() -> None:
    service = ServiceStatus("web", "OutOfSync", "Degraded", "v2:a", "web:1", 2, 1, "it is unhealthy", "10.181.0.1:80")
    status = EnvironmentStatus("shop", "shop", "auto", "a" * 40, "b" * 40, "OutOfSync", "Degraded", "why", NOON)
    following = NextStep(NOON, "the next look")
    full = replace(status, holds=(HOLD,), next=following, services=(service,), engine="unix:///x", warnings=("old",))
    for each in (status, full):
        assert answers.environment(shapes.environment(each)) == each


def test_a_plan() -> None:
    fields = (FieldChange("image", "web:1", "web:2"), FieldChange("environment.KEY", None, None, hidden=True))
    change = Change("web", "replace", "image", 1, fields, "canary", ("set_weight 5 %",), "stop-first", 7.0, "a volume")
    problem = Problem(Place("compose.yaml", 3, 1), "services.web", "has no image; add one")
    plan = Plan("shop", "a" * 40, (change,), ("n",), ("v",), ("old",), (HOLD,), ("careful",), (problem,), ("windows",))
    assert answers.plan(shapes.plan(plan)) == plan


def test_a_drift_but_for_what_is_hidden() -> None:
    field = FieldDrift(("resources", "memory"), "1g", "1g", "2g", "declared", "in-place")
    secret = FieldDrift(
        ("environment", "KEY"), {"hidden": "x"}, {"hidden": "x"}, {"hidden": "y"}, "declared", "recreate"
    )
    item = DriftItem("container", "shop-web-1", "web", "c1", "modified", "by hand", NOON, NOON, changes=(field, secret))
    shape = shapes.drift(DriftReport("shop", "a" * 40, "OutOfSync", (item,), ("files",)))
    assert shapes.drift(answers.drift(shape)) == shape
    past = PastDrift(replace(item, changes=(field,)), NOON, "healed", "repair: by hand")
    assert shapes.past_drift(answers.past_drift(shapes.past_drift(past))) == shapes.past_drift(past)


def test_a_difference() -> None:
    fields = (FieldChange("image", "web:1", "web:2"), FieldChange("environment.KEY", None, None, hidden=True))
    files = (TextDifference("/etc/app.conf", ("-one", "+two")),)
    services = (ServiceDifference("web", "changed", fields, files), ServiceDifference("db", "added"))
    sides = Side("1", "a" * 40, 1), Side("main", "b" * 40)
    difference = Difference("shop", *sides, services, (("network default", "changed"),))
    assert answers.difference(shapes.difference(difference)) == difference


def test_a_release_and_an_event() -> None:
    services = (ReleasedService("web", "web:1", "sha256:1", "v2:a", "c"),)
    release = Release(
        7, "shop", "a" * 40, "", "", "Ada", "Ship it", "newer content", NOON, services, outcome="failed", reason="no"
    )
    event = Event(NOON, "RolloutFailed", "web: no", "error", "shop", "web", 7, {"cause": "x"}, 12)
    assert answers.release(shapes.release(release)) == release
    assert answers.event(shapes.event(event)) == event


def test_what_a_release_came_to_and_whether_it_can_be_returned_to() -> None:
    measures = ({"step": 1, "share": 5, "metrics": [{"name": "error-rate", "reason": "0 of 9"}]},)
    by_slot = ({"1": 2.0}, {"1": 0.5}, {"1": 0.1}, {"1": 3.0})
    full = Part("web", "Failed", "release", 9.0, 0.0, *by_slot, "it crashed", 1.0, measures, ({"at": 1, "share": 5},))
    for each in (full, Part("db", "Succeeded")):
        assert answers.part(shapes.part(each)) == each
    for way_back in (Offline(True), Offline(None, ("the engine is away",))):
        assert answers.offline(shapes.offline(way_back)) == way_back


def test_a_time_that_is_none_is_told() -> None:
    with pytest.raises(ServerError, match="'soon' for a time"):
        answers.moment("soon")
