"""Drift of single fields: what an engine shows of a container, against what it showed when we were done with it."""

from collections.abc import Collection, Iterable, Mapping

from gitopsd.engine_json.comparison import Difference, differences, owned_differences
from gitopsd.engine_json.cures import cure_of
from gitopsd.engine_json.delivered import EXCHANGED_CONTENT
from gitopsd.engine_json.fields import mapping, strings
from gitopsd.engine_json.projection import Projection
from gitopsd.model.baseline import Baseline
from gitopsd.model.canonical import Json
from gitopsd.model.drift import FieldDrift

# What containers take from their image where the manifest is silent.
_INHERITED = frozenset(
    ("environment", "labels", "command", "entrypoint", "user", "working_dir", "stop_signal", "healthcheck", "expose")
)


def field_drifts(
    live: Projection, left: Baseline, wanted: Projection, desired: Projection, ignored: Collection[str] = ()
) -> tuple[FieldDrift, ...]:
    """Every field that was changed since the container was left, all projections in their hidden form.

    `wanted` is what it was made from, `desired` what Git says by now; a field on which the two differ as well was
    changed on both sides. One that is by now as it is wanted is no drift. `ignored` are paths, or beginnings of paths.
    """
    return tuple(
        _field(each, left.shown, wanted, desired)
        for each in differences(*_comparable(left.shown, live))
        if not _settled(each, wanted)
        and not _exchanged(each, desired)
        and not _ignored(each.name, ignored)
        and each.name not in left.unenforced
    )


def owned_drifts(live: Projection, wanted: Projection, ignored: Collection[str] = ()) -> tuple[FieldDrift, ...]:
    """The same where nothing tells how the container was left: only what the manifest owns is compared."""
    return tuple(
        _field(each, wanted, wanted, wanted)
        for each in owned_differences(*_comparable(wanted, live))
        if not each.dropped and not _ignored(each.name, ignored)
    )


def unenforced(live: Projection, wanted: Projection, ignored: Collection[str] = ()) -> tuple[FieldDrift, ...]:
    """What an engine took and dropped, as its kernel has no such limit; and what of `ignored` is not as wanted."""
    return tuple(
        _field(each, wanted, wanted, wanted)
        for each in owned_differences(*_comparable(wanted, live))
        if each.dropped or each.name in ignored
    )


def kept_apart(live: Projection, left: Projection, unmended: Iterable[FieldDrift]) -> dict[str, Json]:
    """A baseline of what is live, but as it was `left` before where nothing was mended."""
    found: dict[str, Json] = dict(live)
    for each in unmended:
        _put(found, each.at, _at(left, each.at))
    return found


def rebased(live: Projection, wanted: Projection) -> dict[str, Json]:
    """A baseline for a container that nothing tells of: as it is, but as wanted where the manifest owns the field.

    So what was changed before is told, and mended, from the next look on.
    """
    found: dict[str, Json] = dict(live)
    for each in owned_differences(*_comparable(wanted, live)):
        if not each.dropped:
            _put(found, each.path, each.wanted)
    return found


def _comparable(left: Projection, live: Projection) -> tuple[Projection, Projection]:
    """Both sides, so that maps differ key by key where one side has none, and a changed name is one difference only.

    A container answers to its own name on every network; a renamed one goes on answering to the first one it had.
    """
    maps = {key for side in (left, live) for key, value in side.items() if isinstance(value, Mapping)}
    names = {str(side.get("name")) for side in (left, live)}
    first, second = ({**{key: {} for key in maps}, **side} for side in (left, live))
    return _unnamed(first, names), _unnamed(second, names)


def _unnamed(projection: Projection, names: Collection[str]) -> Projection:
    networks = {
        network: {key: each for key, each in endpoint.items() if key != "aliases"} | _aliases(endpoint, names)
        for network, endpoint in mapping(projection.get("networks")).items()
        if isinstance(endpoint, Mapping)
    }
    return {**projection, "networks": networks}


def _aliases(endpoint: Mapping[str, Json], names: Collection[str]) -> dict[str, Json]:
    kept: list[Json] = [alias for alias in strings(endpoint.get("aliases")) if alias not in names]
    return {"aliases": kept} if kept else {}


def _put(into: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    name, rest = path[0], path[1:]
    if rest:
        inner = into.get(name)
        below = dict(inner) if isinstance(inner, Mapping) else {}
        _put(below, rest, value)
        value = below or None
    if value is None:
        into.pop(name, None)
    else:
        into[name] = value


def _settled(each: Difference, wanted: Projection) -> bool:
    """Somebody, or a daemon that died before it could note it, has brought the field to where it is wanted."""
    return _at(wanted, each.path) == each.live and (each.live is not None or each.field.owner == "declared")


def _exchanged(each: Difference, desired: Projection) -> bool:
    """Its files come from a volume that others of its service have too, where they are exchanged already."""
    return each.path[0] == EXCHANGED_CONTENT and _at(desired, each.path) == each.live


def _ignored(name: str, ignored: Collection[str]) -> bool:
    return any(name == pattern or name.startswith(f"{pattern}.") for pattern in ignored)


def _field(each: Difference, left: Projection, wanted: Projection, desired: Projection) -> FieldDrift:
    declared, now = _at(wanted, each.path), _at(desired, each.path)
    return FieldDrift(
        at=each.path,
        desired=now if now != declared else each.wanted,
        applied=each.wanted,
        live=each.live,
        source=_source(each, declared),
        cure=cure_of(each.path, each.field, left),
        conflict=now != declared,
    )


def _source(each: Difference, declared: Json) -> str:
    """Where the value comes from that is wanted; for what nobody wanted, where that which is there comes from."""
    if declared is not None:
        return "declared"
    if each.wanted is None:
        return "changed by hand"
    return "image" if each.path[0] in _INHERITED else "engine default"


def _at(projection: Projection, path: tuple[str, ...]) -> Json:
    value: Json = projection
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
