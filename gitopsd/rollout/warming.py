"""How far the caches of new instances are filled by requests that nobody waits for, and when that is enough. Pure."""

import math
from dataclasses import dataclass, replace

from gitopsd.model.visits import PreWarm, Warmed

LATEST = 50  # requests that tell how fast it is by now
ENOUGH = 20  # of them, before they tell anything


@dataclass(frozen=True, slots=True)
class Warmth:
    """`begun` by the monotonic clock; `answered` with `bad` ones among them, and how long the `latest` took."""

    begun: float
    answered: int = 0
    bad: int = 0
    latest: tuple[float, ...] = ()


def warmer(warmth: Warmth, seconds: float, *, good: bool) -> Warmth:
    """After one more answer. One that failed tells nothing of how fast it is."""
    if not good:
        return replace(warmth, answered=warmth.answered + 1, bad=warmth.bad + 1)
    return replace(warmth, answered=warmth.answered + 1, latest=(*warmth.latest, seconds)[-LATEST:])


def ended(wanted: PreWarm, warmth: Warmth, now: float) -> Warmed | None:
    """What it came to, once it is over. What is not met in time holds nobody up: it is told, and the judge decides."""
    seconds = now - warmth.begun
    if why := _met(wanted, warmth, seconds):
        return _warmed(warmth, seconds, why, met=True)
    if seconds < wanted.most.total_seconds():
        return None
    plain = wanted.requests is None and wanted.latency_p95 is None and wanted.duration is None
    return _warmed(warmth, seconds, "its time is up" if plain else "its time is up before that", met=plain)


def _met(wanted: PreWarm, warmth: Warmth, seconds: float) -> str:
    if wanted.requests is not None and warmth.answered >= wanted.requests:
        return f"{wanted.requests} were wanted"
    if wanted.duration is not None and seconds >= wanted.duration.total_seconds():
        return f"{wanted.duration.total_seconds():g} s were wanted"
    found = _p95(warmth.latest)
    if wanted.latency_p95 is not None and found is not None and found <= wanted.latency_p95.total_seconds():
        return f"95 % of the latest within {wanted.latency_p95.total_seconds() * 1000:g} ms"
    return ""


def _p95(latest: tuple[float, ...]) -> float | None:
    if len(latest) < ENOUGH:
        return None
    return sorted(latest)[math.ceil(len(latest) * 0.95) - 1]


def _warmed(warmth: Warmth, seconds: float, why: str, *, met: bool) -> Warmed:
    failed = f", {warmth.bad} of them failed" if warmth.bad else ""
    words = f"pre-warmed with {warmth.answered} requests{failed} in {seconds:.1f} s: {why}"
    return Warmed(warmth.answered, round(seconds, 3), met, words)
