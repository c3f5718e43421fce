"""Seals a desired state: fingerprints of what only a new container can change, and digests of everything else."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256

from gitopsd.engine_json import options_digest
from gitopsd.manifest.health import health_shown
from gitopsd.manifest.shifting_seal import shifting_sealed, traffic_sealed
from gitopsd.model.canonical import Json, canonical, digest, keyed_digest
from gitopsd.model.desired import (
    AS_IT_CAME,
    CRASH_LOOP,
    MEMORY_SPIKE,
    SERVICE_STORM,
    Attachment,
    Bind,
    Content,
    ContentFile,
    ContentMount,
    DesiredState,
    Image,
    ImageMount,
    MemorySpike,
    Mount,
    Network,
    Policy,
    Port,
    SealedService,
    SealedState,
    Service,
    Tmpfs,
    Volume,
    VolumeMount,
    WayBack,
    taken_over,
)
from gitopsd.model.job import ONE_SHOT, Job
from gitopsd.model.parted import ROW, keyed_content, known_part, parted, secret_part, secrets_in, without_secrets

# To be raised whenever the same files come to other fingerprints than before, here or by how they are loaded: what was
# released is then sealed anew (release/renewal.py). Otherwise every container would be replaced by the upgrade.
VERSION = "v2"
# Options that `docker update` can set; which of them are set still needs a new container, as none can be unset.
IN_PLACE = (
    *("mem_limit", "mem_reservation", "memswap_limit", "pids_limit"),
    *("cpus", "cpu_shares", "cpu_quota", "cpu_period", "cpu_rt_period", "cpu_rt_runtime", "cpuset"),
    "restart",
)
_TYPED = frozenset(("image", "volumes", "configs", "secrets", "networks"))
_OUTSIDE = frozenset((*_TYPED, "deploy", "blkio_config", "pull_policy", *IN_PLACE))
_CONFIGURED = ("environment", "config ", "secret ")
_SETS = frozenset(
    (
        *("ports", "expose", "cap_add", "cap_drop", "tmpfs", "devices", "device_cgroup_rules", "gpus"),
        *("group_add", "security_opt", "dns_opt", "links", "external_links"),
    )
)
# Of options that can be changed in place otherwise.
_BESIDE = frozenset(
    ("blkio_config", f"device_{verb}_{unit}") for verb in ("read", "write") for unit in ("bps", "iops")
) | {("blkio_config", "weight_device")}
# What a mount had before these had nothing in them; so a fingerprint is the same as without them.
_ADDED_TO_MOUNTS = frozenset(("recursive", "labels"))
# What a fingerprint knows of a file that can be exchanged in place.
_PLACE: Mapping[str, Json] = {"type": "content", "in_place": True}
_ADDED_TO_JOBS = ("phase", "retries", "every_release", "idempotent", "database", "provides")


def seal(
    desired: DesiredState,
    images: Mapping[str, Image],
    key: bytes,
    revision: str,
    input_digest: str,
    version: str = VERSION,
) -> SealedState:
    """The sealed state. `images` by service name; `key` makes the digests that stand for hidden values.

    `version` goes before every fingerprint: those of two versions are never equal, nor compared.
    """
    services = {
        name: _sealed(service, images[name], desired, key, version) for name, service in desired.services.items()
    }
    return SealedState(
        desired=desired,
        revision=revision,
        input_digest=input_digest,
        services=services,
        content_digest=_content_digest(desired, services, key),
        resources={**_resources("network", desired.networks, key), **_resources("volume", desired.volumes, key)},
    )


def applied_spec(sealed: SealedService, key: bytes) -> dict[str, Json]:
    """A service as canonical JSON in which `{"hidden": DIGEST}` stands for every hidden value.

    It holds what the fingerprint covers and what it leaves out, field by field, so that two of them can be compared.
    """
    service = sealed.service
    options = without_secrets(_options(service), service.hidden, lambda value: keyed_digest(key, value))
    return {
        **{name: value for name, value in options.items() if name not in _TYPED},
        "image": service.image,
        "image_digest": sealed.image.identity,
        "mounts": _mounts(service.mounts),
        "secrets": dict(sealed.secrets),
        "networks": {attachment.network: _attachment(attachment) for attachment in service.networks},
        **_applied(service),
    }


def _sealed(service: Service, image: Image, desired: DesiredState, key: bytes, version: str) -> SealedService:
    options = without_secrets(_own_options(service), service.hidden)
    limits, secret_limits = _in_place(service, key)
    _, fixed = _limits(options)
    inside: dict[str, Json] = {
        "image": image.identity,
        "options": {**{name: value for name, value in options.items() if name not in _OUTSIDE}, **fixed},
        "limits": sorted(_names({name: value for name, value in limits.items() if name not in ("restart", "deploy")})),
        "mounts": _mounts(service.mounts) | {mount.target: _PLACE for mount in service.exchanged},
        "networks": {
            attachment.network: [_attachment(attachment), _network(desired.networks[attachment.network])]
            for attachment in service.networks
        },
        **({"routed": True} if service.traffic is not None else {}),
    }
    secrets = _secrets(service, desired, key)
    content = _mounts(mount for mount in service.mounts if isinstance(mount, ContentMount))
    configured = {name: digest for name, digest in secrets.items() if name.startswith(_CONFIGURED)}
    configured |= _secret_content(service.exchanged, key)
    return SealedService(
        service=service,
        image=image,
        fingerprint=f"{version}:{parted(inside, secrets, key)}",
        in_place=ROW.join((parted(limits, secret_limits, key), *_files_in_place(service, key))),
        config_digest=parted({"environment": options.get("environment"), "content": content}, configured, key),
        secrets=secrets,
    )


def _in_place(service: Service, key: bytes) -> tuple[dict[str, Json], dict[str, str]]:
    """What can be changed in place: what is known of it, and the values that are secret."""
    limits, _ = _limits(_options(service))
    paths = [path[1:] if path[0] == "deploy" else path for path in service.hidden]
    hidden = [path for path in paths if path and path[0] in limits and path[:2] not in _BESIDE]
    if service.deploy is not None:
        limits["deploy"] = {name: value for name, value in service.deploy.items() if name != "resources"}
        hidden += [path for path in service.hidden if path[0] == "deploy" and path[1:2] not in (("resources",), ())]
    return without_secrets(limits, hidden), secrets_in(limits, hidden, key)


def _limits(options: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    """What can be changed in place, and what stands beside it and cannot: devices, and throttles of them."""
    limits: dict[str, Json] = {name: options[name] for name in IN_PLACE if name in options}
    fixed: dict[str, Json] = {}
    throttles = options.get("blkio_config")
    if isinstance(throttles, Mapping) and "weight" in throttles:
        limits["blkio_config"] = {"weight": throttles["weight"]}
        throttles = {name: value for name, value in throttles.items() if name != "weight"}
    if throttles:
        fixed["blkio_config"] = throttles
    deploy = options.get("deploy")
    resources = deploy.get("resources") if isinstance(deploy, Mapping) else None
    reservations = resources.get("reservations") if isinstance(resources, Mapping) else None
    if isinstance(resources, Mapping) and isinstance(reservations, Mapping) and "devices" in reservations:
        fixed["deploy.devices"] = reservations["devices"]
        rest = {name: value for name, value in reservations.items() if name != "devices"}
        resources = {name: value for name, value in {**resources, "reservations": rest}.items() if value}
    if resources:
        limits["resources"] = resources
    return limits, fixed


def _secrets(service: Service, desired: DesiredState, key: bytes) -> dict[str, str]:
    """Every secret that only a new container can bring, by the name under which people know it."""
    hidden = [path for path in service.hidden if path[0] not in _OUTSIDE or path[:2] in _BESIDE]
    found = secrets_in(_options(service), hidden, key)
    for attachment in service.networks:
        network = desired.networks[attachment.network]
        if not network.external:
            found |= secrets_in(network.options, network.hidden, key, f"network {network.key}.")
    others = [mount for mount in service.mounts if isinstance(mount, ContentMount) and not mount.on_change]
    return found | _secret_content(others, key)


def _secret_content(mounts: Iterable[ContentMount], key: bytes) -> dict[str, str]:
    secret = [mount for mount in mounts if mount.content.secret]
    return {mount.grant or mount.target: keyed_content(key, mount.content.files) for mount in secret}


def _files_in_place(service: Service, key: bytes) -> Iterator[str]:
    """For each way to tell what runs of other content, the digest of the files that it is for."""
    mounts = service.exchanged
    for way in sorted({mount.on_change for mount in mounts}):
        found = [mount for mount in mounts if mount.on_change == way]
        yield f"{way}:{parted(_mounts(found), _secret_content(found, key), key)}"


def _content_digest(desired: DesiredState, services: Mapping[str, SealedService], key: bytes) -> str:
    """Of what is known of everything, and of the secrets of all services, networks and volumes together."""
    known: dict[str, Json] = {
        "project": desired.project,
        "services": {
            name: [known_part(sealed.fingerprint), known_part(sealed.in_place), _applied(sealed.service)]
            for name, sealed in services.items()
        },
        "networks": {name: _network(network) for name, network in desired.networks.items()},
        "volumes": {
            name: [volume.name, volume.external, without_secrets(volume.options, volume.hidden)]
            for name, volume in desired.volumes.items()
        },
    }
    secret: dict[str, str] = {}
    for name, sealed in services.items():
        secret |= {f"{name}/{each}": digest for each, digest in sealed.secrets.items()}
        secret |= {f"{name}/in place": sealed.in_place} if secret_part(sealed.in_place) else {}
    for network in desired.networks.values():
        secret |= secrets_in(network.options, network.hidden, key, f"network {network.key}.")
    for volume in desired.volumes.values():
        secret |= secrets_in(volume.options, volume.hidden, key, f"volume {volume.key}.")
    return parted(known, secret, key)


def _resources(kind: str, resources: Mapping[str, Network | Volume], key: bytes) -> dict[str, str]:
    """What each network or volume is made from, as its label says."""
    return {f"{kind} {name}": options_digest(each.options, each.hidden, key) for name, each in resources.items()}


def _options(service: Service) -> dict[str, Json]:
    """The options with what is a set in a fixed order."""
    return {
        name: sorted(value, key=canonical) if name in _SETS and isinstance(value, list) else value
        for name, value in service.options.items()
    }


def _own_options(service: Service) -> dict[str, Json]:
    """The options without the port that the router has: whichever that is, a container is the same."""
    options, traffic = _options(service), service.traffic
    ports = options.get("ports")
    if traffic is None or not isinstance(ports, list):
        return options
    own = [port for port, read in zip(ports, _ports(ports), strict=True) if not taken_over(read, traffic)]
    return {**options, "ports": own} if own else {name: each for name, each in options.items() if name != "ports"}


def _ports(entries: Iterable[Mapping[str, Json]]) -> Iterator[Port]:
    for entry in entries:
        yield Port(
            int(str(entry["target"])), *(str(entry.get(key, "")) for key in ("published", "protocol", "host_ip"))
        )


def _names(values: Mapping[str, Json], prefix: str = "") -> Iterable[str]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value.keys() != {"hidden"}:
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _mounts(mounts: Iterable[Mount]) -> dict[str, Json]:
    """By target. The place in the repository that content comes from is not part of it."""
    return {mount.target: _mount(mount) for mount in mounts}


def _mount(mount: Mount) -> dict[str, Json]:
    match mount:
        case ContentMount(content=content):
            return {"type": "content", "directory": content.directory, **_content(content)}
        case Bind():
            kind = "bind"
        case VolumeMount():
            kind = "volume"
        case Tmpfs():
            kind = "tmpfs"
        case ImageMount():
            kind = "image"
    fields = {name: value for name, value in asdict(mount).items() if value or name not in _ADDED_TO_MOUNTS}
    return {"type": kind, **{name: value for name, value in fields.items() if name != "target"}}


def _content(content: Content) -> dict[str, Json]:
    if content.secret:
        return {"hidden": {file.path: [file.mode, *_owner(file)] for file in content.files}}
    return {
        "digest": digest(
            {file.path: [file.mode, sha256(file.data).hexdigest(), *_owner(file)] for file in content.files}
        )
    }


def _owner(file: ContentFile) -> list[int]:
    """Nothing for root, whose files they all were once."""
    return [file.uid, file.gid] if file.uid or file.gid else []


def _attachment(attachment: Attachment) -> dict[str, Json]:
    further: dict[str, Json] = {
        "link_local_ips": sorted(attachment.link_local_ips),
        "mac_address": attachment.mac_address,
        "driver_opts": attachment.driver_opts,
        "gw_priority": attachment.gw_priority,
        "interface_name": attachment.interface_name,
    }
    return {
        "aliases": sorted(attachment.aliases),
        "ipv4_address": attachment.ipv4_address,
        "ipv6_address": attachment.ipv6_address,
        "priority": attachment.priority,
        **{name: value for name, value in further.items() if value},
    }


def _network(network: Network) -> dict[str, Json]:
    return {
        "name": network.name,
        "external": network.external,
        "options": {} if network.external else without_secrets(network.options, network.hidden),
    }


def _applied(service: Service) -> dict[str, Json]:
    """What counts for a release, but needs no new container."""
    policy = service.policy
    return {
        "replicas": service.replicas,
        "depends_on": {
            dependency.service: [dependency.condition, dependency.required, dependency.restart]
            for dependency in service.depends_on
        },
        "x-gitopsd": {
            "order": policy.order,
            "parallelism": policy.parallelism,
            **_room(policy),
            "on_failure": policy.on_failure,
            "delay": policy.delay.total_seconds(),
            "min_ready": policy.min_ready.total_seconds(),
            "healthy_deadline": policy.healthy_deadline.total_seconds(),
            "progress_deadline": policy.progress_deadline.total_seconds(),
            "job": _job(service.job),
            **_added_to_policy(policy),
            **shifting_sealed(policy),
            **traffic_sealed(service.traffic),
            **({"schema": [service.schema.database, service.schema.words]} if service.schema is not None else {}),
        },
    }


def _room(policy: Policy) -> dict[str, Json]:
    """What is not written is not hashed: a release's content stays what it was before the keys were known."""
    written = {"max_surge": policy.max_surge, "max_unavailable": policy.max_unavailable}
    room: dict[str, Json] = {key: [each.number, each.percent] for key, each in written.items() if each is not None}
    return {**room, "recreate": True} if policy.recreate else room


