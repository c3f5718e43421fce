"""Digests in two parts: what everybody may know, and what is secret in it, which only the store's key tells apart.

`HASH`, or where there are secrets `HASH.KEYID.HMAC`. Digests that were made with two keys can be compared in their
first part only; whether the secrets are the same, nobody but who holds the values can say.

Several digests that are compared one by one stand in a row, `ONE+NAME:TWO`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from gitopsd.model.canonical import Json, digest, keyed_digest
from gitopsd.model.desired import ContentFile

Path = tuple[str, ...]
ROW = "+"
_PARTED = re.compile(r"(?P<known>(?:[^:]+:)?[0-9a-f]{64})\.(?P<key>[0-9a-f]{8})\.(?P<secret>[0-9a-f]{32})")


def parted(known: Json, secrets: Mapping[str, str], key: bytes) -> str:
    """The digest of both parts; `secrets` are, by their names, what `keyed` made of the values."""
    return with_secrets(digest(known), secrets, key)


def with_secrets(text: str, secrets: Mapping[str, str], key: bytes) -> str:
    """A digest with the same known part and with these secrets."""
    if not secrets:
        return known_part(text)
    if not key:
        raise ValueError("secrets need a key: a plain hash could be guessed from")
    return f"{known_part(text)}.{key_id(key)}.{keyed_digest(key, secrets)[:32]}"


def keyed(key: bytes, value: Json) -> str:
    """`KEYID:HMAC`: what stands for one secret value."""
    return f"{key_id(key)}:{keyed_digest(key, value)[:32]}"


def keyed_content(key: bytes, files: Iterable[ContentFile]) -> str:
    """What stands for secret content, whatever the modes of its files."""
    return keyed(key, {file.path: sha256(file.data).hexdigest() for file in files})


def key_id(key: bytes) -> str:
    """What tells one key from another, and nothing about it."""
    return digest(key.hex())[:8]


def secret_part(text: str) -> str:
    """`KEYID:HMAC` of a digest in two parts; "" where nothing in it is secret."""
    found = [each for each in map(_PARTED.fullmatch, text.split(ROW)) if each]
    return ROW.join(f"{each['key']}:{each['secret']}" for each in found)


def same_but_for_the_key(one: str, other: str) -> bool:
    """Whether two digests were made with two keys, and agree in what can be compared nevertheless."""
    if one == other or known_part(one) != known_part(other):
        return False
    both = [pair for pair in zip(one.split(ROW), other.split(ROW), strict=True) if pair[0] != pair[1]]
    return all(_by_another_key(*map(_PARTED.fullmatch, pair)) for pair in both)


def known_part(text: str) -> str:
    """What can be compared whatever the key."""
    found = [(_PARTED.fullmatch(each), each) for each in text.split(ROW)]
    return ROW.join(parts["known"] if parts else each for parts, each in found)


def differing(one: str, other: str) -> tuple[str, ...]:
    """The names of the digests of two rows that are not in both alike; the first one's is ""."""
    first, second = (dict(map(_by_name, enumerate(text.split(ROW)))) for text in (one, other))
    return tuple(name for name in dict.fromkeys((*first, *second)) if first.get(name) != second.get(name))


def with_first(text: str, of: str) -> str:
    """A row with the first digest of another one."""
    return ROW.join((of.split(ROW)[0], *text.split(ROW)[1:]))


def _by_name(numbered: tuple[int, str]) -> tuple[str, str]:
    number, text = numbered
    return (text.partition(":")[0] if number else "", text)


def _by_another_key(first: re.Match[str] | None, second: re.Match[str] | None) -> bool:
    return bool(first and second and first["key"] != second["key"])


def changed_secrets(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """The names whose values, given as `keyed`, differ for certain: of those of another key nobody knows."""
    both = sorted(before.keys() & after.keys())
    return tuple(
        name
        for name in both
        if before[name] != after[name] and before[name].partition(":")[0] == after[name].partition(":")[0]
    )


def without_secrets(
    options: Mapping[str, Json], hidden: Iterable[Path], stand_in: Callable[[Json], Json] = lambda _: True
) -> dict[str, Json]:
    """The options with `{"hidden": STAND_IN}` in place of each value that stands at a hidden path."""
    found = dict(options)
    for path in hidden:
        _hide(found, path, stand_in)
    return found


def secrets_in(options: Mapping[str, Json], hidden: Iterable[Path], key: bytes, prefix: str = "") -> dict[str, str]:
    """What `keyed` makes of the values at the hidden paths, by dotted name."""
    found: dict[str, str] = {}
    for path in hidden:
        value, deep = options.get(path[0]), 1
        while deep < len(path) and isinstance(value, Mapping):
            value, deep = value.get(path[deep]), deep + 1
        if value is not None:
            found[prefix + ".".join(path[:deep])] = keyed(key, value)
    return found


def _hide(options: dict[str, Json], path: Path, stand_in: Callable[[Json], Json]) -> None:
    name, rest = path[0], path[1:]
    value = options.get(name)
    if value is None:
        return
    if rest and isinstance(value, Mapping):
        inner = dict(value)
        _hide(inner, rest, stand_in)
        options[name] = inner
    elif not (isinstance(value, Mapping) and value.keys() == {"hidden"}):
        options[name] = {"hidden": stand_in(value)}
