"""Jobs: services that run to their end, and their places in a release."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

JobPhase = Literal["probe", "before", "expand", "verify", "after", "contract", "on-failure"]


@dataclass(frozen=True, slots=True)
class Job:
    """A one-shot: runs once per fingerprint until it succeeded. `timeout` None: progress_deadline counts.

    `phase` is its place in a release, None for one whose place `depends_on` says. `retries`: how often it may fail
    before that counts. `idempotent`: it may run again where it was cut off and nobody knows how far it came.
    `database` is what it moves, or reads; once it has succeeded that is at the version `provides`. One that contracts
    waits for `after` since nothing needs the old shape.
    """

    timeout: timedelta | None = None
    phase: JobPhase | None = None
    retries: int = 0
    every_release: bool = False
    idempotent: bool = True
    database: str = ""
    provides: int | None = None
    after: timedelta = timedelta(0)


ONE_SHOT = Job()
