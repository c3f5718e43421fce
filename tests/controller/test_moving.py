"""A directory that was renamed: `moved_from` makes the new environment what the old one was."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitopsd.controller.queries.drifts import drifts
from gitopsd.controller.queries.operate import remove
from gitopsd.controller.queries.plans import plans
from gitopsd.controller.queries.view import View
from gitopsd.model.operation import Operation
from gitopsd.model.release import Former
from gitopsd.model.settings import EnvironmentSettings, TargetEngine
from tests.controller.house import HERE, SETTINGS, House, NearHouse, compose, with_environments
from tests.fakes.clock import NOON
from tests.fakes.containers import exits
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore

MOVED = "x-gitopsd: {moved_from: shop}\n"
DATA = '    volumes: ["./data:/data", "files:/files"]\nvolumes: {files: {}}\n'


@pytest.fixture
def house() -> Iterator[House]:
    made = NearHouse()
    made.engine().add_image("crash:1", exits(3))
    yield made
    made.stop()


def renamed(house: House, text: str = "", more: str = MOVED, old: str = "shop", new: str = "store") -> str:
    """Someone renames a directory, and pushes."""
    return house.push({f"{old}/compose.yaml": None, f"{new}/compose.yaml": more + (text or compose(more=DATA))})


def ids(house: House) -> dict[str, str]:
    return {each.name: each.id for each in house.engine().observe("shop").instances}


def shop(house: House) -> tuple[dict[str, str], int]:
    """An environment that serves: its containers, and how many writes that took."""
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose(more=DATA)}), "shop")
    return ids(house), len(house.writes())


def test_the_new_environment_has_the_containers_the_volumes_the_releases_and_the_project_of_the_old_one(
    house: House,
) -> None:
    before, writes = shop(house)

    house.synced(renamed(house), "store")

    assert (ids(house), house.writes()[writes:]) == (before, [])
    assert house.store.environments() == ("store",)
    assert [each.name for each in house.store.statuses()] == ["store"]
    assert [(each.number, each.environment) for each in house.store.releases("store")] == [(1, "store")]
    assert house.store.journal("store").formerly == (Former("shop", "environments/shop"),)
    assert house.told("EnvironmentMoved") == [
        "store is what shop was: project shop, its containers and its releases are its own"
    ]


def test_nothing_drifts_because_a_label_says_the_old_name_and_the_plan_is_empty(house: House) -> None:
    shop(house)
    house.synced(renamed(house), "store")

    (report,) = drifts(View(house.application())).reports
    (plan,) = plans(View(house.application())).plans

    assert report.items == ()
    assert plan.empty


def test_the_next_change_replaces_as_ever_and_the_new_instance_has_the_new_name_on_it(house: House) -> None:
    shop(house)
    house.synced(renamed(house), "store")
    commit = house.push({"store/compose.yaml": MOVED + compose("web:2", DATA)})
    house.synced(commit, "store")
    (instance,) = house.engine().observe("shop").instances
    assert (instance.name, instance.environment) == ("shop-web-1", "store")


def test_a_new_name_and_a_broken_image_in_one_commit_return_to_what_served_under_the_old_name(house: House) -> None:
    shop(house)
    ports = '    ports: ["80:80"]\n'
    house.synced(house.push({"shop/compose.yaml": compose(more=ports + DATA)}), "shop")
    renamed(house, compose("crash:1", ports + DATA))
    house.eventually(lambda: "rejected" in house.guards("store") and not house.store.journal("store").rollouts)
    house.engine().remove_by_hand("shop-web-1")
    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])
    assert house.engine().container("shop-web-1").image.image.reference == "web:1"


def test_the_line_may_go_afterwards_and_nothing_changes(house: House) -> None:
    before, writes = shop(house)
    house.synced(renamed(house), "store")
    house.synced(house.push({"store/compose.yaml": compose(more=DATA)}), "store")
    assert (ids(house), house.writes()[writes:]) == (before, [])


def test_a_second_move_keeps_what_the_first_name_brought(house: House) -> None:
    before, writes = shop(house)
    house.synced(renamed(house), "store")
    more = "x-gitopsd: {moved_from: store}\n"
    house.synced(renamed(house, more=more, old="store", new="market"), "market")
    assert (ids(house), house.writes()[writes:]) == (before, [])
    assert house.store.journal("market").names == ("market", "shop", "store")


def test_what_the_settings_say_of_the_old_name_counts_for_the_new_one(house: House) -> None:
    variables = Path("/etc/shop.env")
    house.secrets.files[variables] = b"PASSWORD=one\n"
    there = TargetEngine("unix:///there")
    named = EnvironmentSettings("shop", vars_file=variables, target=there, host_dir=Path("/data/shop"))
    house.edit_before_start(with_environments(SETTINGS, named))
    house.start()
    text = compose(more='    environment: {PASSWORD: "${PASSWORD:?}"}\n' + DATA)
    house.synced(house.push({"shop/compose.yaml": text}), "shop")
    writes = len(house.writes(there.url))

    house.synced(renamed(house, text), "store")

    assert house.writes(there.url)[writes:] == []
    assert house.writes() == []


def test_a_move_while_the_store_is_lost_knows_the_containers_by_the_name_that_the_manifest_tells(house: House) -> None:
    before, writes = shop(house)
    house.stop()
    house.store = FakeStore(house.store.instance_id())
    house.edit_before_start(SETTINGS)
    house.start()

    house.synced(renamed(house), "store")

    assert ids(house) == before
    assert not [write for write in house.writes()[writes:] if "create" in write or "remove" in write]


def test_a_plan_before_the_daemon_has_seen_the_move_tells_no_change(house: House) -> None:
    shop(house)
    house.stop()
    renamed(house)
    house.source().poll()

    view = View(house.application())
    (plan,) = plans(view).plans

    assert [(change.service, change.change) for change in plan.changes] == [("web", "unchanged")]
    assert house.store.environments() == ("shop",)


def test_a_moved_environment_is_taken_down_as_any_other(house: House) -> None:
    shop(house)
    house.synced(renamed(house), "store")
    number = house.store.submit(Operation("remove", "store", "ada", NOON))
    house.watcher.changed("operations")
    house.eventually(lambda: house.store.operation(number).done_at)  # type: ignore[union-attr]
    assert house.engine().names() == []
    assert "shop_files" in house.engine().volumes


def test_a_removal_by_the_new_name_takes_the_old_one_down_before_a_daemon_has_seen_the_move(house: House) -> None:
    shop(house)
    house.stop()
    renamed(house)
    house.source().poll()

    result = remove(View(house.application()), "store", "ada")

    assert result.startswith("1 containers removed, volumes stay")
    assert house.engine().names() == []


class Slow(FakeEngine):
    """Its starts take until they are let go."""

    def __init__(self, house: House) -> None:
        super().__init__(house.clock)
        self.let_go = threading.Event()
        self.starting = threading.Event()

    def start(self, container: str) -> None:
        self.starting.set()
        self.let_go.wait(20)
        super().start(container)


def test_what_began_under_the_old_name_ends_before_the_new_one_takes_over(house: House) -> None:
    engine = house.engines[HERE] = Slow(house)
    for tag in ("web:1", "web:2"):
        engine.add_image(tag)
    house.start()
    house.push({"shop/compose.yaml": compose(more=DATA)})
    house.eventually(engine.starting.is_set)

    commit = renamed(house)
    for _ in range(5):
        house.timer.tick(30)
    waiting = house.store.environments()
    engine.let_go.set()

    house.synced(commit, "store")
    assert waiting == ("shop",)
    assert [write for write in engine.writes if write.startswith("create shop-web")] == ["create shop-web-1"]
    assert house.store.environments() == ("store",)


def test_without_the_line_a_new_name_for_the_same_project_waits_and_is_told_of_it(house: House) -> None:
    before, writes = shop(house)
    renamed(house, more="name: shop\n")
    house.eventually(lambda: "claim" in house.guards("store") and "orphaned" in house.guards("shop"))
    status = house.status("store")
    assert status is not None
    assert "whose directory is gone from Git" in status.reason
    assert "`x-gitopsd: {moved_from: shop}`" in status.reason
    assert (ids(house), house.writes()[writes:]) == (before, [])

    house.synced(house.push({"store/compose.yaml": MOVED + compose(more=DATA)}), "store")
    assert ids(house) == before


def refusal(house: House, name: str = "store") -> str:
    house.eventually(lambda: "manifest" in house.guards(name))
    status = house.status(name)
    assert status is not None
    return next(hold.reason for hold in status.holds if hold.guard == "manifest")


def test_an_environment_that_is_still_there_cannot_be_what_another_one_was(house: House) -> None:
    before, writes = shop(house)
    house.push({"store/compose.yaml": MOVED + compose(more=DATA)})
    assert refusal(house) == (
        "environments/store/compose.yaml:1:25: x-gitopsd.moved_from: environment shop is still there, in "
        "environments/shop; remove that directory, or this line"
    )
    assert (ids(house), house.writes()[writes:]) == (before, [])


def test_two_environments_cannot_both_be_what_one_was(house: House) -> None:
    before, writes = shop(house)
    text = MOVED + compose(more=DATA)
    house.push({"shop/compose.yaml": None, "store/compose.yaml": text, "market/compose.yaml": text})
    assert "market says the same of itself at environments/market/compose.yaml:1:25; only one" in refusal(house)
    assert "store says the same of itself at environments/store/compose.yaml:1:25" in refusal(house, "market")
    assert (ids(house), house.writes()[writes:]) == (before, [])


def test_what_has_been_taken_over_cannot_be_taken_over_again(house: House) -> None:
    shop(house)
    house.synced(renamed(house), "store")
    house.push({"market/compose.yaml": MOVED + compose(more=DATA)})
    assert "shop has become store already; remove this line" in refusal(house, "market")


def test_an_environment_that_serves_already_has_no_room_for_another_one_s_containers(house: House) -> None:
    shop(house)
    house.synced(house.push({"store/compose.yaml": compose()}), "store")
    renamed(house)
    assert "store serves already, as project store; `gitopsd remove store` makes room" in refusal(house)


def test_an_environment_stays_on_its_engine(house: House) -> None:
    there = EnvironmentSettings("store", target=TargetEngine("unix:///there"))
    house.edit_before_start(with_environments(SETTINGS, there))
    before, _ = shop(house)
    renamed(house)
    assert "shop runs on the engine unix:///here, and store is for unix:///there" in refusal(house)
    assert ids(house) == before
    assert house.writes("unix:///there") == []


def test_while_a_repository_is_silent_nobody_takes_over_what_it_may_still_have(house: House) -> None:
    infra = replace(SETTINGS.repositories["default"], name="infra")
    shop(house)
    house.edit(replace(SETTINGS, repositories={**SETTINGS.repositories, "infra": infra}))
    renamed(house)
    assert "repository infra has not answered yet, and may still have shop" in refusal(house)


def test_on_an_engine_that_never_had_the_old_one_the_new_one_is_called_as_the_old_one_was(house: House) -> None:
    house.start()
    house.synced(house.push({"store/compose.yaml": MOVED + compose(more=DATA)}), "store")
    assert house.engine().names() == ["shop-web-1"]
