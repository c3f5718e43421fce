"""gitopsd leaves the container alone that it runs in, and says how to update it."""

from dataclasses import replace

from gitopsd.model.live import Instance, LiveState
from gitopsd.model.plan import Change, ChangeKind, Plan
from gitopsd.plan.own import own_holds, removal_refusal
from tests.builders import NOON

SELF = Instance("1" * 64, "infra-gitopsd-1", "gitopsd", 1, "running", NOON)
WEB = replace(SELF, id="2" * 64, name="infra-web-1", service="web")
INSIDE = LiveState((SELF, WEB), own=SELF.id)


def test_a_plan_that_replaces_the_container_gitopsd_runs_in_is_held() -> None:
    (hold,) = own_holds(a_plan(gitopsd="replace", web="replace"), INSIDE)

    assert hold.guard == "self"
    assert hold.reason == (
        "gitopsd runs in the container infra-gitopsd-1 of service gitopsd, and cannot replace it: update it from "
        "outside, with `docker compose up -d` where its compose.yaml lies, and take gitopsd out of the environment or "
        "leave it as it is there"
    )


def test_a_new_service_of_that_name_is_held_too_as_it_would_take_the_containers_place() -> None:
    assert [hold.guard for hold in own_holds(a_plan(gitopsd="create"), INSIDE)] == ["self"]


def test_its_siblings_are_released_freely() -> None:
    assert own_holds(a_plan(gitopsd="unchanged", web="replace"), INSIDE) == ()


def test_a_gitopsd_that_runs_elsewhere_may_replace_it() -> None:
    assert own_holds(a_plan(gitopsd="replace"), replace(INSIDE, own="")) == ()


def test_an_environment_with_that_container_is_not_taken_down_from_inside() -> None:
    assert removal_refusal(INSIDE).startswith("refused: gitopsd runs in the container infra-gitopsd-1")
    assert removal_refusal(replace(INSIDE, own="")) == ""


def a_plan(**changes: ChangeKind) -> Plan:
    return Plan("infra", "abc", tuple(Change(service, kind, "because") for service, kind in changes.items()))