def _added_to_policy(policy: Policy) -> dict[str, Json]:
    """Keys that came later count only where they say something, so that older digests stay as they are."""
    loop, storm = policy.crash_loop, policy.restart_storm
    return {
        **({"health": health_shown(policy.health)} if policy.health.each else {}),
        **({"monitor": policy.monitor.total_seconds()} if policy.monitor else {}),
        **({"max_failure_ratio": policy.max_failure_ratio} if policy.max_failure_ratio else {}),
        **({"crash_loop": [loop.restarts, loop.within.total_seconds()]} if loop != CRASH_LOOP else {}),
        **({"memory_spike": _spike(policy.memory_spike)} if policy.memory_spike != MEMORY_SPIKE else {}),
        **({"rollback": _back(policy.back)} if policy.back != AS_IT_CAME else {}),
        **({"restart_storm": [storm.restarts, storm.within.total_seconds()]} if storm != SERVICE_STORM else {}),
    }


def _spike(spike: MemorySpike) -> Json:
    return [spike.percent_of_limit, spike.ratio_to_stable, spike.lasting.total_seconds()]


def _back(back: WayBack) -> Json:
    return [back.order, back.parallelism, back.delay.total_seconds()]


def _job(job: Job | None) -> Json:
    if job is None:
        return None
    written = {name: getattr(job, name) for name in _ADDED_TO_JOBS if getattr(job, name) != getattr(ONE_SHOT, name)}
    waits = {"after": job.after.total_seconds()} if job.after else {}
    return {"timeout": job.timeout.total_seconds() if job.timeout else None, **written, **waits}
