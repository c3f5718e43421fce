"""The router of a swarm as Swarm is told it: one HAProxy a node, with its files as configs; and its network."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT
from gitopsd.engine_json.routed import TASKS_NETWORK
from gitopsd.engine_json.swarm_spec import SPEC, STACK
from gitopsd.model.canonical import Json, digest
from gitopsd.model.swarm import ObjectKind, SwarmObject, SwarmSpec

ROUTER: Final = "gitopsd-router"
"""The name of its service, and of the stack that this and all that it needs belong to."""
FILES: Final = "/gitopsd/config"
RUN: Final = "/gitopsd/run"
SOCKETS: Final = f"{RUN}/sockets"
PEM: Final = "/run/secrets/gitopsd-router.pem"
DESK_PORT: Final = 9406
LEAVES_S: Final = 10
MOST_AT_RUN_TIME: Final = (
    15_000  # characters of a certificate with its key: HAProxy's buffer has 16 KiB for one command
)
NO_CERTIFICATES: Final[Mapping[str, str]] = MappingProxyType({})
_SECOND: Final = 10**9


def router_labels() -> dict[str, str]:
    return {STACK: ROUTER, ENVIRONMENT: ROUTER}


def routed_overlay() -> dict[str, Json]:
    """The JSON of `POST /networks/create` without the name: routed services and routers are on it, on every node."""
    labels: dict[str, Json] = {**router_labels()}
    return {"CheckDuplicate": True, "Driver": "overlay", "Attachable": False, "Labels": labels}


def router_spec(
    image: str, files: Mapping[str, str], pem: str, ports: Collection[int], shown: Mapping[str, str] = NO_CERTIFICATES
) -> SwarmSpec:
    """`files` by their names, the first one HAProxy's own; `pem` proves gitopsd and routers to each other.

    `shown` are certificates with their keys, by the names of their files. Other content in one that a router can be
    told at run time makes no other routers: it is no part of the digest.
    """
    made = {name: _object("config", name, text) for name, text in files.items()}
    secrets = {PEM: _object("secret", "key", pem)}
    secrets |= {f"{FILES}/{name}": _object("secret", "certificate", text, name) for name, text in shown.items()}
    told = {f"{FILES}/{name}" for name, text in shown.items() if len(text) < MOST_AT_RUN_TIME}
    body = _body(image, made, {path: each.name for path, each in secrets.items()}, ports)
    same = _body(image, made, {path: "" if path in told else each.name for path, each in secrets.items()}, ports)
    found = digest([same, router_labels()])
    labels: dict[str, Json] = {**router_labels(), SPEC: found, FINGERPRINT: found}
    return SwarmSpec(ROUTER, {**body, "Labels": labels}, found, found, (*made.values(), *secrets.values()))


def _body(
    image: str, configs: Mapping[str, SwarmObject], secrets: Mapping[str, str], ports: Collection[int]
) -> dict[str, Json]:
    """`configs` by the names of files, `secrets` by their paths."""
    return {
        "Name": ROUTER,
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Command": ["haproxy", "-db", "-f", f"{FILES}/{next(iter(configs))}"],
                "User": "0:0",
                "ReadOnly": True,
                "StopSignal": "SIGUSR1",  # it finishes what it has
                "StopGracePeriod": LEAVES_S * _SECOND,
                "Healthcheck": {"Test": ["NONE"]},
                "CapabilityAdd": ["CAP_NET_BIND_SERVICE"],
                "CapabilityDrop": ["ALL"],
                "Mounts": [{"Type": "tmpfs", "Target": RUN}, {"Type": "tmpfs", "Target": SOCKETS}],
                "Configs": [
                    {"ConfigName": each.name, "File": _file(f"{FILES}/{name}", 0o444)} for name, each in configs.items()
                ],
                "Secrets": [{"SecretName": name, "File": _file(path, 0o400)} for path, name in secrets.items()],
            },
            "RestartPolicy": {"Condition": "any", "Delay": _SECOND},
            "Networks": [{"Target": TASKS_NETWORK}],
        },
        "Mode": {"Global": {}},
        "UpdateConfig": {
            "Parallelism": 1,
            "FailureAction": "rollback",
            "Monitor": 3 * _SECOND,
            "Order": "stop-first",  # of two only one could have the ports of a node
        },
        "EndpointSpec": {
            "Mode": "dnsrr",
            "Ports": [
                {"Protocol": "tcp", "TargetPort": port, "PublishedPort": port, "PublishMode": "host"}
                for port in sorted({*ports, DESK_PORT})
            ],
        },
    }


def _object(kind: ObjectKind, name: str, text: str, file: str = "") -> SwarmObject:
    """Named by what it holds; and by its `file`, where two may hold the same."""
    data = text.encode() or b"\n"  # Swarm takes no empty one
    named = f"{ROUTER}_{name}_{sha256(file.encode() + data).hexdigest()[:12]}"
    return SwarmObject(kind, named, data)


def _file(path: str, mode: int) -> dict[str, Json]:
    return {"Name": path, "UID": "0", "GID": "0", "Mode": mode}
