"""Which files, which name, which variables, which services: what an environment is made of."""

import json

import pytest

from gitopsd.manifest import load, load_all, resolved, waves
from gitopsd.model.desired import Attachment, Dependency, Port
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_revision, a_service, a_state

SECRET = "k3epIt-to-yourself"


@pytest.mark.parametrize(
    ("settings", "dotenv", "name", "expected"),
    [
        ("set", "COMPOSE_PROJECT_NAME=dotenv", "name: written\n", "set"),
        ("", "COMPOSE_PROJECT_NAME=dotenv", "name: written\n", "dotenv"),
        ("", "", "name: written\n", "written"),
        ("", "X=1", "name: my-${X}\n", "my-1"),
        ("", "", "name: My.Project\n", "myproject"),
        ("", "", "", "production"),
    ],
)
def test_the_project_is_what_the_settings_then_dotenv_then_the_file_say(
    settings: str, dotenv: str, name: str, expected: str
) -> None:
    state = a_state(f"{name}services: {{web: {{image: i}}}}", {".env": dotenv}, project=settings)

    assert state.project == expected
    assert state.networks["default"].name == f"{expected}_default"


def test_a_project_name_that_compose_would_refuse_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"shop/\.env|'Not Valid' is no project name"):
        a_state("services: {}", {".env": "COMPOSE_PROJECT_NAME='Not Valid'"})


def test_an_environments_name_is_made_fit_for_a_project() -> None:
    state = load(a_revision({"compose.yaml": "services: {}"}), "", "_Prod.EU")

    assert state.project == "prodeu"


def test_one_file_by_its_name_is_loaded_without_its_override() -> None:
    files = a_revision({"a/compose.yaml": "services: {web: {image: i}}", "a/compose.override.yaml": "services: 5"})

    assert list(load(files, "a/compose.yaml", "production").services) == ["web"]


def test_several_files_of_one_purpose_are_warned_about() -> None:
    state = a_state("services: {web: {image: i}}", {"docker-compose.yml": "services: 5"})

    assert "several Compose files, compose.yaml is used" in str(state.warnings[0])


def test_variables_of_the_host_win_over_those_of_the_revision_and_are_hidden() -> None:
    service = a_service("labels: {a: $A, b: $B}", {".env": "A=file\nB=file"}, variables={"A": "host"})

    assert service.options["labels"] == {"a": "host", "b": "file"}
    assert service.hidden == {("labels", "a")}


def test_the_daemons_own_environment_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTSIDE", "leaked")

    service = a_service('labels: {a: "${OUTSIDE:-unset}"}, environment: [OUTSIDE]')

    assert service.options["labels"] == {"a": "unset"}
    assert service.options["environment"] == {"OUTSIDE": None}


def test_a_variable_without_value_and_default_holds_the_release_and_is_no_error() -> None:
    state = a_state("services: {web: {image: 'i:$TAG', labels: {a: '${A:-x}'}}}")

    assert [(problem.path, problem.place.column) for problem in state.unset] == [("services.web.image", 25)]


def test_hidden_paths_are_named_where_they_stand() -> None:
    keys = """environment: {PASSWORD: "p=$S", OPEN: 1, BARE: }, command: [run, "$S"], env_file: a.env,
              healthcheck: {test: "curl $S", interval: 1s}, logging: {driver: x, options: {token: "$S"}}"""

    service = a_service(keys, {"a.env": "FROM_FILE=$S\nPLAIN=1"}, variables={"S": SECRET, "BARE": SECRET})

    assert service.hidden == {
        ("environment", "PASSWORD"),
        ("environment", "BARE"),
        ("environment", "FROM_FILE"),
        ("command",),
        ("healthcheck", "test"),
        ("logging", "options", "token"),
    }


def test_a_volume_names_its_hidden_options() -> None:
    top = 'volumes: {data: {driver_opts: {type: cifs, o: "password=$S"}}}'

    state = a_state(f'services: {{web: {{image: i, volumes: ["data:/d"]}}}}\n{top}', variables={"S": SECRET})

    assert state.volumes["data"].hidden == {("driver_opts", "o")}


