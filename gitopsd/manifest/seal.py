"""Seals a desired state: fingerprints of what only a new container can change, and digests of everything else."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from hashlib import sha256

from gitopsd.model.canonical import Json, canonical, digest, keyed_digest
from gitopsd.model.desired import (
    Attachment,
    Bind,
    Content,
    ContentMount,
    DesiredState,
    Image,
    ImageMount,
    Job,
    Mount,
    Network,
    SealedService,
    SealedState,
    Service,
    Tmpfs,
    VolumeMount,
)

# To be raised whenever the same files come to other fingerprints than before, here or by how they are loaded: what was
# released is then sealed anew (release/renewal.py). Otherwise every container would be replaced by the upgrade.
VERSION = "v1"
# Options that `docker update` can set; which of them are set still needs a new container, as none can be unset.
IN_PLACE = (
    *("mem_limit", "mem_reservation", "memswap_limit", "pids_limit"),
    *("cpus", "cpu_shares", "cpu_quota", "cpu_period", "cpu_rt_period", "cpu_rt_runtime", "cpuset"),
    "restart",
)
_TYPED = frozenset(("image", "volumes", "configs", "secrets", "networks"))
_OUTSIDE = frozenset((*_TYPED, "deploy", "blkio_config", "pull_policy", *IN_PLACE))
_SETS = frozenset(
    (
        *("ports", "expose", "cap_add", "cap_drop", "tmpfs", "devices", "device_cgroup_rules", "gpus"),
        *("group_add", "security_opt", "dns_opt", "links", "external_links"),
    )
)
# What a mount had before these had nothing in them; so a fingerprint is the same as without them.
_ADDED_TO_MOUNTS = frozenset(("recursive", "labels"))


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
    )


def applied_spec(sealed: SealedService, key: bytes) -> dict[str, Json]:
    """A service as canonical JSON in which `{"hidden": DIGEST}` stands for every hidden value.

    It holds what the fingerprint covers and what it leaves out, field by field, so that two of them can be compared.
    """
    service = sealed.service
    options = _options(service, key)
    return {
        **{name: value for name, value in options.items() if name not in _TYPED},
        "image": service.image,
        "image_digest": sealed.image.identity,
        "mounts": _mounts(service.mounts, key),
        "networks": {attachment.network: _attachment(attachment) for attachment in service.networks},
        **_applied(service),
    }


def _sealed(service: Service, image: Image, desired: DesiredState, key: bytes, version: str) -> SealedService:
    options = _options(service, key)
    limits, fixed = _limits(options)
    inside: dict[str, Json] = {
        "image": image.identity,
        "options": {**{name: value for name, value in options.items() if name not in _OUTSIDE}, **fixed},
        "limits": sorted(_names({name: value for name, value in limits.items() if name != "restart"})),
        "mounts": _mounts(service.mounts, key),
        "networks": {
            attachment.network: [_attachment(attachment), _network(desired.networks[attachment.network], key)]
            for attachment in service.networks
        },
    }
    content = _mounts((mount for mount in service.mounts if isinstance(mount, ContentMount)), key)
    return SealedService(
        service=service,
        image=image,
        fingerprint=f"{version}:{digest(inside)}",
        in_place=digest(limits),
        config_digest=digest({"environment": options.get("environment"), "content": content}),
    )


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


def _content_digest(desired: DesiredState, services: Mapping[str, SealedService], key: bytes) -> str:
    return digest(
        {
            "project": desired.project,
            "services": {
                name: [sealed.fingerprint, sealed.in_place, _applied(sealed.service)]
                for name, sealed in services.items()
            },
            "networks": {name: _network(network, key) for name, network in desired.networks.items()},
            "volumes": {
                name: [volume.name, volume.external, hide(volume.options, volume.hidden, key)]
                for name, volume in desired.volumes.items()
            },
        }
    )


def hide(options: Mapping[str, Json], hidden: Iterable[tuple[str, ...]], key: bytes) -> dict[str, Json]:
    """The options with `{"hidden": DIGEST}` in place of each value that stands at a hidden path."""
    found = dict(options)
    for path in hidden:
        _hide(found, path, key)
    return found


def _hide(options: dict[str, Json], path: tuple[str, ...], key: bytes) -> None:
    name, rest = path[0], path[1:]
    value = options.get(name)
    if value is None:
        return
    if rest and isinstance(value, Mapping):
        inner = dict(value)
        _hide(inner, rest, key)
        options[name] = inner
    elif not (isinstance(value, Mapping) and value.keys() == {"hidden"}):
        options[name] = {"hidden": keyed_digest(key, value)}


def _options(service: Service, key: bytes) -> dict[str, Json]:
    """The options with hidden values replaced, and what is a set in a fixed order."""
    options: dict[str, Json] = {
        name: sorted(value, key=canonical) if name in _SETS and isinstance(value, list) else value
        for name, value in service.options.items()
    }
    return hide(options, service.hidden, key) if service.hidden else options


def _names(values: Mapping[str, Json], prefix: str = "") -> Iterable[str]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value.keys() != {"hidden"}:
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _mounts(mounts: Iterable[Mount], key: bytes) -> dict[str, Json]:
    """By target. The place in the repository that content comes from is not part of it."""
    return {mount.target: _mount(mount, key) for mount in mounts}


def _mount(mount: Mount, key: bytes) -> dict[str, Json]:
    match mount:
        case ContentMount(content=content):
            return {"type": "content", "directory": content.directory, **_content(content, key)}
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


def _content(content: Content, key: bytes) -> dict[str, Json]:
    files: dict[str, Json] = {
        file.path: [file.mode, sha256(file.data).hexdigest(), *([file.uid, file.gid] if file.uid or file.gid else [])]
        for file in content.files
    }
    return {"hidden": keyed_digest(key, files)} if content.secret else {"digest": digest(files)}


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


def _network(network: Network, key: bytes) -> dict[str, Json]:
    return {
        "name": network.name,
        "external": network.external,
        "options": {} if network.external else hide(network.options, network.hidden, key),
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
            "on_failure": policy.on_failure,
            "delay": policy.delay.total_seconds(),
            "min_ready": policy.min_ready.total_seconds(),
            "healthy_deadline": policy.healthy_deadline.total_seconds(),
            "progress_deadline": policy.progress_deadline.total_seconds(),
            "job": _job(service.job),
        },
    }


def _job(job: Job | None) -> Json:
    return None if job is None else {"timeout": job.timeout.total_seconds() if job.timeout else None}
