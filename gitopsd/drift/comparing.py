"""One instance against its baseline: what differs, and what its next baseline is. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from gitopsd.drift.fields import field_drifts, kept_apart, owned_drifts, rebased, unenforced
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

    `unenforced` is what the engine took and does not carry out. `pending`: another make of it is wanted by now.
    """

    fields: Fields = ()
    baseline: Baseline | None = None
    fresh: bool = False
    unenforced: Fields = ()
    pending: bool = False


def left_as(
    live: Projection, wanted: Wanted, made_by: str, before: Comparison | None = None, ignored: Collection[str] = ()
) -> Comparison:
    """gitopsd was just done with it: it is as it shall be, but for what the engine did not carry out.

    What differed `before`, and does so still, was not what was done. `ignored` are the paths of what the engine
    was asked for, took without a word, and left as it was: there is no use in asking again.
    """
    known = before.baseline if before is not None else None
    told = known.unenforced if known is not None and known.made_by == made_by else ()
    lost = unenforced(live, wanted.applied, {*told, *ignored})
    named = tuple(each.path for each in lost)
    if before is None or known is None or known.made_by != made_by:
        return Comparison((), Baseline(live, made_by, named), unenforced=lost)
    differed = {each.at for each in before.fields}
    known = replace(known, unenforced=named)
    now = field_drifts(live, known, wanted.applied, wanted.desired, wanted.ignored)
    still = tuple(each for each in now if each.at in differed)
    return Comparison(still, Baseline(kept_apart(live, known.shown, still), made_by, named), unenforced=lost)


def compared(live: Projection, left: Baseline | None, wanted: Wanted, made_by: str) -> Comparison:
    """Against the baseline or, without one that this engine and this gitopsd made, against what the manifest owns."""
    if left is not None and left.made_by == made_by:
        known = unenforced(live, wanted.applied, left.unenforced)
        known = tuple(each for each in known if each.path in left.unenforced)
        left = replace(left, unenforced=tuple(each.path for each in known))
        return Comparison(
            field_drifts(live, left, wanted.applied, wanted.desired, wanted.ignored), left, unenforced=known
        )
    lost = unenforced(live, wanted.applied)
    ground = Baseline(rebased(live, wanted.applied), made_by, tuple(each.path for each in lost))
    return Comparison(owned_drifts(live, wanted.applied, wanted.ignored), ground, fresh=True, unenforced=lost)
