"""What may stand under each key of a Compose file: one row a key, from which projects are made up.

A row is a strategy of valid values. Only rows that gitopsd reads are used, so that a row may be here before its key is;
a key that gitopsd refuses for good has none.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from gitopsd.manifest import load_all
from gitopsd.manifest.keys.service import ELSEWHERE, SERVICE
from gitopsd.model.errors import ManifestError
from gitopsd.model.files import Files

Rows = dict[str, st.SearchStrategy[Any]]


@dataclass(frozen=True, slots=True)
class Bare:
    """A scalar as it is written, without quotes."""

    text: str


def cast(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values that Compose also takes as a string which a variable gives."""
    return st.one_of(values, values.map(lambda value: f"${{UNSET:-{str(value).lower()}}}"))


def some(rows: Rows, at_most: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with some of the rows."""
    names = st.lists(st.sampled_from(sorted(rows)), max_size=at_most, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: rows[name] for name in chosen}))


def lists(*values: Any, size: int = 3) -> st.SearchStrategy[list[Any]]:
    """Some of the values, none twice."""
    return st.lists(st.sampled_from(values), max_size=size, unique_by=str)


def one(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


WORDS = st.text(st.sampled_from("ab.-_ =\"'\\$é1#"), max_size=8).map(lambda text: text.replace("$", "$$"))
PLAIN = one("a", "b-c", "d.e", "F1", "x=y", "two words")
NAMES = one("A", "B", "C_1", "lower", "D.E")
BARE = one("yes", "0o17", "017", "1e3", "22:22", ".5", "0x1F", "1_000", "~", "1.0", "true", "-0").map(Bare)
NUMBERS = st.one_of(st.integers(-3, 10**9), one(0.5, 1.25, 1e-7, 123456.5, 1e6, 1e21, 3.0))
VALUES = st.one_of(WORDS, NUMBERS, st.booleans(), st.none(), BARE)
FLAG = cast(st.booleans())
DURATIONS = st.builds("{}{}".format, one("1", "90", "1.5", "0"), one("s", "ms", "m", "h", "m30s", "d"))
SIZES = st.builds("{}{}".format, st.integers(1, 2000), one("", "b", "k", "m", "g", "kb", "MiB", "G"))
PORT = st.integers(1, 65000).map(str)
ADDRESS = one("10.1.0.2", "192.0.2.1", "::1", "2001:db8::1")
PAIRS = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.lists(st.one_of(NAMES, st.builds("{}={}".format, NAMES, WORDS)), max_size=3, unique=True),
)
OPTIONS = st.dictionaries(NAMES, st.one_of(WORDS, NUMBERS), max_size=2)
COMMANDS = st.one_of(
    st.none(),
    st.lists(WORDS, max_size=3),
    one("", "a b", "a 'b c' \"d e\"", "x \\ y", "a; b", "a && b", "sh -c \"e 'f'\"", "a > b", "a 2> b"),
)
SHORT_PORTS = st.one_of(
    PORT,
    st.builds("{}:{}".format, PORT, PORT),
    one("80:80", "81:80", "127.0.0.1:80:80", "80:80/udp", "8000-8003:80"),
    st.builds("127.0.0.1:{}:{}/udp".format, PORT, PORT),
    st.builds(lambda first, length: f"{first}-{first + length}", st.integers(1, 60000), st.integers(1, 3)),
    st.builds(
        lambda host, own, length: f"{host}-{host + length}:{own}-{own + length}",
        st.integers(1, 60000),
        st.integers(1, 60000),
        st.integers(1, 3),
    ),
    st.integers(1, 65000),
)
LONG_PORTS = st.fixed_dictionaries(
    {"target": cast(one(80, 81, 8080))},
    optional={
        # A number is no text to Compose, which then keeps a port that it has already in its short form; no engine can.
        "published": st.one_of(PORT, one("80", "8000-8010")),
        "protocol": one("tcp", "udp"),
        "mode": one("host", "ingress"),
        "host_ip": one("127.0.0.1", "0.0.0.0"),
        "name": PLAIN,
        "app_protocol": one("http"),
    },
)
TARGETS = one("/v/a", "/v/b", "/v/c/d", "/v/e/")
SHORT_VOLUMES = st.builds(
    "{}:{}{}".format,
    one("data", "cache", "/host", "./content", "./data/", "."),
    TARGETS,
    one("", ":ro", ":rw", ":z", ":ro,Z", ":nocopy"),
)


def subkeys(path: str, rows: Rows) -> Rows:
    """The rows below a key that gitopsd reads; `path` is where they stand in a document, with dots."""
    return {key: row for key, row in rows.items() if _reads(f"{path}.{key}")}


def _reads(path: str) -> bool:
    """Whether gitopsd knows the key: it has another word for a key that it does not."""
    document: Any = None
    for key in reversed(path.split(".")):
        document = f"[{document or ''}]" if key == "0" else f"{{{key}: {document or ''}}}"
    try:
        load_all(Files.of({"compose.yaml": document}), "", "probe", variables={}, for_config=True)
    except ManifestError as error:
        return not any("not supported" in str(each) or "unknown key" in str(each) for each in error.problems)
    return True


LONG_VOLUMES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("bind"), "source": one("/host", "./content", "content"), "target": TARGETS},
        optional={
            "read_only": FLAG,
            "consistency": one("cached"),
            "bind": some(
                subkeys(
                    "services.web.volumes.0.bind",
                    {
                        "create_host_path": FLAG,
                        "propagation": one("rslave", "rprivate"),
                        "selinux": one("z", "Z"),
                        "recursive": one("enabled", "disabled", "writable", "readonly"),
                    },
                )
            ),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("volume"), "target": TARGETS},
        optional={
            "source": one("data", "cache"),
            "read_only": FLAG,
            "volume": some(
                subkeys(
                    "services.web.volumes.0.volume", {"nocopy": FLAG, "subpath": one("sub", "sub/dir"), "labels": PAIRS}
                )
            ),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("tmpfs"), "target": TARGETS},
        optional={"tmpfs": some({"size": st.one_of(SIZES, st.integers(1, 10**9)), "mode": st.integers(1, 0o777)})},
    ),
)


def grants(target: str) -> st.SearchStrategy[list[Any]]:
    """Configs or secrets of a service."""
    path = "services.web.configs.0"
    rows = {"mode": one(0o400, 0o644, "0440", Bare("0o440")), "uid": one("0", "1000"), "gid": one("1000")}
    whole = st.fixed_dictionaries(
        {"source": one("one", "two")}, optional={"target": one(f"{target}/x", f"{target}/y"), **subkeys(path, rows)}
    )
    return st.lists(st.one_of(one("one", "two"), whole), max_size=3)


LIMITS = {
    "cpus": cast(one(0.5, 2, 0.1)),
    "memory": SIZES,
    "pids": cast(st.integers(1, 9)),
}
GENERIC = one([{"discrete_resource_spec": {"kind": "a", "value": 2}}])
DEVICES = st.lists(
    st.fixed_dictionaries(
        {"capabilities": one(["gpu"], ["gpu", "utility"])},
        optional={"driver": one("nvidia"), "device_ids": one(["0", "1"]), "options": OPTIONS},
    ),
    max_size=2,
)
UPDATE = {
    "parallelism": cast(st.integers(0, 3)),
    "delay": DURATIONS,
    "failure_action": one("pause", "continue", "rollback"),
    "monitor": DURATIONS,
    "max_failure_ratio": cast(one(0.5, 0.1, 1)),
    "order": one("stop-first", "start-first"),
}
ROLLBACK = {
    "parallelism": cast(st.integers(0, 3)),
    "delay": DURATIONS,
    "failure_action": one("pause"),
    "monitor": one("0s"),
    "max_failure_ratio": cast(one(0)),
    "order": one("stop-first", "start-first"),
}
DEPLOY: Rows = {
    "replicas": cast(st.integers(0, 3)),
    "update_config": some(UPDATE),
    "rollback_config": some(ROLLBACK),
    "resources": st.fixed_dictionaries(
        {},
        optional={
            "limits": some(LIMITS),
            "reservations": some(
                subkeys(
                    "services.web.deploy.resources.reservations",
                    {
                        "cpus": cast(one(0.5, 2, 0.1)),
                        "memory": SIZES,
                        "devices": DEVICES,
                    },
                )
            ),
        },
    ),
    "restart_policy": some(
        {
            "condition": one("none", "on-failure", "any"),
            "delay": DURATIONS,
            "max_attempts": cast(st.integers(0, 5)),
            "window": DURATIONS,
        }
    ),
}
ATTACHMENT: Rows = {
    "aliases": lists("a", "b-c", "d.e"),
    "ipv4_address": one("10.1.0.2", "10.1.0.3"),
    "ipv6_address": one("2001:db8::1"),
    "priority": st.integers(0, 5),
    "gw_priority": st.integers(0, 5),
    "interface_name": one("eth7"),
    "link_local_ips": lists("169.254.1.1", "169.254.1.2"),
    "mac_address": one("02:42:ac:11:65:43"),
    "driver_opts": OPTIONS,
}
RATES = st.lists(
    st.fixed_dictionaries({"path": one("/dev/sda"), "rate": st.one_of(SIZES, st.integers(1, 999))}), max_size=2
)
IOPS = st.lists(st.fixed_dictionaries({"path": one("/dev/sda"), "rate": st.integers(1, 999)}), max_size=2)
WEIGHTS = st.lists(st.fixed_dictionaries({"path": one("/dev/sda"), "weight": st.integers(10, 999)}), max_size=2)
HOSTS = st.one_of(
    lists("one:10.0.0.1", "two=10.0.0.2", "one:10.0.0.3", "six:::1", "host.docker.internal:host-gateway"),
    st.dictionaries(one("one", "two"), one("10.0.0.1", "10.0.0.2", ["10.0.0.3", "10.0.0.4"]), max_size=2),
)
FILES = one("e.env", ["e.env"], ["e.env", "f.env", "e.env"], [{"path": "f.env"}, {"path": "gone", "required": False}])

ALL_SERVICE: Rows = {
    "annotations": PAIRS,
    "attach": FLAG,
    "blkio_config": some(
        {
            "weight": st.integers(10, 1000),
            "weight_device": WEIGHTS,
            "device_read_bps": RATES,
            "device_write_bps": RATES,
            "device_read_iops": IOPS,
            "device_write_iops": IOPS,
        }
    ),
    "build": st.one_of(
        one(".", "./content"),
        some(
            {
                "context": one("./a", "./content"),
                "dockerfile": one("D", "E"),
                "args": PAIRS,
                "labels": PAIRS,
                "target": one("t"),
                "cache_from": lists("a", "b"),
                "no_cache": FLAG,
                "extra_hosts": HOSTS,
                "tags": lists("a", "b"),
            }
        ),
    ),
    "cap_add": lists("A", "B", "C"),
    "cap_drop": lists("A", "B", "C"),
    "cgroup": one("host", "private"),
    "cgroup_parent": one("m-executor", "x.slice"),
    "command": COMMANDS,
    "configs": grants("/config"),
    "container_name": st.none(),  # made of the name of the service, as it is unique
    "cpu_period": cast(one(50000, 100000)),
    "cpu_quota": cast(one(25000, 50000)),
    "cpu_rt_period": cast(one(1400)),
    "cpu_rt_runtime": cast(one(950)),
    "cpu_shares": cast(st.integers(2, 2000)),
    "cpus": cast(one(0.5, 2, 0.1)),
    "cpuset": one("0", "0,1", "0-1"),
    "depends_on": one(
        ["base"],
        ["base", "other"],
        {"base": {"condition": "service_healthy", "restart": True}},
        {"other": {"condition": "service_started", "required": False}},
        {"base": {"condition": "service_completed_successfully"}, "other": {"condition": "service_healthy"}},
    ),
    "deploy": some(subkeys("services.web.deploy", DEPLOY)),
    "develop": one({"watch": [{"path": "./content", "action": "sync", "target": "/x"}]}),
    "device_cgroup_rules": lists("c 1:3 mr", "a 7:* rmw"),
    "devices": st.lists(
        one(
            "/dev/null",
            "/dev/null:/dev/zero",
            "/dev/null:/dev/one:rw",
            {"source": "/dev/null", "target": "/dev/two", "permissions": "r"},
        ),
        max_size=2,
    ),
    "dns": st.one_of(one("192.0.2.1"), lists("192.0.2.1", "192.0.2.2")),
    "dns_opt": lists("use-vc", "no-tld-query", "ndots:3"),
    "dns_search": st.one_of(one("example.com"), lists("a.example.com", "b.example.com")),
    "domainname": one("example.com"),
    "entrypoint": COMMANDS,
    "env_file": FILES,
    "environment": PAIRS,
    "expose": st.lists(st.one_of(PORT, one("80", "80/udp", "90-92"), st.integers(1, 60000)), max_size=2, unique_by=str),
    "external_links": lists("a", "b:c"),
    "extra_hosts": HOSTS,
    "gpus": st.one_of(one("all"), DEVICES),
    "group_add": lists("mail", "wheel", 1000),
    "healthcheck": some(
        {
            "test": st.one_of(WORDS, one(["CMD", "a"], ["NONE"], ["CMD-SHELL", "a b"])),
            "interval": DURATIONS,
            "timeout": DURATIONS,
            "start_period": DURATIONS,
            "start_interval": DURATIONS,
            "retries": cast(st.integers(0, 5)),
            "disable": FLAG,
        }
    ),
    "hostname": one("a", "b-c"),
    "init": FLAG,
    "ipc": one("host", "shareable", "private"),
    "label_file": one("e.env", ["e.env", "f.env"]),
    "labels": PAIRS,
    "links": lists("base", "base:alias", "other"),
    "logging": some({"driver": one("x", "y"), "options": st.dictionaries(NAMES, NUMBERS, max_size=2)}),
    "mac_address": one("02:42:ac:11:65:43", "02:42:ac:11:65:44"),
    "mem_limit": st.one_of(one("64m", "1.5g", "1GiB"), st.integers(6 << 20, 1 << 40)),
    "mem_reservation": st.integers(1, 5 << 20),
    "mem_swappiness": cast(st.integers(1, 100)),
    "memswap_limit": one(-1, "2t"),
    "network_mode": one("host", "none", "bridge", "service:base"),
    "networks": st.one_of(
        lists("front", "back"),
        st.dictionaries(
            one("front", "back", "default"),
            st.one_of(st.none(), some(subkeys("services.web.networks.default", ATTACHMENT))),
            max_size=2,
        ),
    ),
    "oom_kill_disable": FLAG,
    "oom_score_adj": cast(st.integers(-500, 500)),
    "pid": one("host", "service:base"),
    "pids_limit": cast(one(-1, 10, 200)),
    "platform": one("linux/amd64", "linux/arm64/v8"),
    "ports": st.lists(st.one_of(SHORT_PORTS, LONG_PORTS), max_size=3),
    "privileged": FLAG,
    "profiles": lists("p", "q", "r", size=2),
    "pull_policy": one("always", "never", "missing", "if_not_present", "daily", "every_12h"),
    "read_only": FLAG,
    "restart": one("no", "always", "on-failure:3", "unless-stopped", ""),
    "runtime": one("runc"),
    "scale": cast(st.integers(0, 3)),
    "secrets": grants("/secret"),
    "security_opt": lists("no-new-privileges:true", "label:user:x", "seccomp=unconfined", "apparmor=x"),
    "shm_size": st.one_of(SIZES, st.integers(1, 10**9)),
    "stdin_open": FLAG,
    "stop_grace_period": DURATIONS,
    "stop_signal": one("SIGINT", "SIGTERM", "15"),
    "storage_opt": one({"size": "1G"}),
    "sysctls": st.one_of(
        st.dictionaries(one("net.core.somaxconn", "kernel.msgmax"), st.integers(1, 999), max_size=2),
        lists("net.core.somaxconn=1", "kernel.msgmax=2"),
    ),
    "tmpfs": st.one_of(one("/t/a"), lists("/t/a", "/t/b:size=1m", "/t/c")),
    "tty": FLAG,
    "ulimits": st.dictionaries(
        one("nofile", "nproc"),
        st.one_of(st.integers(1, 999), st.fixed_dictionaries({"soft": st.integers(1, 9), "hard": st.integers(9, 99)})),
        max_size=2,
    ),
    "user": PLAIN,
    "userns_mode": one("host"),
    "uts": one("host"),
    "volumes": st.lists(st.one_of(SHORT_VOLUMES, LONG_VOLUMES, one("/v/anonymous")), max_size=3, unique_by=str),
    "volumes_from": lists("base", "other:ro"),
    "working_dir": one("", "/w", "/x/y"),
    "x-extension": st.one_of(PAIRS, st.none(), st.lists(VALUES, max_size=2)),
}
SERVICE_ROWS: Rows = {
    key: row for key, row in ALL_SERVICE.items() if key in SERVICE or key in ELSEWHERE or key.startswith("x-")
}
NEEDS = {"memswap_limit": "mem_limit", "mem_reservation": "mem_limit"}
# What Compose, an engine or gitopsd refuses beside one another: a project has the keys of one side only.
EXCLUSIVE: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    (frozenset(["networks", "mac_address", "ports", "links", "expose", "hostname", "extra_hosts"]),
     frozenset(["network_mode"])),
    (frozenset(["deploy"]), frozenset(["scale", "container_name", "cpus", "mem_limit", "mem_reservation",
                                       "pids_limit"])),
    (frozenset(["cpus", "deploy"]), frozenset(["cpu_period", "cpu_quota"])),
    (frozenset(["gpus"]), frozenset(["deploy"])),
    (frozenset(["privileged"]), frozenset(["devices", "cap_add", "cap_drop"])),
    (frozenset(["container_name"]), frozenset(["scale"])),
    (frozenset(["hostname"]), frozenset(["uts"])),
)  # fmt: skip
IPAM_POOLS = st.lists(
    st.fixed_dictionaries(
        {"subnet": one("10.1.0.0/16", "10.2.0.0/16")},
        optional={"gateway": one("10.1.0.1"), "ip_range": one("10.1.8.0/24"), "aux_addresses": one({"a": "10.1.0.9"})},
    ),
    max_size=1,  # of two in the base, Compose makes nonsense
)
TOP_ROWS: dict[str, Rows] = {
    "networks": {
        "name": one("net-1", "net_2"),
        "driver": one("bridge", "x"),
        "driver_opts": OPTIONS,
        "ipam": some(
            subkeys("networks.n.ipam", {"driver": one("default"), "config": IPAM_POOLS, "options": one({"a": "b"})})
        ),
        "internal": FLAG,
        "attachable": FLAG,
        "enable_ipv4": FLAG,
        "enable_ipv6": FLAG,
        "labels": PAIRS,
        "x-extension": VALUES,
    },
    "volumes": {
        "name": one("vol-1", "vol_2"),
        "driver": one("local", "x"),
        "driver_opts": OPTIONS,
        # Compose refuses an override that says what the file says, and none over none.
        "labels": st.integers(0, 1 << 40).map(lambda number: [f"a={number}"] if number % 2 else {"a": number}),
        "x-extension": VALUES,
    },
    "configs": {"name": one("con-1"), "x-extension": VALUES},
    "secrets": {"name": one("sec-1"), "x-extension": VALUES},
}
TOP_ROWS = {kind: subkeys(f"{kind}.n", rows) for kind, rows in TOP_ROWS.items()}
