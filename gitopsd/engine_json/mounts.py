"""A service's mounts -> binds, mount specifications and the content that is delivered by value."""

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gitopsd.engine_json.content import Delivery, deliver
from gitopsd.engine_json.creation import Archive, ContentVolume, ExchangeVolume, HostFile
from gitopsd.engine_json.exchange import exchange_volumes, mount_of
from gitopsd.engine_json.fields import strings
from gitopsd.engine_json.labels import CONTENT_VOLUME_PREFIX
from gitopsd.model.canonical import Json
from gitopsd.model.desired import (
    Bind,
    ContentMount,
    DesiredState,
    Image,
    ImageMount,
    Mount,
    Service,
    Tmpfs,
    VolumeMount,
)
from gitopsd.model.errors import Problem

# A directory that is replaced as a whole lies this deep at least: nothing that belongs to a system as such does.
_DEEP: Final = 2
# What `bind.recursive` says of mounts below the path; `enabled` is the engine's own way.
_RECURSIVE: Final = {
    "disabled": "NonRecursive",
    "writable": "ReadOnlyNonRecursive",
    "readonly": "ReadOnlyForceRecursive",
}


@dataclass(frozen=True, slots=True)
class Mounted:
    """What a service's mounts come to: the three places of HostConfig, and deliveries."""

    binds: tuple[str, ...]
    mounts: tuple[Mapping[str, Json], ...]
    tmpfs: Mapping[str, str]
    archives: tuple[Archive, ...] = ()
    volumes: tuple[ContentVolume, ...] = ()
    host_files: tuple[HostFile, ...] = ()
    exchanged: tuple[ExchangeVolume, ...] = ()


def mounted(
    service: Service, image: Image, desired: DesiredState, carry: Mapping[str, str], delivery: Delivery
) -> Mounted:
    """Every mount of the service, and the image's own volumes as far as `carry` names the ones to take over."""
    short_tmpfs = dict(_tmpfs_options(written) for written in strings(service.options.get("tmpfs")))
    carried = {target: name for target, name in carry.items() if not name.startswith(CONTENT_VOLUME_PREFIX)}
    binds: list[str] = []
    mounts: list[Mapping[str, Json]] = []
    contents: list[ContentMount] = []
    for mount in service.mounts:
        match mount:
            case Bind() if _short(mount):
                binds.append(_bind_text(mount))
            case Bind():
                mounts.append(_bind_mount(mount))
            case VolumeMount():
                mounts.append(_volume_mount(mount, desired, carried))
            case Tmpfs(target=target) if target not in short_tmpfs:
                mounts.append(_tmpfs_mount(mount))
            case ImageMount():
                mounts.append(_image_mount(mount))
            case ContentMount(on_change=""):
                contents.append(mount)
    mounts += _image_volumes(image, service.mounts, short_tmpfs, carried)
    delivered = [deliver(content, _in_layer(content, service, image.volumes), delivery) for content in contents]
    linked = [mount for mount in service.exchanged if _in_layer(mount, service, image.volumes)]
    others = [mount for mount in service.exchanged if mount not in linked]
    exchanged = exchange_volumes(linked, others, delivery)
    return Mounted(
        tuple(binds),
        (*mounts, *(mount for each in delivered for mount in each.mounts), *map(mount_of, exchanged)),
        short_tmpfs,
        tuple(archive for each in delivered for archive in each.archives),
        tuple({volume.name: volume for each in delivered for volume in each.volumes}.values()),
        tuple(file for each in delivered for file in each.host_files),
        exchanged,
    )


def content_problems(service: Service) -> tuple[Problem, ...]:
    """Content whose target another mount would hide, or whose delivery would write into somebody's data."""
    others = {mount.target: _kind(mount) for mount in service.mounts if not isinstance(mount, ContentMount)}
    others |= {_tmpfs_options(written)[0]: "a tmpfs" for written in strings(service.options.get("tmpfs"))}
    directories = {
        mount.target: "other content"
        for mount in service.mounts
        if isinstance(mount, ContentMount) and mount.content.directory
    }
    return tuple(
        Problem(
            service.place,
            f"services.{service.name}",
            f"'{mount.source}' cannot be delivered to {mount.target}: {above} is {kind}; choose a target outside of it",
        )
        for mount in service.mounts
        if isinstance(mount, ContentMount)
        for above, kind in (others | directories).items()
        if _under(mount.target, above)
    )


def exchange_problems(service: Service, image_volumes: Collection[str] = ()) -> tuple[Problem, ...]:
    """Files that are to be exchanged in place where that would take something else from the container."""
    return tuple(
        Problem(service.place, f"services.{service.name}", f"'{mount.source}' cannot be exchanged in place: {why}")
        for mount in service.exchanged
        if (why := _not_exchanged(mount, service, image_volumes))
    )


