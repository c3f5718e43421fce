"""Mounts: what the revision holds becomes content delivered by value, everything else host data or volumes."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from gitopsd.manifest import tree
from gitopsd.manifest.compose import ComposedService, Composition
from gitopsd.manifest.keys.shapes import Entry
from gitopsd.manifest.source import Source, relative
from gitopsd.manifest.tree import Refusal
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Bind, Content, ContentFile, ContentMount, ImageMount, Mount, Tmpfs, VolumeMount
from gitopsd.model.errors import Place, Problem
from gitopsd.model.files import SUBMODULE, SYMLINK

MAX_FILE = 8 << 20
MAX_DIRECTORY = 32 << 20
MAX_FILES = 1_000
PLACEHOLDER = ".gitkeep"
GRANTED_MODE = 0o444
SECRET_MODE = 0o400  # of what is encrypted in the repository, where nothing else is said
_MAX_LINKED = 8


@dataclass(frozen=True, slots=True)
class Ground:
    """Where relative sources lie: in `directory` of the revision, or else below `host_dir` on the engine's host."""

    source: Source
    directory: str
    host_dir: str


def mounts(ground: Ground, service: ComposedService, composition: Composition) -> tuple[Mount, ...]:
    """The mounts of a service: `volumes`, then `configs`, then `secrets`."""
    found = [
        *(_volume(ground, entry) for entry in _entries(service, "volumes")),
        *(_grant(ground, entry, composition, "configs") for entry in _entries(service, "configs")),
        *(_grant(ground, entry, composition, "secrets") for entry in _entries(service, "secrets")),
    ]
    mounted = tuple(mount for mount in found if mount is not None)
    scratch = service.canonical.get("tmpfs")
    taken: set[str] = set()
    for target in (
        *(str(entry).partition(":")[0] for entry in (scratch if isinstance(scratch, list) else ())),
        *(mount.target for mount in mounted),
    ):
        if target in taken:
            message = f"two mounts have the target {target}; give one of them another target"
            ground.source.problems.add(service.place, service.path, message)
        taken.add(target)
    return mounted


def file_of(ground: Ground, written: str, place: Place, path: str) -> Content | None:
    """One file of the revision, named relative to the environment's directory; None with a problem."""
    real = ground.source.path(ground.directory, written, place, path)
    if real is None:
        return None
    found = _content(ground.source, real)
    if isinstance(found, Content) and not found.directory:
        return found
    reason = found.reason if isinstance(found, Refusal) else f"'{written}' is no file of the revision; add it"
    ground.source.problems.add(place, path, reason)
    return None


def _entries(service: ComposedService, key: str) -> list[Entry]:
    found = service.canonical.get(key)
    return [entry for entry in found if isinstance(entry, Entry)] if isinstance(found, list) else []


def _volume(ground: Ground, entry: Entry) -> Mount | None:
    target = str(entry["target"])
    read_only = entry.get("read_only") is True
    match entry["type"]:
        case "volume":
            options = _mapping(entry, "volume")
            return VolumeMount(
                source=str(entry.get("source", "")),
                target=target,
                read_only=read_only,
                nocopy=options.get("nocopy") is True,
                subpath=str(options.get("subpath", "")),
                labels={name: str(value) for name, value in _mapping(options, "labels").items()},
            )
        case "image":
            return ImageMount(str(entry["source"]), target, str(_mapping(entry, "image").get("subpath", "")))
        case "tmpfs":
            options = _mapping(entry, "tmpfs")
            return Tmpfs(target, int(str(options.get("size", 0))), int(str(options.get("mode", 0))))
        case _:
            return _bind(ground, entry, target, read_only)


def _bind(ground: Ground, entry: Entry, target: str, read_only: bool) -> Mount | None:
    source = str(entry["source"])
    options = _mapping(entry, "bind")
    if source.startswith("~"):
        message = f"'{source}' depends on who runs gitopsd; write an absolute path"
        ground.source.problems.add(entry.place, entry.path, message)
        return None
    if not source.startswith("/"):
        content = _relative(ground, entry, source)
        if content is None or isinstance(content, Content):
            path = posixpath.normpath(posixpath.join(ground.directory, source))
            return ContentMount(target, content, path) if content is not None else None
        source = content
    return Bind(
        source=posixpath.normpath(source),
        target=target,
        read_only=read_only,
        # As Compose: a missing path is made for the short form, and for a long one without a word about the bind.
        create_host_path="bind" not in entry or options.get("create_host_path") is True,
        propagation=str(options.get("propagation", "")),
        selinux=str(options.get("selinux", "")),
        recursive=str(options.get("recursive", "")),
    )


def _relative(ground: Ground, entry: Entry, source: str) -> Content | str | None:
    """What a relative source stands for: content of the revision, or a path of the host; None with a problem."""
    path = ground.source.path(ground.directory, source, entry.place, entry.path)
    if path is None:
        return None
    content = _content(ground.source, path)
    if content is None:
        return _host_path(ground, entry, path)
    if isinstance(content, Refusal):
        ground.source.problems.add(entry.place, entry.path, content.reason)
        return None
    return content


def _host_path(ground: Ground, entry: Entry, path: str) -> str | None:
    below = relative(path, ground.directory)
    if below == ".." or below.startswith("../"):
        message = (
            f"'{path}' is not in the revision, so it is data of the host, but it lies outside {ground.host_dir}; "
            "write an absolute path"
        )
        ground.source.problems.add(entry.place, entry.path, message)
        return None
    return posixpath.normpath(posixpath.join(ground.host_dir, below))


