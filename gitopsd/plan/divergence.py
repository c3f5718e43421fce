"""Networks and volumes that exist with other settings than the manifest says: found, told, and never replaced.

A network is in use by running containers and a volume holds data; which of them may go is a person's decision.
"""

from collections.abc import Iterator

from gitopsd.engine_json import other_options
from gitopsd.model.desired import DesiredState, SealedState
from gitopsd.model.errors import Place, Problem
from gitopsd.model.live import LiveState


def divergences(wanted: SealedState, live: LiveState) -> tuple[Problem, ...]:
    """One problem per network or volume whose settings have changed since it was created."""
    return (*_networks(wanted, live), *_volumes(wanted, live))


def _networks(wanted: SealedState, live: LiveState) -> Iterator[Problem]:
    desired = wanted.desired
    there = {network.name: network for network in live.networks}
    for key, network in sorted(desired.networks.items()):
        found = there.get(network.name)
        made = wanted.resources.get(f"network {key}", "")
        if found is not None and not network.external and other_options(found.options_digest, made):
            yield Problem(
                _place(desired),
                f"networks.{key}",
                f"network {network.name} was created with other settings; give the changed one a new name, "
                f"or take the environment down with `gitopsd remove {desired.environment}` first",
            )


def _volumes(wanted: SealedState, live: LiveState) -> Iterator[Problem]:
    desired = wanted.desired
    there = {volume.name: volume for volume in live.volumes}
    for key, volume in sorted(desired.volumes.items()):
        found = there.get(volume.name)
        made = wanted.resources.get(f"volume {key}", "")
        if found is not None and not volume.external and other_options(found.options_digest, made):
            yield Problem(
                _place(desired),
                f"volumes.{key}",
                f"volume {volume.name} was created with other settings, and holds data; give the changed one a new "
                "name and move the data, or restore the old settings",
            )


def _place(desired: DesiredState) -> Place:
    """The file that the services stand in; a network's own line is not known here."""
    return Place(min((service.place.file for service in desired.services.values()), default=desired.environment))
