"""Field by field, what differs between a service as it was applied and as it is wanted; secret values stay hidden."""

from collections.abc import Collection, Iterator, Mapping

from gitopsd.model.canonical import Json, digest
from gitopsd.model.desired import EXCHANGED, ContentMount, SealedService, SealedState
from gitopsd.model.parted import changed_secrets
from gitopsd.model.plan import FieldChange
from gitopsd.model.rollout import Target

MOST_NAMED = 3
_SHORT = len("sha256:") + 12
HIDDEN = "(hidden)"


def why_replaced(before: SealedService | None, after: SealedService, stable: Target | None) -> str:
    """The cause of a replacement in a line: the image first, then the fields by name."""
    old = before.service.image if before is not None else (stable.image if stable is not None else "")
    if old and old != after.service.image:
        return f"image {old} -> {after.service.image}"
    if before is not None and (moved := moved_tag(before, after)):
        return moved
    names = [change.path for change in changed_fields(before, after, stable.secrets if stable is not None else None)]
    if names:
        return f"{_listed(names)} changed"
    return "networks or image changed" if before is not None else "specification changed"


def why_unlike(changes: tuple[FieldChange, ...]) -> str:
    """The same for what was adopted and is not as the manifest says."""
    return f"adopted, and not as the manifest says: {_listed([change.path for change in changes])}"


def why_exchanged(before: SealedService | None, after: SealedService, ways: Collection[str]) -> str:
    """Which files are exchanged in place, and what is sent for them; `ways` are those whose files differ."""
    old = {mount.target: mount.content for mount in before.service.exchanged} if before is not None else {}
    mounts = [mount for mount in after.service.exchanged if mount.on_change in ways]
    changed = [mount for mount in mounts if old.get(mount.target) != mount.content] or mounts
    signals = sorted({mount.on_change for mount in changed} - {EXCHANGED})
    sent = f", {' and '.join(signals)} sent" if signals else ""
    return f"{_listed([mount.target for mount in changed])} changed{sent}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def moved_tag(before: SealedService, after: SealedService) -> str:
    """That the service's image stands for other content under the same name, from which to which; "" if not so."""
    old, new = before.image.identity, after.image.identity
    if old == new or before.service.image != after.service.image:
        return ""
    return f"the tag moved: {after.service.image} {old[:_SHORT]} -> {new[:_SHORT]}"


def moved_tags(before: SealedState | None, after: SealedState) -> str:
    """Every tag that moved between two states of the same inputs, in words; "" where none did."""
    if before is None or before.input_digest != after.input_digest:
        return ""
    found = {
        moved_tag(before.services[name], sealed) for name, sealed in after.services.items() if name in before.services
    }
    return "; ".join(sorted(found - {""}))


def changed_fields(
    before: SealedService | None, after: SealedService, secrets: Mapping[str, str] | None = None
) -> tuple[FieldChange, ...]:
    """Every field that differs, by its dotted path. DeepDiff explains; that there is a difference is known before.

    `secrets` are those of `before` as they were when it was applied: what is at hand of it has the values of today.
    """
    found = {
        name: FieldChange(name, HIDDEN, HIDDEN, hidden=True) for name in changed_secrets(secrets or {}, after.secrets)
    }
    old, new = _facts(before) if before is not None else {}, _facts(after)
    if before is not None and old != new:
        found |= {change.path: change for change in _differences(old, new, _hidden(before) | _hidden(after))}
    return tuple(sorted(found.values(), key=lambda change: change.path))


def prepare() -> None:
    """Import what tells differences, which takes 100 ms and more, before the first plan has to wait for it."""
    import deepdiff  # noqa: F401


def _differences(
    old: Mapping[str, Json], new: Mapping[str, Json], hidden: frozenset[tuple[str, ...]]
) -> Iterator[FieldChange]:
    from deepdiff import DeepDiff  # 100 ms of import, needed only where something differs

    found = DeepDiff(old, new, view="tree", verbose_level=2)
    for level in (level for kind in found.values() for level in kind):
        path = tuple(str(part) for part in level.path(output_format="list"))
        yield _field(path, _json(level.t1), _json(level.t2), hidden)


def _field(path: tuple[str, ...], before: Json, after: Json, hidden: frozenset[tuple[str, ...]]) -> FieldChange:
    """What lies within something hidden is told by the name of that, as even its place in it may tell something."""
    secret = next((each for each in hidden if path[: len(each)] == each), None)
    if secret is not None or any(each[: len(path)] == path for each in hidden):
        return FieldChange(".".join(secret or path), HIDDEN, HIDDEN, hidden=True)
    return FieldChange(".".join(path), before, after)


def _json(value: object) -> Json:
    return value if isinstance(value, bool | int | float | str | list | dict) else None


def _facts(sealed: SealedService) -> dict[str, Json]:
    """What a person would call the service's fields: its options, its image, how many, and a digest of each content."""
    service = sealed.service
    mounts = [mount for mount in service.mounts if isinstance(mount, ContentMount)]
    granted: dict[str, Json] = {mount.grant: _content(mount) for mount in mounts if mount.grant}
    content: dict[str, Json] = {mount.target: _content(mount) for mount in mounts if not mount.grant}
    routed: dict[str, Json] = {} if service.traffic is None else {"traffic": str(service.traffic)}
    own: dict[str, Json] = {"image": service.image, "replicas": service.replicas, "content": content}
    return {**service.options, **granted, **routed, **own}


def _content(mount: ContentMount) -> str:
    return digest([[file.path, file.mode, digest(file.data.hex())] for file in mount.content.files])[:12]


def _hidden(sealed: SealedService) -> frozenset[tuple[str, ...]]:
    """Paths whose values are secret: a digest of a secret file could be guessed from, so it is not shown either."""
    mounts = [mount for mount in sealed.service.mounts if isinstance(mount, ContentMount) and mount.content.secret]
    traffic = sealed.service.traffic
    routed = {("traffic",)} if traffic is not None and traffic.hidden else set()
    return (
        sealed.service.hidden
        | routed
        | {(mount.grant,) if mount.grant else ("content", mount.target) for mount in mounts}
    )