def _content(source: Source, path: str) -> Content | Refusal | None:
    """What the revision holds at `path`; None when there is nothing but perhaps a placeholder."""
    real = tree.resolved(source.files, path)
    if isinstance(real, Refusal):
        return real
    entry = source.files.entry(real) if real else None
    if entry is not None:
        data = tree.read(source.files, real, MAX_FILE)
        secret = source.stored(real) is not None
        file = ContentFile("", data, SECRET_MODE if secret else entry.mode & 0o777) if isinstance(data, bytes) else data
        return file if isinstance(file, Refusal) else Content((file,), False, secret)
    below = source.files.below(real)
    if not below or {posixpath.basename(name) for name in below} == {PLACEHOLDER}:
        return None
    return _directory(source, real, "", _MAX_LINKED)


def _directory(source: Source, directory: str, prefix: str, links: int) -> Content | Refusal:
    """Every file below a directory; links in it are replaced by what they lead to, inside the repository."""
    found: list[ContentFile] = []
    secret = False
    start = len(directory) + 1 if directory else 0
    for name, entry in sorted(source.files.below(directory).items()):
        inner = prefix + name[start:]
        if entry.mode == SUBMODULE:
            return Refusal(f"'{name}' is a submodule, its files are not loaded; copy them into the repository")
        if entry.mode == SYMLINK:
            linked = _linked(source, name, inner, links)
            if isinstance(linked, Refusal):
                return linked
            found += linked.files
            secret = secret or linked.secret
        else:
            data = tree.read(source.files, name, MAX_FILE)
            if isinstance(data, Refusal):
                return data
            locked = source.stored(name) is not None
            found.append(ContentFile(inner, data, SECRET_MODE if locked else entry.mode & 0o777))
            secret = secret or locked
        if len(found) > MAX_FILES or sum(len(file.data) for file in found[-1:]) > MAX_DIRECTORY:
            break
    total = sum(len(file.data) for file in found)
    if len(found) > MAX_FILES or total > MAX_DIRECTORY:
        limit = f"{MAX_FILES} files or {MAX_DIRECTORY >> 20} MiB"
        return Refusal(f"the directory '{directory}' holds more than {limit}; mount less of it, or use a volume")
    return Content(tuple(found), True, secret)


def _linked(source: Source, name: str, inner: str, links: int) -> Content | Refusal:
    real = tree.resolved(source.files, name)
    if isinstance(real, Refusal):
        return real
    entry = source.files.entry(real)
    if entry is None:
        if not source.files.below(real):
            return Refusal(f"the symbolic link '{name}' leads to '{real}', which does not exist; remove or mend it")
        if not links:
            return Refusal(f"OutOfBoundsSymlink: links below '{name}' lead into each other; remove the loop")
        return _directory(source, real, f"{inner}/", links - 1)
    data = tree.read(source.files, real, MAX_FILE)
    if isinstance(data, Refusal):
        return data
    secret = source.stored(real) is not None
    return Content((ContentFile(inner, data, SECRET_MODE if secret else entry.mode & 0o777),), False, secret)


def _grant(ground: Ground, entry: Entry, composition: Composition, kind: str) -> ContentMount | None:
    """A config or secret as a file; a relative target lies in `/` or in `/run/secrets`."""
    name = str(entry["source"])
    definition = (composition.secrets if kind == "secrets" else composition.configs).get(name)
    if definition is None:
        return None
    default = "/run/secrets" if kind == "secrets" else "/"
    target = posixpath.normpath(posixpath.join(default, str(entry.get("target", name))))
    found = _defined(ground, definition, composition, kind)
    if found is None:
        return None
    data, hidden = found
    locked = hidden and "file" in definition
    mode = int(str(entry["mode"]), 8) if "mode" in entry else SECRET_MODE if locked else GRANTED_MODE
    secret = hidden or kind == "secrets"
    source = str(definition.get("file", definition.path))
    file = ContentFile("", data, mode, int(str(entry.get("uid", 0))), int(str(entry.get("gid", 0))))
    external = str(definition["name"]) if definition.get("external") else ""
    return ContentMount(target, Content((file,), False, secret), source, f"{kind[:-1]} {name}", external)


def _defined(ground: Ground, definition: Entry, composition: Composition, kind: str) -> tuple[bytes, bool] | None:
    """The bytes of a config or secret, and whether they are of secret origin. Those of an external one come later."""
    source = ground.source
    if definition.get("external"):
        return b"", True
    if "file" in definition:
        where = f"{definition.path}.file"
        path = source.path(ground.directory, str(definition["file"]), definition.place, where)
        data = tree.read(source.files, path, MAX_FILE) if path is not None else None
        if isinstance(data, Refusal):
            source.problems.add(definition.place, where, data.reason)
        if path is None or not isinstance(data, bytes):
            return None
        return data, source.stored(path) is not None
    if "environment" in definition:
        name = str(definition["environment"])
        variable = composition.variable(kind, definition.path.removeprefix(f"{kind}."), name)
        if variable is None:
            message = f"the variable {name} is not set; set it in .env or vars_file"
            source.unset.append(Problem(definition.place, f"{definition.path}.environment", message))
            return b"", True
        return variable.value.encode(), variable.hidden
    hidden = ("content",) in composition.hidden(kind, definition.path.removeprefix(f"{kind}."))
    return str(definition.get("content", "")).encode(), hidden


def _mapping(entry: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    found = entry.get(key)
    return found if isinstance(found, Mapping) else {}
