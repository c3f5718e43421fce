"""A secret of the host: its name, its value, and where and since when it lies there."""

import re
from dataclasses import dataclass, field
from datetime import datetime

SECRET_NAME_MEND = "write at most 64 letters, digits and _.- with a letter or digit first"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def is_secret_name(text: str) -> bool:
    """Whether it can be the name of a secret, and so of a file: no path, nothing hidden, no longer than Docker's."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class HostFile:
    """What a file of the host holds. The value is in no text of this object."""

    place: str
    data: bytes = field(repr=False)
    changed_at: datetime
