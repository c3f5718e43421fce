"""An upgrade to a version that makes other fingerprints: it is no change, and what was known stays known."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitopsd.controller.queries.plans import plans
from gitopsd.controller.queries.view import View
from gitopsd.manifest.seal import VERSION
from gitopsd.model.operation import Operation
from gitopsd.model.settings import EnvironmentSettings
from tests.controller.house import SETTINGS, House, NearHouse, compose, with_environments
from tests.fakes.clock import NOON
from tests.fakes.containers import exits, healthy

LATER = f"{VERSION}-and-later"
WITH_JOB = compose(more='  migrate:\n    image: job:1\n    restart: "no"\n')
WITH_VARIABLE = compose(more="    environment: {PASSWORD: $PASSWORD}\n")


@pytest.fixture
def house() -> Iterator[House]:
    made = NearHouse()
    made.engine().add_image("job:1", exits(0))
    made.engine().add_image("crash:1", exits(3))
    yield made
    made.stop()


def looked(house: House, name: str = "shop") -> None:
    """Wait for passes of the new version that set nothing off any more."""
    before = len(house.store.events(limit=10_000))
    number = house.store.submit(Operation("resume", name, "ada", NOON))
    house.watcher.changed("operations")
    house.eventually(lambda: house.store.operation(number).done_at and len(house.store.events(limit=10_000)) > before)  # type: ignore[union-attr]


def ids_of(house: House, project: str = "shop") -> dict[str, str]:
    return {each.name: each.id for each in house.engine().observe(project).instances}


def versions(house: House, name: str = "shop") -> set[str]:
    """Every fingerprint version in what counts of a journal."""
    journal = house.store.journal(name)
    fingerprints = [each.fingerprint for each in (*journal.stable.values(), *journal.inventory.values())]
    fingerprints += [each for done in journal.completed.values() for each in done]
    return {fingerprint.partition(":")[0] for fingerprint in fingerprints}


def test_an_upgrade_to_other_fingerprints_touches_no_container_and_is_no_release(house: House) -> None:
    house.start()
    commit = house.push({"shop/compose.yaml": WITH_JOB})
    house.synced(commit, "shop")
    writes, ids = len(house.writes()), ids_of(house)

    house.upgrade(LATER)
    looked(house)

    house.synced(commit, "shop")
    assert (house.writes()[writes:], ids_of(house)) == ([], ids)
    assert versions(house) == {LATER}
    assert len(house.store.releases("shop")) == 1


def test_after_an_upgrade_a_change_replaces_the_service_that_it_concerns_and_no_other(house: House) -> None:
    other = "  db:\n    image: web:1\n    x-gitopsd: {min_ready: 0s}\n"
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose(more=other)}), "shop")
    before = ids_of(house)
    house.upgrade(LATER)

    house.synced(house.push({"shop/compose.yaml": compose("web:2", other)}), "shop")

    after = ids_of(house)
    assert after["shop-db-1"] == before["shop-db-1"]
    assert after["shop-web-1"] != before["shop-web-1"]


def test_a_container_that_is_gone_after_an_upgrade_comes_back(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.upgrade(LATER)
    looked(house)
    house.engine().remove_by_hand("shop-web-1")
    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])


def test_what_was_rejected_stays_rejected_through_an_upgrade(house: House) -> None:
    house.start()
    first = house.push({"shop/compose.yaml": compose()})
    house.synced(first, "shop")
    house.push({"shop/compose.yaml": compose("crash:1")})
    house.eventually(lambda: "rejected" in house.guards("shop") and not house.store.journal("shop").rollouts)
    releases, writes = len(house.store.releases("shop")), len(house.writes())

    house.upgrade(LATER)
    looked(house)

    assert house.guards("shop") == {"rejected"}
    assert (len(house.store.releases("shop")), house.writes()[writes:]) == (releases, [])


def test_a_broken_release_after_an_upgrade_returns_to_what_an_earlier_version_brought(house: House) -> None:
    ports = '    ports: ["80:80"]\n'
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose(more=ports)}), "shop")
    house.upgrade(LATER)
    house.push({"shop/compose.yaml": compose("crash:1", ports)})
    house.eventually(lambda: "rejected" in house.guards("shop") and not house.store.journal("shop").rollouts)
    assert house.engine().container("shop-web-1").image.image.reference == "web:1"
    house.engine().remove_by_hand("shop-web-1")
    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])


def test_a_way_back_to_the_earlier_version_is_no_change_either(house: House) -> None:
    house.start()
    commit = house.push({"shop/compose.yaml": compose()})
    house.synced(commit, "shop")
    before = ids_of(house)
    house.upgrade(LATER)
    looked(house)
    house.upgrade(VERSION)
    looked(house)
    house.synced(commit, "shop")
    assert ids_of(house) == before


def test_where_variables_changed_together_with_the_version_nothing_is_replaced_on_a_suspicion(house: House) -> None:
    variables = Path("/etc/shop.env")
    house.secrets.files[variables] = b"PASSWORD=one\n"
    house.edit_before_start(with_environments(SETTINGS, EnvironmentSettings("shop", vars_file=variables)))
    house.start()
    commit = house.push({"shop/compose.yaml": WITH_VARIABLE})
    house.synced(commit, "shop")
    before = ids_of(house)
    house.secrets.files[variables] = b"PASSWORD=two\n"

    house.upgrade(LATER)
    house.eventually(lambda: house.guards("shop") == {"version"})
    looked(house)
    assert ids_of(house) == before
    status = house.status("shop")
    assert status is not None
    assert "web was released by another version of gitopsd" in status.reason
    assert "`gitopsd sync shop` replaces what serves" in status.reason

    house.store.submit(Operation("sync", "shop", "ada", NOON))
    house.watcher.changed("operations")
    house.synced(commit, "shop")
    assert ids_of(house) != before
    assert versions(house) == {LATER}


def test_variables_that_are_as_they_were_again_end_the_doubt(house: House) -> None:
    variables = Path("/etc/shop.env")
    house.secrets.files[variables] = b"PASSWORD=one\n"
    settings = with_environments(SETTINGS, EnvironmentSettings("shop", vars_file=variables))
    house.edit_before_start(settings)
    house.start()
    commit = house.push({"shop/compose.yaml": WITH_VARIABLE})
    house.synced(commit, "shop")
    before = ids_of(house)
    house.secrets.files[variables] = b"PASSWORD=two\n"
    house.upgrade(LATER)
    house.eventually(lambda: house.guards("shop") == {"version"})

    house.secrets.files[variables] = b"PASSWORD=one\n"
    house.edit(replace(settings, resync=settings.resync * 2))

    house.synced(commit, "shop")
    assert ids_of(house) == before


def test_a_release_that_is_under_way_goes_on_through_an_upgrade_with_the_containers_that_it_has(house: House) -> None:
    house.engine().add_image("slow:1", healthy(after=15))
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    commit = house.push({"shop/compose.yaml": compose("slow:1")})
    house.eventually(lambda: len(house.engine().names(running=True)) == 2)
    new = ids_of(house)["shop-web-1.gitopsd-2"]

    house.upgrade(LATER)

    house.synced(commit, "shop")
    house.eventually(lambda: house.engine().names() == ["shop-web-1"])
    assert ids_of(house) == {"shop-web-1": new}
    assert [each.outcome for each in house.store.releases("shop")] == ["succeeded", "succeeded"]
    assert versions(house) == {LATER}


def test_a_plan_by_the_new_version_says_no_changes_before_its_daemon_was_started(house: House) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.stop()

    found = plans(View(house.application(LATER)))

    assert [(each.service, each.change) for plan in found.plans for each in plan.changes] == [("web", "unchanged")]
    assert versions(house) == {VERSION}


def test_after_an_upgrade_what_serves_keeps_its_image_though_its_tag_has_moved_to_something_broken(
    house: House,
) -> None:
    house.engine().publish("tagged:1")
    house.start()
    commit = house.push({"shop/compose.yaml": compose("tagged:1")})
    house.synced(commit, "shop")
    ids = ids_of(house)
    house.engine().publish("tagged:1", exits(3))
    house.store.submit(Operation("sync", "shop", "ada", NOON, {"pull": True}))
    house.watcher.changed("operations")
    house.eventually(lambda: house.store.releases("shop")[0].outcome == "rolled-back")

    house.upgrade(LATER)
    looked(house)
    house.engine().remove_by_hand("shop-web-1")

    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])
    image = house.engine().container("shop-web-1").image.image
    assert image.identity == house.store.releases("shop")[1].services[0].digest.rpartition("@")[2]
    assert ids_of(house) != ids
    assert len(house.store.releases("shop")) == 2
