"""Every key of a service, and what the engine is asked for."""

from typing import Any

import pytest

from gitopsd.engine_json import borrowed_services, creation, joined_services
from gitopsd.engine_json.creation import Creation
from gitopsd.model.desired import Attachment, Dependency, Image, Port
from gitopsd.model.errors import ManifestError
from gitopsd.model.traffic import Traffic
from tests.engine_json.builders import IMAGE, created, desired, host, sealed, service

OPTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"command": ["echo", "a  b", "$x"]}, {"Cmd": ["echo", "a  b", "$x"]}),
    ({"command": None}, {}),
    ({"command": []}, {"Cmd": []}),
    ({"entrypoint": ["/run", "it"]}, {"Entrypoint": ["/run", "it"]}),
    ({"entrypoint": []}, {"Entrypoint": []}),
    ({"environment": {"B": "2", "A": "1", "EMPTY": ""}}, {"Env": ["A=1", "B=2", "EMPTY="]}),
    ({"environment": {"HOME": None}}, {"Env": ["HOME"]}),
    ({"user": "1000:1000"}, {"User": "1000:1000"}),
    ({"working_dir": "/app"}, {"WorkingDir": "/app"}),
    ({"hostname": "db"}, {"Hostname": "db"}),
    ({"domainname": "example.com"}, {"Domainname": "example.com"}),
    ({"tty": True, "stdin_open": True}, {"Tty": True, "OpenStdin": True}),
    ({"mac_address": "02:42:ac:11:65:43"}, {"MacAddress": "02:42:ac:11:65:43"}),
    ({"stop_signal": "SIGINT"}, {"StopSignal": "SIGINT"}),
    ({"stop_grace_period": "1m5s"}, {"StopTimeout": 65}),
    ({"stop_grace_period": "1.5s"}, {"StopTimeout": 2}),
    ({"stop_grace_period": "0s"}, {"StopTimeout": 0}),
    ({"expose": ["3000", "3001/udp"]}, {"ExposedPorts": {"3000/tcp": {}, "3001/udp": {}}}),
    ({"expose": ["3000-3002"]}, {"ExposedPorts": {"3000/tcp": {}, "3001/tcp": {}, "3002/tcp": {}}}),
    (
        {
            "healthcheck": {
                "test": ["CMD-SHELL", "curl x"],
                "interval": "1m30s",
                "timeout": "500ms",
                "retries": 3,
                "start_period": "5s",
            }
        },
        {
            "Healthcheck": {
                "Test": ["CMD-SHELL", "curl x"],
                "Interval": 90_000_000_000,
                "Timeout": 500_000_000,
                "Retries": 3,
                "StartPeriod": 5_000_000_000,
            }
        },
    ),
    ({"healthcheck": {"interval": "2s"}}, {"Healthcheck": {"Interval": 2_000_000_000}}),
    ({"healthcheck": {"disable": True}}, {"Healthcheck": {"Test": ["NONE"]}}),
    ({"healthcheck": {"test": ["NONE"]}}, {"Healthcheck": {"Test": ["NONE"]}}),
]
PLAIN = created(service())


@pytest.mark.parametrize(("options", "expected"), OPTIONS, ids=lambda value: str(value)[:50])
def test_an_option_of_the_container(options: dict[str, Any], expected: dict[str, Any]) -> None:
    made = created(service(**options))

    assert {key: value for key, value in made.body.items() if value != PLAIN.body.get(key)} == expected


def test_a_service_without_options_asks_for_nothing_but_itself() -> None:
    assert (
        Creation(
            name="shop-web-1",
            body={
                "Image": "sha256:1111",
                "Labels": {
                    "gitopsd.environment": "production",
                    "gitopsd.service": "web",
                    "gitopsd.slot": "1",
                    "gitopsd.fingerprint": "v1:abc",
                    "gitopsd.release": "7",
                    "com.docker.compose.project": "shop",
                    "com.docker.compose.service": "web",
                    "com.docker.compose.container-number": "1",
                    "com.docker.compose.oneoff": "False",
                    "com.docker.compose.config-hash": "abc",
                    "com.docker.compose.image": "sha256:1111",
                    "com.docker.compose.depends_on": "",
                    "com.docker.compose.version": "2.40.3",
                },
                "HostConfig": {
                    "NetworkMode": "shop_default",
                    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                },
                "NetworkingConfig": {"EndpointsConfig": {"shop_default": {"Aliases": ["shop-web-1", "web"]}}},
            },
            image="shop/web:1.4",
        )
        == PLAIN
    )


