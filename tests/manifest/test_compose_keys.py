"""What single keys come to in the desired state, where that is more than their canonical form."""

from typing import Any

import pytest

from gitopsd.manifest import load_all, resolved
from gitopsd.model.desired import Attachment
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_revision, a_service, a_state

SECRET = "k3epIt-to-yourself"


def test_a_service_network_has_all_its_settings() -> None:
    settings = """aliases: [x], ipv4_address: 10.0.0.2, ipv6_address: "::2", priority: 3, gw_priority: 7,
        link_local_ips: [169.254.1.1], mac_address: "02:42:ac:11:65:43", driver_opts: {mtu: 1400},
        interface_name: eth9"""

    (attachment,) = a_service(f"networks: {{default: {{{settings}}}}}").networks

    assert attachment == Attachment(
        network="default",
        aliases=("x",),
        ipv4_address="10.0.0.2",
        ipv6_address="::2",
        priority=3,
        link_local_ips=("169.254.1.1",),
        mac_address="02:42:ac:11:65:43",
        driver_opts={"mtu": "1400"},
        gw_priority=7,
        interface_name="eth9",
    )


def test_the_services_own_mac_address_is_that_of_its_first_network() -> None:
    networks = "networks: {a: , b: {priority: 1}, c: {priority: 1}}"

    service = a_service(f'mac_address: "02:42:ac:11:65:43", {networks}', top="networks: {a: , b: , c: }")

    assert {each.network: each.mac_address for each in service.networks} == {"a": "", "b": "02:42:ac:11:65:43", "c": ""}


@pytest.mark.parametrize(
    ("keys", "replicas"),
    [("scale: 3", 3), ("scale: 0", 0), ("scale: 2, deploy: {}", 2), ("deploy: {replicas: 4}", 4), ("init: true", 1)],
)
def test_scale_is_another_word_for_replicas(keys: str, replicas: int) -> None:
    service = a_service(keys)

    assert service.replicas == replicas
    assert "scale" not in service.options


@pytest.mark.parametrize(
    ("keys", "restart"),
    [
        ("deploy: {restart_policy: {condition: any}}", "always"),
        ("deploy: {restart_policy: {condition: none}}", "no"),
        ("deploy: {restart_policy: {condition: on-failure}}", "on-failure"),
        ("deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", "on-failure:3"),
        ("deploy: {restart_policy: {condition: unless-stopped}}", "unless-stopped"),
        ("restart: always, deploy: {restart_policy: {condition: none}}", "no"),
        ("restart: always, deploy: {restart_policy: {}}", "no"),
        ("restart: always, deploy: {}", "always"),
    ],
)
def test_the_restart_policy_of_deploy_wins_in_the_words_of_an_engine(keys: str, restart: str) -> None:
    service = a_service(keys)

    assert service.options["restart"] == restart


def test_a_service_that_is_never_restarted_on_purpose_is_a_job() -> None:
    never, unsaid = (
        a_service(f"deploy: {{restart_policy: {policy}}}").job for policy in ("{condition: none}", "{delay: 1s}")
    )

    assert never is not None
    assert unsaid is None


def test_what_a_restart_policy_cannot_do_is_warned_about() -> None:
    state = a_state("services: {web: {image: i, deploy: {restart_policy: {delay: 5s, window: 1m}}}}")

    assert [problem.path.rpartition(".")[2] for problem in state.warnings] == ["restart_policy", "delay", "window"]


def test_a_seccomp_profile_is_passed_on_by_its_content() -> None:
    profile = '{ "defaultAction": "SCMP_ACT_ALLOW",\n  "note": "two  blanks, a \\" and {} stay", "number": 1.0 }\n'

    service = a_service("security_opt: [no-new-privileges, seccomp=./web.json]", {"web.json": profile})

    compact = '{"defaultAction":"SCMP_ACT_ALLOW","note":"two  blanks, a \\" and {} stay","number":1.0}'
    assert service.options["security_opt"] == ["no-new-privileges", f"seccomp={compact}"]


@pytest.mark.parametrize("data", ["{", "\xff", "[" * 100_000])
def test_a_seccomp_profile_that_is_no_json_is_refused(data: str) -> None:
    with pytest.raises(
        ManifestError, match=r"services\.web\.security_opt\[0\]: 'shop/web\.json' is no seccomp profile"
    ):
        a_service("security_opt: [seccomp=web.json]", {"web.json": data.encode("latin-1")})


def test_labels_of_files_stand_under_the_services_own() -> None:
    files = {"a.labels": "x=file\ny=$x and $S\nz=plain", ".env": "S=unused"}

    service = a_service("label_file: a.labels, labels: {x: own}", files, variables={"S": SECRET})

    assert service.options["labels"] == {"x": "own", "y": "file and ", "z": "plain"}
    assert "label_file" not in service.options


def test_a_raw_file_is_taken_as_it_stands() -> None:
    files = {"a.env": '# no variables here\nA="$B" # kept\n\nKNOWN\nUNKNOWN\nC=\r\n', ".env": "KNOWN=1"}

    service = a_service("env_file: [{path: a.env, format: raw}]", files)

    assert service.options["environment"] == {"A": '"$B" # kept', "KNOWN": "1", "C": ""}


def test_a_raw_file_with_a_name_that_is_none_is_refused_line_by_line() -> None:
    with pytest.raises(ManifestError) as raised:
        a_service("env_file: [{path: a.env, format: raw}]", {"a.env": "A=1\nB B=2\n=3\n"})

    assert [str(problem.place) for problem in raised.value.problems] == ["shop/a.env:2:1", "shop/a.env:3:1"]


def test_options_of_address_management_are_kept_though_compose_does_not_print_them() -> None:
    manifest = "services: {web: {image: i}}\nnetworks: {default: {ipam: {driver: d, options: {a: b}}}}"

    loaded = load_all(a_revision({"compose.yaml": manifest}), "", "e", variables={})

    assert loaded.desired.networks["default"].options["ipam"] == {"driver": "d", "options": {"a": "b"}}
    networks: Any = resolved(loaded, "/r")["networks"]
    assert networks["default"]["ipam"] == {"driver": "d"}


@pytest.mark.parametrize(("policy", "warned"), [("always", 1), ("never", 1), ("every_6h", 1), ("if_not_present", 0)])
def test_a_pull_policy_that_changes_nothing_here_is_warned_about(policy: str, warned: int) -> None:
    state = a_state(f"services: {{web: {{image: i, pull_policy: {policy}}}}}")

    assert len(state.warnings) == warned


def test_ports_in_the_network_of_the_host_are_warned_about() -> None:
    state = a_state("services: {web: {image: i, network_mode: host, ports: ['80:80']}}")

    assert [problem.path for problem in state.warnings] == ["services.web.ports"]


@pytest.mark.parametrize("path", ["https://example.com/a.yaml", "oci://example.com/a:1", "git@example.com:a/b.git"])
def test_a_remote_file_is_refused(path: str) -> None:
    for manifest in (
        f"include: ['{path}']\nservices: {{}}",
        f"services: {{a: {{extends: {{file: '{path}', service: b}}}}}}",
    ):
        with pytest.raises(
            ManifestError, match="is remote; remote files are not loaded, keep a copy in the repository"
        ):
            a_state(manifest)
