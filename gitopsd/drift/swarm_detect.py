"""The drift of one environment on a swarm: services and their tasks first, then what they stand on."""

from collections.abc import Mapping
from datetime import datetime

from gitopsd.drift.swarm import Hiding, swarm_drift
from gitopsd.drift.swarm_ground import ground_drift
from gitopsd.drift.swarm_tasks import task_drift
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmSpec, SwarmState

UNSEEN = (
    "files inside containers",
    "what is done by hand to a container on its node, but to end it (docker update, pause, exec): no manager is told",
    "what lies in binds and volumes of the nodes",
)


def drift_on_swarm(
    journal: Journal,
    serving: SealedState | None,
    live: SwarmState,
    told: Mapping[str, SwarmSpec],
    hiding: Hiding,
    now: datetime,
) -> tuple[DriftItem, ...]:
    """Everything that is not as we left it. `told` is what each service was told, by its name in the manifest."""
    return (
        *swarm_drift(journal, live, told, hiding, now),
        *task_drift(journal, serving, live, told, hiding, now),
        *ground_drift(journal, serving, live, told, now),
    )
