"""The operator's workload policy: what gives a container power over its host, or may come from anywhere.

It reads what is written. What a symbolic link on the host leads to, or an image holds, is not to be seen here.
"""

import posixpath
from collections.abc import Iterator, Mapping

from gitopsd.manifest.keys.shapes import Entry
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Bind, DesiredState, Service
from gitopsd.model.errors import Place, Problem
from gitopsd.model.guards import Workload

SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
PATH, REGISTRY = "host-path", "registry"
POLICY = "policy rule"
Breach = tuple[str, str, str]  # the rule, the key of the service, and what is wrong with it


def breaches(desired: DesiredState, workload: Workload, host_dir: str = "") -> tuple[Problem, ...]:
    """Everything that breaks a rule, each with its place. What lies below `host_dir` is the environment's own."""
    found = []
    for _, service in sorted(desired.services.items()):
        for rule, key, message in _breaches(service, desired, workload, host_dir):
            if rule in workload.rules:
                path = f"services.{service.name}.{key}"
                found.append(Problem(_place(service, key), path, f"{POLICY} {rule}: {message}"))
    return tuple(dict.fromkeys(found))


def _breaches(service: Service, desired: DesiredState, workload: Workload, host_dir: str) -> Iterator[Breach]:
    options = service.options
    if options.get("privileged") is True:
        yield "privileged", "privileged", "a privileged container is root on the host; remove it, or name what it needs"
    yield from _namespaces(service, desired)
    for each in _texts(options.get("cap_add")):
        yield "capabilities", "cap_add", f"adds the capability {each}; remove it"
    for each in _texts(options.get("security_opt")):
        if "unconfined" in each or each.replace("=", ":") in ("label:disable", "no-new-privileges:false"):
            yield "unconfined", "security_opt", f"{each} takes a protection away; remove it"
    yield from _devices(options)
    yield from _borrowed(options)
    yield from _paths(service, desired, (*workload.paths, *([host_dir] if host_dir else [])))
    yield from _image(service.image, workload)


def _namespaces(service: Service, desired: DesiredState) -> Iterator[Breach]:
    for rule, key in _NAMESPACES.items():
        if service.options.get(key) == "host":
            yield rule, key, f"{key} is the host's own; remove the key"
    for each in service.networks:
        network = desired.networks.get(each.network)
        if network is not None and "host" in (network.name, network.options.get("driver")):
            yield "host-network", "networks", f"network {network.key} is the host's own; take another"


def _devices(options: Mapping[str, Json]) -> Iterator[Breach]:
    for key in ("devices", "device_cgroup_rules", "gpus"):
        if options.get(key):
            yield "devices", key, "gives it devices of the host; remove the key"
    reserved: Json = dict(options)
    for key in ("deploy", "resources", "reservations", "devices"):
        reserved = reserved.get(key) if isinstance(reserved, Mapping) else None
    if reserved:
        yield "devices", "deploy", "its reservations give it devices of the host; remove them"


def _borrowed(options: Mapping[str, Json]) -> Iterator[Breach]:
    for each in _texts(options.get("volumes_from")):
        if each.startswith("container:"):
            message = f"{each} mounts whatever that one has, which is not said here; name a volume instead"
            yield from ((rule, "volumes_from", message) for rule in ("docker-socket", PATH))


def _paths(service: Service, desired: DesiredState, allowed: tuple[str, ...]) -> Iterator[Breach]:
    for mount in service.mounts:
        if isinstance(mount, Bind):
            yield from _path(mount.source, _written_at(service, mount.target), allowed)
    for mount in service.mounts:
        volume = desired.volumes.get(getattr(mount, "source", "")) if not isinstance(mount, Bind) else None
        how = volume.options.get("driver_opts") if volume is not None else None
        if isinstance(how, Mapping) and str(how.get("device", "")).startswith("/"):
            yield from _path(str(how["device"]), "volumes", allowed)


def _path(source: str, key: str, allowed: tuple[str, ...]) -> Iterator[Breach]:
    path = posixpath.normpath(f"/{source.lstrip('/')}")  # two slashes at the begin would stay two
    if any(_below(socket, path) for socket in SOCKETS):
        yield "docker-socket", key, f"{path} gives it the engine's socket, and with it the host; remove the mount"
    if not any(_below(path, posixpath.normpath(each)) for each in allowed):
        known = ", ".join(allowed) or "none"
        yield PATH, key, f"{path} is none of the paths that are allowed ({known}); move the data there, or use a volume"


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def _image(image: str, workload: Workload) -> Iterator[Breach]:
    name, _, digest = image.partition("@")
    first, slash, _ = name.partition("/")
    registry = first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
    full = name if registry == first else f"docker.io/{name if slash else f'library/{name}'}"
    head, _, last = full.rpartition("/")
    if not any(_below(f"{head}/{last.partition(':')[0]}", each) for each in workload.registries):
        known = ", ".join(workload.registries) or "none"
        yield REGISTRY, "image", f"{image} comes from {registry}, and allowed are {known}; take it from one of those"
    if not digest:
        yield "tag-without-digest", "image", f"{image} may stand for another image tomorrow; write {name}@sha256:..."


def _written_at(service: Service, target: str) -> str:
    entries = service.options.get("volumes")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, Mapping) and entry.get("target") == target:
            return f"volumes[{index}]"
    return "volumes"


def _place(service: Service, key: str) -> Place:
    name, bracket, index = key.partition("[")
    entries = service.options.get(name)
    if bracket and isinstance(entries, list):
        entry = entries[int(index.rstrip("]"))]
        if isinstance(entry, Entry):
            return entry.place
    return service.places.get(name, service.place)


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


_NAMESPACES = {
    "host-network": "network_mode",
    "host-pid": "pid",
    "host-ipc": "ipc",
    "host-uts": "uts",
    "host-users": "userns_mode",
    "host-cgroup": "cgroup",
}
RULES = (
    *("privileged", *_NAMESPACES, "docker-socket", PATH, "capabilities", "unconfined", "devices"),
    *(REGISTRY, "tag-without-digest"),
)
