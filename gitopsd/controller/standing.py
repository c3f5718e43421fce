"""How an environment stands, as it is kept: with the engine that it is on, and the time since when it stands so."""

import re
from dataclasses import replace

from gitopsd.controller.ports import Store
from gitopsd.model.status import EnvironmentStatus


def to_keep(status: EnvironmentStatus, engine: str, store: Store) -> EnvironmentStatus | None:
    """The status to be kept; None where it is kept already."""
    status = replace(status, engine=engine)
    before = next((each for each in store.statuses() if each.name == status.name), None)
    if before is not None and _words(before) == _words(status):
        status = replace(status, since=before.since)
    return status if status != before else None


def _words(status: EnvironmentStatus) -> tuple[str, str, str, str]:
    """What must change for a status to be another one; counts and ages in its reason do not make it that."""
    return status.sync, status.health, re.sub(r"\d+", "", status.reason), status.revision
