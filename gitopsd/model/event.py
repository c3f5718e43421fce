"""Events: what happened and why, as kept in the ledger and shown by `events` and `why`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitopsd.model.canonical import Json

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """`reason` is a word in CamelCase (`ReleaseStarted`, `ActionDone`), `message` prose with the cause in it.

    `number` is the store's, 0 until stored.
    """

    at: datetime
    reason: str
    message: str
    severity: Severity = "info"
    environment: str = ""
    service: str = ""
    release: int | None = None
    data: Mapping[str, Json] = field(default_factory=dict)
    number: int = 0
