"""Values that containers hold and that the host has no more: an old container still says them, after a restart too."""

from collections.abc import Sequence
from contextlib import suppress

from gitopsd.controller.masking import Secrecy, values_of
from gitopsd.controller.ports import EngineView
from gitopsd.engine_json.secrets import secret_mounts
from gitopsd.model.desired import SealedState, Service
from gitopsd.model.errors import EngineRefused
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal

MOST_BYTES = 9 << 20  # more than any secret file may have


def meet_instances(
    secrecy: Secrecy, journal: Journal, live: LiveState, states: Sequence[SealedState | None], engine: EngineView
) -> None:
    """Learn what our containers have in the fields and files that `states` hide; each container once."""
    services = [each for state in states if state is not None for each in state.services.values() if each.secrets]
    for instance in live.instances if services else ():
        placed = journal.inventory.get(instance.id)
        if placed is None or secrecy.has_met(placed.fingerprint) or secrecy.has_met(instance.id):
            continue
        for sealed in services:
            if sealed.service.name == placed.service:
                _meet(secrecy, instance, sealed.service, engine)
        secrecy.meet((instance.id,))


def _meet(secrecy: Secrecy, instance: Instance, service: Service, engine: EngineView) -> None:
    secrecy.learn(values_of(service, instance.fields))
    for mount in secret_mounts(service):
        with suppress(EngineRefused):  # by a proxy in front of it, or as the container is gone
            found = engine.read(instance.id, mount.target, MOST_BYTES) or ()
            secrecy.learn(file.data.decode(errors="replace") for file in found)
