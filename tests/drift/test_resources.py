"""Networks and volumes that somebody made anew are told field by field, and left alone."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gitopsd.drift.resources import networks, volumes
from gitopsd.engine_json import network_body, options_digest
from gitopsd.engine_json.projection import network_projection, volume_projection
from gitopsd.model.desired import Network, SealedState, Volume
from gitopsd.model.drift import DriftItem
from gitopsd.model.live import LiveNetwork, LiveState, LiveVolume
from tests.builders import a_service, a_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISOLATED = Network("default", "shop_default", options={"internal": True, "labels": {"tier": "back"}})
MOUNTED = Volume("data", "shop_data", options={"driver_opts": {"type": "nfs", "o": "addr=10.0.0.1"}})


def state(network: Network = ISOLATED, volume: Volume = MOUNTED) -> SealedState:
    made = a_state(a_service("web"))
    desired = replace(made.desired, networks={"default": network}, volumes={"data": volume})
    digests = {"network default": options_digest(network.options), "volume data": options_digest(volume.options)}
    return replace(made, desired=desired, resources=digests)


def network(label: str = "", **shown: Any) -> LiveState:
    """As the engine shows the network of the manifest, but for what is `shown` otherwise."""
    body = {**network_body(ISOLATED, state().desired), **shown}
    there = LiveNetwork("n", "shop_default", {}, label, network_projection(body))
    return LiveState(networks=(there,))


def volume(label: str = "", **shown: Any) -> LiveState:
    return LiveState(volumes=(LiveVolume("shop_data", {}, label, volume_projection({"Driver": "local", **shown})),))


def only(items: Any) -> DriftItem:
    (item,) = items
    assert isinstance(item, DriftItem)
    return item


def test_a_network_as_the_manifest_wants_it_differs_in_nothing() -> None:
    assert list(networks(state(), network(options_digest(ISOLATED.options)), NOW)) == []


def test_what_the_engine_fills_in_is_no_difference() -> None:
    filled = {"Driver": "default", "Config": [{"Subnet": "172.20.0.0/16", "Gateway": "172.20.0.1"}]}
    assert list(networks(state(), network(IPAM=filled, Options={"com.docker.network.bridge.name": "x"}), NOW)) == []


def test_a_network_made_anew_is_told_field_by_field() -> None:
    item = only(networks(state(), network(options_digest(ISOLATED.options), Internal=False, Labels={}), NOW))

    assert (item.kind, item.cure) == ("modified", "none")
    assert [(each.path, each.applied, each.live) for each in item.changes] == [
        ("internal", True, None),
        ("labels", {"tier": "back"}, None),
    ]


def test_the_lesser_settings_of_an_adopted_network_are_as_they_were() -> None:
    assert list(networks(state(), network(Labels={"from": "compose"}, Attachable=True), NOW)) == []


def test_a_volume_made_anew_is_told_with_its_options_and_never_touched() -> None:
    item = only(volumes(state(), volume(Options={"type": "nfs", "o": "addr=10.0.0.9"}), NOW))

    assert (item.resource, item.kind, item.cure) == ("volume", "modified", "none")
    assert [(each.path, each.applied, each.live) for each in item.changes] == [
        ("driver_opts.o", "addr=10.0.0.1", "addr=10.0.0.9")
    ]


def test_an_option_that_holds_a_secret_is_not_shown() -> None:
    secret = replace(MOUNTED, hidden=frozenset({("driver_opts", "o")}))
    item = only(volumes(state(volume=secret), volume(Options={"type": "nfs", "o": "password=x"}), NOW))

    assert [(each.path, each.applied, each.live) for each in item.changes] == [
        ("driver_opts.o", {"hidden": ""}, {"hidden": ""})
    ]


def test_where_all_that_shows_is_alike_the_label_tells_still() -> None:
    item = only(networks(state(), network(options_digest({"internal": False})), NOW))

    assert [each.path for each in item.changes] == ["options"]
