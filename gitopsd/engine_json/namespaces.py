"""Whose network, processes, memory and volumes a container uses: its own, the host's, or those of another container."""

from collections.abc import Mapping
from typing import Final

from gitopsd.engine_json.fields import strings, text
from gitopsd.model.canonical import Json

_MODES: Final = {
    "network_mode": "NetworkMode",
    "pid": "PidMode",
    "ipc": "IpcMode",
    "uts": "UTSMode",
    "userns_mode": "UsernsMode",
    "cgroup": "CgroupnsMode",
}
_SERVICE: Final = "service:"
_CONTAINER: Final = "container:"

Options = Mapping[str, Json]


def joined_services(options: Options) -> tuple[str, ...]:
    """The services in whose network, PID or IPC namespace the container is: they must run when it starts."""
    modes = (text(options.get(key)) for key in ("network_mode", "pid", "ipc"))
    return tuple(sorted({mode.removeprefix(_SERVICE) for mode in modes if mode.startswith(_SERVICE)}))


def borrowed_services(options: Options) -> tuple[str, ...]:
    """The services whose volumes the container mounts: they must exist."""
    written = strings(options.get("volumes_from"))
    return tuple(sorted({each.partition(":")[0] for each in written if not each.startswith(_CONTAINER)}))


def shared_things(options: Options) -> dict[str, str]:
    """What the container uses of other services, in a word, by the names of those."""
    network = text(options.get("network_mode"))
    in_network = {network.removeprefix(_SERVICE): "network"} if network.startswith(_SERVICE) else {}
    namespace = dict.fromkeys(joined_services(options), "namespace")
    return {**dict.fromkeys(borrowed_services(options), "volumes"), **namespace, **in_network}


def modes(options: Options, joins: Mapping[str, str]) -> dict[str, Json]:
    """The modes that are set, and the containers that volumes are taken from.

    `joins` are containers by service; one that is not among them stays as it is written.
    """
    found: dict[str, Json] = {
        name: _mode(text(options[key]), joins) for key, name in _MODES.items() if options.get(key)
    }
    if options.get("volumes_from"):
        found["VolumesFrom"] = [_lender(each, joins) for each in strings(options["volumes_from"])]
    return found


def _mode(written: str, joins: Mapping[str, str]) -> str:
    container = joins.get(written.removeprefix(_SERVICE)) if written.startswith(_SERVICE) else None
    return written if container is None else _CONTAINER + container


def _lender(written: str, joins: Mapping[str, str]) -> str:
    if written.startswith(_CONTAINER):
        return written.removeprefix(_CONTAINER)
    name, colon, access = written.partition(":")
    return joins.get(name, name) + colon + access


def shares_network(options: Options) -> str:
    """Whose network the container uses, in words: `the host`, `service db`, `container x`; "" for its own."""
    mode = text(options.get("network_mode"))
    if mode == "host":
        return "the host"
    return mode.replace(":", " ", 1) if mode.startswith((_SERVICE, _CONTAINER)) else ""