def _not_exchanged(mount: ContentMount, service: Service, image_volumes: Collection[str]) -> str:
    """Why a file cannot have a directory to itself; "" where it can, or where a link in the layer leads to it."""
    if mount.content.directory:
        return "it is a directory; name its files one by one"
    if _in_layer(mount, service, image_volumes):
        return ""
    directory = posixpath.dirname(mount.target)
    why = "the container is read_only" if service.options.get("read_only") is True else "it lies in the image's volume"
    ours = f"{why}, so {directory} would have to be replaced as a whole"
    if directory.count("/") < _DEEP or directory in image_volumes:
        better = f"/etc/gitopsd/{posixpath.basename(mount.target)}"
        return f"{ours}; choose a target in a directory of its own, such as {better}"
    beside = [other.target for other in service.mounts if other not in service.exchanged]
    beside += [_tmpfs_options(written)[0] for written in strings(service.options.get("tmpfs"))]
    there = next((target for target in beside if target == directory or _under(target, directory)), "")
    return f"{ours}, and {there} lies there; choose a target elsewhere" if there else ""


def _kind(mount: Mount) -> str:
    match mount:
        case Tmpfs():
            return "a tmpfs"
        case Bind():
            return "a directory of the host"
        case ImageMount():
            return "an image"
        case _:
            return "a volume"


def _under(target: str, above: str) -> bool:
    """Whether `target` lies strictly below `above`."""
    return posixpath.normpath(target).startswith(posixpath.normpath(above).rstrip("/") + "/")


def _in_layer(mount: ContentMount, service: Service, image_volumes: Iterable[str]) -> bool:
    """Whether a file can be put into the container's own writable layer and stay there."""
    read_only = service.options.get("read_only") is True
    return not read_only and not any(_under(mount.target, volume) for volume in image_volumes)


def _tmpfs_options(written: str) -> tuple[str, str]:
    target, _, options = written.partition(":")
    return target, options


def _short(bind: Bind) -> bool:
    # The short syntax creates a missing path on every engine and is the only one for SELinux, but cannot hold a colon,
    # nor say what becomes of mounts below the path.
    return ":" not in bind.source and bind.recursive not in _RECURSIVE and (bind.create_host_path or bool(bind.selinux))


def _bind_text(bind: Bind) -> str:
    options = ["ro" if bind.read_only else "rw", bind.selinux, bind.propagation]
    return f"{bind.source}:{bind.target}:{','.join(option for option in options if option)}"


def _bind_mount(bind: Bind) -> dict[str, Json]:
    options: dict[str, Json] = {}
    if bind.propagation:
        options["Propagation"] = bind.propagation
    if bind.create_host_path:
        options["CreateMountpoint"] = True
    if bind.recursive in _RECURSIVE:
        options[_RECURSIVE[bind.recursive]] = True
    return _mount("bind", bind.source, bind.target, bind.read_only, {"BindOptions": options})


def _volume_mount(mount: VolumeMount, desired: DesiredState, carried: Mapping[str, str]) -> dict[str, Json]:
    options: dict[str, Json] = {}
    if mount.nocopy:
        options["NoCopy"] = True
    if mount.subpath:
        options["Subpath"] = mount.subpath
    if mount.labels:
        options["Labels"] = dict(mount.labels)
    source = desired.volumes[mount.source].name if mount.source else carried.get(mount.target, "")
    return _mount("volume", source, mount.target, mount.read_only, {"VolumeOptions": options})


def _tmpfs_mount(mount: Tmpfs) -> dict[str, Json]:
    options: dict[str, Json] = {}
    if mount.size:
        options["SizeBytes"] = mount.size
    if mount.mode:
        options["Mode"] = mount.mode
    return _mount("tmpfs", "", mount.target, False, {"TmpfsOptions": options})


def _image_mount(mount: ImageMount) -> dict[str, Json]:
    options: dict[str, Json] = {"Subpath": mount.subpath} if mount.subpath else {}
    return _mount("image", mount.source, mount.target, False, {"ImageOptions": options})


def _image_volumes(
    image: Image, mounts: Iterable[Mount], tmpfs: Mapping[str, str], carried: Mapping[str, str]
) -> list[dict[str, Json]]:
    taken = {mount.target for mount in mounts} | set(tmpfs)
    return [
        _mount("volume", carried[target], target, False, {})
        for target in image.volumes
        if target in carried and target not in taken
    ]


def _mount(kind: str, source: str, target: str, read_only: bool, options: Mapping[str, Json]) -> dict[str, Json]:
    mount: dict[str, Json] = {"Type": kind, "Target": target, "ReadOnly": read_only}
    if source:
        mount["Source"] = source
    return mount | {key: value for key, value in options.items() if value}
