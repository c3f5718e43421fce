"""Drift of networks and volumes: those that the serving state needs and that are gone, or made anew by someone."""

from collections.abc import Iterator
from datetime import datetime

from gitopsd.engine_json.labels import other_options
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem, FieldDrift
from gitopsd.model.live import LiveState


def networks(serving: SealedState, live: LiveState, now: datetime) -> Iterator[DriftItem]:
    """Networks that a service joins, external ones excepted."""
    joined = {attachment.network for sealed in serving.services.values() for attachment in sealed.service.networks}
    present = {network.name: network for network in live.networks}
    for key, network in sorted(serving.desired.networks.items()):
        if key not in joined or network.external:
            continue
        found = present.get(network.name)
        if found is None:
            cause = f"network {network.name} is gone: removed, and not by gitopsd"
            yield DriftItem("network", network.name, "", "", "missing", cause, now, now, cure="recreate")
            continue
        wanted = serving.resources.get(f"network {key}", "")
        if other_options(found.options_digest, wanted):
            cause = f"network {network.name} was made with other settings"
            changes = (FieldDrift(("options",), wanted, wanted, found.options_digest, "manifest", "recreate"),)
            yield DriftItem("network", network.name, "", "", "modified", cause, now, now, "open", changes, "recreate")


def volumes(serving: SealedState, live: LiveState, now: datetime) -> Iterator[DriftItem]:
    """Named volumes, external ones excepted. A missing one can be made anew; what was in it is lost."""
    present = {volume.name for volume in live.volumes}
    for _, volume in sorted(serving.desired.volumes.items()):
        if not volume.external and volume.name not in present:
            cause = f"volume {volume.name} is gone, and its data with it: removed, and not by gitopsd"
            yield DriftItem("volume", volume.name, "", "", "missing", cause, now, now, cure="recreate")
