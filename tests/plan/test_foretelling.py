"""What the last replacements took is foretold of the next one."""

from gitopsd.model.analysis import GUARD, Analysis
from gitopsd.model.plan import Change, Plan
from gitopsd.model.strategy import Analyse, SetWeight
from gitopsd.plan.foretelling import begins_anew, foretold, interrupting, judging, quiet
from gitopsd.plan.text import plan_text
from tests.builders import a_service, a_state, seconds

DB = Change("db", "replace", "image db:1 -> db:2", order="stop-first", interruption_s=7.0, interruption="it writes")
WEB = Change("web", "replace", "image web:1 -> web:2")
PLAN = Plan("shop", "abc", (DB, WEB))


def test_the_middle_of_what_was_measured_takes_the_place_of_what_is_assumed() -> None:
    made = foretold(PLAN, {"db": (2.5, 31.0, 3.0), "web": (9.0,)})
    assert [change.interruption_s for change in made.changes] == [3.0, 0.0]
    assert "about 3 s without service: it writes (as measured the last 3 times)" in plan_text(made)


def test_without_measures_the_plan_stays_as_it_is() -> None:
    assert foretold(PLAN, {}) == PLAN
    assert interrupting(PLAN) == ("db",)


def test_a_step_that_will_see_too_little_traffic_is_told_before_it_begins() -> None:
    steps = (SetWeight(500), Analyse(seconds(60)))
    how = {"strategy": "canary", "steps": steps, "analysis": Analysis(GUARD), "traffic": "80:8080"}
    desired = a_state(a_service(**how), a_service("other")).desired
    made = Plan(
        "shop", "abc", (Change("web", "replace", "image", strategy="canary"), Change("other", "remove", "gone"))
    )

    assert judging(made, desired) == ("web",)
    assert quiet(made, desired, {}) == ()
    assert quiet(made, desired, {"web": (40.0, 900.0, 100.0)}) == ()
    [told] = quiet(made, desired, {"web": (4.0, 5.0, 900.0)})
    assert told.startswith(
        "web: step 2 of 2 will see too little traffic to be judged: 5 % of 5 requests/s for 1m are 15 "
    )
    assert told.endswith("write a smaller min_samples (requests as measured the last 3 times)")


def test_a_port_that_a_router_on_a_bridge_does_not_have_yet_is_told_as_a_gap_for_all_behind_it() -> None:
    desired = a_state(a_service("web", traffic="80:8080"), a_service("shop", traffic="81:8080")).desired

    [told] = begins_anew(PLAN, desired, {("", 80), ("", 90)})

    assert told.startswith("the router is on a bridge and begins anew to listen at 81: nobody behind it has an answer")
    assert begins_anew(PLAN, desired, {("", 80), ("", 81)}) == ()


def test_a_router_that_nobody_is_behind_yet_begins_without_anybody_noticing() -> None:
    desired = a_state(a_service("web", traffic="80:8080")).desired
    assert begins_anew(PLAN, desired, ()) == ()
    nothing = Plan("shop", "abc", (Change("web", "unchanged", ""),))
    assert begins_anew(nothing, desired, {("", 90)}) == ()
