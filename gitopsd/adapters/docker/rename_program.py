"""A program of a few instructions that renames one file: the one thing that the engine's API cannot do at one moment.

Images without any program (`FROM scratch`) are common, so it comes along: a static executable without libraries, which
makes two system calls, rename and exit, and ends with the error number of the first.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Final

_BASE: Final = 0x400000
_HEADERS: Final = 64 + 56
_LITTLE_ENDIAN_64: Final = b"\x7fELF\x02\x01\x01" + bytes(9)


def rename_program(architecture: str, old: str, new: str) -> bytes | None:
    """The executable for an engine's architecture, as the engine calls it; None where none is known for it."""
    made = _MACHINES.get(architecture)
    if made is None:
        return None
    machine, code = made
    length = len(code(0, 0))
    first = _BASE + _HEADERS + length
    text = code(first, first + len(old.encode()) + 1) + old.encode() + b"\0" + new.encode() + b"\0"
    size = _HEADERS + len(text)
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    return _LITTLE_ENDIAN_64 + header + segment + text


def _amd64(old: int, new: int) -> bytes:
    return b"".join(
        (
            b"\xb8" + struct.pack("<I", 82),  # mov eax, rename
            b"\xbf" + struct.pack("<I", old),  # mov edi, old
            b"\xbe" + struct.pack("<I", new),  # mov esi, new
            b"\x0f\x05",  # syscall
            b"\xf7\xd8",  # neg eax
            b"\x89\xc7",  # mov edi, eax
            b"\xb8" + struct.pack("<I", 60),  # mov eax, exit
            b"\x0f\x05",  # syscall
        )
    )


def _arm64(old: int, new: int) -> bytes:
    def move(register: int, value: int) -> tuple[int, int]:
        """movz register, low half; movk register, high half."""
        low, high = value & 0xFFFF, value >> 16
        return 0xD2800000 | low << 5 | register, 0xF2A00000 | high << 5 | register

    here = (0x92800C60, 0xAA0003E2)  # mov x0, AT_FDCWD; mov x2, x0
    call, negate = 0xD4000001, 0xCB0003E0  # svc 0; neg x0, x0
    words = (*here, *move(1, old), *move(3, new), *move(4, 0), *move(8, 276), call, negate, *move(8, 93), call)
    return struct.pack(f"<{len(words)}I", *words)


_MACHINES: Final[Mapping[str, tuple[int, Callable[[int, int], bytes]]]] = {
    "amd64": (62, _amd64),
    "x86_64": (62, _amd64),
    "arm64": (183, _arm64),
    "aarch64": (183, _arm64),
}
