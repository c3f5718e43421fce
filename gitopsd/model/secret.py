"""Secrets: of the host, by name, value and place; and how an encrypted file of a repository is told from others."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

SECRET_NAME_MEND = "write at most 64 letters, digits and _.- with a letter or digit first"
Lock = Literal["age", "sops-yaml", "sops-json", "sops-dotenv", "sops-binary"]
_AGE = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
_SOPS: tuple[tuple[Lock, re.Pattern[bytes]], ...] = (
    ("sops-binary", re.compile(rb'\A\s*\{\s*"data":\s*"ENC\[[^"]*",\s*"sops":\s*\{')),
    ("sops-json", re.compile(rb'"sops":\s*\{(?s:.*)"mac":\s*"ENC\[')),
    ("sops-yaml", re.compile(rb"^sops:\s*$(?s:.*)^\s+mac: ENC\[", re.MULTILINE)),
    ("sops-dotenv", re.compile(rb"^sops_mac=ENC\[", re.MULTILINE)),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def is_secret_name(text: str) -> bool:
    """Whether it can be the name of a secret, and so of a file: no path, nothing hidden, no longer than Docker's."""
    return _NAME.fullmatch(text) is not None


def lock_of(data: bytes) -> Lock | None:
    """How a file is encrypted; None: it is not, as far as can be told."""
    if data.startswith(_AGE):
        return "age"
    return next((lock for lock, pattern in _SOPS if pattern.search(data)), None) if b"ENC[" in data else None


@dataclass(frozen=True, slots=True)
class HostFile:
    """What a file of the host holds. The value is in no text of this object."""

    place: str
    data: bytes = field(repr=False)
    changed_at: datetime
