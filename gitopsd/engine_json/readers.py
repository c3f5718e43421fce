"""Readers of single fields: those whose inspection says more, or says it otherwise, than what a person asked for."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gitopsd.engine_json.content import HOLD_DIRECTORY
from gitopsd.engine_json.labels import CONTENT_VOLUME_PREFIX
from gitopsd.model.canonical import Json

Answer = Mapping[str, Any]
Reader = Callable[[Any, Answer], Json]

# Labels that whoever made the container put there for itself.
OWN_LABELS: Final = ("com.docker.compose.", "gitopsd.", "desktop.docker.io/")
_SHARING: Final = ("host", "container:")
_DEFAULT_MODES: Final = ("", "default", "bridge")
_MODES: Final = ("host", "none", "bridge")  # networks that are joined by a mode, and have nothing to be compared
_ANONYMOUS: Final = re.compile("[0-9a-f]{64}")
_SHARES: Final = 1024  # what the kernel takes where none are given


def _name(value: Any, _: Answer) -> Json:
    return str(value or "").removeprefix("/") or None


def _hostname(value: Any, inspected: Answer) -> Json:
    """Not the one that the engine makes of the id, or takes over with somebody else's network."""
    mode = str((inspected.get("HostConfig") or {}).get("NetworkMode") or "")
    taken_over = mode.startswith(_SHARING) or not value
    return None if taken_over or value == str(inspected.get("Id") or "")[:12] else str(value)


def _variables(value: Any, _: Answer) -> Json:
    """By name; null for a name without `=`, which takes the image's variable away."""
    pairs = (str(each).partition("=") for each in value or ())
    found: dict[str, Json] = {name: text if equals else None for name, equals, text in pairs}
    return dict(sorted(found.items())) or None


def _labels(value: Any, _: Answer) -> Json:
    """Without those that tell who made the container."""
    return {key: text for key, text in sorted((value or {}).items()) if not key.startswith(OWN_LABELS)} or None


def _healthcheck(value: Any, _: Answer) -> Json:
    named: dict[str, Json] = {
        key: (value or {}).get(name)
        for key, name in (
            ("test", "Test"),
            ("interval", "Interval"),
            ("timeout", "Timeout"),
            ("start_period", "StartPeriod"),
            ("start_interval", "StartInterval"),
            ("retries", "Retries"),
        )
    }
    return {key: each for key, each in named.items() if each} or None


def _exposed(value: Any, _: Answer) -> Json:
    """Engines take a port without its protocol, and show it so."""
    return sorted(port if "/" in port else f"{port}/tcp" for port in value or ()) or None


def _with_zero(value: Any, _: Answer) -> Json:
    """A number whose zero says something."""
    return None if value is None else int(value)


def _swappiness(value: Any, _: Answer) -> Json:
    return None if value is None or value == -1 else int(value)


def _swap(value: Any, inspected: Answer) -> Json:
    """Nothing for twice the memory, which is what the engine makes of silence."""
    memory = (inspected.get("HostConfig") or {}).get("Memory") or 0
    return None if not value or value == 2 * memory else int(value)


def _shares(value: Any, _: Answer) -> Json:
    return None if not value or value == _SHARES else int(value)


def _restart(value: Any, _: Answer) -> Json:
    """As Compose writes it: `on-failure:3`; nothing for `no`."""
    name = (value or {}).get("Name") or "no"
    retries = (value or {}).get("MaximumRetryCount") or 0
    return None if name == "no" else f"{name}:{retries}" if retries else str(name)


def _network_mode(value: Any, _: Answer) -> Json:
    """Only what is no network of its own; which ones are joined, `networks` says."""
    mode = str(value or "")
    if mode in _DEFAULT_MODES:
        return None
    return mode if mode in _MODES or mode.startswith("container:") else None


def _ports(value: Any, _: Answer) -> Json:
    """Host addresses and ports by container port; an empty one is the engine's choice."""
    return {port: _bindings(bindings) for port, bindings in sorted((value or {}).items())} or None


