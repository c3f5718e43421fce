"""Networks and volumes that were created with other settings are told, and left alone."""

from dataclasses import replace

from gitopsd.engine_json import options_digest
from gitopsd.manifest import seal
from gitopsd.model.desired import DesiredState, Network, SealedState, Volume
from gitopsd.model.live import LiveNetwork, LiveState, LiveVolume
from gitopsd.plan.divergence import divergences

KEY = b"key of the tests"
OLD, NEW = {"driver": "bridge"}, {"driver": "bridge", "internal": True}


def desired(network: Network | None = None, volume: Volume | None = None, key: bytes = KEY) -> SealedState:
    networks = {network.key: network} if network else {}
    volumes = {volume.key: volume} if volume else {}
    return seal(DesiredState("shop", "shop", {}, networks, volumes), {}, key, "a" * 40, "input")


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


def a_volume(password: str) -> Volume:
    hidden = frozenset({("driver_opts", "o")})
    return Volume("back", "shop_back", options={"driver_opts": {"o": f"password={password}"}}, hidden=hidden)


def made_from(volume: Volume) -> LiveState:
    label = options_digest(volume.options, volume.hidden, KEY)
    return LiveState(volumes=(LiveVolume("shop_back", {}, label),))


def test_a_secret_setting_that_changed_is_told_and_neither_it_nor_a_hash_of_it_is_shown() -> None:
    (problem,) = divergences(desired(volume=a_volume("new")), made_from(a_volume("old")))

    assert "was created with other settings" in problem.message
    assert divergences(desired(volume=a_volume("old")), made_from(a_volume("old"))) == ()
    assert made_from(a_volume("old")).volumes[0].options_digest.startswith(made_known(a_volume("new")))


def made_known(volume: Volume) -> str:
    """What is the same whatever the secret is."""
    return options_digest(volume.options, volume.hidden, KEY).partition(".")[0]


def test_settings_that_were_hashed_with_a_lost_key_are_taken_for_unchanged() -> None:
    lost = desired(volume=a_volume("old"), key=b"a new key")

    assert divergences(lost, made_from(a_volume("old"))) == ()
