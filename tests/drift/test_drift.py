"""What differs from what was left behind is told item by item, and what nobody changed is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gitopsd.drift import drift, not_checked
from gitopsd.drift.comparing import Comparison
from gitopsd.engine_json.labels import CARRIER, options_digest
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem
from gitopsd.model.live import Instance, LiveNetwork, LiveState, LiveVolume
from gitopsd.model.release import Journal, Placed
from gitopsd.model.rollout import Progressing, Rollout, Target
from tests.builders import a_service, a_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STATE = a_state(a_service("web", volumes=["data:/data"]))
WEB = STATE.services["web"].fingerprint


def an_instance(name: str = "shop-web-1", **how: Any) -> Instance:
    """A running container of ours."""
    facts = {"id": f"id of {name}", "service": "web", "slot": 1, "state": "running", "created_at": NOW - HOUR}
    own = {"fingerprint": WEB, "environment": "production", "image_id": STATE.services["web"].image.id}
    return Instance(name=name, **{**facts, **own, **how})


def a_journal(*instances: Instance, replicas: int = 1, **changes: Any) -> Journal:
    placed = {
        each.id: Placed(each.service, each.slot, WEB, "limits 512m", 1, f"shop-{each.service}-{each.slot}")
        for each in instances
    }
    journal = Journal("production", "shop", stable={"web": Target(WEB, replicas)}, inventory=placed)
    return replace(journal, **changes)


NETWORK = LiveNetwork("n", "shop_default", {}, options_digest({}))


def live(
    *instances: Instance, networks: tuple[LiveNetwork, ...] = (NETWORK,), volumes: Any = ("shop_data",)
) -> LiveState:
    return LiveState(instances, networks, tuple(LiveVolume(name, {}) for name in volumes))


def found(journal: Journal, state: LiveState, serving: SealedState | None = STATE) -> list[DriftItem]:
    return list(drift(journal, state, serving, {}, NOW))


def only(items: list[DriftItem]) -> DriftItem:
    (item,) = items
    return item


def test_what_is_as_it_was_left_is_no_drift() -> None:
    ours = an_instance()
    assert found(a_journal(ours), live(ours)) == []


def test_an_empty_slot_is_missing_and_takes_a_new_container() -> None:
    ours = an_instance()
    item = only(found(a_journal(ours, replicas=2), live(ours)))
    assert (item.kind, item.name, item.service, item.instance, item.cure) == (
        "missing",
        "shop-web-2",
        "web",
        "",
        "recreate",
    )
    assert "gone" in item.cause


def test_a_stopped_container_is_told_with_its_exit_code_since_it_ended() -> None:
    ours = an_instance(state="exited", exit_code=137, oom_killed=True, finished_at=NOW - HOUR)
    item = only(found(a_journal(ours), live(ours)))
    assert (item.kind, item.cause, item.cure) == ("stopped", "exited with code 137, out of memory", "in-place")
    assert (item.first_seen, item.last_seen) == (NOW - HOUR, NOW)


def test_an_end_in_the_future_of_our_clock_counts_as_now() -> None:
    ours = an_instance(state="exited", finished_at=NOW + HOUR)
    assert only(found(a_journal(ours), live(ours))).first_seen == NOW


def test_a_paused_container_and_an_unhealthy_one_are_told_apart() -> None:
    paused = an_instance(state="paused")
    ill = an_instance("shop-web-2", slot=2, check="unhealthy", check_output="refused\n")
    items = found(a_journal(paused, ill, replicas=2), live(paused, ill))
    assert [(each.name, each.kind, each.cure) for each in items] == [
        ("shop-web-1", "paused", "in-place"),
        ("shop-web-2", "unhealthy", "recreate"),
    ]
    assert items[1].cause == "its healthcheck fails: refused"


def test_a_container_kept_as_the_way_back_is_no_drift() -> None:
    ours, kept = an_instance(), an_instance("shop-web-1.old", state="exited")
    journal = a_journal(ours, kept)
    inventory = {**journal.inventory, kept.id: replace(journal.inventory[kept.id], kept=True)}
    assert found(replace(journal, inventory=inventory), live(ours, kept)) == []


def test_a_renamed_container_is_modified_and_can_be_mended_in_place() -> None:
    ours = an_instance("precious")
    item = only(found(a_journal(ours), live(ours)))
    change = item.changes[0]
    assert (item.kind, item.cause, item.cure) == ("modified", "renamed", "in-place")
    assert (change.path, change.desired, change.live) == ("name", "shop-web-1", "precious")


def test_a_container_of_another_fingerprint_takes_a_new_one() -> None:
    ours = an_instance()
    journal = a_journal(ours)
    inventory = {ours.id: replace(journal.inventory[ours.id], fingerprint="web:0")}
    item = only(found(replace(journal, inventory=inventory), live(ours)))
    assert (item.kind, item.cure, item.changes[0].live) == ("modified", "recreate", "web:0")


def test_an_image_other_than_the_recorded_one_is_told() -> None:
    ours = an_instance(image_id="sha256:other")
    item = only(found(a_journal(ours), live(ours)))
    assert (item.kind, item.cure, item.changes[0].path) == ("image", "recreate", "image")


def test_a_twin_with_copied_labels_is_extra_and_not_ours_to_mend() -> None:
    ours, twin = an_instance(), an_instance("twin")
    item = only(found(a_journal(ours), live(ours, twin)))
    assert (item.kind, item.name, item.cure) == ("extra", "twin", "none")
    assert "copy made by hand" in item.cause
    assert item.first_seen == twin.created_at


def test_a_container_of_the_project_that_somebody_made_is_extra() -> None:
    ours = an_instance()
    theirs = an_instance("shop-run-1", environment="", one_off=True)
    assert "compose run" in only(found(a_journal(ours), live(ours, theirs))).cause


def test_what_we_are_about_to_make_and_what_carries_content_is_not_extra() -> None:
    ours, coming = an_instance(), an_instance("shop-web-1.gitopsd-2")
    carrier = an_instance("carrier", labels={CARRIER: "true"})
    intended = {coming.name: Placed("web", 1, "web:2", "", 2, coming.name)}
    assert found(a_journal(ours, intended=intended), live(ours, coming, carrier)) == []


def test_a_slot_beyond_the_replicas_is_left_over() -> None:
    ours, surplus = an_instance(), an_instance("shop-web-2", slot=2)
    item = only(found(a_journal(ours, surplus), live(ours, surplus)))
    assert (item.kind, item.name, item.cure) == ("extra", "shop-web-2", "in-place")


def test_a_service_with_an_open_rollout_is_left_alone_and_said_to_be() -> None:
    target = Target("web:2", 1)
    policy = a_service().service.policy
    rollout = Rollout("web", 2, target, None, "start-first", policy, "", Progressing(), NOW, NOW + HOUR)
    journal = a_journal(rollouts={"web": rollout})
    assert found(journal, live()) == []
    assert "web: a rollout is under way" in not_checked(journal, STATE)


def test_a_finished_one_shot_is_no_drift() -> None:
    job = an_instance("shop-migrate-1", service="migrate", state="exited")
    state = a_state(a_service("migrate", job=True))
    journal = a_journal(job, stable={"migrate": Target("migrate:1", 1)})
    assert found(journal, live(job, networks=(NETWORK,)), state) == []


def test_missing_networks_and_volumes_are_told() -> None:
    ours = an_instance()
    items = found(a_journal(ours), live(ours, networks=(), volumes=()))
    assert [(each.resource, each.name, each.kind) for each in items] == [
        ("network", "shop_default", "missing"),
        ("volume", "shop_data", "missing"),
    ]
    assert "its data with it" in items[1].cause


def test_a_network_that_somebody_made_anew_with_other_settings_is_modified() -> None:
    ours = an_instance()
    other = replace(NETWORK, options_digest=options_digest({"internal": True}))
    item = only(found(a_journal(ours), live(ours, networks=(other,))))
    assert (item.resource, item.kind, item.cure) == ("network", "modified", "none")


def test_a_tag_that_was_moved_is_told_unless_a_newer_image_is_to_come() -> None:
    ours = an_instance(untagged=True, image="web:1")
    state = live(ours)

    item = only(list(drift(a_journal(ours), state, STATE, {ours.id: Comparison()}, NOW)))
    coming = drift(a_journal(ours), state, STATE, {ours.id: Comparison(pending=True)}, NOW)

    assert (item.kind, item.cure, [each.path for each in item.changes]) == ("image", "none", ["image.tag"])
    assert item.cause.startswith("web:1 is no name of its image any more")
    assert list(coming) == []


def test_without_the_serving_state_only_containers_are_looked_at() -> None:
    ours = an_instance(image_id="sha256:other")
    journal = a_journal(ours)
    assert found(journal, live(ours, networks=(), volumes=()), None) == []
    assert any("cannot be rebuilt" in each for each in not_checked(journal, None))


def test_what_cannot_be_seen_is_always_said() -> None:
    assert any("files inside containers" in each for each in not_checked(Journal("production"), STATE))