def _bindings(bindings: Sequence[Answer] | None) -> list[str]:
    return sorted({f"{each.get('HostIp') or ''}:{each.get('HostPort') or ''}" for each in bindings or ({},)})


def _mounts(value: Any, inspected: Answer) -> Json:
    """By target. An anonymous volume has no source, content that we delivered is of type `content`."""
    host = inspected.get("HostConfig") or {}
    asked = {str(each.get("Target")): each for each in host.get("Mounts") or ()}
    found: dict[str, Json] = {
        posixpath.normpath(mount["Destination"]): _mount(mount, asked.get(mount["Destination"]) or {})
        for mount in value or ()
        if not mount["Destination"].startswith(f"{HOLD_DIRECTORY}/") and _own(mount["Destination"], inspected)
    }
    return dict(sorted(found.items())) or None


def _own(target: str, inspected: Answer) -> bool:
    """Whether a mount is the container's own, and not one of those that `volumes_from` brought along."""
    host, config = inspected.get("HostConfig") or {}, inspected.get("Config") or {}
    if not host.get("VolumesFrom"):
        return True
    binds = (str(each).split(":")[1] for each in host.get("Binds") or ())
    mounts = (str(each.get("Target")) for each in host.get("Mounts") or ())
    return target in (*binds, *mounts, *(config.get("Volumes") or ()))


def _mount(mount: Answer, asked: Answer) -> dict[str, Json]:
    kind, name = mount.get("Type") or "bind", mount.get("Name") or ""
    if kind == "tmpfs":
        options = asked.get("TmpfsOptions") or {}
        sized: dict[str, Json] = {"size": options.get("SizeBytes"), "mode": options.get("Mode")}
        return {"type": "tmpfs", **{key: each for key, each in sized.items() if each}}
    if name.startswith(CONTENT_VOLUME_PREFIX):
        return {"type": "content"}
    source = posixpath.normpath(mount.get("Source") or "/")
    if kind == "volume":
        source = "" if _ANONYMOUS.fullmatch(name) else name
    shown: dict[str, Json] = {"type": kind, "source": source, "read_only": mount.get("RW") is False}
    subpath = (asked.get("VolumeOptions") or asked.get("ImageOptions") or {}).get("Subpath")
    more = {"subpath": subpath, "propagation": mount.get("Propagation")}
    return shown | {key: each for key, each in more.items() if each}


def _tmpfs(value: Any, _: Answer) -> Json:
    """Options by target, in one order."""
    return {
        posixpath.normpath(target): ",".join(sorted(filter(None, str(options or "").split(","))))
        for target, options in sorted((value or {}).items())
    } or None


def _capabilities(value: Any, _: Answer) -> Json:
    names = {str(each).upper() for each in value or ()}
    return sorted(name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in names) or None


def _security(value: Any, inspected: Answer) -> Json:
    """`no-new-privileges` in one form; not the labels that the engine itself adds to what shares with the host."""
    host = inspected.get("HostConfig") or {}
    shares = host.get("Privileged") or host.get("PidMode") == "host" or host.get("IpcMode") == "host"
    written = (str(each).replace(":", "=", 1) if "=" not in str(each) else str(each) for each in value or ())
    found = {"no-new-privileges" if each == "no-new-privileges=true" else each for each in written}
    return sorted(each for each in found if not (shares and each.startswith("label="))) or None


def _logging(value: Any, _: Answer) -> Json:
    driver, options = (value or {}).get("Type"), (value or {}).get("Config") or {}
    shown: dict[str, Json] = {"driver": driver, "options": dict(sorted(options.items()))}
    return {key: each for key, each in shown.items() if each} or None


def _ulimits(value: Any, _: Answer) -> Json:
    return {each["Name"]: {"soft": each["Soft"], "hard": each["Hard"]} for each in value or ()} or None


def _devices(value: Any, _: Answer) -> Json:
    return {
        each["PathInContainer"]: {"source": each["PathOnHost"], "permissions": each.get("CgroupPermissions") or "rwm"}
        for each in value or ()
    } or None