def test_labels_of_the_manifest_stay_unless_they_are_ours() -> None:
    each = service(
        labels={"team": "shop", "empty": "", "gitopsd.slot": "99", "com.docker.compose.project": "other"},
        depends_on=(
            Dependency("db", "service_healthy", restart=True),
            Dependency("migrate", "service_completed_successfully", required=False),
        ),
    )

    labels: Any = created(each, working_dir="/w", config_files="/w/compose.yaml").body["Labels"]

    assert (labels["team"], labels["empty"]) == ("shop", "")
    assert (labels["gitopsd.slot"], labels["com.docker.compose.project"]) == ("1", "shop")
    assert labels["com.docker.compose.depends_on"] == (
        "db:service_healthy:true,migrate:service_completed_successfully:false"
    )
    assert "gitopsd.secrets" not in labels
    assert labels["com.docker.compose.project.working_dir"] == "/w"
    assert labels["com.docker.compose.project.config_files"] == "/w/compose.yaml"


def test_a_label_tells_which_secrets_by_which_key() -> None:
    fingerprint = f"v1:{'a' * 64}.{'b' * 8}.{'c' * 32}"

    labels: Any = created(service(), fingerprint=fingerprint).body["Labels"]

    assert labels["gitopsd.secrets"] == f"{'b' * 8}:{'c' * 32}"
    assert labels["gitopsd.fingerprint"] == fingerprint


def test_the_commit_is_nowhere_in_a_container() -> None:
    assert "revision" not in str(PLAIN.body).lower()


def test_ports_are_published_where_the_manifest_says() -> None:
    ports = (
        Port(8080, published="80"),
        Port(8080, published="8443", host_ip="127.0.0.1"),
        Port(7000),
        Port(9000, published="9000-9010", protocol="udp"),
    )

    made = created(service(ports=ports, expose=["3000"]))

    assert host(made)["PortBindings"] == {
        "8080/tcp": [{"HostIp": "", "HostPort": "80"}, {"HostIp": "127.0.0.1", "HostPort": "8443"}],
        "7000/tcp": [{"HostIp": "", "HostPort": ""}],
        "9000/udp": [{"HostIp": "", "HostPort": "9000-9010"}],
    }
    assert list(made.body["ExposedPorts"]) == ["8080/tcp", "7000/tcp", "9000/udp", "3000/tcp"]  # type: ignore[arg-type]


NETWORKS = (
    Attachment("front", aliases=("shop", "web")),
    Attachment("back", ipv4_address="10.1.1.2", ipv6_address="fd00::2", priority=10),
)
FRONT = ("shop_front", {"Aliases": ["shop-web-1", "web", "shop"]})
BACK = (
    "shop_back",
    {"Aliases": ["shop-web-1", "web"], "IPAMConfig": {"IPv4Address": "10.1.1.2", "IPv6Address": "fd00::2"}},
)


def test_an_old_engine_takes_one_network_at_creation_and_the_others_after_it() -> None:
    made = created(service(networks=NETWORKS), api=(1, 43))

    assert host(made)["NetworkMode"] == "shop_back"
    assert made.body["NetworkingConfig"] == {"EndpointsConfig": dict([BACK])}
    assert made.connect == (FRONT,)


def test_a_newer_engine_takes_all_networks_at_creation() -> None:
    made = created(service(networks=NETWORKS), api=(1, 44))

    assert host(made)["NetworkMode"] == "shop_back"
    assert made.body["NetworkingConfig"] == {"EndpointsConfig": dict([BACK, FRONT])}
    assert made.connect == ()


