"""One row of the field table: a field that an engine shows, how two of its values are compared, and what mends it."""

from dataclasses import dataclass
from typing import Literal

from gitopsd.model.cure import Cure

Comparator = Literal["value", "quantity", "list", "set", "map"]
Owner = Literal["declared", "defaulted", "volatile", "ignored"]
Severity = Literal["high", "medium", "low"]
Holder = Literal["container", "network", "volume"]


@dataclass(frozen=True, slots=True)
class Field:
    """`path` is the name that people read and write; `at` is where an inspection has it; `*` stands for any key.

    `comparator`: a `quantity` counts 0 and -1 as no limit, a `set` has no order, and a `map` differs key by key.

    `owner`: of a `declared` field the manifest's silence is a declaration, too; a `defaulted` one is filled in by the
    engine where the manifest is silent, so that it is compared only where that speaks, or against what was there
    before; a `volatile` one changes by itself, so that it is compared only where the manifest fixes it (it then has
    `keys`); an `ignored` one never is.

    `keys` are the Compose keys behind it; `api` is the lowest API that shows it. `secret`: its values may be secrets,
    and are written down as keyed hashes only.
    `droppable`: an engine whose kernel lacks it drops it with no more than a warning, and shows none.
    """

    path: str
    at: str
    comparator: Comparator
    owner: Owner
    cure: Cure
    severity: Severity
    keys: tuple[str, ...] = ()
    secret: bool = False
    api: tuple[int, int] = (1, 41)
    droppable: bool = False

    @property
    def compared(self) -> bool:
        """Whether a projection holds it at all."""
        return self.owner in ("declared", "defaulted") or bool(self.keys)
