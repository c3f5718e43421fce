"""The router of a swarm as Swarm is told it: one HAProxy a node, with its files as configs; and its network."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Final

from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT
from gitopsd.engine_json.routed import NETWORK
from gitopsd.engine_json.swarm_spec import SPEC, STACK
from gitopsd.model.canonical import Json, digest
from gitopsd.model.swarm import SwarmObject, SwarmSpec

ROUTER: Final = "gitopsd-router"
"""The name of its service, and of the stack that this and all that it needs belong to."""
FILES: Final = "/gitopsd/config"
RUN: Final = "/gitopsd/run"
SOCKETS: Final = f"{RUN}/sockets"
PEM: Final = "/run/secrets/gitopsd-router.pem"
DESK_PORT: Final = 9406
LEAVES_S: Final = 10
_SECOND: Final = 10**9


def router_labels() -> dict[str, str]:
    return {STACK: ROUTER, ENVIRONMENT: ROUTER}


def routed_overlay() -> dict[str, Json]:
    """The JSON of `POST /networks/create` without the name: routed services and routers are on it, on every node."""
    labels: dict[str, Json] = {**router_labels()}
    return {"CheckDuplicate": True, "Driver": "overlay", "Attachable": False, "Labels": labels}


def router_spec(image: str, files: Mapping[str, str], pem: str, ports: Collection[int]) -> SwarmSpec:
    """`files` by their names, the first one HAProxy's own; `pem` proves gitopsd and routers to each other."""
    made = {name: _object("config", name, text) for name, text in files.items()}
    secret = _object("secret", "key", pem)
    body: dict[str, Json] = {
        "Name": ROUTER,
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Command": ["haproxy", "-db", "-f", f"{FILES}/{next(iter(files))}"],
                "User": "0:0",
                "ReadOnly": True,
                "StopSignal": "SIGUSR1",  # it finishes what it has
                "StopGracePeriod": LEAVES_S * _SECOND,
                "Healthcheck": {"Test": ["NONE"]},
                "CapabilityAdd": ["CAP_NET_BIND_SERVICE"],
                "CapabilityDrop": ["ALL"],
                "Mounts": [{"Type": "tmpfs", "Target": RUN}, {"Type": "tmpfs", "Target": SOCKETS}],
                "Configs": [
                    {"ConfigName": each.name, "File": _file(f"{FILES}/{name}", 0o444)} for name, each in made.items()
                ],
                "Secrets": [{"SecretName": secret.name, "File": _file(PEM, 0o400)}],
            },
            "RestartPolicy": {"Condition": "any", "Delay": _SECOND},
            "Networks": [{"Target": NETWORK}],
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
    found = digest([body, router_labels()])
    labels: dict[str, Json] = {**router_labels(), SPEC: found, FINGERPRINT: found}
    return SwarmSpec(ROUTER, {**body, "Labels": labels}, found, found, (*made.values(), secret))


def _object(kind: str, name: str, text: str) -> SwarmObject:
    data = text.encode() or b"\n"  # Swarm takes no empty one
    named = f"{ROUTER}_{name}_{sha256(data).hexdigest()[:12]}"
    return SwarmObject("secret" if kind == "secret" else "config", named, data)


def _file(path: str, mode: int) -> dict[str, Json]:
    return {"Name": path, "UID": "0", "GID": "0", "Mode": mode}
