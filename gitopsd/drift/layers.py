"""Files that were written, changed or removed in a container's own layer: shown on request, and never mended.

A container writes there all by itself; which of it is a hand's work, nobody can tell.
"""

import posixpath
from collections.abc import Collection, Iterator
from datetime import datetime

from gitopsd.engine_json.content import HOLD_DIRECTORY
from gitopsd.engine_json.fields import mapping
from gitopsd.model.drift import DriftItem, DriftKind
from gitopsd.model.live import Instance, LayerChange

MOST = 100
_KINDS: dict[str, DriftKind] = {"added": "extra", "changed": "modified", "removed": "missing"}


def layer_drift(
    instance: Instance, service: str, found: Collection[LayerChange], delivered: Collection[str], now: datetime
) -> tuple[DriftItem, ...]:
    """One item a file, the first hundred by path. `delivered` are the files that gitopsd put there itself."""
    told = sorted(_of_somebody(instance, found, delivered), key=lambda each: each.path)
    return tuple(
        DriftItem(
            *("file", f"{instance.name}:{each.path}", service, instance.id, _KINDS[each.kind]),
            cause=f"{each.path} was {each.kind} in the container's own layer",
            first_seen=now,
            last_seen=now,
        )
        for each in told[:MOST]
    )


def untold(instance: Instance, found: Collection[LayerChange], delivered: Collection[str]) -> int:
    """How many more there are than are told."""
    return max(0, sum(1 for _ in _of_somebody(instance, found, delivered)) - MOST)


def _of_somebody(
    instance: Instance, found: Collection[LayerChange], delivered: Collection[str]
) -> Iterator[LayerChange]:
    """Not what the engine makes for mounts, nor a directory that only shows that something in it changed."""
    own = {*mapping(instance.fields.get("volumes")), *mapping(instance.fields.get("tmpfs")), *delivered, HOLD_DIRECTORY}
    above = {parent for path in own for parent in _parents(path)}
    changed_below = {parent for each in found for parent in _parents(each.path)}
    for each in found:
        ours = each.path in own or each.path in above or each.path.startswith(f"{HOLD_DIRECTORY}/")
        if not ours and not (each.kind == "changed" and each.path in changed_below):
            yield each


def _parents(path: str) -> Iterator[str]:
    while path not in ("", "/"):
        path = posixpath.dirname(path)
        yield path