@pytest.mark.parametrize(
    "key",
    [
        'stop_grace_period: "$S"',
        'mem_limit: "$S"',
        'cpus: "$S"',
        'ports: ["$S:80"]',
        'ports: [{target: "$S"}]',
        'volumes: ["$S"]',
        'restart: "$S"',
        'init: "$S"',
        'healthcheck: {interval: "$S"}',
        'deploy: {replicas: "$S"}',
        'networks: ["$S"]',
        'container_name: " $S"',
        'image: " $S"',
        'env_file: "$S"',
        'depends_on: ["$S"]',
        'x-gitopsd: {strategy: "$S"}',
        'command: "$S \'"',
        'expose: ["$S"]',
        'configs: [{source: c, mode: "$S"}]',
        'secrets: ["$S"]',
        'stop_signal: "$S"',
        'dns: "$S"',
        'extra_hosts: ["a:$S"]',
        'extra_hosts: ["$S", "$S"]',
        'security_opt: ["$S"]',
        'security_opt: ["seccomp=$S"]',
        'group_add: ["$S", "$S"]',
        'devices: ["$S"]',
        'devices: [{source: "$S", target: /a}]',
        'device_cgroup_rules: ["$S"]',
        'gpus: "$S"',
        'gpus: [{count: "$S"}]',
        'ulimits: {nofile: "$S"}',
        'blkio_config: {device_read_bps: [{path: /a, rate: "$S"}]}',
        'mem_swappiness: "$S"',
        'memswap_limit: "$S"',
        'cpuset: "$S"',
        'cpu_quota: "$S"',
        'network_mode: "service:$S"',
        'network_mode: "$S", networks: [default]',
        'network_mode: "container:$S", hostname: a',
        'ipc: "$S"',
        'uts: "$S"',
        'links: ["$S"]',
        'links: ["a:b:$S"]',
        'external_links: ["a:b:$S"]',
        'volumes_from: ["$S"]',
        'platform: "$S/a/b/c"',
        'pull_policy: "$S"',
        'mac_address: "$S"',
        'networks: {default: {link_local_ips: ["$S"]}}',
        'scale: "$S"',
        'label_file: "$S"',
        'configs: [{source: c, uid: "$S"}]',
        'deploy: {mode: "$S"}',
        'deploy: {restart_policy: {condition: "$S"}}',
    ],
)
def test_no_error_shows_a_hidden_value(key: str) -> None:
    with pytest.raises(ManifestError) as raised:
        a_service(key, top="configs: {c: {content: x}}", variables={"S": SECRET})

    assert SECRET not in str(raised.value)


def test_the_resolved_manifest_shows_no_hidden_value() -> None:
    manifest = """
services:
  web:
    image: i
    environment: {A: $S, B: b}
    command: [run, $S]
    volumes: ["data:/data"]
    configs: [c]
volumes: {data: {driver_opts: {o: "p=$S"}}}
configs: {c: {content: $S}}
"""
    loaded = load_all(a_revision({"compose.yaml": manifest}), "", "e", variables={"S": SECRET})

    shown = resolved(loaded, "/r", defaults=True)

    assert SECRET not in json.dumps(shown)
    assert shown["services"]["web"]["environment"] == {"A": "(hidden)", "B": "b"}


def test_profiles_enable_services() -> None:
    manifest = """
services:
  web: {image: i}
  debug: {image: i, profiles: [debug], networks: [spare]}
  tools: {image: i, profiles: [tools]}
networks: {spare: }
"""
    none, some, every = (
        a_state(manifest, {".env": f"COMPOSE_PROFILES={profiles}"}) for profiles in ("", "debug,x", "*")
    )

    assert list(none.services) == ["web"]
    assert list(none.networks) == ["default"]
    assert list(some.services) == ["web", "debug"]
    assert list(every.services) == ["web", "debug", "tools"]


def test_what_is_wrong_in_a_service_that_no_profile_enables_is_told_too() -> None:
    with pytest.raises(ManifestError, match=r"services\.debug\.imag"):
        a_state("services: {web: {image: i}, debug: {imag: i, profiles: [debug]}}")


