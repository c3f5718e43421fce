"""Whether bad requests fall on the canary more often than its part of the traffic explains; may be asked at any time.

Were the canary's odds of a bad request at most `tolerated` times those of stable, each bad one of both falls on it with
at most a known probability. Factors of a grid beyond that are bet on, and the mean of what the bets have won is the
evidence: it reaches 1/alpha with a probability of alpha at most, however often one looks and whatever shares the
traffic has in between (Ville's inequality). Within an interval the requests of both sides meet the same world, so a
database that fails for both speaks against neither.
"""

import math

from gitopsd.model.analysis import Tally

GRID = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
TOLERATED = 1.25


def gathered(
    evidence: tuple[float, ...], canary: Tally, stable: Tally, tolerated: float = TOLERATED
) -> tuple[float, ...]:
    """The evidence after one more interval. One in which only one side was asked tells nothing."""
    known = evidence or (0.0,) * len(GRID)
    here, there = tolerated * canary.requests, float(stable.requests)
    if not here or not there:
        return known
    expected = here / (here + there)
    found = []
    for factor, before in zip(GRID, known, strict=True):
        bet = factor * here / (factor * here + there)
        won = canary.bad * math.log(bet / expected) + stable.bad * math.log((1 - bet) / (1 - expected))
        found.append(before + won)
    return tuple(found)


def log_evidence(evidence: tuple[float, ...]) -> float:
    """The logarithm of what the bets have won in the mean; 0 is what one starts with."""
    if not evidence:
        return 0.0
    most = max(evidence)
    return most + math.log(sum(math.exp(each - most) for each in evidence) / len(evidence))
