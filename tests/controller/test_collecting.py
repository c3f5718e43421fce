"""Images on disk: what stays for the way back, what goes, what is nobody's business, and no pull without room."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitopsd.controller.desire import outlived_releases
from gitopsd.model.errors import EngineRefused
from gitopsd.model.image import Disk, OutOfSight
from gitopsd.model.operation import Operation
from gitopsd.model.settings import EnvironmentSettings, ImageKeeping, Size, TargetEngine
from tests.controller.house import HERE, SETTINGS, House, NearHouse, compose, with_environments
from tests.fakes.engine import FakeEngine

ONE = replace(SETTINGS, images=ImageKeeping(keep_releases=1))
GIB = 1 << 30


def tag(number: int) -> str:
    return f"shop/web:{number}"


@pytest.fixture
def house() -> Iterator[House]:
    """It keeps the images of one release; there are four in the registry."""
    made = NearHouse()
    made.edit_before_start(ONE)
    for number in range(1, 5):
        made.engine().publish(tag(number))
    yield made
    made.stop()


def release(house: House, number: int, environment: str = "shop") -> None:
    house.synced(house.push({f"{environment}/compose.yaml": compose(tag(number))}), environment)


def there(house: House) -> list[int]:
    """The numbers of the registry's images that are on the engine."""
    return [number for number in range(1, 5) if tag(number) in house.engine().images]


def looked_again(house: House, environment: str = "shop") -> None:
    """A look that began after this, and all that it set off."""
    for _ in range(2):
        ask(house, Operation("retry", environment, "ada", house.clock.now()))


def without_containers(house: House, environment: str, engine: str = HERE) -> None:
    """An environment's release with nothing that runs: the ledger alone says what it needs."""
    ask(house, Operation("suspend", environment, "ada", house.clock.now()))
    house.engine(engine).remove_by_hand(f"{environment}-web-1")


def ask(house: House, operation: Operation) -> str:
    """Have something done, and wait for its result."""
    number = house.store.submit(operation)
    house.watcher.changed("operations")

    def result() -> str:
        done = house.store.operation(number)
        return done.result if done is not None else ""

    return house.eventually(result)


def removals(house: House) -> list[str]:
    return [call for call in house.engine().writes if call.startswith("remove image")]


def test_a_superseded_image_goes_when_its_release_is_not_kept_any_more(house: House) -> None:
    house.start()
    release(house, 1)
    release(house, 2)

    house.eventually(lambda: there(house) == [2])

    (told,) = house.told("ImageRemoved")
    assert told.startswith("image shop/web:1 (sha256:")
    assert told.endswith(") was superseded: neither a container nor a kept release needs it")
    assert house.store.pulled()[0].references == {tag(2)}


def test_the_last_good_releases_keep_their_images(house: House) -> None:
    house.edit_before_start(replace(SETTINGS, images=ImageKeeping(keep_releases=3)))
    house.start()
    for number in (1, 2, 3):
        release(house, number)
    looked_again(house)
    assert there(house) == [1, 2, 3]

    release(house, 4)

    house.eventually(lambda: there(house) == [2, 3, 4])


def test_a_revert_to_a_kept_release_needs_no_registry(house: House) -> None:
    house.edit_before_start(replace(SETTINGS, images=ImageKeeping(keep_releases=2)))
    house.start()
    release(house, 1)
    release(house, 2)
    house.engine().registry.clear()

    release(house, 1)

    assert house.engine().names(running=True) == ["shop-web-1"]


def test_an_image_that_only_gives_files_is_kept_as_long_as_the_release_that_needs_them(house: House) -> None:
    engine = house.engines[HERE] = FakeEngine(house.clock, api=(1, 51))
    engine.add_image("web:1")
    house.edit_before_start(replace(SETTINGS, images=ImageKeeping(keep_releases=2)))
    house.start()

    def bring(number: int) -> None:
        engine.publish(tag(number))
        mount = f"    volumes: [{{type: image, source: '{tag(number)}', target: /files}}]\n"
        house.synced(house.push({"shop/compose.yaml": compose(more=mount)}), "shop")

    for number in (1, 2):
        bring(number)
    looked_again(house)
    assert there(house) == [1, 2]

    bring(3)

    house.eventually(lambda: there(house) == [2, 3])


