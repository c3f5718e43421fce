"""What a swarm cannot do for a service, or gitopsd cannot do on a swarm: told at its place, with what to write."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.swarm_router import DESK_PORT
from gitopsd.engine_json.swarm_spec import CANARY
from gitopsd.manifest.compose import EXTENSION, ComposedService, Composition
from gitopsd.manifest.node import Problems
from gitopsd.manifest.traffic import SHIFTING
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Bind, ContentMount, ImageMount, Service, VolumeMount
from gitopsd.model.errors import Place
from gitopsd.model.traffic import Traffic

MOST_FILES = 50  # of one directory: each is an object in the memory of every manager
MOST_CONFIG, MOST_SECRET = 1000 * 1024 - 1, 500 * 1024 - 1  # bytes, above which Swarm takes none
LONGEST_NAME: Final = 63  # characters of a service's or network's whole name
# What Swarm takes as the name of a service or network: its DNS answers to it.
_NAME: Final = re.compile(r"[a-zA-Z0-9](?:[-_]*[a-zA-Z0-9]+)*")
Refusal = tuple[str, str]  # the key below the service, and what is wrong with it

# What a service of a swarm has, or gitopsd itself acts on. All else is refused by name.
_DONE = frozenset(
    (
        *("image", "command", "entrypoint", "environment", "env_file", "label_file", "labels", "ports", "expose"),
        *("volumes", "networks", "configs", "secrets", "healthcheck", "depends_on", "deploy", "restart", "user"),
        *("working_dir", "hostname", "init", "read_only", "cap_add", "cap_drop", "logging", "stop_signal"),
        *("stop_grace_period", "mem_limit", "mem_reservation", "cpus", "pids_limit", "ulimits", "dns", "dns_search"),
        *("dns_opt", "extra_hosts", "group_add", "sysctls", "tty", "stdin_open", "attach", "scale", "profiles"),
        *("build", "develop", "platform", "pull_policy", "extends", "tmpfs", "isolation", "network_mode"),
    )
)
_MENDS = {
    "container_name": "Swarm names its containers itself; remove it, services reach it by the service's name",
    "privileged": "Swarm runs nothing privileged; name what it needs under cap_add",
    "devices": "Swarm hands out no devices; write deploy.resources.reservations.generic_resources",
    "gpus": "Swarm hands out no devices; write deploy.resources.reservations.generic_resources",
    "links": "Swarm has no links; remove it, services reach each other by their names",
    "external_links": "Swarm has no links; remove it, and join a network of both",
    "volumes_from": "containers of a swarm may be on different nodes; name the volumes that both mount",
    "security_opt": "Swarm knows no security options; remove it",
    "shm_size": "Swarm cannot size it; mount a tmpfs of that size at /dev/shm",
    "mac_address": "Swarm gives out the addresses; remove it",
}
_EXTENSIONS = {
    "health": "the instances of a swarm cannot be asked from here; write a healthcheck, which its nodes run",
    "warm_up": "to a swarm's router a task that takes another one's place is as warm as that; remove it",
    "on_config_change": "a swarm's configs never change; remove it, other content makes other containers",
    "flags": "a swarm's configs never change; name the file under configs",
}


def refuse_on_swarm(
    project: str, composed: ComposedService, service: Service, extension: Mapping[str, Place], problems: Problems
) -> None:
    """Tell everything of a service that a swarm does not carry out, each at the key that has to go.

    `extension` has the places of its keys under `x-gitopsd`.
    """
    if wrong := _wrong_name(f"{project}_{service.name}", CANARY if service.policy.strategy in SHIFTING else ""):
        problems.add(composed.place, composed.path, wrong)
    refusals = (*_keys(composed.canonical, service), *_attachments(service), *_mounts(service))
    for key, message in refusals:
        top = key.partition(".")[0]
        problems.add(composed.node.keys.get(top, composed.place), f"{composed.path}.{key}", message)
    for key, message in _extension(service, extension):
        place = extension.get(key, composed.node.keys.get(EXTENSION, composed.place))
        problems.add(place, f"{composed.path}.{EXTENSION}.{key}", message)


def refuse_networks_on_swarm(composition: Composition, problems: Problems) -> None:
    """Tell the networks that Swarm makes none of by that name."""
    for entry in composition.networks.values():
        wrong = _wrong_name(str(entry["name"]))
        if wrong and entry.get("external") is not True:
            problems.add(entry.place, entry.path, wrong)


def _wrong_name(name: str, more: str = "") -> str:
    """Why Swarm takes no service or network of a name, "" where it does. `more`: what another one's ends in besides."""
    room = LONGEST_NAME - len(more)
    if len(name) > room:
        beside = f", {room} with a canary beside it ({more})" if more else ""
        return f"{name} has {len(name)} characters, and Swarm takes {LONGEST_NAME} at most{beside}; shorten it"
    if not _NAME.fullmatch(name):
        return f"Swarm takes no {name}: write letters and digits, with - or _ between them alone"
    return ""


