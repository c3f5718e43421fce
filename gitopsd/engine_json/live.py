"""Engine JSON -> live state: what lists and inspections say, in our words."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, cast, get_args

from gitopsd.engine_json import labels
from gitopsd.engine_json.expectation import LAID_UNDER
from gitopsd.engine_json.projection import container_projection, network_projection, volume_projection
from gitopsd.engine_json.routed import NETWORK, are_together, routed_address_of
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Image
from gitopsd.model.image import HeldImage
from gitopsd.model.live import (
    Check,
    EngineEvent,
    EngineFacts,
    Instance,
    LayerChange,
    LiveNetwork,
    LiveVolume,
    NetworkAddresses,
    Product,
    State,
    Used,
)

CHECK_OUTPUT_LIMIT: Final = 1024
_CONTAINERD: Final = "/run/containerd/containerd.sock"
_CONTAINER: Final = "container:"
LOOPBACK: Final = "127.0.0.1"
_STATES: Final[frozenset[str]] = frozenset(get_args(State))
_CHECKS: Final[frozenset[str]] = frozenset(get_args(Check))
# What `GET /info` says of each limit; false where the kernel lacks it, or a rootless engine may not set it.
LIMITS: Final = {"memory": "MemoryLimit", "swap": "SwapLimit", "cpus": "CpuCfsQuota", "pids": "PidsLimit"}

# What an engine answers has no type; a shape that is not understood shows as KeyError, TypeError or ValueError.
Answer = Mapping[str, Any]


def instance(inspected: Answer, listed: Answer = MappingProxyType({})) -> Instance:
    """The answer of `GET /containers/ID/json`, and the row of the list, which names the image as long as that is so."""
    state, config, host = inspected["State"], inspected["Config"], inspected["HostConfig"]
    own = _labels(config)
    check, output = _health(state.get("Health"))
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    return Instance(
        id=named(inspected, "Id"),
        name=named(inspected, "Name").lstrip("/"),
        service=own.get(labels.COMPOSE_SERVICE) or own.get(labels.SERVICE, ""),
        slot=_count(own.get(labels.SLOT) or own.get(labels.NUMBER, "")),
        state=_state(state["Status"]),
        created_at=_time(inspected["Created"]) or datetime.fromtimestamp(0, tz=UTC),
        fingerprint=own.get(labels.FINGERPRINT, ""),
        environment=own.get(labels.ENVIRONMENT, ""),
        owner=own.get(labels.OWNER, ""),
        release=_count(own.get(labels.RELEASE, "")),
        image_id=named(inspected, "Image"),
        check=check,
        check_output=output,
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        error=state.get("Error") or "",
        started_at=_time(state.get("StartedAt")),
        finished_at=_time(state.get("FinishedAt")),
        restart_count=int(inspected.get("RestartCount") or 0),
        restart_policy=(host.get("RestartPolicy") or {}).get("Name") or "no",
        one_off=own.get(labels.ONE_OFF) == "True",
        volumes=_volumes(inspected.get("Mounts") or ()),
        networks=frozenset(networks),
        joined=_joined(host),
        borrowed=tuple(sorted({str(each).partition(":")[0] for each in host.get("VolumesFrom") or ()})),
        labels=own,
        image=str(config.get("Image") or ""),
        untagged=listed.get("Image") == inspected["Image"] != config.get("Image"),
        address=_address(host, networks),
        routed_address=routed_address_of(networks),
        fields=container_projection(inspected),
    )


def layer_change(listed: Answer) -> LayerChange:
    """A row of `GET /containers/ID/changes`. KeyError: a kind that nobody knows."""
    kinds: dict[int, Literal["added", "changed", "removed"]] = {0: "changed", 1: "added", 2: "removed"}
    return LayerChange(named(listed, "Path"), kinds[listed["Kind"]])


def network(listed: Answer) -> LiveNetwork:
    """A row of `GET /networks`."""
    own = _labels(listed)
    made_from = own.get(labels.OPTIONS, "")
    return LiveNetwork(named(listed, "Id"), named(listed, "Name"), own, made_from, network_projection(listed))


def network_addresses(inspected: Answer, members: Iterable[Answer]) -> NetworkAddresses:
    """The answer of `GET /networks/NAME`, and the rows of the list of all its containers."""
    name = named(inspected, "Name")
    ends = [((row.get("NetworkSettings") or {}).get("Networks") or {}).get(name) or {} for row in members]
    asked = [(end.get("IPAMConfig") or {}).get("IPv4Address") for end in ends]
    taken = {str(each) for each in (*asked, *(end.get("IPAddress") for end in ends)) if each}
    own = subnets([inspected])
    ours, together = labels.ROUTED in _labels(inspected), are_together(inspected.get("Options") or {})
    return NetworkAddresses(own[0] if own else "", frozenset(taken), ours, together)


def subnets(listed: Iterable[Answer]) -> tuple[str, ...]:
    """Those of the rows of `GET /networks`."""
    pools = (pool for row in listed for pool in (row.get("IPAM") or {}).get("Config") or ())
    return tuple(sorted({str(pool["Subnet"]) for pool in pools if pool.get("Subnet")}))


def volume(listed: Answer) -> LiveVolume:
    """A row of `GET /volumes`."""
    own = _labels(listed)
    return LiveVolume(named(listed, "Name"), own, own.get(labels.OPTIONS, ""), volume_projection(listed))


def image(reference: str, inspected: Answer) -> Image:
    """The answer of `GET /images/REFERENCE/json`; the digest is the one of the reference's own repository."""
    config = inspected.get("Config") or {}
    test = (config.get("Healthcheck") or {}).get("Test") or []
    own = repository(reference)
    digests = [each for each in inspected.get("RepoDigests") or () if repository(each) == own]
    return Image(
        reference=reference,
        id=named(inspected, "Id"),
        digest=digests[0] if digests else "",
        volumes=tuple(sorted(config.get("Volumes") or {})),
        healthcheck=bool(test) and test[0] != "NONE",
        platform="/".join(str(inspected[key]) for key in ("Os", "Architecture", "Variant") if inspected.get(key)),
    )