def test_a_commit_is_held_as_long_as_the_ledger_has_its_release(house: House) -> None:
    house.start()
    for number in (1, 2, 3):
        release(house, number)
    house.source().keep(house.source().head() or "", "rollback-shop")
    house.store.drop_release(1)
    release(house, 4)
    house.eventually(lambda: house.source().kept() == {"release-2", "release-3", "release-4", "rollback-shop"})


def test_a_release_that_another_environment_only_just_begins_keeps_its_commit() -> None:
    ledger = {7: "shop", 9: "shop", 8: "blog"}
    kept = ["release-3", "release-7", "release-10", "rollback-shop", "release-x"]
    assert outlived_releases("shop", kept, ledger) == {"release-3"}
    assert outlived_releases("new", kept, ledger) == frozenset()


def test_what_people_brought_or_tagged_is_never_touched(house: House) -> None:
    engine = house.engine()
    engine.load_by_hand(tag(1))
    house.start()
    release(house, 1)
    release(house, 2)
    engine.tag_by_hand(tag(2), "mine:keep")
    release(house, 3)
    release(house, 4)

    house.eventually(lambda: there(house) == [1, 2, 4])
    assert {"mine:keep", "web:1", "web:2"} <= engine.images.keys()


def test_what_was_there_under_another_name_when_it_was_pulled_is_not_gitopsds(house: House) -> None:
    engine = house.engine()
    engine.load_by_hand(tag(1))
    engine.tag_by_hand(tag(1), "mine:1")
    engine.remove_image(tag(1))
    house.start()
    release(house, 1)
    assert house.store.pulled() == ()
    engine.remove_image("mine:1")
    release(house, 2)
    looked_again(house)

    assert there(house) == [1, 2]


def test_what_was_removed_and_brought_back_by_hand_is_somebodys(house: House) -> None:
    house.edit_before_start(replace(SETTINGS, images=ImageKeeping(keep_releases=2)))
    house.start()
    release(house, 1)
    release(house, 2)
    looked_again(house)
    house.engine().remove_image_by_hand(house.engine().images[tag(1)].image.id)
    house.eventually(lambda: len(house.store.pulled()) == 1)
    house.engine().load_by_hand(tag(1))

    release(house, 3)
    release(house, 4)

    house.eventually(lambda: there(house) == [1, 3, 4])


def test_the_kept_release_of_another_environment_keeps_an_image(house: House) -> None:
    house.start()
    release(house, 1)
    release(house, 1, "blog")
    without_containers(house, "blog")
    release(house, 2)
    looked_again(house)
    assert there(house) == [1, 2]

    ask(house, Operation("resume", "blog", "ada", house.clock.now()))
    release(house, 2, "blog")

    house.eventually(lambda: there(house) == [2])


@pytest.mark.parametrize("same", [True, False])
def test_an_environment_elsewhere_keeps_nothing_here_unless_it_is_the_same_engine_by_another_url(
    house: House, same: bool
) -> None:
    there_too = EnvironmentSettings("blog", target=TargetEngine("unix:///there"))
    house.edit_before_start(with_environments(ONE, there_too))
    if same:
        house.engines["unix:///there"] = house.engine()
    else:
        house.engine("unix:///there").publish(tag(1))
    house.start()
    release(house, 1)
    release(house, 1, "blog")
    without_containers(house, "blog", "unix:///there")

    release(house, 2)
    looked_again(house)

    assert there(house) == ([1, 2] if same else [2])


def test_a_container_of_anybody_keeps_its_image(house: House) -> None:
    house.start()
    release(house, 1)
    house.engine().run_by_hand("somebodys", image=tag(1))
    release(house, 2)
    looked_again(house)

    assert there(house) == [1, 2]
    assert removals(house) == []


def test_what_was_pulled_for_a_release_that_waits_for_another_image_stays(house: House) -> None:
    house.start()
    release(house, 1)
    house.engine().refuse_pull("shop/db:1")
    waiting = compose(tag(3), "  db: {image: 'shop/db:1'}\n")
    house.push({"blog/compose.yaml": waiting})
    house.eventually(lambda: 3 in there(house) and house.guards("blog") == {"image"})

    release(house, 2)

    house.eventually(lambda: there(house) == [2, 3])
    assert [call for call in removals(house) if tag(3) in call] == []


def test_an_image_that_cannot_be_removed_is_an_event_and_is_tried_again_after_the_next_release(house: House) -> None:
    house.engine().fail("remove image", EngineRefused("a fault of the moment", 500))
    house.start()
    release(house, 1)
    release(house, 2)
    house.eventually(lambda: house.told("ImagesNotCollected") == ["a fault of the moment"])
    assert there(house) == [1, 2]

    release(house, 3)

    house.eventually(lambda: there(house) == [3])


