"""Whether bad requests fall on the canary more often than its part of the traffic explains; may be asked at any time.

Were the canary's odds of a bad request at most `tolerated` times those of stable, each bad one of both falls on it with
at most a known probability. Factors of a grid beyond that are bet on, and the mean of what the bets have won is the
evidence: it reaches 1/alpha with a probability of alpha at most, however often one looks and whatever shares the
traffic has in between (Ville's inequality). Within an interval the requests of both sides meet the same world, so a
database that fails for both speaks against neither.

Bets that were lost while all was well would have to be won back before a canary that breaks after a day could fail. So
only a part is bet from the start, and at each look a part of what is left: the one of its number, 1/(n(n + 1)), all of
which are 1 together.
"""

import math

from gitopsd.model.analysis import Evidence, Tally

GRID = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
TOLERATED = 1.25


def gathered(evidence: Evidence, canary: Tally, stable: Tally, tolerated: float = TOLERATED) -> Evidence:
    """The evidence after one more interval. One in which only one side was asked tells nothing."""
    here, there = tolerated * canary.requests, float(stable.requests)
    if not here or not there:
        return evidence
    looks = evidence.looks + 1
    part = -math.log(looks * (looks + 1))
    expected = here / (here + there)
    found = []
    for factor, before in zip(GRID, evidence.bets or (-math.inf,) * len(GRID), strict=True):
        bet = factor * here / (factor * here + there)
        won = canary.bad * math.log(bet / expected) + stable.bad * math.log((1 - bet) / (1 - expected))
        found.append(_sum(before, part) + won)
    return Evidence(looks, tuple(found))


def log_evidence(evidence: Evidence) -> float:
    """The logarithm of what is there in the mean, with what was not bet yet; 0 is what one starts with."""
    unbet = -math.log(evidence.looks + 1)
    most = max((unbet, *evidence.bets))
    mean = sum(math.exp(each - most) for each in evidence.bets) / len(GRID)
    return most + math.log(mean + math.exp(unbet - most))


def _sum(one: float, other: float) -> float:
    """Of two numbers, of which there are the logarithms."""
    most = max(one, other)
    return most + math.log(math.exp(one - most) + math.exp(other - most))
