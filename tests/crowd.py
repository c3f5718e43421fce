"""Many services that have been served for long, put there as they stand instead of one action after the other."""

from typing import Any

from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal, Placed, Serving
from gitopsd.release.opening import target_of
from tests.builders import PROJECT, a_service, a_state
from tests.daemon import Daemon
from tests.world import Box

REPLICAS = 10


def crowd(services: int, image: str) -> SealedState:
    """So many services of ten instances each; a new image goes into all slots at once."""
    how: dict[str, Any] = {"replicas": REPLICAS, "parallelism": 0, "min_ready": 0}
    return a_state(*(a_service(f"s{number}", image, **how) for number in range(services)))


def served(state: SealedState) -> Daemon:
    """A daemon of whose state everything runs, and which has nothing to do."""
    daemon = Daemon().commit(state)
    world, placed = daemon.world, {}
    for sealed in state.services.values():
        for slot in range(1, sealed.service.replicas + 1):
            box = _running(daemon, sealed.service.name, slot, sealed.fingerprint, sealed.in_place)
            world.boxes[box.id] = box
            placed[box.id] = Placed(box.service, slot, box.fingerprint, box.limits, 1, box.name)
    networks = {network.name: f"net {network.name}" for network in state.desired.networks.values()}
    world.networks, daemon.number = networks, 1
    daemon.journal = Journal(
        "production",
        PROJECT,
        serving=Serving(1, state.revision, state.revision, state.input_digest, state.content_digest),
        stable={name: target_of(sealed) for name, sealed in state.services.items()},
        inventory=placed,
        networks=frozenset(networks),
    )
    return daemon


def _running(daemon: Daemon, service: str, slot: int, fingerprint: str, limits: str) -> Box:
    now, number = daemon.world.now, next(daemon.world.numbers)
    name = f"{PROJECT}-{service}-{slot}"
    box = Box(f"c{number}", name, service, slot, 1, fingerprint, now, "always", limits, frozenset(), {})
    box.state, box.started_at = "running", now
    return box
