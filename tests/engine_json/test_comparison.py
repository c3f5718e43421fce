"""Two projections held against each other: which fields differ, and which of them count."""

from typing import Any

import pytest

from gitopsd.engine_json.comparison import differences, owned_differences
from gitopsd.engine_json.field import Holder
from gitopsd.engine_json.field_table import FIELDS, field_of


def named(found: Any) -> dict[str, tuple[Any, Any]]:
    return {each.name: (each.wanted, each.live) for each in found}


def test_maps_differ_key_by_key_and_lists_as_a_whole() -> None:
    wanted = {"environment": {"A": "1", "B": "2"}, "command": ["a", "b"]}
    live = {"environment": {"A": "1", "B": "3", "C": "4"}, "command": ["b", "a"]}

    assert named(owned_differences(wanted, live)) == {
        "command": (["a", "b"], ["b", "a"]),
        "environment.B": ("2", "3"),
        "environment.C": (None, "4"),
    }


def test_what_the_engine_fills_in_counts_only_where_the_manifest_speaks() -> None:
    live = {"ulimits": {"nofile": {"soft": 5, "hard": 5}, "core": {"soft": 0, "hard": 0}}, "shm_size": 67108864}

    assert not owned_differences({"ulimits": {"nofile": {"soft": 5, "hard": 5}}}, live)
    assert named(owned_differences({"shm_size": 1}, live)) == {"shm_size": (1, 67108864)}


def test_against_what_was_there_before_everything_counts_but_what_changes_by_itself() -> None:
    before = {"shm_size": 67108864, "networks": {"shop_default": {"mac_address": "02:42:0a:00:00:02"}}}
    after = {"shm_size": 1, "networks": {"shop_default": {"mac_address": "02:42:0a:00:00:03"}}}

    assert list(named(differences(before, after))) == ["shm_size"]


def test_an_address_that_the_manifest_fixes_counts() -> None:
    wanted = {"networks": {"shop_default": {"mac_address": "02:42:0a:00:00:02"}}}
    live = {"networks": {"shop_default": {"mac_address": "02:42:0a:00:00:03"}}}

    assert list(named(owned_differences(wanted, live))) == ["networks.shop_default.mac_address"]


def test_a_network_that_was_left_is_one_difference_that_can_be_mended_in_place() -> None:
    (found,) = owned_differences({"networks": {"back": {"aliases": ["web"]}}}, {})

    assert (found.name, found.field.cure) == ("networks", "in-place")


def test_a_mount_of_another_type_is_one_difference() -> None:
    wanted = {"volumes": {"/a": {"type": "volume", "source": "shop_data", "read_only": False}}}
    live = {"volumes": {"/a": {"type": "bind", "source": "/srv", "read_only": True}}}

    assert list(named(owned_differences(wanted, live))) == ["volumes./a"]


def test_a_limit_that_the_kernel_lacks_may_have_been_dropped() -> None:
    lost, low = owned_differences({"resources.blkio_weight": 300, "resources.memory": 64}, {"resources.memory": 32})

    assert (lost.dropped, low.dropped) == (True, False)


@pytest.mark.parametrize(
    ("holder", "path", "row"),
    [
        ("container", ("environment", "A.B"), "environment"),
        ("container", ("networks", "my.net", "aliases"), "networks.*.aliases"),
        ("container", ("networks", "back"), "networks"),
        ("container", ("volumes", "/a", "propagation"), "volumes.*.propagation"),
        ("container", ("resources.memory",), "resources.memory"),
        ("network", ("ipam.config", "10.0.0.0/24", "gateway"), "ipam.config"),
        ("volume", ("driver_opts", "o"), "driver_opts"),
    ],
)
def test_every_path_finds_its_row(holder: Holder, path: tuple[str, ...], row: str) -> None:
    assert field_of(holder, path).path == row


@pytest.mark.parametrize("holder", FIELDS)
def test_no_field_has_two_rows(holder: Holder) -> None:
    for names in ([row.path for row in FIELDS[holder]], [row.at for row in FIELDS[holder]]):
        assert len(names) == len(set(names))
