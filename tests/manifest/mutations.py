"""Turns input into input that nobody would write: bytes and lines are changed, cut, repeated, put together."""

from collections.abc import Callable, Sequence
from random import Random

WORDS = tuple(
    word.encode()
    for word in (
        *("{", "}", "[", "]", ": ", "- ", ", ", "#", "&a ", "*a ", "<<: *a", "!reset ", "!override ", "!!str "),
        *("'", '"', "|\n", ">-\n", "---\n", "...\n", "? ", "\t", "\n", "\r\n", "\0", "\x85", "\ufeff", "\u2028", "é"),
        *("$", "$$", "${", "${A", "${A:-", "${A:?", "}", "${A:-${B:+c}}", "\\", "\\n", "%TAG", "~", "null", "yes"),
        *("1e400", "-0", "0x", ".inf", "99999999999999999999", "1_0", "22:22", "-1s", "1e99", "NaN", "2026-01-01"),
        *("services:", "services", "web", "extends: ", "include: ", "file: ", "path: ", "image: ", "ports: "),
        *("depends_on: ", "deploy: ", "x-a: ", "configs: ", "content: ", "environment: ", "name: ", "profiles: "),
        *("export ", "=", "A=", "A='", 'A="', "../", "/", "~/", "..", "a" * 300, "https://x", "oci://x", "0o17"),
    )
)


def mutated(data: bytes, others: Sequence[bytes], random: Random, most: int = 6) -> bytes:
    """The data after one to `most` changes; `others` are what it may be put together with."""
    for _ in range(random.randint(1, most)):
        data = random.choice(_CHANGES)(data, others, random)
    return data


def _span(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + int(random.expovariate(0.1)))


def _flip(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(data)) if data else 0
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _cut(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    start, end = _span(data, random)
    return data[:start] + data[end:]


def _repeat(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    start, end = _span(data, random)
    return data[:start] + data[start:end] * random.choice((2, 3, 70, 400)) + data[end:]


def _insert(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(WORDS) + data[at:]


def _splice(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _swap_lines(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    lines = data.split(b"\n")
    here, there = random.randrange(len(lines)), random.randrange(len(lines))
    lines[here], lines[there] = lines[there], lines[here]
    return b"\n".join(lines)


def _indent(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    lines[at] = b" " * random.randrange(9) + lines[at].lstrip()
    return b"\n".join(lines)


_CHANGES: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    *(_flip, _cut, _repeat, _insert, _insert, _splice, _swap_lines, _indent),
)
