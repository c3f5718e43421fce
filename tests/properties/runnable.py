"""Makes up services that a real engine can run: valid Compose keys, with values that this machine can give."""

from collections.abc import Mapping
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.manifest.made_up import ENV, ENV_FILE, written
from tests.manifest.made_up_keys import SERVICE_ROWS, Bare, Rows, cast, grants, lists, one, some

# Of these keys everything that is valid runs, too.
AS_THEY_ARE = (
    *("environment", "labels", "env_file", "label_file", "dns", "dns_opt", "dns_search", "domainname", "expose"),
    *("extra_hosts", "hostname", "init", "stop_grace_period", "tty", "stdin_open", "cpu_shares"),
    *("cpuset", "tmpfs", "working_dir", "x-extension", "cpus", "read_only", "runtime"),
)
SIZES = one("16m", "64M", "1g", 48 << 20)
COMMANDS = one(
    {},
    {},
    {"command": ["sleep", "3600"]},
    {"command": "sleep 3600"},
    {"command": "sh -c 'sleep 3600'"},
    {"entrypoint": ["sleep", "3600"]},
    {"entrypoint": "env X=$$HOME", "command": ["sleep", "3600"]},
    {"entrypoint": [], "command": ["sleep", "3600"]},
)
VOLUMES = st.lists(
    one(
        "/v/anonymous",
        "data:/v/a",
        "data:/v/b:ro",
        "cache:/v/c:nocopy",
        "./content:/v/content",
        "./e.env:/v/file:ro",
        "/srv/gitopsd-test:/v/host:ro",
        {"type": "tmpfs", "target": "/v/t", "tmpfs": {"size": "1m", "mode": 0o1700}},
        {"type": "volume", "source": "data", "target": "/v/long", "read_only": True, "volume": {"nocopy": True}},
        {"type": "bind", "source": "/srv/gitopsd-test", "target": "/v/bind", "bind": {"propagation": "private"}},
    ),
    max_size=3,
    unique_by=str,
)
LIMITS: Rows = {
    "cpus": cast(one(0.5, 2, 0.1)),
    "memory": one("16m", "64M", "1g", str(48 << 20)),  # Compose takes no number here
    "pids": cast(st.integers(10, 99)),
}
ENDPOINT: Rows = {"aliases": lists("a", "b-c", "d.e"), "priority": st.integers(0, 5)}
OWN: Rows = {
    "blkio_config": some({"weight": st.integers(10, 1000)}),
    "cap_add": lists("NET_ADMIN", "sys_time", "CAP_SYSLOG"),
    "cap_drop": lists("MKNOD", "cap_audit_write", "NET_RAW"),
    "configs": grants("/config"),
    "container_name": st.none(),  # made of the service's name, as it is unique
    "cgroup": one("host", "private"),
    "deploy": some({"resources": st.fixed_dictionaries({"limits": some(LIMITS)}), "replicas": one(1, "1")}),
    "device_cgroup_rules": lists("c 1:3 mr", "a 7:* rmw"),
    "devices": st.lists(one("/dev/null:/dev/one:rw", {"source": "/dev/null", "target": "/dev/two"}), max_size=2),
    "group_add": lists("12", 1000, "1001"),
    "healthcheck": one({"disable": True}, {"test": ["NONE"]}, {"test": "true", "interval": "2s", "retries": 2}),
    "ipc": one("host", "shareable", "private"),
    "logging": one({"driver": "none"}, {"driver": "json-file", "options": {"max-size": "1m"}}, {"driver": "local"}),
    "mem_limit": SIZES,
    "mem_reservation": one(6 << 20, "8m"),
    "mem_swappiness": cast(st.integers(1, 100)),
    "memswap_limit": one(-1, "2g"),
    "network_mode": one("host", "none", "bridge"),
    "networks": st.one_of(
        lists("front", "back"),
        st.dictionaries(one("front", "back", "default"), st.one_of(st.none(), some(ENDPOINT)), max_size=2),
    ),
    "oom_score_adj": cast(st.integers(0, 500)),
    "pid": one("host"),
    "pids_limit": cast(one(-1, 10, 200)),
    "ports": st.lists(one("8080", "8081/udp", 80, {"target": 443}, "127.0.0.1::53"), max_size=2, unique_by=str),
    "restart": one("always", "on-failure:3", "unless-stopped"),
    "secrets": grants("/secret"),
    "security_opt": lists("no-new-privileges:true", "seccomp=unconfined"),
    "shm_size": SIZES,
    "stop_signal": one("SIGKILL", "SIGINT", "15"),
    "sysctls": one({"net.core.somaxconn": 99}, ["net.core.somaxconn=99"], {"kernel.msgmax": 9000}),
    "ulimits": st.dictionaries(
        one("nofile", "nproc"), one(2000, {"soft": 1000, "hard": 2000}, {"soft": 900, "hard": 900}), max_size=2
    ),
    "user": one("0", "1000", "1000:1000"),
    "userns_mode": one("host"),
    "uts": one("host"),
}
ROWS: Rows = {key: row for key, row in {**{key: SERVICE_ROWS.get(key) for key in AS_THEY_ARE}, **OWN}.items()
              if row is not None and key in SERVICE_ROWS}  # fmt: skip
