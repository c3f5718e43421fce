"""A container as it runs -> the Compose service that asks for just that: what its image or engine gives is left out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gitopsd.engine_json.expectation import ImageConfig, laid_over, mounts_shown
from gitopsd.engine_json.fields import mapping, strings, text
from gitopsd.engine_json.projection import Projection, container_projection
from gitopsd.engine_json.routed import NETWORK as ROUTED_NETWORK
from gitopsd.model.canonical import Json

# What engines fill in where nothing is asked, unless somebody configured them otherwise.
USUAL: Final[Mapping[str, tuple[Json, ...]]] = {
    "ipc": ("private", "shareable"),
    "cgroup": ("host", "private"),
    "runtime": ("runc",),
    "isolation": ("default",),
    "shm_size": (64 << 20,),
    "logging": ({"driver": "json-file"},),
    "init": (False,),
}
_NEVER_ASKED: Final = ("masked_paths", "readonly_paths")
# Rows that are the Compose key of their name, as they are.
_SAME: Final = (
    *("hostname", "domainname", "user", "working_dir", "command", "entrypoint", "environment", "labels", "tty"),
    *("stdin_open", "stop_signal", "restart", "privileged", "read_only", "security_opt", "group_add", "userns_mode"),
    *("pid", "ipc", "uts", "cgroup", "cgroup_parent", "dns", "dns_opt", "dns_search", "extra_hosts", "logging", "init"),
    *("runtime", "isolation", "shm_size", "sysctls", "ulimits", "storage_opt", "device_cgroup_rules", "oom_score_adj"),
    *("oom_kill_disable", "annotations", "network_mode", "volumes_from"),
)
_LIMITS: Final = {
    "resources.memory": "mem_limit",
    "resources.memory_swap": "memswap_limit",
    "resources.memory_reservation": "mem_reservation",
    "resources.memory_swappiness": "mem_swappiness",
    "resources.cpu_shares": "cpu_shares",
    "resources.cpu_period": "cpu_period",
    "resources.cpu_quota": "cpu_quota",
    "resources.cpu_rt_period": "cpu_rt_period",
    "resources.cpu_rt_runtime": "cpu_rt_runtime",
    "resources.cpuset": "cpuset",
    "resources.pids": "pids_limit",
}
_CHECK_TIMES: Final = ("interval", "timeout", "start_period", "start_interval")
_RATES: Final = {
    "resources.blkio_read_bps": "device_read_bps",
    "resources.blkio_write_bps": "device_write_bps",
    "resources.blkio_read_iops": "device_read_iops",
    "resources.blkio_write_iops": "device_write_iops",
}


def service_of(fields: Projection, image: ImageConfig, usual_name: str, networks: Mapping[str, str]) -> dict[str, Json]:
    """The service without its image, in Compose's words and without escapes.

    `usual_name` is the name that Compose would give the container, `networks` the keys of networks by their names.
    Named volumes are by their names, too: which of them the project owns is not a container's to say.
    """
    owned = dict(_owned(fields, image))
    service: dict[str, Json] = {key: owned[key] for key in _SAME if key in owned}
    service |= {key: owned[path] for path, key in _LIMITS.items() if path in owned}
    service |= dict(_rewritten(owned))
    if fields.get("name") not in (usual_name, usual_name.replace("-", "_")):
        service["container_name"] = fields.get("name")
    if "network_mode" not in owned:
        service["networks"] = _networks(mapping(owned.get("networks")), networks)
    return service


def _owned(fields: Projection, image: ImageConfig) -> Iterator[tuple[str, Json]]:
    """The fields in which the container is other than one of its image for which nothing was asked."""
    bare = container_projection(
        {"Config": laid_over({}, image), "HostConfig": {}, "Mounts": list(mounts_shown({}, image))}
    )
    for path, value in fields.items():
        own = _beyond(value, bare.get(path))
        if own not in (None, {}) and value not in USUAL.get(path, ()) and path not in _NEVER_ASKED:
            yield path, own
    if "entrypoint" in bare and "entrypoint" not in fields:
        yield "entrypoint", []


def _beyond(value: Json, inherited: Json) -> Json:
    if isinstance(value, Mapping) and isinstance(inherited, Mapping):
        return {key: each for key, each in value.items() if key not in inherited or inherited[key] != each}
    return None if value == inherited else value


def _rewritten(owned: Projection) -> Iterator[tuple[str, Json]]:
    """What Compose writes otherwise than engines show it."""
    for path, (key, written) in _WRITTEN.items():
        if path in owned and (found := written(owned[path])):
            yield key, found
    published = mapping(owned.get("ports"))
    if expose := [port.removesuffix("/tcp") for port in strings(owned.get("expose")) if port not in published]:
        yield "expose", expose
    if block := dict(_block_io(owned)):
        yield "blkio_config", block


def _capabilities(value: Json) -> Json:
    return [each.removeprefix("CAP_") for each in strings(value)]


def _cpus(value: Json) -> Json:
    return int(text(value)) / 10**9


def _healthcheck(value: Json) -> Json:
    check = mapping(value)
    if strings(check.get("test")) == ["NONE"]:
        return {"disable": True}
    return {key: _duration(each) if key in _CHECK_TIMES else each for key, each in check.items()}


def _duration(nanoseconds: Json) -> str:
    value = int(text(nanoseconds))
    return f"{value // 10**9}s" if value % 10**9 == 0 else f"{value // 10**3}us"


def _ports(value: Json) -> Json:
    return [_port(port, each) for port, published in mapping(value).items() for each in strings(published)]


def _port(port: str, binding: str) -> dict[str, Json]:
    target, _, protocol = port.partition("/")
    address, _, number = binding.rpartition(":")
    written: dict[str, Json] = {"target": int(target), "protocol": protocol, "host_ip": address, "published": number}
    return {key: each for key, each in written.items() if each}


def _volumes(value: Json) -> Json:
    return [_volume(target, mapping(mount)) for target, mount in mapping(value).items()]


def _volume(target: str, mount: Mapping[str, Json]) -> Json:
    kind, source = text(mount.get("type")), text(mount.get("source"))
    written: dict[str, Any] = {"type": kind, "target": target}
    if source:
        written["source"] = source
    if mount.get("read_only"):
        written["read_only"] = True
    if kind == "tmpfs" and (sized := {key: mount[key] for key in ("size", "mode") if key in mount}):
        written["tmpfs"] = sized
    if kind == "bind" and mount.get("propagation") not in (None, "rprivate", "rslave"):
        written["bind"] = {"propagation": mount["propagation"]}
    if mount.get("subpath"):
        written[kind] = {"subpath": mount["subpath"]}
    return written


def _tmpfs(value: Json) -> Json:
    return [f"{target}:{options}" if options else target for target, options in mapping(value).items()]


def _devices(value: Json) -> Json:
    return [_device(target, mapping(device)) for target, device in mapping(value).items()]


def _device(target: str, device: Mapping[str, Json]) -> str:
    return f"{device['source']}:{target}:{device['permissions']}"


def _block_io(owned: Projection) -> Iterator[tuple[str, Json]]:
    if "resources.blkio_weight" in owned:
        yield "weight", owned["resources.blkio_weight"]
    if weights := mapping(owned.get("resources.blkio_weight_device")):
        yield "weight_device", [{"path": path, "weight": weight} for path, weight in weights.items()]
    for path, key in _RATES.items():
        if rates := mapping(owned.get(path)):
            yield key, [{"path": device, "rate": rate} for device, rate in rates.items()]


def _gpus(value: Json) -> Json:
    return [_gpu(mapping(each)) for each in _items(value)]


def _gpu(request: Mapping[str, Json]) -> dict[str, Json]:
    keys = {"Driver": "driver", "Count": "count", "DeviceIDs": "device_ids", "Options": "options"}
    found: dict[str, Json] = {key: request[name] for name, key in keys.items() if request.get(name)}
    capabilities = _items(request.get("Capabilities"))
    return {**found, **({"capabilities": list(strings(capabilities[0]))} if capabilities else {})}


_WRITTEN: Final[Mapping[str, tuple[str, Callable[[Json], Json]]]] = {
    "stop_grace_period": ("stop_grace_period", lambda seconds: f"{seconds}s"),
    "resources.cpus": ("cpus", _cpus),
    "cap_add": ("cap_add", _capabilities),
    "cap_drop": ("cap_drop", _capabilities),
    "healthcheck": ("healthcheck", _healthcheck),
    "ports": ("ports", _ports),
    "volumes": ("volumes", _volumes),
    "tmpfs": ("tmpfs", _tmpfs),
    "devices": ("devices", _devices),
    "gpus": ("gpus", _gpus),
}


def _networks(endpoints: Mapping[str, Json], keys: Mapping[str, str]) -> dict[str, Json]:
    return {
        keys.get(name, name): _endpoint(mapping(endpoint)) or None
        for name, endpoint in endpoints.items()
        if name != ROUTED_NETWORK  # the router's, which no manifest names
    }


def _endpoint(endpoint: Mapping[str, Json]) -> dict[str, Json]:
    # An assigned address cannot be told from one that was asked for, and links are the service's.
    return {key: each for key, each in endpoint.items() if key not in ("mac_address", "links")}


def _items(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
