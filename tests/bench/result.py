"""What a measurement comes to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """`ours` and `theirs` in `unit`; `aim` is the highest ratio, or value where there is nothing beside it."""

    what: str
    ours: float
    theirs: float | None
    aim: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else self.ours

    @property
    def met(self) -> bool:
        return self.ratio <= self.aim
