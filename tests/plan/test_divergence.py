"""Networks and volumes that were created with other settings are told, and left alone."""

from dataclasses import replace

from gitopsd.engine_json import options_digest
from gitopsd.model.desired import DesiredState, Network, Volume
from gitopsd.model.live import LiveNetwork, LiveState, LiveVolume
from gitopsd.plan.divergence import divergences

OLD, NEW = {"driver": "bridge"}, {"driver": "bridge", "internal": True}


def desired(network: Network | None = None, volume: Volume | None = None) -> DesiredState:
    networks = {network.key: network} if network else {}
    volumes = {volume.key: volume} if volume else {}
    return DesiredState("shop", "shop", {}, networks, volumes)


def live(options: dict[str, object], name: str = "shop_back") -> LiveState:
    made = options_digest(options)  # type: ignore[arg-type]
    return LiveState(networks=(LiveNetwork("1", name, {}, made),), volumes=(LiveVolume(name, {}, made),))


def test_a_network_with_other_settings_is_told_with_a_way_out() -> None:
    (problem,) = divergences(desired(Network("back", "shop_back", options=NEW)), live(OLD))

    assert problem.path == "networks.back"
    assert "shop_back was created with other settings" in problem.message
    assert "gitopsd remove shop" in problem.message


def test_a_volume_with_other_settings_is_told_and_its_data_named() -> None:
    (problem,) = divergences(desired(volume=Volume("back", "shop_back", options=NEW)), live(OLD))

    assert problem.path == "volumes.back"
    assert "holds data" in problem.message


def test_what_is_as_it_was_made_or_made_by_others_is_no_divergence() -> None:
    network, volume = Network("back", "shop_back", options=OLD), Volume("back", "shop_back", options=OLD)
    foreign = LiveState(networks=(LiveNetwork("1", "shop_back", {}),), volumes=(LiveVolume("shop_back", {}),))

    assert divergences(desired(network, volume), live(OLD)) == ()
    assert divergences(desired(replace(network, options=NEW), replace(volume, options=NEW)), foreign) == ()
    assert divergences(desired(replace(network, options=NEW, external=True)), live(OLD)) == ()
