"""A service's options -> HostConfig: rights, names, limits, and whatever else a container gets from its host."""

from collections.abc import Mapping
from typing import Final

from gitopsd.engine_json.devices import block_io, devices, ulimits
from gitopsd.engine_json.fields import mapping, number, strings, text, texts
from gitopsd.engine_json.limits import limits, restart_policy
from gitopsd.engine_json.mounts import Mounted
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Service

# Not for the engine: Compose and the command line unmask the paths themselves.
_UNMASKED: Final = "systempaths=unconfined"
_TEXTS: Final = {"cgroup_parent": "CgroupParent", "runtime": "Runtime", "isolation": "Isolation"}
_LISTS: Final = {"dns": "Dns", "dns_opt": "DnsOptions", "dns_search": "DnsSearch", "group_add": "GroupAdd"}
_MAPPINGS: Final = {"annotations": "Annotations", "storage_opt": "StorageOpt", "sysctls": "Sysctls"}
_FLAGS: Final = {"oom_kill_disable": "OomKillDisable", "privileged": "Privileged", "read_only": "ReadonlyRootfs"}
_NUMBERS: Final = {
    "mem_swappiness": "MemorySwappiness",
    "oom_score_adj": "OomScoreAdj",
    "shm_size": "ShmSize",
}

Options = Mapping[str, Json]


def host_config(service: Service, mounts: Mounted) -> dict[str, Json]:
    """All of HostConfig that is the same whatever the container joins."""
    options = service.options
    optional: dict[str, Json] = {
        "Binds": list(mounts.binds),
        "Mounts": list(mounts.mounts),
        "Tmpfs": dict(mounts.tmpfs),
        "CapAdd": [capability(each) for each in strings(options.get("cap_add"))],
        "CapDrop": [capability(each) for each in strings(options.get("cap_drop"))],
        "ExtraHosts": [each.replace("=", ":", 1) for each in strings(options.get("extra_hosts"))],
        "LogConfig": log_config(mapping(options.get("logging"))),
        "SecurityOpt": [each for each in strings(options.get("security_opt")) if each != _UNMASKED],
        "Ulimits": ulimits(options),
        **_plain(options),
        **devices(options),
        **block_io(options),
        **limits(options),
    }
    required: dict[str, Json] = {"RestartPolicy": restart_policy(options)}
    if options.get("init") is not None:
        required["Init"] = options["init"]
    if _UNMASKED in strings(options.get("security_opt")):
        required |= {"MaskedPaths": [], "ReadonlyPaths": []}
    return required | {key: value for key, value in optional.items() if value}


def _plain(options: Options) -> dict[str, Json]:
    """Keys that mean in the engine's words what they mean in Compose's."""
    return {
        **{name: text(options.get(key)) for key, name in _TEXTS.items()},
        **{name: strings(options.get(key)) for key, name in _LISTS.items()},
        **{name: texts(options.get(key)) for key, name in _MAPPINGS.items()},
        **{name: options.get(key) is True for key, name in _FLAGS.items()},
        **{name: int(number(options.get(key))) for key, name in _NUMBERS.items()},
    }


def capability(written: str) -> str:
    """`net_admin` as the kernel names it, which is how engines show it."""
    name = written.upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def log_config(logging: Options) -> dict[str, Json]:
    """Where its output goes; {} for where the engine says."""
    if not logging:
        return {}
    return {"Type": text(logging.get("driver")), "Config": texts(logging.get("options"))}
