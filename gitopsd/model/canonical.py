"""One way to write a value down, so that equal values have equal hashes whatever the order of their keys."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def canonical(value: Json) -> bytes:
    """JSON with sorted keys and no white space, UTF-8. Lists keep their order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def digest(value: Json) -> str:
    """SHA-256 of the canonical form, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def keyed_digest(key: bytes, value: Json) -> str:
    """HMAC-SHA-256 of the canonical form: what may be written down in place of a secret value."""
    return hmac.new(key, canonical(value), hashlib.sha256).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | frozenset | set):
        return sorted(value) if isinstance(value, frozenset | set) else list(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")
