"""Networks and volumes: what creates them, and how a change of theirs is known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.engine_json import network_body, network_too_new, options_digest, volume_body
from gitopsd.engine_json.fields import nanoseconds, number, text
from gitopsd.model.desired import Network, Volume
from tests.engine_json.builders import desired

STATE = desired()


def network(**options: Any) -> Any:
    return network_body(Network("front", "shop_front", options=options), STATE)


def test_a_plain_network_is_a_bridge_with_composes_labels() -> None:
    body = network(ipam={})

    labels = body.pop("Labels")
    assert body == {
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Options": {},
        "IPAM": {"Driver": "default", "Config": []},
        "Internal": False,
        "Attachable": False,
        "EnableIPv6": False,
    }
    assert labels == {
        "com.docker.compose.project": "shop",
        "com.docker.compose.network": "front",
        "com.docker.compose.version": "2.40.3",
        "gitopsd.environment": "production",
        "gitopsd.options": options_digest({}),
    }


def test_a_network_has_all_that_the_manifest_says() -> None:
    body = network(
        driver="macvlan",
        driver_opts={"parent": "eth0", "mtu": 1500},
        internal=True,
        attachable=True,
        enable_ipv6=True,
        labels={"team": "shop"},
        ipam={
            "driver": "default",
            "config": [
                {
                    "subnet": "10.2.0.0/16",
                    "gateway": "10.2.0.1",
                    "ip_range": "10.2.1.0/24",
                    "aux_addresses": {"router": "10.2.0.9"},
                }
            ],
        },
    )

    assert (body["Driver"], body["Options"]) == ("macvlan", {"parent": "eth0", "mtu": "1500"})
    assert (body["Internal"], body["Attachable"], body["EnableIPv6"]) == (True, True, True)
    assert body["Labels"]["team"] == "shop"
    assert body["IPAM"]["Config"] == [
        {
            "Subnet": "10.2.0.0/16",
            "Gateway": "10.2.0.1",
            "IPRange": "10.2.1.0/24",
            "AuxiliaryAddresses": {"router": "10.2.0.9"},
        }
    ]


def test_a_network_setting_that_the_engine_is_too_old_for_is_named() -> None:
    found = network_too_new(Network("front", "shop_front", options={"enable_ipv4": False}), (1, 45))

    assert [(problem.path, problem.message) for problem in found] == [
        (
            "networks.front",
            "networks.enable_ipv4 needs engine API 1.48, this engine speaks 1.45; remove the key or upgrade Docker",
        )
    ]
    assert network_too_new(Network("front", "shop_front"), (1, 41)) == ()


def test_a_volume_has_its_driver_and_labels() -> None:
    options: dict[str, Any] = {"driver_opts": {"type": "tmpfs", "device": "tmpfs"}, "labels": {"k": "v"}}

    body: Any = volume_body(Volume("data", "shop_data", options=options), STATE)

    assert (body["Driver"], body["DriverOpts"]) == ("local", {"type": "tmpfs", "device": "tmpfs"})
    assert body["Labels"]["k"] == "v"
    assert body["Labels"]["com.docker.compose.volume"] == "data"
    assert body["Labels"]["gitopsd.options"] == options_digest(options)


def test_settings_that_say_nothing_do_not_count_as_a_change() -> None:
    assert options_digest({"driver": "bridge", "ipam": {}, "labels": None}) == options_digest({"driver": "bridge"})
    assert options_digest({"internal": True}) != options_digest({"internal": False})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1h2m3s", 3723 * 10**9),
        ("1.5s", 15 * 10**8),
        ("500ms", 5 * 10**8),
        ("10us", 10**4),
        ("0s", 0),
        ("0", 0),
        (None, 0),
    ],
)
def test_a_duration_is_read_as_compose_prints_it(written: str | None, expected: int) -> None:
    assert nanoseconds(written) == expected


@pytest.mark.parametrize("written", ["5", "s", "5x", "-5s", "5s5", "1 s"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        nanoseconds(written)


@given(st.integers(min_value=0, max_value=10**6), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert nanoseconds(f"{hours}h{minutes}m{seconds}s") == (hours * 3600 + minutes * 60 + seconds) * 10**9


def test_scalars_are_written_as_compose_writes_them() -> None:
    assert [text(value) for value in (None, True, False, 3, 1.5, "a")] == ["", "true", "false", "3", "1.5", "a"]
    with pytest.raises(ValueError, match="is not a number"):
        number("many")
