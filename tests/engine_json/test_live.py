"""What engines answer, read in our words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gitopsd.engine_json import live
from gitopsd.model.image import HeldImage
from gitopsd.model.live import NetworkAddresses

INSPECTED: dict[str, Any] = {
    "Id": "0a93",
    "Name": "/shop-web-1",
    "Created": "2026-03-01T11:00:00.123456789Z",
    "Image": "sha256:1111",
    "RestartCount": 2,
    "State": {
        "Status": "running",
        "ExitCode": 0,
        "OOMKilled": False,
        "Error": "",
        "StartedAt": "2026-03-01T12:00:00.5+01:00",
        "FinishedAt": "0001-01-01T00:00:00Z",
    },
    "Config": {
        "Labels": {
            "gitopsd.environment": "production",
            "gitopsd.slot": "2",
            "gitopsd.fingerprint": "v1:abc",
            "gitopsd.release": "7",
            "com.docker.compose.service": "web",
            "com.docker.compose.container-number": "9",
            "com.docker.compose.oneoff": "False",
        }
    },
    "HostConfig": {"RestartPolicy": {"Name": "", "MaximumRetryCount": 0}},
    "Mounts": [
        {"Type": "volume", "Name": "shop_data", "Destination": "/data"},
        {"Type": "bind", "Source": "/srv", "Destination": "/srv"},
    ],
    "NetworkSettings": {"Networks": {"shop_default": {}, "shop_back": {}}},
}


def inspected(**state: Any) -> dict[str, Any]:
    return {**INSPECTED, "State": {**INSPECTED["State"], **state}}


PLATFORM = {"Os": "linux", "Architecture": "arm64", "Variant": "v8"}


def labelled(**labels: str) -> dict[str, Any]:
    return {**INSPECTED, "Config": {"Labels": {key.replace("_", "."): value for key, value in labels.items()}}}


@pytest.mark.parametrize(
    ("named", "listed", "untagged"),
    [
        ("web:1", "web:1", False),
        ("web:1", "sha256:1111", True),
        ("sha256:1111", "sha256:1111", False),
    ],
)
def test_a_list_that_shows_an_id_where_a_name_was_given_tells_that_the_name_is_gone(
    named: str, listed: str, untagged: bool
) -> None:
    seen = live.instance({**INSPECTED, "Config": {**INSPECTED["Config"], "Image": named}}, {"Image": listed})

    assert seen.untagged == untagged


def test_an_inspection_becomes_an_instance() -> None:
    seen = live.instance(INSPECTED)

    assert (seen.id, seen.name, seen.service, seen.slot, seen.state) == ("0a93", "shop-web-1", "web", 2, "running")
    assert (seen.environment, seen.fingerprint, seen.release) == ("production", "v1:abc", 7)
    assert (seen.image_id, seen.restart_count, seen.restart_policy) == ("sha256:1111", 2, "no")
    assert seen.started_at == datetime(2026, 3, 1, 11, 0, 0, 500000, tzinfo=UTC)
    assert seen.finished_at is None
    assert seen.volumes == {"/data": "shop_data"}
    assert seen.networks == {"shop_default", "shop_back"}
    assert seen.check == "none"


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ({"IPAMConfig": {"IPv4Address": "10.1.2.3"}, "IPAddress": "10.1.2.3"}, "10.1.2.3"),
        ({"IPAMConfig": {"IPv4Address": "10.1.2.3"}, "IPAddress": ""}, "10.1.2.3"),
        ({"IPAMConfig": None, "IPAddress": "10.1.255.241"}, "10.1.255.241"),
        ({"IPAMConfig": {}, "IPAddress": ""}, ""),
        (None, ""),
    ],
)
def test_the_address_for_the_router_is_known_also_of_what_does_not_run(
    endpoint: dict[str, Any] | None, address: str
) -> None:
    own = {"shop_default": {"IPAddress": "172.18.0.2"}, "gitopsd-routed": endpoint}

    seen = live.instance({**INSPECTED, "NetworkSettings": {"Networks": own}})

    assert (seen.routed_address, seen.address) == (address, "172.18.0.2")


def test_a_network_tells_whose_it_is_and_which_of_its_addresses_are_taken() -> None:
    network = {"Name": "n", "IPAM": {"Config": [{"Subnet": "10.1.0.0/16"}]}, "Labels": {"gitopsd.routed": "true"}}
    network["Options"] = {"com.docker.network.bridge.enable_icc": "false"}
    ends = [{"IPAMConfig": {"IPv4Address": "10.1.2.3"}}, {"IPAMConfig": None, "IPAddress": "10.1.2.4"}, {}]

    seen = live.network_addresses(network, [{"NetworkSettings": {"Networks": {"n": end}}} for end in ends])

    taken = frozenset({"10.1.2.3", "10.1.2.4"})
    assert seen == NetworkAddresses("10.1.0.0/16", taken, ours=True, together=False)
    other = live.network_addresses({"Name": "none", "IPAM": None}, [])
    assert other == NetworkAddresses("", frozenset(), ours=False, together=True)


def test_the_word_on_health_and_its_last_output_come_from_the_inspection() -> None:
    log = [{"Output": "old"}, {"Output": f"{'x' * 5000} refused\n"}]

    seen = live.instance(inspected(Health={"Status": "unhealthy", "Log": log}))

    assert seen.check == "unhealthy"
    assert seen.check_output.endswith(" refused")
    assert len(seen.check_output) == live.CHECK_OUTPUT_LIMIT


def test_a_container_of_compose_has_composes_slot() -> None:
    assert live.instance(labelled(com_docker_compose_container__number="3")).slot == 0
    assert live.instance({**INSPECTED, "Config": {"Labels": {"com.docker.compose.container-number": "3"}}}).slot == 3


def test_the_containers_that_one_lives_in_are_known_by_their_ids() -> None:
    host = {
        **INSPECTED["HostConfig"],
        "NetworkMode": "container:1a",
        "PidMode": "container:1a",
        "IpcMode": "container:2b",
        "VolumesFrom": ["3c:ro", "4d"],
    }

    seen = live.instance({**INSPECTED, "HostConfig": host})

    assert (seen.joined, seen.borrowed) == (("1a", "2b"), ("3c", "4d"))
    assert (live.instance(INSPECTED).joined, live.instance(INSPECTED).borrowed) == ((), ())


@pytest.mark.parametrize("forged", ["", "-1", "one", "1e3", "٣"])
def test_a_slot_that_is_no_number_is_no_slot(forged: str) -> None:
    assert live.instance(labelled(gitopsd_slot=forged)).slot == 0


def test_a_state_of_a_later_engine_is_not_taken_for_a_running_one() -> None:
    assert live.instance(inspected(Status="hibernating")).state == "dead"


def test_fields_that_later_engines_bring_do_not_disturb() -> None:
    assert live.instance({**INSPECTED, "Hologram": {}, "Mounts": None}).volumes == {}


@pytest.mark.parametrize("missing", ["Id", "Name", "State", "Config", "HostConfig", "Image", "Created"])
def test_an_inspection_without_what_matters_is_not_guessed_at(missing: str) -> None:
    with pytest.raises((KeyError, TypeError)):
        live.instance({key: value for key, value in INSPECTED.items() if key != missing})


@pytest.mark.parametrize(
    ("reference", "digest"),
    [
        ("shop/web:1", "shop/web@sha256:aa"),
        ("docker.io/shop/web", "shop/web@sha256:aa"),
        ("registry.example.com:5000/shop/web:1", "registry.example.com:5000/shop/web@sha256:bb"),
        ("docker.io/library/busybox:1", "busybox@sha256:cc"),
        ("shop/web@sha256:aa", "shop/web@sha256:aa"),
        ("other/web:1", ""),
    ],
)
def test_the_digest_of_an_image_is_that_of_its_own_repository(reference: str, digest: str) -> None:
    digests = ["registry.example.com:5000/shop/web@sha256:bb", "shop/web@sha256:aa", "busybox@sha256:cc"]

    assert live.image(reference, {"Id": "sha256:1", "RepoDigests": digests, "Config": None}).digest == digest


def test_an_image_brings_its_volumes_and_whether_it_checks_its_health() -> None:
    config = {"Volumes": {"/b": {}, "/a": {}}, "Healthcheck": {"Test": ["CMD", "true"]}}

    found = live.image("shop/web:1", {"Id": "sha256:1", "RepoDigests": None, "Config": config, **PLATFORM})

    assert (found.volumes, found.healthcheck, found.identity) == (("/a", "/b"), True, "sha256:1")
    assert found.platform == "linux/arm64/v8"
    assert not live.image("a", {"Id": "sha256:1", "Config": {"Healthcheck": {"Test": ["NONE"]}}}).healthcheck


@pytest.mark.parametrize(
    ("tags", "digests", "names"),
    [
        (["shop/web:1"], ["shop/web@sha256:d"], (("shop/web:1",), ("shop/web@sha256:d",))),
        (None, ["shop/web@sha256:d"], ((), ("shop/web@sha256:d",))),
        (["<none>:<none>"], ["<none>@<none>"], ((), ())),
        (["b:1", "a:1"], None, (("a:1", "b:1"), ())),
        (["shop/web:1"], ["sha256:1"], (("shop/web:1",), ())),
    ],
)
def test_a_held_image_is_read_with_its_names(tags: Any, digests: Any, names: tuple[Any, Any]) -> None:
    row = {"Id": "sha256:1", "RepoTags": tags, "RepoDigests": digests}

    assert live.held_image(row, frozenset({"sha256:1"})) == HeldImage("sha256:1", *names, used=True)
    assert not live.held_image(row, frozenset({"sha256:2"})).used


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ("busybox", "busybox:latest"),
        ("docker.io/library/busybox:1", "busybox:1"),
        ("index.docker.io/shop/web", "shop/web:latest"),
        ("registry:5000/web", "registry:5000/web:latest"),
        ("registry:5000/web:1@sha256:d", "registry:5000/web@sha256:d"),
    ],
)
def test_a_reference_is_known_in_the_form_that_engines_list(reference: str, shown: str) -> None:
    assert live.shown_name(reference) == shown


CONTAINERD = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}


@pytest.mark.parametrize(
    ("more", "roots"),
    [
        ({"DriverStatus": [["Backing Filesystem", "extfs"]]}, ("/srv/docker",)),
        ({"DriverStatus": None}, ("/srv/docker",)),
        (CONTAINERD, ("/srv/docker/containerd/daemon", "/var/lib/containerd")),
        (
            {**CONTAINERD, "Containerd": {"Address": "/run/containerd/containerd.sock"}},
            ("/srv/docker/containerd/daemon", "/var/lib/containerd"),
        ),
        (
            {**CONTAINERD, "Containerd": {"Address": "/var/run/docker/containerd/containerd.sock"}},
            ("/srv/docker/containerd/daemon",),
        ),
    ],
)
def test_images_are_in_the_engines_directory_or_in_containerds(more: dict[str, Any], roots: tuple[str, ...]) -> None:
    assert live.image_roots({"DockerRootDir": "/srv/docker", **more}) == roots
