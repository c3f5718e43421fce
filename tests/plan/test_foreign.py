"""Containers that somebody else started hold an environment only where they stand in its way."""

from typing import Any

from gitopsd.engine_json.labels import CARRIER
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal, Placed
from gitopsd.plan.foreign import foreign_holds
from tests.builders import NOON


def an_instance(service: str = "web", slot: int = 1, **how: Any) -> Instance:
    return Instance(f"{service}-{slot}", f"shop-{service}-{slot}", service, slot, "running", NOON, **how)


def ours(*instances: Instance, **how: Any) -> Journal:
    placed = {each.id: Placed(each.service, each.slot, "web:1", "", 1, each.name, **how) for each in instances}
    return Journal("production", "shop", inventory=placed)


NOTHING = Journal("production")


def held(*instances: Instance, journal: Journal = NOTHING) -> str:
    return next((hold.reason for hold in foreign_holds("shop", {"web"}, journal, LiveState(instances))), "")


def test_a_project_of_which_nothing_is_ours_is_held_by_any_container() -> None:
    assert held(an_instance("other")) == (
        "project shop runs containers that docker compose started (shop-other-1); `gitopsd adopt shop` takes them over"
    )


def test_of_many_the_first_are_named() -> None:
    assert "shop-web-1, shop-web-2, shop-web-3 and 2 more" in held(*(an_instance(slot=slot) for slot in range(1, 6)))


def test_one_that_fills_an_empty_slot_holds() -> None:
    assert held(an_instance(slot=2), journal=ours(an_instance(slot=1)))


def test_one_beside_ours_and_one_of_no_service_of_the_environment_are_mere_extras() -> None:
    mine = an_instance(slot=1)
    twin = Instance("twin", "web", "web", 1, "running", NOON)

    assert not held(mine, twin, an_instance("debug"), journal=ours(mine))


def test_a_kept_one_fills_no_slot() -> None:
    kept = an_instance(slot=1)

    assert held(kept, Instance("new", "web", "web", 1, "running", NOON), journal=ours(kept, kept=True))


def test_what_is_not_a_services_container_of_somebody_else_holds_nothing() -> None:
    journal = Journal("production", intended={"shop-web-3": Placed("web", 3, "web:1", "", 1, "shop-web-3")})

    assert not held(
        an_instance(slot=1, one_off=True),
        an_instance(slot=2, environment="production"),
        an_instance(slot=3),
        an_instance("", 4),
        an_instance(slot=5, labels={CARRIER: "true"}),
        journal=journal,
    )
