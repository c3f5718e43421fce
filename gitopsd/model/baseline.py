"""A baseline: what an engine showed of a container right after gitopsd was done with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from gitopsd.model.canonical import Json


@dataclass(frozen=True, slots=True)
class Baseline:
    """`shown` is the projection of that inspection; `{"hidden": DIGEST}` stands for what may be secret.

    `made_by` names the engine, its version, the form of the projection and the key of the digests: under another one
    the same container may show otherwise. `unenforced` are the paths of what the engine took and did not carry out.
    """

    shown: Mapping[str, Json]
    made_by: str
    unenforced: tuple[str, ...] = ()
