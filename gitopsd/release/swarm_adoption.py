"""Adoption on a swarm: services that are as the manifest wants take their place in the journal as they run. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from gitopsd.model.desired import SealedState
from gitopsd.model.event import Event
from gitopsd.model.release import Journal, Release
from gitopsd.release.adoption import Deed, adopting
from gitopsd.release.opening import serving_of, target_of


def adopt_services(
    journal: Journal, state: SealedState, replicas: Mapping[str, int], networks: frozenset[str], deed: Deed
) -> tuple[Journal, Release, tuple[Event, ...]]:
    """The journal that knows the services, and the release in the ledger that stands for them.

    `replicas` are what the services have that are taken over, `networks` those that are the project's by now.
    """
    targets = {name: replace(target_of(state.services[name]), replicas=count) for name, count in replicas.items()}
    made = {each.name for each in state.desired.networks.values() if not each.external}
    taken = replace(
        journal,
        project=state.desired.project,
        stable={**journal.stable, **targets},
        networks=journal.networks | (networks & made),
        rejected={},
        repairs={},
    )
    release = _release(taken, state, deed)
    events = tuple(_told(name, taken, deed) for name in sorted(replicas))
    return replace(taken, serving=serving_of(release)), release, events


def _release(journal: Journal, state: SealedState, deed: Deed) -> Release:
    wanted = {name: target_of(sealed).replicas for name, sealed in state.services.items()}
    unlike = sorted(
        name for name, count in wanted.items() if name not in journal.stable or journal.stable[name].replicas != count
    )
    return adopting(journal, state, deed, f"what runs in stack {state.desired.project}", ", ".join(unlike))


def _told(service: str, journal: Journal, deed: Deed) -> Event:
    message = f"service {journal.project}_{service} adopted by {deed.by}, as the manifest wants it"
    return Event(deed.at, "ServiceAdopted", message, "info", journal.environment, service, deed.number)
