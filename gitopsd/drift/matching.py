"""Whether a container without a fingerprint is what the manifest wants: by its fields, and by its content. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from gitopsd.engine_json.comparison import Difference, owned_differences
from gitopsd.engine_json.expectation import with_content
from gitopsd.engine_json.fields import mapping, strings
from gitopsd.engine_json.projection import Projection
from gitopsd.model.adoption import Match
from gitopsd.model.canonical import Json, digest
from gitopsd.model.desired import ContentFile, ContentMount, SealedService
from gitopsd.model.live import Instance
from gitopsd.model.plan import FieldChange

HIDDEN: Final = "(hidden)"
# Names whose values are taken for secrets where no manifest says what they are.
_TELLING: Final = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)
_SHARING: Final = ("network_mode", "pid", "ipc")
_RENAMED: Final = "name"


def match(sealed: SealedService, wanted: Projection, instance: Instance, siblings: Mapping[str, str]) -> Match:
    """The fields of an instance against `wanted`, what the engine would show of one that we made for the service.

    `siblings` maps the project's containers, by id and by name, to their services, by which `wanted` names them. What
    lies in its content mounts is for `content_changes` to compare.
    """
    live = _by_service(with_content(_without_name(instance.fields, wanted), wanted), wanted, siblings)
    found = owned_differences(wanted, live)
    told = [(each, _change(each, sealed, instance)) for each in found if each.name != _RENAMED]
    return Match(
        changes=tuple(change for each, change in told if not each.dropped and not in_place(each)),
        in_place=tuple(change for each, change in told if not each.dropped and in_place(each)),
        notes=tuple(
            f"{each.name}: the engine shows none; this host may not be able to" for each in found if each.dropped
        ),
    )


def in_place(difference: Difference) -> bool:
    """Whether `docker update` brings the field to what is wanted: a limit can be set, and never taken away."""
    path = difference.path[0]
    return path == "restart" or (
        path.startswith("resources.") and difference.field.cure == "in-place" and difference.wanted is not None
    )


def content_to_compare(sealed: SealedService, instance: Instance) -> tuple[ContentMount, ...]:
    """The content mounts whose bytes tell whether the instance has the revision's."""
    mounts = mapping(instance.fields.get("volumes"))
    return tuple(
        mount
        for mount in sealed.service.mounts
        if isinstance(mount, ContentMount)
        and mapping(mounts.get(mount.target)).get("type") in (None, "bind", "content")
    )


def content_changes(mount: ContentMount, found: tuple[ContentFile, ...] | None) -> tuple[FieldChange, ...]:
    """Every file of a content mount that is not as in the revision, told by a digest; modes and owners do not count.

    In a work tree they are whatever whoever checked it out has, and a mount from there shows them.
    """
    wanted = {file.path: file.data for file in mount.content.files}
    live = {file.path: file.data for file in found or ()}
    return tuple(_file(mount, path, live.get(path), wanted.get(path)) for path in _unlike(wanted, live))


def _unlike(wanted: Mapping[str, bytes], live: Mapping[str, bytes]) -> Iterator[str]:
    return (path for path in sorted({*wanted, *live}) if wanted.get(path) != live.get(path))


def _file(mount: ContentMount, path: str, live: bytes | None, wanted: bytes | None) -> FieldChange:
    name = f"content.{mount.target}" + (f"/{path}" if path else "")
    if mount.content.secret:
        return FieldChange(name, HIDDEN, HIDDEN, hidden=True)
    return FieldChange(name, _digest(live), _digest(wanted))


def _digest(data: bytes | None) -> str | None:
    return None if data is None else digest(data.hex())[:12]


def _without_name(live: Projection, wanted: Projection) -> Projection:
    """Without the wanted name among the aliases: a container that was renamed answers to its first name for ever."""
    networks = {
        name: _unnamed(endpoint, str(wanted.get("name"))) for name, endpoint in mapping(live.get("networks")).items()
    }
    return {**live, "networks": networks} if networks else live


def _unnamed(endpoint: Json, name: str) -> Json:
    aliases = [alias for alias in strings(mapping(endpoint).get("aliases")) if alias != name]
    return {key: each for key, each in {**mapping(endpoint), "aliases": aliases}.items() if each}


def _by_service(live: Projection, wanted: Projection, siblings: Mapping[str, str]) -> Projection:
    """With the service's name in place of a container of the project whose namespace or volumes are used.

    Of another container the engine shows the id, and the manifest says the name: they are taken for the same.
    """
    found: dict[str, Json] = {}
    for key in _SHARING:
        kind, _, container = str(live.get(key) or "").partition(":")
        if kind == "container":
            asked = wanted.get(key) if str(wanted.get(key)).startswith("container:") else live[key]
            found[key] = f"container:{siblings[container]}" if container in siblings else asked
    if live.get("volumes_from"):
        found["volumes_from"] = sorted(_lenders(live, wanted, siblings))
    return {**live, **found}


def _lenders(live: Projection, wanted: Projection, siblings: Mapping[str, str]) -> Iterator[str]:
    """Compose passes no access on, so that one that says none has what is wanted."""
    asked = {each.partition(":")[0]: each for each in strings(wanted.get("volumes_from"))}
    for written in strings(live["volumes_from"]):
        name, colon, access = written.partition(":")
        lender = siblings.get(name, name)
        yield f"{lender}:{access}" if colon else asked.get(lender, lender)


def _change(difference: Difference, sealed: SealedService, instance: Instance) -> FieldChange:
    if difference.path == ("image",) and instance.image != sealed.service.image:
        return FieldChange("image", instance.image, sealed.service.image)
    change = FieldChange(difference.name, difference.live, difference.wanted)
    return replace(change, before=HIDDEN, after=HIDDEN, hidden=True) if _secret(difference, sealed) else change


def _secret(difference: Difference, sealed: SealedService) -> bool:
    """By its origin in the manifest; or by its name, where the manifest knows nothing of it."""
    keys, path = difference.field.keys, difference.path
    by_origin = any(
        origin[0] in keys and (len(origin) == 1 or len(path) == 1 or origin[1] == path[1])
        for origin in sealed.service.hidden
    )
    return by_origin or (difference.field.secret and len(path) > 1 and bool(_TELLING.search(path[1])))
