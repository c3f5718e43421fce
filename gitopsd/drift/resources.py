"""Drift of networks and volumes: those that the serving state needs and that are gone, or made anew by someone.

Neither can be changed while it is there, and which of them may go is a person's decision: what differs is only told.
"""

from collections.abc import Iterator
from datetime import datetime

from gitopsd.engine_json import expected_network, expected_volume, other_options
from gitopsd.engine_json.comparison import Difference, owned_differences
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Network, SealedState, Volume
from gitopsd.model.drift import DriftItem, FieldDrift
from gitopsd.model.live import LiveNetwork, LiveState, LiveVolume


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
        elif changes := _changes(network, found, serving.resources.get(f"network {key}", "")):
            cause = f"network {network.name} was made anew with other settings; remove it once nothing is in it"
            yield DriftItem("network", network.name, "", "", "modified", cause, now, now, "open", changes)


def volumes(serving: SealedState, live: LiveState, now: datetime) -> Iterator[DriftItem]:
    """Named volumes, external ones excepted. A missing one can be made anew; what was in it is lost."""
    present = {volume.name: volume for volume in live.volumes}
    for key, volume in sorted(serving.desired.volumes.items()):
        if volume.external:
            continue
        found = present.get(volume.name)
        if found is None:
            cause = f"volume {volume.name} is gone, and its data with it: removed, and not by gitopsd"
            yield DriftItem("volume", volume.name, "", "", "missing", cause, now, now, cure="recreate")
        elif changes := _changes(volume, found, serving.resources.get(f"volume {key}", "")):
            cause = f"volume {volume.name} was made anew with other settings; gitopsd touches no volume"
            yield DriftItem("volume", volume.name, "", "", "modified", cause, now, now, "open", changes)


def _changes(wanted: Network | Volume, found: LiveNetwork | LiveVolume, made: str) -> tuple[FieldDrift, ...]:
    """Field by field; where all that shows is alike, the label of what it was made from may tell still."""
    unlike = tuple(_field(each, wanted) for each in _differences(wanted, found))
    if unlike or not other_options(found.options_digest, made):
        return unlike
    return (FieldDrift(("options",), made, made, found.options_digest, "manifest", "none"),)


def _differences(wanted: Network | Volume, found: LiveNetwork | LiveVolume) -> tuple[Difference, ...]:
    """Of what Compose or a person made, and was adopted, the lesser settings may be as they were then."""
    if not found.fields:
        return ()
    match wanted:
        case Network():
            unlike = owned_differences(expected_network(wanted), found.fields, "network")
        case Volume():
            unlike = owned_differences(expected_volume(wanted), found.fields, "volume")
    return tuple(each for each in unlike if found.options_digest or each.field.severity != "low")


def _field(each: Difference, wanted: Network | Volume) -> FieldDrift:
    applied, live = _shown(each, each.wanted, wanted), _shown(each, each.live, wanted)
    source = "declared" if each.wanted is not None else "changed by hand"
    return FieldDrift(each.path, applied, applied, live, source, "none")


def _shown(each: Difference, value: Json, wanted: Network | Volume) -> Json:
    """A secret in an option of the manifest hides whatever stands there."""
    key = each.path[0].partition(".")[0]
    secret = any(path[0] == key for path in wanted.hidden)
    return {"hidden": ""} if secret and value is not None else value
