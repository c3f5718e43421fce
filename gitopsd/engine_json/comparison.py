"""Two projections of one thing, held against each other row by row of the field table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitopsd.engine_json.field import Field, Holder
from gitopsd.engine_json.field_table import field_of
from gitopsd.engine_json.projection import Projection
from gitopsd.model.canonical import Json

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not alike: its path, part by part, and both values; None for absent."""

    path: Path
    wanted: Json
    live: Json
    field: Field

    @property
    def name(self) -> str:
        """The path as people read it: `environment.COLOUR`."""
        return ".".join(self.path)

    @property
    def dropped(self) -> bool:
        """A kernel that lacks the limit explains it: the engine took it with a warning, and shows none."""
        return self.field.droppable and self.live is None


def differences(wanted: Projection, live: Projection, holder: Holder = "container") -> tuple[Difference, ...]:
    """What is not as it was left, whoever filled it in; what changes by itself does not count."""
    return tuple(_differences((), wanted, live, holder, owned=False))


def owned_differences(wanted: Projection, live: Projection, holder: Holder = "container") -> tuple[Difference, ...]:
    """What is not as the manifest says, where nothing tells what was there before.

    What the engine fills in or changes by itself counts only where `wanted` has it.
    """
    return tuple(_differences((), wanted, live, holder, owned=True))


def _differences(
    path: Path, wanted: Mapping[str, Json], live: Mapping[str, Json], holder: Holder, *, owned: bool
) -> Iterator[Difference]:
    if wanted == live:
        return
    for key in sorted({*wanted, *live}):
        before, after, below = wanted.get(key), live.get(key), (*path, key)
        if before == after:
            continue
        field = field_of(holder, below)
        if not _counts(field, owned=owned, declared=key in wanted):
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping) and _alike(before, after):
            yield from _differences(below, before, after, holder, owned=owned)
        else:
            yield Difference(below, before, after, field)


def _alike(before: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    """Whether it says more to go into two mappings: not into mounts of two types, nor into what is hidden."""
    return before.get("type") == after.get("type") and before.keys() != {"hidden"}


def _counts(field: Field, *, owned: bool, declared: bool) -> bool:
    match field.owner:
        case "declared":
            return True
        case "defaulted":
            return declared or not owned
        case "volatile":
            return declared and owned
        case "ignored":
            return False
