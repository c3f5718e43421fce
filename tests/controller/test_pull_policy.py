"""Which image a name stands for as tags move and registries are away: each `pull_policy`, and `sync --pull`."""

from collections.abc import Iterator

import pytest

from gitopsd.model.errors import ImageMissing, ImageUnavailable
from gitopsd.model.operation import Operation
from gitopsd.model.release import Release
from tests.controller.house import House, NearHouse
from tests.fakes.containers import exits

WEB = "shop/web:latest"
DAY = 86400


@pytest.fixture
def house() -> Iterator[House]:
    made = NearHouse()
    made.engine().publish(WEB)
    yield made
    made.stop()


def manifest(policy: str = "", more: str = "", image: str = WEB) -> dict[str, str | None]:
    written = f"    pull_policy: {policy}\n" if policy else ""
    extension = "    x-gitopsd: {min_ready: 0s}\n"
    return {"shop/compose.yaml": f"services:\n  web:\n    image: {image}\n{written}{extension}{more}"}


def pulls(house: House) -> int:
    """How often the registry was asked."""
    return len([call for call in house.engine().writes if call.startswith("pull ")])


def running(house: House) -> str:
    """The id of the image that serves."""
    return house.engine().container("shop-web-1").image.image.id


def releases(house: House) -> tuple[Release, ...]:
    return house.store.releases("shop")


def rest(house: House, seconds: float = 0) -> None:
    """Let time pass, with all the polls and looks that come meanwhile, and then a whole look to its end."""
    for _ in range(int(seconds // 600)):
        house.timer.tick(600)
    for _ in range(2):
        ask(house, Operation("retry", "shop", "ada", house.clock.now()))


def ask(house: House, operation: Operation) -> str:
    number = house.store.submit(operation)
    house.watcher.changed("operations")

    def result() -> str:
        done = house.store.operation(number)
        return done.result if done is not None else ""

    return house.eventually(result)


def sync(house: House) -> str:
    """`gitopsd sync --pull`; its result."""
    return ask(house, Operation("sync", "shop", "ada", house.clock.now(), {"pull": True}))


def test_without_a_policy_a_moved_tag_is_not_noticed_by_a_new_commit(house: House) -> None:
    house.start()
    house.synced(house.push(manifest()), "shop")
    old = running(house)
    house.engine().publish(WEB)

    house.synced(house.push(manifest(more="    labels: {a: b}\n")), "shop")

    assert running(house) == old
    assert pulls(house) == 1


def test_always_asks_at_each_new_commit_and_not_in_between(house: House) -> None:
    house.start()
    house.synced(house.push(manifest("always")), "shop")
    old = running(house)
    new = house.engine().publish(WEB)
    rest(house, 3 * DAY)
    assert (running(house), pulls(house)) == (old, 1)

    house.synced(house.push(manifest("always", "    labels: {a: b}\n")), "shop")

    assert (running(house), pulls(house)) == (new.id, 2)


def test_always_asks_for_a_comment_too_and_a_tag_that_stayed_replaces_nothing(house: House) -> None:
    house.start()
    house.synced(house.push(manifest("always")), "shop")
    before = house.engine().container("shop-web-1").id

    house.synced(house.push(manifest("always", "# a comment\n")), "shop")

    assert house.engine().container("shop-web-1").id == before
    assert (pulls(house), len(releases(house))) == (2, 1)


def test_a_revert_to_known_inputs_takes_the_image_on_record_and_asks_nobody(house: House) -> None:
    house.start()
    first = manifest("always")
    house.synced(house.push(first), "shop")
    old = running(house)
    house.engine().publish(WEB)
    house.synced(house.push(manifest("always", "    labels: {a: b}\n")), "shop")
    house.engine().refuse_pull(WEB)

    house.synced(house.push(first), "shop")

    assert (running(house), pulls(house)) == (old, 2)


def test_a_day_later_daily_asks_and_a_moved_tag_is_a_release_that_says_so(house: House) -> None:
    house.start()
    house.synced(house.push(manifest("daily")), "shop")
    old = running(house)
    new = house.engine().publish(WEB)
    rest(house, DAY - 3600)
    assert (running(house), pulls(house)) == (old, 1)

    house.timer.tick(3600)

    house.eventually(lambda: running(house) == new.id and len(releases(house)) == 2)
    was, now = (each.services[0].digest.rpartition("@")[2][:19] for each in reversed(releases(house)))
    assert releases(house)[0].cause == f"the tag moved: {WEB} {was} -> {now}"
    assert releases(house)[0].revision == releases(house)[1].revision


def test_the_status_says_when_a_registry_is_asked_next(house: House) -> None:
    house.start()
    house.synced(house.push(manifest("every_2h")), "shop")
    house.eventually(lambda: getattr(house.status("shop"), "next", None))

    status = house.status("shop")
    assert status is not None
    assert status.next is not None
    assert status.next.what == "a registry is asked whether a tag has moved"
    assert 7100 < (status.next.at - house.clock.now()).total_seconds() <= 7200


def test_a_tag_that_moved_to_something_broken_is_rejected_and_what_served_can_still_be_repaired(house: House) -> None:
    house.start()
    house.synced(house.push(manifest("every_1h")), "shop")
    old = running(house)
    house.engine().publish(WEB, exits(3))
    house.timer.tick(3600)
    house.eventually(lambda: releases(house)[0].outcome == "rolled-back")

    house.engine().remove_by_hand("shop-web-1")

    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])
    assert running(house) == old
    assert len(releases(house)) == 2


