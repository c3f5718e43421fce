"""Platforms as people and engines write them (`linux/arm64/v8`, `aarch64`), and whether an image is for one."""

from typing import Final

_SYSTEMS: Final = frozenset(("linux", "windows", "darwin", "freebsd"))
_OTHER_NAMES: Final = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
    "i386": "386",
}


def fits(held: str, wanted: str) -> bool:
    """Only another architecture speaks against it: of variants the engine knows more."""
    machines = {_architecture(held), _architecture(wanted)}
    return "" in machines or len(machines) == 1


def _architecture(platform: str) -> str:
    """The architecture in one of its names; "" where none is named."""
    parts = [part for part in platform.lower().split("/") if part not in _SYSTEMS]
    return _OTHER_NAMES.get(parts[0], parts[0]) if parts else ""
