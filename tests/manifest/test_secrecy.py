"""A value of the host is in no text about a manifest: in nothing that is printed, refused or warned of."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.manifest import load_all, resolved
from gitopsd.model.errors import ManifestError
from gitopsd.model.files import Files

CANARY = "canary7f3a9"
TOP = "networks: {back: {}}\nvolumes: {data: {}}\n"
# One place each; whether the canary is a valid value there or not, it is not shown.
SERVICE_KEYS = (
    "environment: {T: '$S'}",
    "environment: ['T=$S']",
    "environment: ['$S=1']",
    "environment: ['A_${S}_B=1']",
    "environment: ['$S']",
    "env_file: ['$S']",
    "env_file: [e.env]",
    "labels: {a: '$S'}",
    "labels: ['$S=1']",
    "labels: ['a=$S']",
    "command: [run, '$S']",
    "command: 'run $S; x'",
    "command: 'run \"$S'",
    "entrypoint: '$S > x'",
    "hostname: $S",
    "user: $S",
    "working_dir: $S",
    "healthcheck: {test: 'curl $S', interval: $S, retries: $S}",
    "healthcheck: {test: [$S]}",
    "volumes: ['/data/$S:/x']",
    "volumes: ['./$S:/x']",
    "volumes: ['~/$S:/x']",
    "volumes: ['$S:/x']",
    "volumes: ['data:$S']",
    "volumes: ['data:/x:$S']",
    "volumes: [{type: $S, source: /a, target: /b}]",
    "volumes: [{type: tmpfs, target: /b, tmpfs: {size: $S}}]",
    "volumes: [{type: volume, source: data, target: /b, volume: {subpath: $S}}]",
    "networks: [$S]",
    "networks: {back: {aliases: [$S]}}",
    "networks: {back: {ipv4_address: $S}}",
    "ports: ['$S']",
    "ports: ['$S:80']",
    "ports: ['127.0.0.1:80:$S']",
    "ports: ['80:80/$S']",
    "ports: [{target: $S}]",
    "ports: [{target: 80, published: $S, host_ip: $S, protocol: $S, mode: $S}]",
    "expose: [$S]",
    "depends_on: [$S]",
    "depends_on: {web2: {condition: $S}}",
    "profiles: [$S]",
    "restart: $S",
    "stop_signal: $S",
    "stop_grace_period: $S",
    "tmpfs: [$S]",
    "cap_add: [$S]",
    "init: $S",
    "read_only: $S",
    "mem_limit: $S",
    "cpus: $S",
    "annotations: ['$S=1']",
    "annotations: {a: $S}",
    "sysctls: {net.core.somaxconn: $S}",
    "sysctls: ['net.x=$S']",
    "extra_hosts: ['a:$S', '$S:1.2.3.4']",
    "extra_hosts: ['$S=1.2.3.4']",
    "extra_hosts: {a: [$S]}",
    "dns: [$S]",
    "dns_search: $S",
    "devices: ['$S:/dev/x']",
    "devices: [{source: $S, target: /dev/x}]",
    "security_opt: ['$S']",
    "ulimits: {nofile: $S}",
    "ulimits: {nofile: {soft: $S, hard: $S}}",
    "network_mode: $S",
    "network_mode: service:$S",
    "pid: $S",
    "ipc: service:$S",
    "links: [$S]",
    "external_links: ['$S:a']",
    "volumes_from: [$S]",
    "platform: $S",
    "runtime: $S",
    "shm_size: $S",
    "mac_address: $S",
    "gpus: [{driver: $S, count: $S}]",
    "label_file: $S",
    "group_add: [$S]",
    "blkio_config: {weight: $S, device_read_bps: [{path: $S, rate: $S}]}",
    "pull_policy: $S",
    "domainname: $S",
    "storage_opt: {size: $S}",
    "cgroup: $S",
    "userns_mode: $S",
    "oom_score_adj: $S",
    "scale: $S",
    "post_start: [{command: $S}]",
    "deploy: {placement: {constraints: [$S]}, mode: $S, labels: {a: $S}}",
    "deploy: {resources: {reservations: {devices: [{capabilities: [$S]}]}}}",
    "deploy: {restart_policy: {condition: $S, delay: $S}}",
    "networks: {back: {mac_address: $S, driver_opts: {a: $S}, link_local_ips: [$S]}}",
    "volumes: [{type: image, source: $S, target: /b}]",
    "configs: [{source: c, uid: $S, gid: $S}]",
    "deploy: {replicas: $S}",
    "deploy: {resources: {limits: {cpus: $S, memory: $S, pids: $S}}}",
    "deploy: {update_config: {parallelism: $S, delay: $S, order: $S}}",
    "logging: {driver: $S, options: {a: $S}}",
    "x-gitopsd: {strategy: $S, min_ready: $S}",
    "x-gitopsd: {job: {timeout: $S}}",
    "x-gitopsd: {traffic: {listen: $S, target: 80, mode: $S, path: $S, proxy_protocol: $S}}",
    "x-gitopsd: {traffic: {listen: 80, target: 80, hosts: [$S], sticky: {cookie: $S}, header: {name: X, value: $S}}}",
    "x-gitopsd: {traffic: {listen: 80, target: 80, hosts: [$S, $S], cookie: $S}}",
    "x-gitopsd: {traffic: {}, drain_timeout: $S, warm_up: $S, guard: $S}",
    "x-note: {a: $S, b: [$S]}",
    "secrets: [$S]",
    "secrets: [{source: s, target: $S, mode: $S}]",
    "configs: [{source: c, target: /$S}]",
    "extends: {file: $S, service: a}",
    "extends: $S",
    "build: {context: $S}",
    "labels: {a: '${NONE:?$S}'}",
    "labels: {a: '${S'}",
    "labels: {a: '${S:x}'}",
    "labels: {a: '$S ${-}'}",
    "labels: {a: '${NONE:-$S}', b: '${S:+$S}'}",
)
TOP_KEYS = (
    "secrets: {s: {file: $S}}",
    "secrets: {s: {environment: $S}}",
    "secrets: {s: {environment: S}}",
    "secrets: {s: {external: $S}}",
    "secrets: {s: {external: true, file: $S}}",
    "configs: {c: {content: '$S'}}",
    "configs: {c: {file: ./$S}}",
    "networks: {default: {driver: $S, driver_opts: {a: $S}, internal: $S, labels: {a: $S}}}",
    "networks: {default: {ipam: {driver: $S, config: [{subnet: $S, gateway: $S}]}}}",
    "networks: {default: {external: $S}}",
    "volumes: {v: {driver: $S, driver_opts: {o: $S, type: $S}}}",
    "volumes: {v: {driver_opts: {o: bind, device: $S}}}",
    "volumes: {v: {external: true, driver: $S}}",
    "x-note: $S",
    "x-note: {a: [$S, {b: $S}]}",
    "x-gitopsd: {heal: $S, on_failure: $S, prune: $S}",
    "x-gitopsd: {traffic: {router: $S}}",
    "include: [$S]",
    "include: [{path: inner.yaml, project_directory: $S, env_file: $S}]",
)
USES = "configs: [c], secrets: [s], volumes: ['v:/v']"


def texts(manifest: str, secret: str, **files: str) -> str:
    """All that is said of a manifest: its errors, or how it is printed with and without defaults, and its warnings."""
    contents = {"shop/compose.yaml": manifest, "shop/e.env": "A=$S\nB=${S:?x}\n", **files}
    variables = {"S": secret, "OTHER": "o"}
    try:
        loaded = load_all(Files.of(contents), "shop", "production", variables=variables, for_config=True)
    except ManifestError as error:
        return str(error)
    shown = [resolved(loaded, "/repo"), resolved(loaded, "/repo", defaults=True)]
    said = [*loaded.desired.warnings, *loaded.desired.unset, *loaded.desired.missing]
    return json.dumps(shown) + "\n".join(map(str, said))


@pytest.mark.parametrize("key", SERVICE_KEYS)
def test_a_value_in_a_service_is_not_shown(key: str) -> None:
    manifest = f"services:\n  web2: {{image: i}}\n  web:\n    image: i\n    {key}\n{TOP}"

    assert CANARY not in texts(manifest, CANARY)


@pytest.mark.parametrize("key", TOP_KEYS)
def test_a_value_beside_the_services_is_not_shown(key: str) -> None:
    rest = {"configs": "{c: {content: x}}", "secrets": "{s: {file: ./e.env}}", "volumes": "{v: {}}"}
    others = "".join(f"{kind}: {text}\n" for kind, text in rest.items() if not key.startswith(kind))

    assert CANARY not in texts(f"services: {{web: {{image: i, {USES}}}}}\n{others}{key}\n", CANARY)


@pytest.mark.parametrize(
    "secret",
    [
        "two\nlines of-magpie\n",
        "regex.*[magpie](x|y)+$",
        "magpie:with/at@and=equals,comma;semi",
        "  magpie in spaces  ",
        "'magpie\"quoted\\",
        "$magpie${NOT}",
        "magpie # no comment",
        "magpie" * 50,
        "☃-magpie-☃",
    ],
)
def test_whatever_a_value_looks_like_it_is_not_shown(secret: str) -> None:
    for key in SERVICE_KEYS:
        said = texts(f"services:\n  web2: {{image: i}}\n  web:\n    image: i\n    {key}\n{TOP}", secret)
        assert "magpie" not in said, key


def test_a_value_of_a_few_letters_is_not_shown_where_it_stands_either() -> None:
    said = texts("services: {web: {image: i, environment: {A: $S, B: x$S}, ports: ['$S:80']}}\n", "7q")

    assert "7q" not in said


@given(
    st.lists(st.sampled_from(["$S", "${S}", "${OTHER}", "x", "$$", "=", ":", "/", ",", " "]), min_size=1, max_size=6)
)
def test_a_value_among_other_words_is_not_shown_however_they_are_put_together(parts: list[str]) -> None:
    text = json.dumps("".join(parts))
    for key in ("environment: {A: %s}", "command: [%s]", "labels: [%s]", "healthcheck: {test: %s}", "ports: [%s]"):
        assert CANARY not in texts(f"services:\n  web:\n    image: i\n    {key % text}\n", CANARY)


def test_a_value_in_a_name_is_warned_of_as_names_are_shown() -> None:
    manifest = (
        "services: {web: {image: 'web:$S'}, db: {image: i, container_name: $S}}\nnetworks: {default: {name: $S}}\n"
    )
    loaded = load_all(Files.of({"shop/compose.yaml": manifest}), "shop", "production", variables={"S": CANARY})

    assert [str(warning) for warning in loaded.desired.warnings] == [
        "shop/compose.yaml:1:12: values of the host stand in names (services.web.image, services.db.container_name, "
        "networks.default.name); names are shown as they are, so put no secret there"
    ]


@pytest.mark.parametrize("variable", ["COMPOSE_PROJECT_NAME", "NAME"])
def test_a_project_that_is_named_by_the_host_is_warned_of(variable: str) -> None:
    manifest = "name: ${NAME:-shop}\nservices: {web: {image: i}}\n"
    files = Files.of({"shop/compose.yaml": manifest})
    loaded = load_all(files, "shop", "production", variables={variable: CANARY})
    by_settings = load_all(files, "shop", "production", variables={"COMPOSE_PROJECT_NAME": CANARY}, project="own")

    assert ["values of the host stand in names" in str(warning) for warning in loaded.desired.warnings] == [True]
    assert by_settings.desired.warnings == ()


def test_a_default_that_git_has_is_no_secret() -> None:
    said = texts("services: {web: {image: i, environment: {A: '${NONE:-of-git}'}}}\n", CANARY)

    assert "of-git" in said