def test_a_restart_clears_away_what_the_last_process_did_not_come_to(house: House) -> None:
    house.edit_before_start(SETTINGS)
    house.start()
    release(house, 1)
    release(house, 2)
    house.stop()

    house.edit_before_start(ONE)
    house.start()

    house.eventually(lambda: there(house) == [2])


def test_a_smaller_number_in_the_settings_takes_effect_at_once(house: House) -> None:
    house.edit_before_start(SETTINGS)
    house.start()
    release(house, 1)
    release(house, 2)

    house.edit(ONE)

    house.eventually(lambda: there(house) == [2])


def test_observe_mode_removes_nothing_not_even_what_a_removed_environment_left(house: House) -> None:
    house.start()
    release(house, 1)
    release(house, 2, "blog")
    house.push({"shop/compose.yaml": None})
    house.eventually(lambda: house.guards("shop") == {"orphaned"})
    ask(house, Operation("remove", "shop", "ada", house.clock.now()))
    house.eventually(lambda: house.store.environments() == ("blog",))

    house.edit(replace(ONE, mode="observe"))
    looked_again(house, "blog")
    assert (there(house), removals(house)) == ([1, 2], [])

    house.edit(ONE)
    house.eventually(lambda: there(house) == [2])


def test_what_was_pulled_for_an_observed_environment_stays_while_others_go_on(house: House) -> None:
    house.edit_before_start(SETTINGS)
    house.start()
    release(house, 1)
    release(house, 2)
    observed = with_environments(ONE, EnvironmentSettings("shop", mode="observe"))
    house.edit(observed)

    release(house, 3, "blog")
    release(house, 4, "blog")

    house.eventually(lambda: there(house) == [1, 2, 4])


def test_a_full_disk_holds_a_release_before_the_pull_and_what_runs_goes_on(house: House) -> None:
    house.start()
    release(house, 1)
    house.engine().room = Disk("/var/lib/docker", 9 * GIB, 100 * GIB)

    commit = house.push({"shop/compose.yaml": compose(tag(2))})
    house.eventually(lambda: house.guards("shop") == {"disk"})

    status = house.status("shop")
    assert status is not None
    assert status.holds[0].reason == (
        "shop/web:2: 9.0 GiB of 100.0 GiB are free at /var/lib/docker, and images.min_free is 10%; "
        "free some space, or lower it in gitopsd.yaml"
    )
    assert f"pull {tag(2)}" not in house.engine().writes
    assert house.engine().container("shop-web-1").image.image.reference == tag(1)
    house.engine().room = Disk("/var/lib/docker", 11 * GIB, 100 * GIB)
    house.synced(commit, "shop")


def test_an_image_that_is_there_needs_no_room(house: House) -> None:
    house.engine().room = Disk("/var/lib/docker", 0, 100 * GIB)
    house.start()

    house.synced(house.push({"shop/compose.yaml": compose("web:1")}), "shop")


@pytest.mark.parametrize("least", [Size(0), Size(GIB)])
def test_room_may_be_a_size_or_not_wanted_at_all(house: House, least: Size) -> None:
    house.edit_before_start(replace(SETTINGS, images=ImageKeeping(min_free=least)))
    house.engine().room = Disk("/var/lib/docker", 2 * GIB if least.size else 0, 100 * GIB)
    house.start()

    release(house, 1)


def test_a_disk_that_is_out_of_sight_is_not_checked(house: House) -> None:
    house.engine().room = OutOfSight("an engine behind a network may be on any host")
    house.start()

    release(house, 1)


def test_a_single_run_ends_where_the_disk_is_full(house: House) -> None:
    house.engine().room = Disk("/var/lib/docker", 0, 100 * GIB)
    house.push({"shop/compose.yaml": compose(tag(1))})

    assert house.once() == 2


def test_a_filter_that_keeps_the_list_of_images_back_only_means_that_none_is_taken_for_ours(house: House) -> None:
    class Filtered(FakeEngine):
        def held_images(self) -> tuple[()]:
            raise EngineRefused("forbidden", 403)

    house.engines.clear()
    house.engines[SETTINGS.engine.url] = engine = Filtered(house.clock)
    engine.publish(tag(1))
    house.start()

    release(house, 1)

    assert house.store.pulled() == ()
