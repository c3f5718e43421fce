"""Operations: what a person asks of the daemon. Command line and daemon meet at the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitopsd.model.canonical import Json

Verb = Literal[
    "sync",
    "heal",
    "suspend",
    "resume",
    "pause",
    "promote",
    "abort",
    "retry",
    "pin",
    "unpin",
    "approve",
    "deny",
    "adopt",
    "eject",
    "remove",
]


@dataclass(frozen=True, slots=True)
class Operation:
    """`arguments` are the verb's (`pull`, `for_s`, `reason`, `service`). With `rollout`, `resume` is about a release.

    `number` is the store's; `result` is set at its end.
    """

    verb: Verb
    environment: str
    by: str
    at: datetime
    arguments: Mapping[str, Json] = field(default_factory=dict)
    number: int = 0
    done_at: datetime | None = None
    result: str = ""
