"""Rollouts in numbers: what both sides of the router count, look by look, and four judges that may look at it."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from gitopsd.model.analysis import Accumulator, Fail, Interval, Metric, Side, SlotCounts
from gitopsd.rollout.judge import judge

SECONDS = 30  # from look to look
Steps = tuple[tuple[int, int], ...]  # shares in basis points, each for so many looks
TABLE: Steps = ((500, 6), (1_000, 6), (2_500, 6), (5_000, 6), (7_500, 6))
DEFAULT: Steps = ((500, 4), (2_000, 6), (5_000, 6))
LOOKS = 30


@dataclass(frozen=True, slots=True)
class World:
    """`rps` requests a second in all, of which `base` fail on stable and `base * factor + plus` on the canary."""

    rps: int
    base: float
    factor: float = 1.0
    plus: float = 0.0


Look = tuple[Interval, ...]


def rollout(world: World, dice: random.Random, steps: Steps = TABLE) -> list[Look]:
    """What is seen of a rollout from its first share on. The judge looks once more a second after a change of share."""
    found: list[Look] = []
    for share, looks in steps:
        for look in range(looks):
            times = (1, SECONDS - 1) if look == 0 else (SECONDS,)
            numbers = range(2 * len(found), 2 * len(found) + len(times))
            found.append(tuple(_interval(world, dice, *each, share) for each in zip(numbers, times, strict=True)))
    return found


def _interval(world: World, dice: random.Random, number: int, seconds: int, share: int) -> Interval:
    total = world.rps * seconds
    here = binomial(dice, total, share / 10_000)
    canary = SlotCounts(here, binomial(dice, here, min(1.0, world.base * world.factor + world.plus)))
    stable = SlotCounts(total - here, binomial(dice, total - here, world.base))
    return Interval(number, Side(canary), Side(stable), share, share, float(seconds))


def binomial(dice: random.Random, times: int, share: float) -> int:
    """How many of `times` come true, each with this probability: by inversion, in pieces that no float loses."""
    if share > 0.5:
        return times - binomial(dice, times, 1 - share)
    found, piece = 0, max(1, int(500 / share)) if share else times
    while times > 0:
        found += _inverted(dice.random(), min(times, piece), share)
        times -= piece
    return found


def _inverted(chance: float, times: int, share: float) -> int:
    probability, ratio, found = (1 - share) ** times, share / (1 - share), 0
    while chance > probability and found < times:
        chance -= probability
        found += 1
        probability *= ratio * (times - found + 1) / found
    return found


Judge = Callable[[Sequence[Look]], int | None]


def ours(*metrics: Metric, judge_: Any = judge) -> Judge:
    """At which look the judge fails the canary, counted from 1; None: at none."""
    asked = metrics or (Metric("error-rate", "router"),)

    def looked(seen: Sequence[Look]) -> int | None:
        known = Accumulator()
        for look, intervals in enumerate(seen, 1):
            for interval in intervals:
                known, verdict = judge_(asked, known, interval)
                if isinstance(verdict, Fail):
                    return look
        return None

    return looked


def fixed(threshold: float = 0.02, failure_limit: int = 0) -> Judge:
    """More than so many looks with more than so many bad requests on the canary, as Argo Rollouts counts them."""

    def looked(seen: Sequence[Look]) -> int | None:
        failed = 0
        for look, (new, _) in enumerate(map(_counts, seen), 1):
            failed += new.requests > 0 and new.bad / new.requests > threshold
            if failed > failure_limit:
                return look
        return None

    return looked


def repeated_z(alpha: float = 0.01) -> Judge:
    """A test of two proportions at each look on all that was seen, as if it were the only look."""
    critical = NormalDist().inv_cdf(1 - alpha)

    def looked(seen: Sequence[Look]) -> int | None:
        new = old = SlotCounts()
        for look, (canary, stable) in enumerate(map(_counts, seen), 1):
            new, old = new.plus(canary), old.plus(stable)
            if _z(new, old) > critical:
                return look
        return None

    return looked


def mann_whitney(seen: Sequence[Look]) -> int | None:
    """Kayenta's test on the error rates of all looks, once at the end, at 98 %: High, with its default tolerance."""
    pairs = [pair for pair in map(_counts, seen) if pair[0].requests and pair[1].requests]
    new, old = ([each.bad / each.requests for each in side] for side in zip(*pairs, strict=True))
    return len(seen) if mann_whitney_high(new, old) else None


def mann_whitney_high(new: Sequence[float], old: Sequence[float], confidence: float = 0.98) -> bool:
    """Whether the confidence interval of the shift lies above a quarter of the shift's own estimate."""
    shifts = sorted(a - b for a in new for b in old)
    estimate = shifts[len(shifts) // 2]
    spread = math.sqrt(len(new) * len(old) * (len(new) + len(old) + 1) / 12)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * spread
    place = math.floor(len(shifts) / 2 - reach)
    low = shifts[place] if place >= 0 else -math.inf
    return low > 0.25 * abs(estimate)


def found_by(judge_: Judge, world: World, runs: int, steps: Steps = TABLE) -> list[int | None]:
    """At which look a judge ends each of so many rollouts; each judge sees the same ones."""
    dice = random.Random(str(world))
    return [judge_(rollout(world, dice, steps)) for _ in range(runs)]


def share_found(looks: Sequence[int | None], within: int = LOOKS) -> float:
    return sum(look is not None and look <= within for look in looks) / len(looks)


def _counts(look: Look) -> tuple[SlotCounts, SlotCounts]:
    new = old = SlotCounts()
    for interval in look:
        canary, stable = interval.canary.counts, interval.stable.counts
        assert isinstance(canary, SlotCounts)
        assert isinstance(stable, SlotCounts)
        new, old = new.plus(canary), old.plus(stable)
    return new, old


def _z(new: SlotCounts, old: SlotCounts) -> float:
    if not new.requests or not old.requests:
        return 0.0
    pooled = (new.bad + old.bad) / (new.requests + old.requests)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / new.requests + 1 / old.requests))
    return (new.bad / new.requests - old.bad / old.requests) / spread if spread else 0.0
