"""Field by field, what differs between a service as it was applied and as it is wanted; secret values stay hidden."""

from collections.abc import Iterator, Mapping

from gitopsd.model.canonical import Json, digest
from gitopsd.model.desired import ContentMount, SealedService
from gitopsd.model.plan import FieldChange
from gitopsd.model.rollout import Target

MOST_NAMED = 3
HIDDEN = "(hidden)"


def why_replaced(before: SealedService | None, after: SealedService, stable: Target | None) -> str:
    """The cause of a replacement in a line: the image first, then the fields by name."""
    if before is None:
        old = stable.image if stable is not None else ""
        return (
            f"image {old} -> {after.service.image}" if old and old != after.service.image else "specification changed"
        )
    if before.service.image != after.service.image:
        return f"image {before.service.image} -> {after.service.image}"
    if before.image.identity != after.image.identity:
        return f"image {after.service.image} moved to another digest"
    names = [change.path for change in changed_fields(before, after)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (", ".join(names[:MOST_NAMED]) + more + " changed") if names else "networks or image changed"


def changed_fields(before: SealedService, after: SealedService) -> tuple[FieldChange, ...]:
    """Every field that differs, by its dotted path. DeepDiff explains; that there is a difference is known before."""
    old, new = _facts(before), _facts(after)
    if old == new:
        return ()
    hidden = _hidden(before) | _hidden(after)
    return tuple(sorted(_differences(old, new, hidden), key=lambda change: change.path))


def _differences(
    old: Mapping[str, Json], new: Mapping[str, Json], hidden: frozenset[tuple[str, ...]]
) -> Iterator[FieldChange]:
    from deepdiff import DeepDiff  # 100 ms of import, needed only where something differs

    found = DeepDiff(old, new, view="tree", verbose_level=2)
    for level in (level for kind in found.values() for level in kind):
        path = tuple(str(part) for part in level.path(output_format="list"))
        yield _field(path, _json(level.t1), _json(level.t2), hidden)


def _field(path: tuple[str, ...], before: Json, after: Json, hidden: frozenset[tuple[str, ...]]) -> FieldChange:
    secret = any(path[: len(each)] == each or each[: len(path)] == path for each in hidden)
    dotted = ".".join(path)
    return FieldChange(dotted, HIDDEN, HIDDEN, hidden=True) if secret else FieldChange(dotted, before, after)


def _json(value: object) -> Json:
    return value if isinstance(value, bool | int | float | str | list | dict) else None


def _facts(sealed: SealedService) -> dict[str, Json]:
    """What a person would call the service's fields: its options, its image, how many, and a digest of each content."""
    service = sealed.service
    content: dict[str, Json] = {
        mount.target: _content(mount) for mount in service.mounts if isinstance(mount, ContentMount)
    }
    return {**service.options, "image": service.image, "replicas": service.replicas, "content": content}


def _content(mount: ContentMount) -> str:
    return digest([[file.path, file.mode, digest(file.data.hex())] for file in mount.content.files])[:12]


def _hidden(sealed: SealedService) -> frozenset[tuple[str, ...]]:
    """Paths whose values are secret: a digest of a secret file could be guessed from, so it is not shown either."""
    secret = {
        ("content", mount.target)
        for mount in sealed.service.mounts
        if isinstance(mount, ContentMount) and mount.content.secret
    }
    return sealed.service.hidden | secret
