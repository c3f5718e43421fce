"""One instance against its baseline: what differs, and what its next baseline is. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from gitopsd.drift.fields import field_drifts, owned_drifts, rebased, unenforced
from gitopsd.engine_json.projection import Projection
from gitopsd.model.baseline import Baseline
from gitopsd.model.drift import FieldDrift

Fields = tuple[FieldDrift, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The projections, in their hidden form, of what an instance was made from and of what Git says by now."""

    applied: Projection
    desired: Projection
    ignored: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs; the baseline from now on, None where there can be none yet. `fresh`: it is only reported now.

    `unenforced` is what the engine took and does not carry out.
    """

    fields: Fields = ()
    baseline: Baseline | None = None
    fresh: bool = False
    unenforced: Fields = ()


def left_as(live: Projection, wanted: Wanted, made_by: str) -> Comparison:
    """gitopsd was just done with it: it is as it shall be, but for what the engine did not carry out."""
    lost = unenforced(live, wanted.applied)
    return Comparison((), Baseline(live, made_by, tuple(each.path for each in lost)), unenforced=lost)


def compared(live: Projection, left: Baseline | None, wanted: Wanted, made_by: str) -> Comparison:
    """Against the baseline or, without one that this engine and this gitopsd made, against what the manifest owns."""
    lost = unenforced(live, wanted.applied)
    if left is not None and left.made_by == made_by:
        known = tuple(each for each in lost if each.path in left.unenforced)
        return Comparison(
            field_drifts(live, left, wanted.applied, wanted.desired, wanted.ignored), left, unenforced=known
        )
    ground = Baseline(rebased(live, wanted.applied), made_by, tuple(each.path for each in lost))
    return Comparison(owned_drifts(live, wanted.applied, wanted.ignored), ground, fresh=True, unenforced=lost)
