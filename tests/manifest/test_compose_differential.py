"""Whatever valid service is made up, alone or under an override, it means to gitopsd what it means to Compose."""

import json
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gitopsd.manifest import load_all, resolved
from gitopsd.model.files import Files
from tests.manifest.test_compose_corpus import as_compose_says

WORDS = st.text(st.sampled_from("ab.-_ =\"'\\$é1#"), max_size=8).map(lambda text: text.replace("$", "$$"))
PLAIN = st.sampled_from(["a", "b-c", "d.e", "F1", "x=y", "two words"])
NAMES = st.sampled_from(["A", "B", "C_1", "lower", "D.E"])
NUMBERS = st.one_of(st.integers(-3, 10**9), st.sampled_from([0.5, 1.25, 1e-7, 123456.5, 1e6, 1e21, 3.0]))
VALUES = st.one_of(WORDS, NUMBERS, st.booleans(), st.none())
DURATIONS = st.builds(
    "{}{}".format, st.sampled_from(["1", "90", "1.5", "0"]), st.sampled_from(["s", "ms", "m", "h", "m30s", "d"])
)
SIZES = st.builds("{}{}".format, st.integers(1, 2000), st.sampled_from(["", "b", "k", "m", "g", "kb", "MiB", "G"]))
PORT = st.integers(1, 65000).map(str)
SHORT_PORTS = st.one_of(
    PORT,
    st.builds("{}:{}".format, PORT, PORT),
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
    {"target": st.integers(1, 65000)},
    optional={
        "published": PORT,
        "protocol": st.sampled_from(["tcp", "udp"]),
        "mode": st.sampled_from(["host", "ingress"]),
        "host_ip": st.just("127.0.0.1"),
        "name": PLAIN,
    },
)
TARGETS = st.sampled_from(["/a", "/b", "/c/d", "/e"])
SHORT_VOLUMES = st.builds(
    "{}:{}{}".format,
    st.sampled_from(["data", "/host", "./content", "./data/"]),
    TARGETS,
    st.sampled_from(["", ":ro", ":rw", ":z", ":ro,Z"]),
)
LONG_VOLUMES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("bind"), "source": st.sampled_from(["/host", "./content"]), "target": TARGETS},
        optional={
            "read_only": st.booleans(),
            "bind": st.fixed_dictionaries(
                {}, optional={"create_host_path": st.booleans(), "propagation": st.just("rslave")}
            ),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("volume"), "source": st.just("data"), "target": TARGETS},
        optional={"volume": st.fixed_dictionaries({}, optional={"nocopy": st.booleans(), "subpath": st.just("s")})},
    ),
    st.fixed_dictionaries(
        {"type": st.just("tmpfs"), "target": TARGETS},
        optional={"tmpfs": st.fixed_dictionaries({}, optional={"size": SIZES, "mode": st.integers(0, 0o777)})},
    ),
)
PAIRS = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.lists(st.one_of(NAMES, st.builds("{}={}".format, NAMES, WORDS)), max_size=3, unique=True),
)