def image_defaults(inspected: Answer) -> dict[str, Json]:
    """What an image lays under its containers: the `Config` of `GET /images/ID/json`, as far as they take it over."""
    config = inspected.get("Config") or {}
    return {key: config[key] for key in LAID_UNDER if config.get(key)}


def used(stats: Answer) -> Used | None:
    """What `GET /containers/ID/stats` shows; memory as `docker stats` counts it, without what the kernel may drop."""
    memory = stats.get("memory_stats") or {}
    if not memory.get("usage"):
        return None
    shown = memory.get("stats") or {}
    cache = shown.get("total_inactive_file", shown.get("inactive_file", 0))  # control groups version 1, and 2
    processor = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    return Used(max(0, int(memory["usage"]) - int(cache)), int(processor) / 1e9 if processor is not None else None)


def facts(version: Answer, info: Answer, api: tuple[int, int]) -> EngineFacts:
    """The answers of `GET /version` and `GET /info`, and the API that is spoken."""
    status = {str(name): str(value) for name, value in info.get("DriverStatus") or ()}
    return EngineFacts(
        id=str(info["ID"]),
        version=str(version["Version"]),
        api=api,
        operating_system=str(info.get("OperatingSystem") or ""),
        rootless=any("rootless" in str(option) for option in info.get("SecurityOptions") or ()),
        product=_product(version, info),
        architecture=str(version.get("Arch") or info.get("Architecture") or ""),
        cgroup=_count(str(info.get("CgroupVersion") or "")),
        containerd_images=status.get("driver-type", "").startswith("io.containerd.snapshotter"),
        windows=info.get("OSType") == "windows",
        unlimited=tuple(limit for limit, key in LIMITS.items() if info.get(key) is False),
    )


def _product(version: Answer, info: Answer) -> Product:
    components = [str(each.get("Name") or "") for each in version.get("Components") or ()]
    if any("Podman" in name for name in components):
        return "Podman"
    return "Docker Desktop" if info.get("OperatingSystem") == "Docker Desktop" else "Docker"


