"""Which commits would bring a schema and its code where a refused one wanted to be, one safe step after another."""

from dataclasses import dataclass

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sides:
    """A database at version `now`, which `jobs` bring to `to`. `old` and `new`: what all code that serves now, or is
    to serve, accepts; None: it says nothing.
    """

    database: str
    now: int
    to: int
    old: Range | None
    new: Range | None
    jobs: tuple[str, ...]


def way(sides: Sides) -> str:
    """The commits in their order, in words."""
    steps = _steps(sides)
    listed = "; ".join(f"({number}) {step}" for number, step in enumerate(steps, 1))
    return f"commits that would work, each once the one before has succeeded: {listed}"


def _steps(sides: Sides) -> tuple[str, ...]:
    now, to, job = sides.now, sides.to, ", ".join(sides.jobs) or "a job of phase expand"
    old, new = sides.old or (0, max(to, now)), sides.new or (0, max(to, now))
    if new[1] < now:
        return (f"code that accepts {now}: the schema never goes back, so this code cannot serve any more",)
    if _holds(new, now) and _holds(new, to):
        return (f"this code without {job}", f"{job}, which brings {sides.database} to {to}")
    if _holds(new, now):
        return (f"this code without {job}", f"code that accepts {now}-{to}", f"{job}")
    meeting = max(now, old[0], new[0])
    if meeting <= min(old[1], new[1]):
        last = (f"{job}, which brings {sides.database} to {to}",) if to > meeting and _holds(new, to) else ()
        return (f"the code that serves, with a job that provides {meeting}", "this code", *last)
    return (
        f"code that accepts {now}-{new[0]}, as old and new code have no version in common",
        f"that code, with a job that expands {sides.database} to {new[0]}",
        "this code",
    )


def _holds(accepted: Range, version: int) -> bool:
    return accepted[0] <= version <= accepted[1]