def grants(target: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(
        st.one_of(
            st.sampled_from(["one", "two"]),
            st.fixed_dictionaries(
                {"source": st.sampled_from(["one", "two"])},
                optional={"target": st.sampled_from([target, "y"]), "mode": st.sampled_from([0o400, 0o644, "0440"])},
            ),
        ),
        max_size=2,
    )


COMMANDS = st.one_of(
    st.lists(WORDS, max_size=3),
    st.sampled_from(["", "a b", "a 'b c' \"d e\"", "x \\ y", "a; b", "a && b", "sh -c \"e 'f'\"", "a > b", "a 2> b"]),
)
LIMITS = st.fixed_dictionaries(
    {}, optional={"cpus": st.sampled_from(["0.5", 2, 0.1]), "memory": SIZES, "pids": st.integers(0, 9)}
)
SERVICES = st.fixed_dictionaries(
    {"image": st.sampled_from(["nginx", "a/b:1.2", "r.example.com:5000/a@sha256:" + "0" * 64])},
    optional={
        "command": COMMANDS,
        "entrypoint": COMMANDS,
        "environment": PAIRS,
        "labels": PAIRS,
        "env_file": st.sampled_from(["e.env", ["e.env"], [{"path": "e.env"}, {"path": "gone", "required": False}]]),
        "ports": st.lists(st.one_of(SHORT_PORTS, LONG_PORTS), max_size=3),
        "expose": st.lists(st.one_of(PORT, st.integers(1, 60000)), max_size=2, unique_by=str),
        "volumes": st.lists(st.one_of(SHORT_VOLUMES, LONG_VOLUMES), max_size=3, unique_by=str),
        "networks": st.one_of(
            st.lists(st.sampled_from(["front", "back"]), unique=True),
            st.dictionaries(
                st.sampled_from(["front", "back"]),
                st.one_of(
                    st.none(),
                    st.fixed_dictionaries(
                        {}, optional={"aliases": st.lists(PLAIN, unique=True), "priority": st.integers(0, 5)}
                    ),
                ),
            ),
        ),
        "configs": grants("/config"),
        "secrets": grants("/secret"),
        "healthcheck": st.fixed_dictionaries(
            {},
            optional={
                "test": st.one_of(WORDS, st.just(["CMD", "a"]), st.just(["NONE"])),
                "interval": DURATIONS,
                "retries": st.one_of(st.integers(0, 5), st.just("3")),
                "disable": st.booleans(),
            },
        ),
        "deploy": st.fixed_dictionaries(
            {},
            optional={
                "replicas": st.one_of(st.integers(0, 3), st.just("2")),
                "resources": st.fixed_dictionaries({}, optional={"limits": LIMITS}),
                "update_config": st.fixed_dictionaries(
                    {}, optional={"parallelism": st.integers(0, 3), "delay": DURATIONS, "order": st.just("stop-first")}
                ),
            },
        ),
        "restart": st.sampled_from(["no", "always", "on-failure:3", ""]),
        "user": PLAIN,
        "hostname": PLAIN,
        "working_dir": st.sampled_from(["", "/w"]),
        "init": st.booleans(),
        "read_only": st.booleans(),
        "tmpfs": st.one_of(st.just("/t"), st.lists(st.sampled_from(["/t", "/u:size=1m"]), max_size=2)),
        "cap_add": st.lists(st.sampled_from(["A", "B", "C"]), unique=True),
        "logging": st.fixed_dictionaries(
            {}, optional={"driver": st.sampled_from(["x", "y"]), "options": st.dictionaries(NAMES, NUMBERS, max_size=2)}
        ),
        "stop_signal": st.just("SIGINT"),
        "stop_grace_period": DURATIONS,
        "depends_on": st.sampled_from([["base"], {"base": {"condition": "service_healthy", "restart": True}}]),
    },
)
# A question to Compose costs 70 ms, and what it answers names the service: so few examples, and no shrinking.
FEW = settings(max_examples=8, phases=[Phase.generate])
TOP: dict[str, Any] = {
    "networks": {"front": {}, "back": {}},
    "volumes": {"data": {}},
    "configs": {"one": {"content": "1"}, "two": {"content": "2"}},
    "secrets": {"one": {"file": "./e.env"}, "two": {"file": "./e.env"}},
}
FILES = {"e.env": "FROM_FILE=1\nA=file\n", "content/a": "a"}


@FEW
@given(services=st.lists(SERVICES, min_size=12, max_size=12))
def test_any_service_means_what_it_means_to_compose(services: list[dict[str, Any]], tmp_path_factory: Any) -> None:
    named = {f"s{number}": service for number, service in enumerate(services)}

    assert_alike(
        tmp_path_factory.mktemp("shop"), {"compose.yaml": {**TOP, "services": {**named, "base": {"image": "b"}}}}
    )


@FEW
@given(pairs=st.lists(st.tuples(SERVICES, SERVICES), min_size=12, max_size=12))
def test_any_override_means_what_it_means_to_compose(pairs: list[tuple[Any, Any]], tmp_path_factory: Any) -> None:
    below = {f"s{number}": pair[0] for number, pair in enumerate(pairs)}
    above = {f"s{number}": pair[1] for number, pair in enumerate(pairs)}
    base = {**TOP, "services": {**below, "base": {"image": "b"}}}

    assert_alike(tmp_path_factory.mktemp("shop"), {"compose.yaml": base, "compose.override.yml": {"services": above}})


@FEW
@given(pairs=st.lists(st.tuples(SERVICES, SERVICES), min_size=12, max_size=12))
def test_any_extended_service_means_what_it_means_to_compose(
    pairs: list[tuple[Any, Any]], tmp_path_factory: Any
) -> None:
    below = {f"b{number}": pair[0] for number, pair in enumerate(pairs)}
    above = {f"s{number}": {**pair[1], "extends": f"b{number}"} for number, pair in enumerate(pairs)}
    services = {**below, **above, "base": {"image": "b"}}

    assert_alike(tmp_path_factory.mktemp("shop"), {"compose.yaml": {**TOP, "services": services}})


def assert_alike(directory: Path, documents: dict[str, Any]) -> None:
    files = {**FILES, **{name: json.dumps(document) for name, document in documents.items()}}
    for name, text in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    loaded = load_all(Files.of(files), "", directory.name, variables={}, for_config=True)

    ours, theirs = resolved(loaded, str(directory)), as_compose_says(directory)

    for name, service in theirs["services"].items():
        assert ours["services"][name] == service, name  # type: ignore[index,call-overload]
    assert ours == theirs
