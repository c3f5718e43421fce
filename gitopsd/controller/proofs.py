"""What an environment proves, as JSON: how long it has been well rather than since when, as clocks differ."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gitopsd.release.guarding import Proof


def shape(proof: Proof, now: datetime) -> dict[str, Any]:
    well = max((now - proof.well_since).total_seconds(), 0.0) if proof.well_since is not None else None
    return {"release": proof.release, "digests": sorted(proof.digests), "well_for_s": well}


def read(body: Mapping[str, Any], on: str, now: datetime) -> Proof:
    """What a machine answered just now, by the clock of whoever asked."""
    well = body["well_for_s"]
    since = now - timedelta(seconds=float(well)) if well is not None else None
    return Proof(body["release"], frozenset(body["digests"]), since, on=on, at=now)
