"""The field-level look at unchanged containers, held against what it cannot do without: one inspection of each."""

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench.ground import Ground, Repository, seconds
from tests.bench.result import Result

ROUNDS = 11  # of both in turns, as a machine is not equally busy all the time

Pass = tuple[Callable[[], object], Callable[[], None]]
Passes = Callable[[Ground, Repository, Path], Pass]


def drift_check(ground: Ground, repository: Repository, passes: Passes) -> list[Result]:
    """Full passes over what was released and nobody touched: every container inspected, every field compared.

    Its raw inspections go over the SDK, one after the other, as a script would make them.
    """
    state = ground.directory / f"{repository.name}-state"
    containers = [str(each["Id"]) for each in ground.running(repository.name)]
    work, close = passes(ground, repository, state)
    ours, theirs = [], []
    try:
        work()
        for _ in range(ROUNDS):
            ours.append(seconds(work))
            theirs.append(seconds(lambda: [ground.api.inspect_container(each) for each in containers]))
    finally:
        close()
    if "deepdiff" in sys.modules:
        raise RuntimeError("DeepDiff was imported although nothing differs; it only explains what was found to differ")
    what = f"every field of {len(containers)} unchanged containers checked, a full pass"
    return [Result(f"{what}, vs. their raw inspects", median(ours), median(theirs), 1.3)]