def held_image(listed: Answer, used: frozenset[str]) -> HeldImage:
    """A row of `GET /images/json`; `used` are the ids that containers were made from.

    Engines list `<none>` for no name, and some the bare id among the digests.
    """
    own = named(listed)
    names = {
        key: [name for name in listed.get(key) or () if "<none>" not in name] for key in ("RepoTags", "RepoDigests")
    }
    digests = (name for name in names["RepoDigests"] if "@" in name)
    return HeldImage(own, tuple(sorted(names["RepoTags"])), tuple(sorted(digests)), own in used)


def image_roots(info: Answer) -> tuple[str, ...]:
    """Where `GET /info` says that an engine keeps its images: the first of these that exists.

    With the containerd image store that is containerd's directory: one within the engine's own where the engine started
    that containerd itself, else containerd's usual one. Only newer engines say where containerd answers.
    """
    root = named(info, "DockerRootDir")
    if ["driver-type", "io.containerd.snapshotter.v1"] not in (info.get("DriverStatus") or ()):
        return (root,)
    address = str((info.get("Containerd") or {}).get("Address") or _CONTAINERD)
    return (f"{root}/containerd/daemon", *(["/var/lib/containerd"] if address == _CONTAINERD else []))


def repository(reference: str) -> str:
    """The repository of a reference in the form that engines show: `docker.io/library/busybox:1` -> `busybox`."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    whole = head + slash + last.partition(":")[0]
    return whole.removeprefix("index.").removeprefix("docker.io/").removeprefix("library/")


def shown_name(reference: str) -> str:
    """A reference as engines list it: `docker.io/library/busybox` -> `busybox:latest`; a digest makes a tag void."""
    name, at, digest = reference.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return f"{repository(reference)}@{digest}" if at else f"{repository(reference)}:{tag or 'latest'}"


def event(sent: Answer) -> EngineEvent:
    """A line of `GET /events`."""
    actor = sent["Actor"]
    attributes = {str(key): str(value) for key, value in (actor.get("Attributes") or {}).items()}
    seconds = int(sent["timeNano"]) / 1e9
    return EngineEvent(
        at=datetime.fromtimestamp(seconds, tz=UTC),
        kind=str(sent["Type"]),
        action=str(sent["Action"]),
        id=str(actor["ID"]),
        project=attributes.get(labels.PROJECT, ""),
        attributes=attributes,
    )


def named(answer: Answer, key: str = "Id") -> str:
    """A field that something is known by. TypeError: it is not text."""
    value = answer[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is {value!r}")
    return value


def _labels(holder: Answer) -> dict[str, str]:
    return {str(key): str(value) for key, value in (holder.get("Labels") or {}).items()}


def _state(status: str) -> State:
    return cast(State, status) if status in _STATES else "dead"


def _health(health: Answer | None) -> tuple[Check, str]:
    if not health or health.get("Status") not in _CHECKS:
        return "none", ""
    log = health.get("Log") or ()
    output = str(log[-1].get("Output") or "") if log else ""
    return cast(Check, health["Status"]), output.strip()[-CHECK_OUTPUT_LIMIT:]


def _joined(host: Answer) -> tuple[str, ...]:
    modes = (str(host.get(key) or "") for key in ("NetworkMode", "PidMode", "IpcMode"))
    return tuple(sorted({mode.removeprefix(_CONTAINER) for mode in modes if mode.startswith(_CONTAINER)}))


def _address(host: Answer, networks: Answer) -> str:
    """Of several networks' addresses the first by name, the router's last; IPv6 only where there is nothing else."""
    mode = str(host.get("NetworkMode") or "")
    if mode == "host" or mode.startswith(_CONTAINER):
        return LOOPBACK if mode == "host" else mode
    ends = [networks[name] or {} for name in sorted(networks, key=lambda name: (name == NETWORK, name))]
    found = (str(end.get(key) or "") for key in ("IPAddress", "GlobalIPv6Address") for end in ends)
    return next((address for address in found if address), "")


def _volumes(mounts: Any) -> dict[str, str]:
    return {mount["Destination"]: mount["Name"] for mount in mounts if mount.get("Type") == "volume"}


def _count(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() else 0


def _time(written: str | None) -> datetime | None:
    """Docker writes the year 1 for never."""
    if not written or written.startswith("0001-"):
        return None
    return datetime.fromisoformat(written)
