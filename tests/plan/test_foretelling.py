"""What the last replacements took is foretold of the next one."""

from gitopsd.model.plan import Change, Plan
from gitopsd.plan.foretelling import foretold, interrupting
from gitopsd.plan.text import plan_text

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