def test_a_new_commit_after_a_broken_tag_keeps_the_image_that_serves(house: House) -> None:
    house.start()
    house.synced(house.push(manifest()), "shop")
    old = running(house)
    house.engine().publish(WEB, exits(3))
    sync(house)
    house.eventually(lambda: releases(house)[0].outcome == "rolled-back")

    house.synced(house.push(manifest(more="    labels: {a: b}\n")), "shop")

    assert running(house) == old


@pytest.mark.parametrize("policy", ["always", "daily"])
def test_a_registry_that_is_away_holds_nothing_when_the_image_is_there_and_is_told(house: House, policy: str) -> None:
    house.start()
    house.synced(house.push(manifest(policy)), "shop")
    house.engine().refuse_pull(WEB, ImageUnavailable("the registry does not answer"))
    house.timer.tick(2 * DAY)

    house.synced(house.push(manifest(policy, "    labels: {a: b}\n")), "shop")

    assert house.told("ImageNotRenewed")[0] == f"{WEB}: the registry does not answer; what is at hand goes on"
    assert house.engine().container("shop-web-1").labels["a"] == "b"
    new = house.engine().publish(WEB)
    house.eventually(lambda: running(house) == new.id)
    assert "the tag moved" in releases(house)[0].cause


def test_a_tag_that_was_deleted_holds_nothing_either_and_is_asked_for_again_when_it_is_due(house: House) -> None:
    house.start()
    house.synced(house.push(manifest("daily")), "shop")
    house.engine().refuse_pull(WEB, ImageMissing("manifest unknown"))
    house.timer.tick(DAY)
    house.eventually(lambda: house.told("ImageNotRenewed"))
    rest(house, DAY / 2)
    assert pulls(house) == 2
    status = house.status("shop")
    assert status is not None
    assert (status.sync, status.holds) == ("Synced", ())

    house.timer.tick(DAY / 2)

    house.eventually(lambda: pulls(house) == 3)


def test_never_pulls_nothing_and_says_so(house: House) -> None:
    house.start()
    house.push(manifest("never"))
    house.eventually(lambda: house.guards("shop") == {"pull_policy"})
    assert pulls(house) == 0
    status = house.status("shop")
    assert status is not None
    assert status.holds[0].reason == (
        f"{WEB} is not on the engine, and `pull_policy: never` forbids to pull it; load it there"
    )

    house.engine().load_by_hand(WEB)

    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])


def test_never_leaves_a_repair_waiting_rather_than_pull(house: House) -> None:
    house.engine().load_by_hand(WEB)
    house.start()
    house.synced(house.push(manifest("never")), "shop")
    house.engine().remove_image_by_hand(running(house))
    house.engine().remove_by_hand("shop-web-1")

    house.eventually(lambda: house.told("ActionFailed"))

    assert "`pull_policy: never` forbids to pull it" in house.told("ActionFailed")[0]
    assert pulls(house) == 0
    house.engine().load_by_hand(WEB)


def test_a_single_run_ends_where_only_a_person_can_bring_the_image(house: House) -> None:
    house.push(manifest("never"))

    assert house.once() == 2


def test_a_sync_that_pulls_asks_whatever_the_policy_and_names_who_asked_and_what_moved(house: House) -> None:
    house.start()
    house.synced(house.push(manifest()), "shop")
    new = house.engine().publish(WEB)

    assert sync(house) == "release 2 has begun"

    house.eventually(lambda: running(house) == new.id)
    assert releases(house)[0].cause.startswith(f"asked for by ada; the tag moved: {WEB} sha256:")


def test_a_sync_that_pulls_in_vain_says_so_and_releases_nothing(house: House) -> None:
    house.start()
    house.synced(house.push(manifest()), "shop")
    house.engine().refuse_pull(WEB, ImageUnavailable("the registry does not answer"))

    assert sync(house) == "nothing to do: this content serves already"
    assert house.told("ImageNotRenewed") == [f"{WEB}: the registry does not answer; what is at hand goes on"]


def test_a_changed_policy_replaces_no_container(house: House) -> None:
    house.start()
    house.synced(house.push(manifest()), "shop")
    before = house.engine().container("shop-web-1").id

    house.synced(house.push(manifest("weekly")), "shop")

    assert house.engine().container("shop-web-1").id == before


def test_a_suspended_environment_asks_nobody(house: House) -> None:
    house.start()
    house.synced(house.push(manifest("every_1h")), "shop")
    ask(house, Operation("suspend", "shop", "ada", house.clock.now()))

    rest(house, 2 * 3600)

    assert house.guards("shop") == {"suspended"}
    assert pulls(house) == 1


def test_a_registry_that_hangs_keeps_no_repair_waiting(house: House) -> None:
    """Twenty images of it are asked for, which are more than there are threads for anything."""
    house.start()
    house.synced(house.push(manifest()), "shop")
    with house.engine().hanging_pulls():
        many = "".join(f"  s{n}: {{image: 'shop/s{n}:1', x-gitopsd: {{min_ready: 0s}}}}\n" for n in range(20))
        house.push({"blog/compose.yaml": f"services:\n{many}"})
        house.eventually(lambda: house.engine().pulling >= 8)

        house.engine().remove_by_hand("shop-web-1")

        house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])
