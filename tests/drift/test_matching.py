"""A container without a fingerprint is what the manifest wants, or differs in fields that are named."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gitopsd.drift.matching import content_changes, content_to_compare, match
from gitopsd.model.adoption import Match
from gitopsd.model.desired import Content, ContentFile, ContentMount, SealedService
from gitopsd.model.live import Instance
from tests.builders import a_service

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
WANTED: dict[str, Any] = {
    "image": "sha256:1",
    "name": "shop-web-1",
    "environment": {"COLOUR": "blue", "PASSWORD": "swordfish"},
    "networks": {"shop_default": {"aliases": ["web"]}},
    "resources.memory": 64,
    "restart": "always",
}


def an_instance(**fields: Any) -> Instance:
    shown = {key: value for key, value in {**WANTED, **fields}.items() if value is not None}
    return Instance("id", "shop-web-1", "web", 1, "running", NOON, image="web:1", fields=shown)


def sealed(**how: Any) -> SealedService:
    found = a_service("web")
    return replace(found, service=replace(found.service, **how))


def matched(wanted: dict[str, Any] = WANTED, siblings: Any = (), how: Any = (), **fields: Any) -> Match:
    return match(sealed(**dict(how)), wanted, an_instance(**fields), dict(siblings))


def test_equal_fields_are_no_change() -> None:
    assert matched() == Match()


def test_a_changed_variable_is_named_with_both_values() -> None:
    (change,) = matched(environment={**WANTED["environment"], "COLOUR": "red"}).changes

    assert (change.path, change.before, change.after) == ("environment.COLOUR", "red", "blue")


def test_a_secret_is_never_shown_by_its_origin_or_by_its_name() -> None:
    by_origin = matched(how={"hidden": frozenset([("environment", "COLOUR")])}, environment={"PASSWORD": "swordfish"})
    by_name = matched(environment={**WANTED["environment"], "PASSWORD": "other", "MY_TOKEN": "t"})

    for found in (by_origin, by_name):
        assert found.changes
        assert all(change.hidden and change.before == change.after == "(hidden)" for change in found.changes)


@pytest.mark.parametrize(
    ("field", "live", "in_place"),
    [
        ("resources.memory", 32, True),
        ("resources.memory", None, True),
        ("restart", None, True),
        ("resources.cpus", 5, False),  # which the manifest does not set, and no update can take away
        ("user", "root", False),
    ],
)
def test_a_limit_can_be_set_in_place_and_never_taken_away(field: str, live: Any, in_place: bool) -> None:
    found = matched(**{field: live})

    assert bool(found.in_place) == in_place
    assert bool(found.changes) != in_place


def test_a_limit_that_this_host_cannot_enforce_is_a_note() -> None:
    found = matched({**WANTED, "resources.blkio_weight": 300})

    assert (found.changes, found.in_place) == ((), ())
    assert found.notes == ("resources.blkio_weight: the engine shows none; this host may not be able to",)


def test_another_name_is_no_change_and_its_first_one_no_alias() -> None:
    renamed = {"shop_default": {"aliases": ["shop-web-1", "web"]}}

    assert matched(name="somebody", networks=renamed) == Match()


def test_an_image_that_is_named_otherwise_is_told_by_its_names() -> None:
    (change,) = matched(how={"image": "web:2"}, image="sha256:2").changes

    assert (change.path, change.before, change.after) == ("image", "web:1", "web:2")


def test_the_namespace_of_a_sibling_is_compared_by_its_service() -> None:
    wanted = {**WANTED, "network_mode": "container:db", "volumes_from": ["db:ro"]}
    siblings = {"abc": "db", "shop-db-1": "db"}

    assert matched(wanted, siblings, network_mode="container:abc", volumes_from=["shop-db-1:ro"]) == Match()
    assert matched(wanted, siblings, network_mode="container:abc", volumes_from=["abc"]) == Match()
    assert matched(wanted, siblings, network_mode="host", volumes_from=["db:ro"]).changes


def test_the_namespace_of_an_outsider_is_taken_for_the_one_that_is_named() -> None:
    assert matched({**WANTED, "pid": "container:other"}, pid="container:0f6d") == Match()


def content(*files: ContentFile, secret: bool = False, directory: bool = True) -> ContentMount:
    return ContentMount("/etc/app", Content(files, directory, secret), "./app")


def test_content_differs_file_by_file_whatever_its_modes() -> None:
    mount = content(ContentFile("a", b"1", 0o644), ContentFile("b", b"2"), ContentFile("c", b"3"))

    found = content_changes(
        mount, (ContentFile("a", b"1", 0o600, 7, 7), ContentFile("b", b"!"), ContentFile("d", b"4"))
    )

    assert [each.path for each in found] == ["content./etc/app/b", "content./etc/app/c", "content./etc/app/d"]
    assert [(each.before is None, each.after is None) for each in found] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_content_that_cannot_be_read_is_missing() -> None:
    (change,) = content_changes(content(ContentFile("", b"1"), directory=False), None)

    assert (change.path, change.before) == ("content./etc/app", None)


def test_secret_content_is_never_shown_not_even_by_a_digest() -> None:
    (change,) = content_changes(content(ContentFile("", b"1"), secret=True, directory=False), (ContentFile("", b"2"),))

    assert (change.hidden, change.before, change.after) == (True, "(hidden)", "(hidden)")


def test_content_is_compared_where_it_may_be_and_not_in_somebodys_volume() -> None:
    service = sealed(mounts=(content(ContentFile("a", b"1")),))

    def compared(mount: Any) -> int:
        return len(content_to_compare(service, an_instance(volumes={"/etc/app": mount} if mount else None)))

    assert [compared(each) for each in (None, {"type": "bind"}, {"type": "content"}, {"type": "volume"})] == [
        1,
        1,
        1,
        0,
    ]
