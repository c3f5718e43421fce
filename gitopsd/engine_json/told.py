"""What is told of a field in words: how it is compared, and what brings it back."""

from collections.abc import Iterator
from typing import Final

from gitopsd.engine_json.delivered import ROWS
from gitopsd.engine_json.field import Field
from gitopsd.engine_json.swarm_words import HOLDER

_OWNERS: Final = {
    "declared": "the manifest owns it: its silence is a declaration, too",
    "defaulted": "the engine fills it in where the manifest is silent",
    "volatile": "it changes by itself; it is compared only where the manifest fixes it",
    "ignored": "it is never compared",
}
_CURES: Final = {
    "in-place": "on the live container",
    "recreate": "with a new container",
    "none": "by nobody but a person",
}
_OLDEST: Final = (1, 41)


def heading_of_field(holder: str, field: Field) -> str:
    """Its name, and where it stands."""
    where = "read from its files" if field.path in ROWS else f"{field.at} in an inspection"
    return f"{field.path} of a {holder}, {where}"


def told_of_field(holder: str, field: Field) -> Iterator[str]:
    """One line after the other."""
    yield f"compared as a {field.comparator}; {_OWNERS[field.owner]}"
    if field.owner in ("declared", "defaulted") or field.keys:
        how = "by telling Swarm again" if holder == HOLDER else _CURES[field.cure]
        yield f"brought back {how}; a change of it is of {field.severity} severity"
    if field.keys:
        yield f"set by {', '.join(field.keys)}"
    if holder == HOLDER:
        yield f"left to somebody else by `x-gitopsd: {{ignore_drift: [{field.path}]}}`"
    if field.api != _OLDEST:
        yield f"shown from engine API {'.'.join(map(str, field.api))} on"
    if field.droppable:
        yield "an engine whose kernel lacks it drops it with a warning: then it is unenforceable, and no drift"
    if field.secret:
        yield "its values may be secret: they are kept as keyed hashes, and shown as hidden"
