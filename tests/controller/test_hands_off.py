"""What is not gitopsd's: told where it may matter, and never touched, whatever it says of itself."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitopsd.engine_json import labels
from gitopsd.engine_json.container import Creation
from tests.cli.shop import Shop, compose, service, web
from tests.fakes.engine import FakeEngine

FORGED = {
    labels.ENVIRONMENT: "shop",
    labels.SERVICE: "web",
    labels.SLOT: "1",
    labels.FINGERPRINT: "v2:forged",
    labels.RELEASE: "1",
}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


def forged(shop: Shop, name: str, **more: str) -> None:
    """Somebody's container with our labels, as one who copies a container would have it."""
    shop.engine.run_by_hand(name, "shop", "web")
    container = shop.engine.container(name)
    body: Mapping[str, Any] = container.body
    container.body = {**body, "Labels": {**body["Labels"], **FORGED, **more}}


def test_labels_of_ours_in_a_manifest_count_for_nothing(shop: Shop) -> None:
    lines = "labels: {gitopsd.slot: '9', gitopsd.environment: other, gitopsd.release: '77', gitopsd.carrier: 'yes'}"
    shop.release(compose(web("web:1", lines)))
    shop.work()
    (instance,) = shop.engine.observe("shop").instances
    assert (instance.slot, instance.environment, instance.release) == (1, "shop", 1)
    assert shop.json("status")["environments"][0]["health"] == "Healthy"
    assert shop.json("drift")["environments"][0]["items"] == []


def test_a_container_with_forged_labels_is_told_and_outlives_releases_prune_and_removal(shop: Shop) -> None:
    shop.release(compose(web(), service("db")))
    forged(shop, "twin")
    forged(shop, "left-over", **{labels.SLOT: "7", labels.RELEASE: "0"})
    shop.release(compose(web("web:2")))
    items = shop.json("drift")["environments"][0]["items"]
    assert [(each["name"], each["kind"], each["cure"]) for each in items] == [
        ("left-over", "extra", "none"),
        ("twin", "extra", "none"),
    ]
    shop.ask("heal", "shop")
    shop.work()
    shop.ask("remove", "shop")
    shop.work()
    assert shop.engine.names(running=True) == ["left-over", "twin"]


def test_a_container_of_somebody_under_a_name_that_is_needed_is_left_alone(shop: Shop) -> None:
    shop.engine.run_by_hand("shop-web-1")
    theirs = shop.engine.container("shop-web-1").id
    shop.release(compose(web()))
    assert shop.engine.container("shop-web-1").id == theirs
    assert "already in use" in shop.json("history", "shop")["releases"][0]["reason"]


def test_no_prune_and_no_removal_takes_a_volume_or_what_is_external(shop: Shop) -> None:
    shop.engine.create_network("proxy", {})
    shop.engine.create_volume("archive", {})
    top = "networks: {default: , proxy: {external: true}}\nvolumes: {data: , cache: , archive: {external: true}}\n"
    mounts = "volumes: [data:/data, archive:/archive, /anonymous]"
    shop.release(
        compose(web("web:1", mounts, "networks: [default, proxy]"), service("db", "volumes: [cache:/c]")) + top
    )
    shop.release(compose(web()))
    shop.ask("remove", "shop")
    shop.work()
    assert shop.engine.names() == []
    assert {"shop_data", "shop_cache", "archive"} <= set(shop.engine.volumes)
    assert "proxy" in shop.engine.networks
    assert "shop_default" not in shop.engine.networks


class Lacking(FakeEngine):
    """An engine whose kernel has no weights of block devices: it takes them with a warning, and shows none."""

    def create(self, creation: Creation) -> str:
        host = dict(creation.body["HostConfig"])  # type: ignore[arg-type]
        host.pop("BlkioWeight", None)
        return super().create(replace(creation, body={**creation.body, "HostConfig": host}))


def test_what_the_kernel_does_not_enforce_is_told_and_neither_held_against_anybody_nor_tried_again(shop: Shop) -> None:
    shop.engine = Lacking(shop.clock)
    shop.engine.add_image("web:1")
    shop.release(compose(web("web:1", "blkio_config: {weight: 300}")))
    writes = list(shop.engine.writes)
    for _ in range(3):
        shop.wait(60)
        shop.work()
    (item,) = shop.json("drift")["environments"][0]["items"]
    assert (item["state"], item["cure"], [each["path"] for each in item["changes"]]) == (
        *("unenforceable", "none"),
        ["resources.blkio_weight"],
    )
    assert shop.engine.writes == writes
    assert "this engine cannot do it; held against nobody" in shop.text("drift")
    assert [(each["sync"], each["health"]) for each in shop.json("status")["environments"]] == [("Synced", "Healthy")]