# With one of these keys, none of the others: what an engine refuses beside one another, or cannot give it.
BARS: Mapping[str, tuple[str, ...]] = {
    "network_mode": ("networks", "ports", "expose", "hostname", "domainname", "extra_hosts", "dns", "sysctls", "links"),
    "deploy": ("cpus", "mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "pids_limit"),
    "container_name": ("deploy",),
    "uts": ("hostname", "domainname", "network_mode"),
    "ipc": ("sysctls", "shm_size"),
    "userns_mode": ("pid",),
    "user": ("read_only",),
}
NEEDS = {"memswap_limit": "mem_limit", "mem_reservation": "mem_limit", "mem_swappiness": "mem_limit"}
IMAGES = ("plain", "plain", "rich")
# What has no order, wherever it stands in a service.
SETS = frozenset(
    ("cap_add", "cap_drop", "dns_opt", "expose", "ports", "group_add", "networks", "security_opt", "aliases", "labels",
     "extra_hosts", "environment", "devices", "device_cgroup_rules", "tmpfs")
)  # fmt: skip
FILES = {"content/a": "a\n", "content/b/c": "c\n", "e.env": ENV_FILE, "f.env": "A=${FROM_FILE:-x}\nX='y'\n"}
TOP: dict[str, Any] = {
    "networks": {"front": {"internal": True}, "back": {"labels": {"team": "shop"}, "driver_opts": {"a.b": "1"}}},
    "volumes": {"data": None, "cache": {"labels": ["team=shop"]}},
    "configs": {"one": {"content": "1 $$a ${A}"}, "two": {"file": "./e.env"}},
    "secrets": {"one": {"file": "./e.env"}, "two": {"file": "./f.env"}},
}


def made_up(count: int, number: int) -> dict[str, dict[str, Any]]:
    """As many services by name; another `number` gives others."""
    found: list[dict[str, Any]] = []

    @seed(number)
    @settings(max_examples=3 * count, phases=[Phase.generate], database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(some(ROWS, 9), COMMANDS, VOLUMES, one(*IMAGES))
    def collect(keys: dict[str, Any], command: dict[str, Any], volumes: list[Any], image: str) -> None:
        found.append(_runnable(keys, command, volumes, image))

    collect()
    # Examples that follow each other are much alike.
    return {f"s{index:04}": service for index, service in enumerate(Random(number).sample(found, count))}


def _runnable(keys: dict[str, Any], command: dict[str, Any], volumes: list[Any], image: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in keys.items():
        barred = any(other in kept and key in BARS.get(other, ()) for other in BARS)
        if not barred and not any(other in kept for other in BARS.get(key, ())):
            kept[key] = value
    kept = {key: value for key, value in kept.items() if NEEDS.get(key, key) in kept}
    more = {"volumes": volumes} if volumes else {}
    return {"image": f"gitopsd-test/{image}:1", "x-gitopsd": {"min_ready": "0s"}, **kept, **more, **command}


def documents(services: Mapping[str, dict[str, Any]], project: str) -> dict[str, str]:
    """The files of an environment of these services."""
    named = {name: _named(service, f"{project}-the-{name}") for name, service in services.items()}
    env = "".join(f"{name}={value}\n" for name, value in ENV.items())
    return {"compose.yaml": written({"name": project, "services": named, **TOP}, block=True), ".env": env, **FILES}


def _named(service: dict[str, Any], name: str) -> dict[str, Any]:
    return {**service, "container_name": name} if "container_name" in service else service


def permuted(value: Any, random: Random, key: str = "") -> Any:
    """The same with maps and sets in another order."""
    match value:
        case Bare():
            return value
        case dict():
            keys = random.sample(list(value), len(value))
            return {each: permuted(value[each], random, each) for each in keys}
        case list() if key in SETS and _all_different(value):
            return random.sample([permuted(each, random) for each in value], len(value))
        case list():
            return [permuted(each, random) for each in value]
        case _:
            return value


def _all_different(value: list[Any]) -> bool:
    """Of two entries of one name the last one counts, so that their order does."""
    names = [str(each).partition("=")[0].partition(":")[0] for each in value]
    return len(set(names)) == len(names)
