"""Files in a container's own layer are shown on request, without those that gitopsd or the engine put there."""

from datetime import UTC, datetime
from typing import Any

from gitopsd.drift import layer_drift, untold
from gitopsd.drift.layers import MOST
from gitopsd.model.live import Instance, LayerChange

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIELDS: dict[str, Any] = {"volumes": {"/var/lib/data": {"type": "volume"}}, "tmpfs": {"/run/app": ""}}
WEB = Instance("1", "shop-web-1", "web", 1, "running", NOW, fields=FIELDS)
DELIVERED = ("/etc/app/app.conf",)


def told(*changes: LayerChange) -> list[tuple[str, str, str]]:
    items = layer_drift(WEB, "web", changes, DELIVERED, NOW)
    return [(each.name, each.kind, each.cure) for each in items]


def test_every_file_is_an_item_that_nobody_mends() -> None:
    found = told(
        LayerChange("/tmp/a", "added"), LayerChange("/etc/hosts.bak", "changed"), LayerChange("/bin/x", "removed")
    )

    assert found == [
        ("shop-web-1:/bin/x", "missing", "none"),
        ("shop-web-1:/etc/hosts.bak", "modified", "none"),
        ("shop-web-1:/tmp/a", "extra", "none"),
    ]


def test_a_directory_that_only_shows_that_something_in_it_changed_is_not_told() -> None:
    assert told(LayerChange("/srv", "changed"), LayerChange("/srv/x", "added")) == [
        ("shop-web-1:/srv/x", "extra", "none")
    ]


def test_what_was_delivered_and_what_the_engine_makes_for_mounts_is_not_told() -> None:
    own = ("/etc/app/app.conf", "/etc/app", "/var/lib/data", "/var/lib", "/run/app", "/.gitopsd", "/.gitopsd/0a1b")

    assert told(*(LayerChange(path, "added") for path in own)) == []


def test_a_hundred_are_told_and_the_rest_counted() -> None:
    many = [LayerChange(f"/cache/{number:04}", "added") for number in range(MOST + 7)]

    assert len(told(*many)) == MOST
    assert untold(WEB, many, DELIVERED) == 7
