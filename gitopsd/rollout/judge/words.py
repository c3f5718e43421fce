"""Numbers of the judge as people read them."""

import math

_BYTES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def time(seconds: float) -> str:
    return f"{seconds * 1000:.4g}ms" if seconds < 1 else f"{seconds:.4g}s"


def amount(bytes_: float) -> str:
    for size, name in _BYTES:
        if bytes_ >= size:
            return f"{bytes_ / size:.3g} {name}"
    return f"{bytes_:.3g} bytes"


def odds(log_evidence: float) -> str:
    """Evidence that is e to this, as so many to 1."""
    return f"{math.exp(min(log_evidence, math.log(1e6))):,.0f} to 1"


def several(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
