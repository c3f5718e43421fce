"""Values in the units that people write them in."""

from datetime import timedelta

_BYTES = ("memory", "memory_swap", "memory_reservation", "shm_size")
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_NANO = 10**9


def in_units(field: str, value: int) -> str:
    """`64MiB` of a `resources.memory`, `0.5` of a `resources.cpus`; any other field's value as it is."""
    name = field.removeprefix("resources.")
    if name in _BYTES:
        return next((f"{value // size}{unit}" for size, unit in _UNITS if value and value % size == 0), str(value))
    return f"{value / _NANO:g}" if name == "cpus" else str(value)


def span_text(span: timedelta) -> str:
    """A time as people write it: `30m`, `1d12h`; parts of a second are left out."""
    left, found = int(span.total_seconds()), ""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        many, left = divmod(left, seconds)
        found += f"{many}{unit}" if many else ""
    return found or "0s"
