"""The one field table: every field that an engine shows of a container, a network or a volume, one row each.

An inspection's field that has no row here is never compared.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from gitopsd.engine_json.field import Comparator, Field, Holder, Owner, Severity
from gitopsd.model.cure import Cure

_ENDPOINT: Final = "NetworkSettings.Networks.*"


def _row(
    path: str, at: str, comparator: Comparator, severity: Severity, cure: Cure, *keys: str, owner: Owner = "declared"
) -> Field:
    return Field(path, at, comparator, owner, cure, severity, keys)


def _secret(path: str, at: str, comparator: Comparator, *keys: str) -> Field:
    return Field(path, at, comparator, "declared", "recreate", "high", keys, secret=True)


def _limit(path: str, at: str, *keys: str, cure: Cure = "in-place", droppable: bool = False) -> Field:
    """A limit of `docker update`."""
    return Field(path, f"HostConfig.{at}", "quantity", "declared", cure, "medium", keys, droppable=droppable)


def _since(api: tuple[int, int], path: str, at: str, comparator: Comparator, cure: Cure, *keys: str) -> Field:
    """A field that only newer engines have."""
    return Field(path, at, comparator, "declared", cure, "medium", keys, api=api)


def _address(key: str, at: str, comparator: Comparator = "value") -> Field:
    path = f"networks.*.{key}"
    return Field(path, f"{_ENDPOINT}.IPAMConfig.{at}", comparator, "declared", "in-place", "high", (path,))


def _unheld(owner: Owner, where: str, names: str) -> Iterator[Field]:
    """Fields that are never compared, by their names in the inspection."""
    for name in names.split():
        at = f"{where}{name}"
        yield Field(at, at, "value", owner, "none", "low")


_IDENTITY: Final = (
    _row("image", "Image", "value", "high", "recreate", "image"),
    _row("name", "Name", "value", "low", "in-place", "container_name"),
)
_CONFIG: Final = (
    _row("hostname", "Config.Hostname", "value", "medium", "recreate", "hostname"),
    _row("domainname", "Config.Domainname", "value", "low", "recreate", "domainname"),
    _row("user", "Config.User", "value", "high", "recreate", "user"),
    _row("working_dir", "Config.WorkingDir", "value", "medium", "recreate", "working_dir"),
    _secret("command", "Config.Cmd", "list", "command"),
    _secret("entrypoint", "Config.Entrypoint", "list", "entrypoint"),
    _secret("environment", "Config.Env", "map", "environment", "env_file"),
    _secret("labels", "Config.Labels", "map", "labels"),
    _secret("healthcheck", "Config.Healthcheck", "map", "healthcheck"),
    _row("expose", "Config.ExposedPorts", "set", "low", "recreate", "expose", "ports"),
    _row("stop_signal", "Config.StopSignal", "value", "medium", "recreate", "stop_signal"),
    _row("stop_grace_period", "Config.StopTimeout", "value", "medium", "recreate", "stop_grace_period"),
    _row("tty", "Config.Tty", "value", "low", "recreate", "tty"),
    _row("stdin_open", "Config.OpenStdin", "value", "low", "recreate", "stdin_open"),
    # Newer engines show the address of the first network here, whether it was asked for or not.
    _row("mac_address", "Config.MacAddress", "value", "low", "recreate", "mac_address", owner="volatile"),
)
_LIMITS: Final = (
    _limit("resources.memory", "Memory", "mem_limit", "deploy.resources.limits.memory"),
    _limit("resources.memory_swap", "MemorySwap", "memswap_limit", droppable=True),
    _limit(
        "resources.memory_reservation", "MemoryReservation", "mem_reservation", "deploy.resources.reservations.memory"
    ),
    _limit("resources.memory_swappiness", "MemorySwappiness", "mem_swappiness", cure="recreate", droppable=True),
    _limit("resources.cpus", "NanoCpus", "cpus", "deploy.resources.limits.cpus"),
    _limit("resources.cpu_shares", "CpuShares", "cpu_shares"),
    _limit("resources.cpu_period", "CpuPeriod", "cpu_period"),
    _limit("resources.cpu_quota", "CpuQuota", "cpu_quota"),
    _limit("resources.cpu_rt_period", "CpuRealtimePeriod", "cpu_rt_period", droppable=True),
    _limit("resources.cpu_rt_runtime", "CpuRealtimeRuntime", "cpu_rt_runtime", droppable=True),
    _row("resources.cpuset", "HostConfig.CpusetCpus", "value", "medium", "in-place", "cpuset"),
    _row("resources.cpuset_mems", "HostConfig.CpusetMems", "value", "low", "in-place"),
    _limit("resources.pids", "PidsLimit", "pids_limit", "deploy.resources.limits.pids"),
    _limit("resources.cpu_count", "CpuCount", "cpu_count", cure="recreate"),
    _limit("resources.cpu_percent", "CpuPercent", "cpu_percent", cure="recreate"),
    _limit("resources.kernel_memory", "KernelMemory", droppable=True),
    _limit("resources.blkio_weight", "BlkioWeight", "blkio_config.weight", droppable=True),
    *(
        Field(
            f"resources.{path}",
            f"HostConfig.{at}",
            "map",
            "declared",
            "recreate",
            "medium",
            (f"blkio_config.{key}",),
            droppable=True,
        )
        for path, at, key in (
            ("blkio_weight_device", "BlkioWeightDevice", "weight_device"),
            ("blkio_read_bps", "BlkioDeviceReadBps", "device_read_bps"),
            ("blkio_write_bps", "BlkioDeviceWriteBps", "device_write_bps"),
            ("blkio_read_iops", "BlkioDeviceReadIOps", "device_read_iops"),
            ("blkio_write_iops", "BlkioDeviceWriteIOps", "device_write_iops"),
        )
    ),
)
_HOST: Final = (
    _row("restart", "HostConfig.RestartPolicy", "value", "medium", "in-place", "restart", "deploy.restart_policy"),
    _row("auto_remove", "HostConfig.AutoRemove", "value", "medium", "recreate"),
    _row("network_mode", "HostConfig.NetworkMode", "value", "high", "recreate", "network_mode"),
    _row("ports", "HostConfig.PortBindings", "map", "high", "recreate", "ports"),
    _row("publish_all", "HostConfig.PublishAllPorts", "value", "high", "recreate"),
    _row("volumes", "Mounts", "map", "high", "recreate", "volumes", "configs", "secrets"),
    # Where the manifest is silent, it depends on what lies below the path.
    _row("volumes.*.propagation", "Mounts.*.Propagation", "value", "low", "recreate", "volumes", owner="defaulted"),
    # No inspection shows these: they are read from the container.
    _row("content", "archive", "map", "high", "in-place", "volumes", "configs", "secrets"),
    _row("mounted_content", "archive of a mounted file", "map", "high", "recreate", "volumes", "configs", "secrets"),
    _row("exchanged_content", "archive of a file that is exchanged", "map", "high", "in-place", "configs"),
    _row("tmpfs", "HostConfig.Tmpfs", "map", "medium", "recreate", "tmpfs"),
    _row("volumes_from", "HostConfig.VolumesFrom", "set", "high", "recreate", "volumes_from"),
    _row("cap_add", "HostConfig.CapAdd", "set", "high", "recreate", "cap_add"),
    _row("cap_drop", "HostConfig.CapDrop", "set", "high", "recreate", "cap_drop"),
    _row("privileged", "HostConfig.Privileged", "value", "high", "recreate", "privileged"),
    _row("security_opt", "HostConfig.SecurityOpt", "set", "high", "recreate", "security_opt"),
    _row("read_only", "HostConfig.ReadonlyRootfs", "value", "high", "recreate", "read_only"),
    _row("group_add", "HostConfig.GroupAdd", "set", "high", "recreate", "group_add"),
    _row("userns_mode", "HostConfig.UsernsMode", "value", "high", "recreate", "userns_mode"),
    _row("pid", "HostConfig.PidMode", "value", "high", "recreate", "pid"),
    _row("ipc", "HostConfig.IpcMode", "value", "medium", "recreate", "ipc", owner="defaulted"),
    _row("uts", "HostConfig.UTSMode", "value", "medium", "recreate", "uts"),
    _row("cgroup", "HostConfig.CgroupnsMode", "value", "medium", "recreate", "cgroup", owner="defaulted"),
    _row("cgroup_parent", "HostConfig.CgroupParent", "value", "medium", "recreate", "cgroup_parent"),
    _row("dns", "HostConfig.Dns", "list", "medium", "recreate", "dns"),
    _row("dns_opt", "HostConfig.DnsOptions", "set", "low", "recreate", "dns_opt"),
    _row("dns_search", "HostConfig.DnsSearch", "list", "medium", "recreate", "dns_search"),
    _row("extra_hosts", "HostConfig.ExtraHosts", "set", "medium", "recreate", "extra_hosts"),
    _row("links", "HostConfig.Links", "set", "medium", "recreate", "links", "external_links"),
    _row("logging", "HostConfig.LogConfig", "map", "medium", "recreate", "logging", owner="defaulted"),
    _row("init", "HostConfig.Init", "value", "low", "recreate", "init", owner="defaulted"),
    _row("runtime", "HostConfig.Runtime", "value", "high", "recreate", "runtime", owner="defaulted"),
    _row("isolation", "HostConfig.Isolation", "value", "low", "recreate", "isolation", owner="defaulted"),
    _row("shm_size", "HostConfig.ShmSize", "quantity", "medium", "recreate", "shm_size", owner="defaulted"),
    _row("sysctls", "HostConfig.Sysctls", "map", "medium", "recreate", "sysctls"),
    # The engine mixes its own defaults in when it is asked, not when it creates.
    _row("ulimits", "HostConfig.Ulimits", "map", "medium", "recreate", "ulimits", owner="defaulted"),
    _row("storage_opt", "HostConfig.StorageOpt", "map", "low", "recreate", "storage_opt"),
    _row("devices", "HostConfig.Devices", "map", "high", "recreate", "devices"),
    _row("device_cgroup_rules", "HostConfig.DeviceCgroupRules", "set", "high", "recreate", "device_cgroup_rules"),
    _row("gpus", "HostConfig.DeviceRequests", "list", "medium", "recreate", "gpus", "deploy.resources.reservations"),
    _row("oom_score_adj", "HostConfig.OomScoreAdj", "value", "medium", "recreate", "oom_score_adj"),
    Field(
        *("oom_kill_disable", "HostConfig.OomKillDisable", "value", "declared", "recreate", "medium"),
        keys=("oom_kill_disable",),
        droppable=True,
    ),
    _row("masked_paths", "HostConfig.MaskedPaths", "set", "high", "recreate", owner="defaulted"),
    _row("readonly_paths", "HostConfig.ReadonlyPaths", "set", "high", "recreate", owner="defaulted"),
    _since((1, 43), "annotations", "HostConfig.Annotations", "map", "recreate", "annotations"),
)
_NETWORKS: Final = (
    _row("networks", "NetworkSettings.Networks", "map", "high", "in-place", "networks"),
    _row("networks.*.aliases", f"{_ENDPOINT}.Aliases", "set", "high", "in-place", "networks.*.aliases"),
    _row("networks.*.links", f"{_ENDPOINT}.Links", "set", "medium", "in-place", "links"),
    _address("ipv4_address", "IPv4Address"),
    _address("ipv6_address", "IPv6Address"),
    _address("link_local_ips", "LinkLocalIPs", "set"),
    _row("networks.*.driver_opts", f"{_ENDPOINT}.DriverOpts", "map", "medium", "in-place", "networks.*.driver_opts"),
    Field(
        *("networks.*.mac_address", f"{_ENDPOINT}.MacAddress", "value", "volatile", "in-place", "medium"),
        keys=("networks.*.mac_address", "mac_address"),
    ),
    _since((1, 48), "networks.*.gw_priority", f"{_ENDPOINT}.GwPriority", "value", "in-place", "networks.*.gw_priority"),
)
_CONTAINER_REST: Final = (
    *_unheld("volatile", "", "Id Created Path Args State RestartCount ResolvConfPath HostnamePath HostsPath LogPath"),
    *_unheld("volatile", "", "GraphDriver Storage Driver Platform MountLabel ProcessLabel AppArmorProfile ExecIDs"),
    *_unheld("volatile", "", "SizeRw SizeRootFs ImageManifestDescriptor"),
    *_unheld("volatile", "NetworkSettings.", "Bridge SandboxID SandboxKey Ports HairpinMode EndpointID Gateway"),
    *_unheld("volatile", "NetworkSettings.", "GlobalIPv6Address GlobalIPv6PrefixLen IPAddress IPPrefixLen IPv6Gateway"),
    *_unheld("volatile", "NetworkSettings.", "LinkLocalIPv6Address LinkLocalIPv6PrefixLen MacAddress"),
    *_unheld("volatile", "NetworkSettings.", "SecondaryIPAddresses SecondaryIPv6Addresses"),
    *_unheld("volatile", f"{_ENDPOINT}.", "NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway DNSNames"),
    *_unheld("volatile", f"{_ENDPOINT}.", "GlobalIPv6Address GlobalIPv6PrefixLen"),
    # What an attached client said of itself; the image as it was named, whose id is compared; what `Mounts` sums up.
    *_unheld("ignored", "Config.", "AttachStdin AttachStdout AttachStderr StdinOnce Image Volumes NetworkDisabled"),
    *_unheld("ignored", "Config.", "OnBuild ArgsEscaped Shell"),
    *_unheld("ignored", "HostConfig.", "Binds Mounts ContainerIDFile VolumeDriver Cgroup ConsoleSize KernelMemoryTCP"),
    *_unheld("ignored", "HostConfig.", "IOMaximumIOps IOMaximumBandwidth"),
)
_NETWORK: Final = (
    _row("driver", "Driver", "value", "high", "recreate", "networks.*.driver"),
    _row("driver_opts", "Options", "map", "medium", "recreate", "networks.*.driver_opts", owner="defaulted"),
    _row("internal", "Internal", "value", "high", "recreate", "networks.*.internal"),
    _row("attachable", "Attachable", "value", "low", "recreate", "networks.*.attachable"),
    _row("enable_ipv6", "EnableIPv6", "value", "high", "recreate", "networks.*.enable_ipv6", owner="defaulted"),
    Field(
        *("enable_ipv4", "EnableIPv4", "value", "defaulted", "recreate", "high"),
        keys=("networks.*.enable_ipv4",),
        api=(1, 48),
    ),
    _row("ipam.driver", "IPAM.Driver", "value", "medium", "recreate", "networks.*.ipam.driver", owner="defaulted"),
    _row("ipam.options", "IPAM.Options", "map", "medium", "recreate", "networks.*.ipam.options"),
    _row("ipam.config", "IPAM.Config", "map", "high", "recreate", "networks.*.ipam.config", owner="defaulted"),
    _row("labels", "Labels", "map", "low", "recreate", "networks.*.labels"),
    *_unheld("volatile", "", "Id Name Created Scope Containers Services Peers Status"),
    *_unheld("ignored", "", "Ingress ConfigFrom ConfigOnly"),
)
_VOLUME: Final = (
    _row("driver", "Driver", "value", "high", "none", "volumes.*.driver"),
    _row("driver_opts", "Options", "map", "high", "none", "volumes.*.driver_opts"),
    _row("labels", "Labels", "map", "low", "none", "volumes.*.labels"),
    *_unheld("volatile", "", "Name CreatedAt Mountpoint Scope Status UsageData ClusterVolume"),
)

FIELDS: Final[Mapping[Holder, tuple[Field, ...]]] = {
    "container": (*_IDENTITY, *_CONFIG, *_LIMITS, *_HOST, *_NETWORKS, *_CONTAINER_REST),
    "network": _NETWORK,
    "volume": _VOLUME,
}


@cache
def field_of(holder: Holder, path: tuple[str, ...]) -> Field:
    """The row that a path, or the nearest one above it, stands in. KeyError: no row knows it."""
    known = {row.path: row for row in FIELDS[holder]}
    for length in range(len(path), 0, -1):
        head = path[:length]
        row = known.get(".".join(head)) or known.get(".".join((head[0], "*", *head[2:])))
        if row is not None:
            return row
    raise KeyError(".".join(path))


def known_path(holder: Holder, written: str) -> bool:
    """Whether a path, or the beginning of one, is that of a compared field: `resources`, `environment.COLOUR`."""
    rows = [row for row in FIELDS[holder] if row.compared]
    return any(written == row.path or row.path.startswith(f"{written}.") or _below(written, row) for row in rows)


def _below(written: str, row: Field) -> bool:
    """Whether it names a key of a map."""
    return row.comparator == "map" and "*" not in row.path and written.startswith(f"{row.path}.")
