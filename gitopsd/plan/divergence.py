"""Networks and volumes that exist with other settings than the manifest says: found, told, and never replaced.

A network is in use by running containers and a volume holds data; which of them may go is a person's decision.
"""

from collections.abc import Iterator

from gitopsd.engine_json import options_digest
from gitopsd.model.desired import DesiredState, Network, Volume
from gitopsd.model.errors import Place, Problem
from gitopsd.model.live import LiveNetwork, LiveState, LiveVolume


def divergences(desired: DesiredState, live: LiveState) -> tuple[Problem, ...]:
    """One problem per network or volume whose settings have changed since it was created."""
    return (*_networks(desired, live), *_volumes(desired, live))


def _networks(desired: DesiredState, live: LiveState) -> Iterator[Problem]:
    there = {network.name: network for network in live.networks}
    for key, network in sorted(desired.networks.items()):
        found = there.get(network.name)
        if found is not None and not network.external and _changed(network, found):
            yield Problem(
                _place(desired),
                f"networks.{key}",
                f"network {network.name} was created with other settings; give the changed one a new name, "
                f"or take the environment down with `gitopsd remove {desired.environment}` first",
            )


def _volumes(desired: DesiredState, live: LiveState) -> Iterator[Problem]:
    there = {volume.name: volume for volume in live.volumes}
    for key, volume in sorted(desired.volumes.items()):
        found = there.get(volume.name)
        if found is not None and not volume.external and _changed(volume, found):
            yield Problem(
                _place(desired),
                f"volumes.{key}",
                f"volume {volume.name} was created with other settings, and holds data; give the changed one a new "
                "name and move the data, or restore the old settings",
            )


def _changed(wanted: Network | Volume, found: LiveNetwork | LiveVolume) -> bool:
    """Only what bears our digest can be held against it: others were made by Compose or by hand."""
    return bool(found.options_digest) and found.options_digest != options_digest(wanted.options)


def _place(desired: DesiredState) -> Place:
    """The file that the services stand in; a network's own line is not known here."""
    return Place(min((service.place.file for service in desired.services.values()), default=desired.environment))