def refusal_of(key: str) -> str:
    """Why a key of a service, or of its `x-gitopsd`, is refused on a swarm whatever it says; "" where it is not."""
    return _EXTENSIONS.get(key) or _MENDS.get(key, "")


def is_done(key: str) -> bool:
    """Whether a key of a service counts on a swarm."""
    return key in _DONE


def _keys(canonical: Mapping[str, Json], service: Service) -> Iterator[Refusal]:
    if service.name.endswith(CANARY):
        yield "image", f"a name that ends in {CANARY} is that of another service's canary; give it another one"
    for key in canonical:
        if key not in _DONE and not key.startswith("x-"):
            yield key, _MENDS.get(key, f"a service of a swarm has no {key}; remove it")
    mode = canonical.get("network_mode")
    if mode is not None:
        yield "network_mode", f"a service of a swarm has no network_mode ({mode}); name its networks under networks"
    for port in service.ports:
        if port.published and not port.published.isdigit():
            yield "ports", f"{port.published}: Swarm picks no port out of a range; write one port"
        if port.host_ip:
            yield "ports", f"{port.host_ip}: a swarm publishes on every address of its nodes; remove the address"
    if service.job is not None:
        yield from _ending(mapping(canonical.get("deploy")))


def _ending(deploy: Mapping[str, Json]) -> Iterator[Refusal]:
    """What Swarm does not do for a service that ends."""
    for key in ("update_config", "rollback_config"):
        if deploy.get(key):
            yield f"deploy.{key}", "a job is run anew as a whole, and never goes back; remove the key"


def _extension(service: Service, extension: Mapping[str, Place]) -> Iterator[Refusal]:
    for key in sorted(extension.keys() & _EXTENSIONS.keys()):
        yield key, _EXTENSIONS[key]
    policy, analysis = service.policy, service.policy.analysis
    if service.traffic is not None:
        yield from _traffic(service, service.traffic)
    if policy.strategy in SHIFTING and (service.deploy or {}).get("mode") == "global":
        yield (
            "strategy",
            f"{policy.strategy} needs a number of tasks, and a global service has none; write rolling",
        )
    if policy.pre_warm is not None and policy.strategy not in SHIFTING:
        yield "pre_warm", "Swarm's own updates wait for no caches; write `strategy: canary` or blue-green, or remove it"
    if policy.strategy in SHIFTING and "deploy.replicas" in service.ignore_drift:
        yield "ignore_drift", f"{policy.strategy} counts tasks, so deploy.replicas has to be the manifest's; remove it"
    for metric in analysis.metrics:
        if metric.source == "engine" and metric.name != "restarts":  # the manager knows of tasks that failed
            yield "analysis", f"{metric.name} is known to a task's own node alone; write a query of Prometheus"
        elif metric.source == "job":
            yield "analysis", f"{metric.name} would run beside a task, whose node nobody reaches; write source: http"


def _traffic(service: Service, traffic: Traffic) -> Iterator[Refusal]:
    if not service.networks:
        yield "traffic", "the router of a swarm reaches what is in a network; name one under networks"
    if traffic.listen == DESK_PORT:
        yield "traffic", f"at port {DESK_PORT} gitopsd itself speaks to the routers; take another one"
    if traffic.inner:
        yield "traffic", "the router of a swarm has ports of its nodes alone; remove `expose: inner`"


def _attachments(service: Service) -> Iterator[Refusal]:
    for each in service.networks:
        for name in ("ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "gw_priority", "interface_name"):
            if getattr(each, name):
                yield f"networks.{each.network}.{name}", "Swarm gives out the addresses of its tasks itself; remove it"


def _mounts(service: Service) -> Iterator[Refusal]:
    for mount in service.mounts:
        match mount:
            case ContentMount(content=content, source=source):
                yield from _content(mount, source)
                if content.directory and len(content.files) > MOST_FILES:
                    files = f"{len(content.files)} files"
                    yield "volumes", f"{source} has {files}, and {MOST_FILES} can be configs; put them into the image"
            case ImageMount():
                yield "volumes", f"{mount.target}: Swarm mounts no images; copy the files into the service's own"
            case VolumeMount(subpath=subpath) if subpath:
                yield "volumes", f"{mount.target}: Swarm mounts no part of a volume; mount the whole"
            case Bind(recursive=recursive, selinux=selinux) if recursive or selinux:
                yield "volumes", f"{mount.target}: Swarm has neither bind.recursive nor bind.selinux; remove them"


def _content(mount: ContentMount, source: str) -> Iterator[Refusal]:
    key = "secrets" if mount.grant.startswith("secret ") else "configs" if mount.grant else "volumes"
    most = MOST_SECRET if mount.content.secret else MOST_CONFIG
    for file in mount.content.files:
        if len(file.data) > most:
            yield key, f"{source}: {len(file.data)} bytes, and Swarm takes {most} at most; put it into the image"
        elif not file.data and not mount.external:  # the host is yet to be asked for that
            yield key, f"{source}: Swarm takes no empty file; put something into it, or leave it out"
