"""Networks and volumes that exist with other settings than the manifest says: found, told, and never replaced.

A network is in use by running containers and a volume holds data; which of them may go is a person's decision.
"""

from collections.abc import Iterator

from gitopsd.engine_json import expected_network, expected_volume, other_options
from gitopsd.engine_json.comparison import owned_differences
from gitopsd.engine_json.field import Holder
from gitopsd.engine_json.projection import Projection
from gitopsd.engine_json.swarm_spec import with_networks_of_a_swarm
from gitopsd.model.desired import DesiredState, Network, SealedState, Volume
from gitopsd.model.errors import Place, Problem
from gitopsd.model.live import LiveNetwork, LiveState, LiveVolume


def divergences(wanted: SealedState, live: LiveState) -> tuple[Problem, ...]:
    """One problem per network or volume whose settings have changed since it was created."""
    return (*_networks(wanted, live), *_volumes(wanted, live))


def _networks(wanted: SealedState, live: LiveState) -> Iterator[Problem]:
    swarm = any(service.deploy is not None for service in wanted.desired.services.values())
    desired = with_networks_of_a_swarm(wanted).desired if swarm else wanted.desired
    there = {network.name: network for network in live.networks}
    for key, network in sorted(desired.networks.items()):
        found = there.get(network.name)
        made = wanted.resources.get(f"network {key}", "")
        if found is not None and not network.external and (how := _how(network, found, made)) is not None:
            yield Problem(
                _place(desired),
                f"networks.{key}",
                f"network {network.name} was created with other settings{how}; give the changed one a new name, "
                f"or take the environment down with `gitopsd remove {desired.environment}` first",
            )


def _volumes(wanted: SealedState, live: LiveState) -> Iterator[Problem]:
    desired = wanted.desired
    there = {volume.name: volume for volume in live.volumes}
    for key, volume in sorted(desired.volumes.items()):
        found = there.get(volume.name)
        made = wanted.resources.get(f"volume {key}", "")
        if found is not None and not volume.external and (how := _how(volume, found, made)) is not None:
            yield Problem(
                _place(desired),
                f"volumes.{key}",
                f"volume {volume.name} was created with other settings{how}, and holds data; give the changed one a "
                "new name and move the data, or restore the old settings",
            )


def _how(wanted: Network | Volume, found: LiveNetwork | LiveVolume, made: str) -> str | None:
    """How it differs, in words; None where it does not.

    What bears our digest is held against that; what Compose or a person made, against the settings that it shows.
    """
    if found.options_digest:
        return "" if other_options(found.options_digest, made) else None
    if not found.fields:
        return None
    holder, asked = _asked(wanted)
    unlike = [each.name for each in owned_differences(asked, found.fields, holder) if each.field.severity != "low"]
    return f" ({', '.join(unlike)})" if unlike else None


def _asked(wanted: Network | Volume) -> tuple[Holder, Projection]:
    match wanted:
        case Network():
            return "network", expected_network(wanted)
        case Volume():
            return "volume", expected_volume(wanted)


def _place(desired: DesiredState) -> Place:
    """The file that the services stand in; a network's own line is not known here."""
    return Place(min((service.place.file for service in desired.services.values()), default=desired.environment))