@pytest.mark.parametrize("api", [(1, 41), (1, 44)])
def test_a_routed_container_joins_the_routers_network_and_publishes_only_what_is_left(api: tuple[int, int]) -> None:
    ports = (Port(8080, published="80"), Port(53, published="53", protocol="udp"))

    made = created(service(ports=ports, traffic=Traffic(80, 8080)), api=api, routed="10.1.2.3")

    assert made.connect == (("gitopsd-routed", {"IPAMConfig": {"IPv4Address": "10.1.2.3"}}),)
    assert host(made)["NetworkMode"] == "shop_default"
    assert host(made)["PortBindings"] == {"53/udp": [{"HostIp": "", "HostPort": "53"}]}
    assert list(made.body["ExposedPorts"]) == ["53/udp"]  # type: ignore[arg-type]


def test_a_replacement_answers_to_the_final_name_from_its_start() -> None:
    made = created(service(), name="shop-web-2.gitopsd-9", slot=2)

    assert made.name == "shop-web-2.gitopsd-9"
    assert made.body["NetworkingConfig"] == {"EndpointsConfig": {"shop_default": {"Aliases": ["shop-web-2", "web"]}}}


def test_a_container_name_is_an_alias() -> None:
    made = created(service(container_name="thedb"), name="thedb")

    assert made.body["NetworkingConfig"] == {"EndpointsConfig": {"shop_default": {"Aliases": ["thedb", "web"]}}}


@pytest.mark.parametrize("mode", ["host", "none", "bridge", "default", "container:vpn", "somebodys"])
def test_a_mode_stands_in_place_of_networks(mode: str) -> None:
    made = created(service(networks=(), network_mode=mode))

    assert (host(made)["NetworkMode"], made.body["NetworkingConfig"]) == (mode, {"EndpointsConfig": {}})


def test_another_services_container_is_named_by_its_id() -> None:
    each = service(
        networks=(),
        network_mode="service:vpn",
        pid="service:vpn",
        ipc="service:db",
        volumes_from=["db", "vpn:ro"],
    )

    asked = host(created(each, joins={"vpn": "1a", "db": "2b"}))

    assert {key: asked[key] for key in ("NetworkMode", "PidMode", "IpcMode", "VolumesFrom")} == {
        "NetworkMode": "container:1a",
        "PidMode": "container:1a",
        "IpcMode": "container:2b",
        "VolumesFrom": ["2b", "1a:ro"],
    }
    assert joined_services(each.options) == ("db", "vpn")
    assert borrowed_services(each.options) == ("db", "vpn")


def test_what_lives_in_a_container_that_is_not_told_stays_as_it_is_written() -> None:
    asked = host(created(service(networks=(), network_mode="service:vpn", volumes_from=["db:ro"])))

    assert (asked["NetworkMode"], asked["VolumesFrom"]) == ("service:vpn", ["db:ro"])


def test_a_platform_goes_with_the_call_and_not_into_the_body() -> None:
    made = created(service(platform="linux/arm64"))

    assert made.platform == "linux/arm64"
    assert {**made.body, "HostConfig": {}} == {**PLAIN.body, "HostConfig": {}}


def test_a_service_without_networks_has_none() -> None:
    made = created(service(networks=()))

    assert (host(made)["NetworkMode"], made.connect) == ("none", ())


def test_the_environment_can_be_told_apart_from_the_desired_state() -> None:
    each = service()
    made = creation(
        sealed(each), desired(each), slot=1, name="a", release=1, carry={}, api=(1, 41), environment="staging"
    )

    assert made.body["Labels"]["gitopsd.environment"] == "staging"  # type: ignore[index,call-overload]


def test_a_key_that_the_engine_is_too_old_for_is_named_with_the_version_that_it_needs() -> None:
    each = service(healthcheck={"test": ["CMD", "true"], "start_interval": "1s"})

    with pytest.raises(ManifestError) as refused:
        created(each, api=(1, 43))

    assert str(refused.value) == (
        "compose.yaml:3:5: services.web: healthcheck.start_interval needs engine API 1.44, "
        "this engine speaks 1.43; remove the key or upgrade Docker"
    )
    assert created(each, api=(1, 44)).body["Healthcheck"] == {"Test": ["CMD", "true"], "StartInterval": 1_000_000_000}


def test_an_image_is_asked_for_by_its_id_whatever_became_of_its_tag() -> None:
    image = Image("shop/web:latest", "sha256:2222", "shop/web@sha256:3333")

    made = created(service(), image)

    assert made.body["Image"] == "sha256:2222"
    assert made.image == "shop/web:latest"
    assert IMAGE.id != image.id