def _requests(value: Any, _: Answer) -> Json:
    return [dict(sorted((key, each) for key, each in request.items() if each)) for request in value or ()] or None


def _rates(value: Any, _: Answer) -> Json:
    """A device's rate or weight by its path."""
    return {each["Path"]: each.get("Rate", each.get("Weight")) for each in value or ()} or None


def _links(value: Any, _: Answer) -> Json:
    """`CONTAINER:ALIAS`; engines show `/CONTAINER:/OWN-NAME/ALIAS`."""
    parts = (str(each).partition(":") for each in value or ())
    return sorted(f"{name.removeprefix('/')}:{alias.rpartition('/')[2]}" for name, _, alias in parts) or None


def _volumes_from(value: Any, _: Answer) -> Json:
    return sorted(str(each).removesuffix(":rw") for each in value or ()) or None


def _endpoints(value: Any, inspected: Answer) -> Json:
    config = inspected.get("Config") or {}
    own = {str(inspected.get("Id") or "")[:12], _name(inspected.get("Name"), inspected), config.get("Hostname")}
    joined = ((name, each) for name, each in sorted((value or {}).items()) if name not in _MODES)
    return {name: dict(_endpoint(each or {}, own)) for name, each in joined} or None


def _endpoint(endpoint: Answer, own: set[Any]) -> Iterator[tuple[str, Json]]:
    """Aliases without the names that every container answers to anyway; engines differ in which of them they show."""
    if aliases := sorted(set(endpoint.get("Aliases") or ()) - own):
        yield "aliases", aliases
    if links := endpoint.get("Links"):
        yield "links", sorted(links)
    addresses = endpoint.get("IPAMConfig") or {}
    for key, at in (("ipv4_address", "IPv4Address"), ("ipv6_address", "IPv6Address")):
        if addresses.get(at):
            yield key, addresses[at]
    if local := addresses.get("LinkLocalIPs"):
        yield "link_local_ips", sorted(local)
    if options := endpoint.get("DriverOpts"):
        yield "driver_opts", dict(sorted(options.items()))
    if mac := endpoint.get("MacAddress"):
        yield "mac_address", str(mac).lower()
    if priority := endpoint.get("GwPriority"):
        yield "gw_priority", priority


def _pools(value: Any, _: Answer) -> Json:
    return {each.get("Subnet") or "": dict(_pool(each)) for each in value or ()} or None


def _pool(pool: Answer) -> Iterator[tuple[str, Json]]:
    for key, at in (("ip_range", "IPRange"), ("gateway", "Gateway"), ("aux_addresses", "AuxiliaryAddresses")):
        if pool.get(at):
            yield key, pool[at]


READERS: Final[Mapping[str, Reader]] = {
    "name": _name,
    "hostname": _hostname,
    "environment": _variables,
    "labels": _labels,
    "healthcheck": _healthcheck,
    "expose": _exposed,
    "stop_grace_period": _with_zero,
    "resources.memory_swap": _swap,
    "resources.memory_swappiness": _swappiness,
    "resources.cpu_shares": _shares,
    "resources.blkio_weight_device": _rates,
    "resources.blkio_read_bps": _rates,
    "resources.blkio_write_bps": _rates,
    "resources.blkio_read_iops": _rates,
    "resources.blkio_write_iops": _rates,
    "restart": _restart,
    "network_mode": _network_mode,
    "ports": _ports,
    "volumes": _mounts,
    "tmpfs": _tmpfs,
    "volumes_from": _volumes_from,
    "links": _links,
    "cap_add": _capabilities,
    "cap_drop": _capabilities,
    "security_opt": _security,
    "logging": _logging,
    "ulimits": _ulimits,
    "devices": _devices,
    "gpus": _requests,
    "networks": _endpoints,
}
RESOURCE_READERS: Final[Mapping[str, Reader]] = {"labels": _labels, "ipam.config": _pools}