def test_a_service_that_no_profile_enables_needs_no_files_and_no_variables() -> None:
    debug = "image: $IMAGE, profiles: [debug], env_file: local.env, configs: [c]"

    state = a_state(f"services: {{web: {{image: i}}, debug: {{{debug}}}}}\nconfigs: {{c: {{file: gone}}}}")

    assert list(state.services) == ["web"]
    assert state.unset == ()


def test_an_override_in_another_shape_is_told_with_both_places() -> None:
    with pytest.raises(ManifestError) as raised:
        a_state(
            "services: {web: {image: i, ports: [80]}}", {"compose.override.yaml": "services: {web: {ports: {a: 1}}}"}
        )

    assert str(raised.value) == (
        "shop/compose.override.yaml:1:25: services.web.ports: has another shape than at shop/compose.yaml:1:35; "
        "write both the same way, or tag it !override"
    )


def test_decisions_need_typed_fields() -> None:
    keys = """ports: ["127.0.0.1:80:8080/udp", 90], depends_on: {db: {condition: service_healthy, restart: true}},
              networks: {default: {aliases: [x], ipv4_address: 10.0.0.2, priority: 3}}, deploy: {replicas: 3}"""

    service = a_state(f"services: {{web: {{image: nginx, {keys}}}, db: {{image: i}}}}").services["web"]

    assert service.image == "nginx"
    assert service.replicas == 3
    assert service.ports == (Port(8080, "80", "udp", "127.0.0.1"), Port(90))
    assert service.depends_on == (Dependency("db", "service_healthy", True, True),)
    assert service.networks == (Attachment("default", ("x",), "10.0.0.2", "", 3),)
    assert service.place.line == 1


def test_options_leave_out_what_needs_no_new_container() -> None:
    keys = "depends_on: [web2], profiles: [], deploy: {replicas: 2, update_config: {delay: 1s}}, x-gitopsd: {}"

    options = a_state(f"services: {{web: {{image: i, {keys}}}, web2: {{image: i}}}}").services["web"].options

    assert options == {
        "command": None,
        "entrypoint": None,
        "image": "i",
        "networks": {"default": None},
        "deploy": {"resources": {}, "placement": {}},
    }


def test_build_beside_an_image_is_a_warning_and_alone_an_error() -> None:
    state = a_state("services: {web: {image: i, build: ., develop: {}}}")

    assert [problem.path for problem in state.warnings] == ["services.web.build", "services.web.develop"]
    with pytest.raises(ManifestError, match="images are not built here"):
        a_state("services: {web: {build: .}}")
    loaded = load_all(
        a_revision({"compose.yaml": "services: {web: {build: .}}"}), "", "e", variables={}, for_config=True
    )
    assert resolved(loaded, "/r")["services"]["web"]["build"] == {"context": "/r", "dockerfile": "Dockerfile"}


def test_a_command_that_compose_cuts_off_is_warned_about() -> None:
    state = a_state("services: {web: {image: i, command: echo a && echo b}}")

    assert state.services["web"].options["command"] == ["echo", "a"]
    assert "everything from `&&` on is dropped" in str(state.warnings[0])


def test_waves_follow_depends_on() -> None:
    manifest = """
services:
  web: {image: i, depends_on: [api, cache]}
  api: {image: i, depends_on: [db]}
  db: {image: i}
  cache: {image: i}
  alone: {image: i}
"""
    assert waves(a_state(manifest)) == (("alone", "cache", "db"), ("api",), ("web",))


def test_a_long_chain_of_dependencies_is_no_trouble() -> None:
    services = {f"s{n}": {"image": "i", "depends_on": [f"s{n - 1}"] if n else []} for n in range(1_500)}

    assert len(waves(a_state({"services": services}))) == 1_500


def test_many_services_and_large_values_load() -> None:
    services = {f"s{n}": {"image": "i", "labels": {"x": "y"}} for n in range(500)}
    services["big"] = {
        "image": "i",
        "labels": {"big": "v" * 65536},
        "environment": {f"VARIABLE_{n}": str(n) for n in range(10_000)},
    }
    services["n" * 255] = {"image": "i"}

    state = a_state({"services": services})

    assert len(state.services) == 502
    assert len(state.services["big"].options["environment"]) == 10_000
