"""Exact bounds of a share of which only a sample is known, after Clopper and Pearson."""

import math

_CLOSE = 1e-14
_TINY = 1e-300
_MOST_TERMS = 100_000


def at_least(bad: int, requests: int, share: float) -> float:
    """The probability of `bad` or more out of these requests, were each of them bad with probability `share`."""
    if bad <= 0:
        return 1.0
    return incomplete_beta(bad, requests - bad + 1, share)


def at_most(bad: int, requests: int, share: float) -> float:
    """The probability of `bad` or fewer."""
    if bad >= requests:
        return 1.0
    return incomplete_beta(requests - bad, bad + 1, 1 - share)


def lower_bound(bad: int, requests: int, alpha: float) -> float:
    """The share that is above this, but for a probability of `alpha`."""
    if bad <= 0:
        return 0.0
    low, high = 0.0, bad / requests
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(bad, requests, middle) < alpha else (low, middle)
    return low


def upper_bound(bad: int, requests: int, alpha: float) -> float:
    """The share that is below this, but for a probability of `alpha`."""
    return 1 - lower_bound(requests - bad, requests, alpha)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised one, I_x(a, b), by its continued fraction."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only below
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return min(1.0, math.exp(front) * _fraction(a, b, x) / a)


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's way to evaluate it from the front."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    found = d
    for term in range(1, _MOST_TERMS):
        before = found
        twice = 2 * term
        for step in (
            term * (b - term) * x / ((a + twice - 1) * (a + twice)),
            -(a + term) * (a + b + term) * x / ((a + twice) * (a + twice + 1)),
        ):
            d = 1 / _away_from_zero(1 + step * d)
            c = _away_from_zero(1 + step / c)
            found *= c * d
        if abs(found - before) <= _CLOSE * abs(found):
            break
    return found


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
