"""Which fields of a container count as changed, against what, and what it takes to bring them back."""

from typing import Any

import pytest

from gitopsd.drift.fields import field_drifts, owned_drifts, rebased, unenforced
from gitopsd.model.baseline import Baseline
from gitopsd.model.canonical import Json
from gitopsd.model.drift import FieldDrift

WANTED: dict[str, Json] = {
    "name": "shop-web-1",
    "resources.memory": 64,
    "restart": "always",
    "networks": {"shop_back": {"aliases": ["web"]}},
    "environment": {"COLOUR": {"hidden": "1"}},
}
LEFT: dict[str, Json] = {**WANTED, "shm_size": 100, "user": "www"}


def drifted(live: dict[str, Any], desired: dict[str, Json] = WANTED, *ignored: str) -> dict[str, FieldDrift]:
    found = field_drifts({**LEFT, **live}, Baseline(LEFT, "engine"), WANTED, desired, ignored)
    return {each.path: each for each in found}


def without(projection: dict[str, Json], path: str) -> dict[str, Json]:
    return {key: value for key, value in projection.items() if key != path}


def test_what_is_as_it_was_left_has_not_drifted() -> None:
    assert drifted({}) == {}


@pytest.mark.parametrize(
    ("live", "path", "applied", "now", "source", "cure"),
    [
        ({"resources.memory": 32}, "resources.memory", 64, 32, "declared", "in-place"),
        ({"restart": None}, "restart", "always", None, "declared", "in-place"),
        ({"resources.cpus": 5}, "resources.cpus", None, 5, "changed by hand", "recreate"),
        ({"resources.pids": 5}, "resources.pids", None, 5, "changed by hand", "in-place"),
        ({"resources.memory_swap": 9}, "resources.memory_swap", None, 9, "changed by hand", "in-place"),
        ({"shm_size": 7}, "shm_size", 100, 7, "engine default", "recreate"),
        ({"user": "root"}, "user", "www", "root", "image", "recreate"),
        ({"networks": {}}, "networks.shop_back", {"aliases": ["web"]}, None, "declared", "in-place"),
        (
            {"networks": {"shop_back": {}}},
            "networks.shop_back.aliases",
            ["web"],
            None,
            "declared",
            "in-place",
        ),
        (
            {"environment": {"COLOUR": {"hidden": "2"}}},
            "environment.COLOUR",
            {"hidden": "1"},
            {"hidden": "2"},
            "declared",
            "recreate",
        ),
    ],
)
def test_a_change_by_hand_names_the_field_its_origin_and_its_cure(
    live: dict[str, Any], path: str, applied: Json, now: Json, source: str, cure: str
) -> None:
    changed = {key: value for key, value in live.items() if value is not None}
    gone = [key for key, value in live.items() if value is None]
    shown = {key: value for key, value in {**LEFT, **changed}.items() if key not in gone}

    (found,) = field_drifts(shown, Baseline(LEFT, "engine"), WANTED, WANTED)

    assert found.path == path
    assert found == FieldDrift(found.at, applied, applied, now, source, cure)  # type: ignore[arg-type]


def test_a_field_that_is_where_it_is_wanted_has_not_drifted() -> None:
    left = Baseline({**LEFT, "resources.memory": 32}, "engine")

    assert field_drifts(LEFT, left, WANTED, WANTED) == ()


def test_a_field_that_git_has_changed_as_well_is_a_conflict() -> None:
    found = drifted({"resources.memory": 32}, {**WANTED, "resources.memory": 128})["resources.memory"]

    assert (found.desired, found.applied, found.live, found.conflict) == (128, 64, 32, True)


def test_a_renamed_container_has_another_name_and_nothing_else() -> None:
    answers = {"shop_back": {"aliases": ["shop-web-1", "web"]}}

    assert list(drifted({"name": "other", "networks": answers})) == ["name"]


def test_a_container_without_any_network_has_lost_each_of_them() -> None:
    found = field_drifts(without(LEFT, "networks"), Baseline(LEFT, "engine"), WANTED, WANTED)

    assert [each.at for each in found] == [("networks", "shop_back")]


def test_what_is_ignored_is_named_by_its_path_or_one_above() -> None:
    changed = {"resources.memory": 32, "networks": {"shop_back": {}}}

    assert list(drifted(changed, WANTED, "networks", "resources.cpus")) == ["resources.memory"]


def test_what_the_engine_never_carried_out_is_not_held_against_anybody() -> None:
    left = Baseline(LEFT, "engine", unenforced=("resources.memory",))

    assert field_drifts(without(LEFT, "resources.memory"), left, WANTED, WANTED) == ()


def test_without_a_baseline_only_what_the_manifest_owns_is_compared() -> None:
    found = owned_drifts({**LEFT, "shm_size": 7, "resources.memory": 32}, {**WANTED, "user": "www"})

    assert [each.path for each in found] == ["resources.memory"]


def test_a_limit_that_the_kernel_lacks_is_unenforced_and_no_drift() -> None:
    wanted = {**WANTED, "resources.blkio_weight": 300}

    assert [each.path for each in unenforced(WANTED, wanted)] == ["resources.blkio_weight"]
    assert owned_drifts(WANTED, wanted) == ()


def test_a_new_baseline_keeps_what_was_changed_before_it() -> None:
    live = {**LEFT, "resources.memory": 32, "networks": {"other": {}}, "user": "root"}

    left = Baseline(rebased(live, {**WANTED, "user": "www"}), "engine")

    found = field_drifts(live, left, WANTED, WANTED)
    assert [each.path for each in found] == ["networks.other", "networks.shop_back", "resources.memory", "user"]


def test_a_new_baseline_of_an_unchanged_container_shows_no_drift() -> None:
    assert rebased(LEFT, {**WANTED, "user": "www"}) == LEFT
