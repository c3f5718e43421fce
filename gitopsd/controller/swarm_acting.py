"""Acting on a swarm: what services are told, one call for each action, and taking an environment down there."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gitopsd.controller.desire import Desire, Desires
from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Store
from gitopsd.controller.removal import Removal, suspended
from gitopsd.controller.swarm_port import Swarm
from gitopsd.drift.swarm import forced
from gitopsd.drift.swarm_left import as_others_left_it
from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT
from gitopsd.engine_json.routed import TASKS_NETWORK
from gitopsd.engine_json.swarm_adopted import adopted, as_adopted
from gitopsd.engine_json.swarm_router import routed_overlay
from gitopsd.engine_json.swarm_spec import STACK, swarm_labels, swarm_network, swarm_spec
from gitopsd.model.desired import DesiredState, SealedState
from gitopsd.model.errors import EngineRefused, GitopsdError
from gitopsd.model.live import LiveState
from gitopsd.model.release import Hold, Journal
from gitopsd.model.rollout import Target
from gitopsd.model.swarm import (
    DropNetwork,
    DropObject,
    DropService,
    MakeNetwork,
    RenewLogin,
    SendService,
    SwarmAction,
    SwarmSpec,
    SwarmState,
)


@dataclass(frozen=True, slots=True)
class Telling:
    """What services are told, from the states at hand or the ledger's revisions. `key` is the store's.

    What was made once is remembered in `made`, for as long as the states are the same. One that
    was adopted stays in the words that it was found in, as `live` has it.
    """

    desires: Desires
    environment: Environment
    states: tuple[SealedState | None, ...]
    key: bytes
    live: SwarmState
    made: dict[tuple[str, str, str, int, bool], SwarmSpec] = field(default_factory=dict)

    def __call__(self, service: str, target: Target, *, canary: bool = False) -> SwarmSpec:
        """GitopsdError: its specification is no longer at hand."""
        named = (service, target.fingerprint, target.in_place)
        how = (target.replicas, canary)
        spec = self.made.get((*named, *how))
        if spec is None:
            found = self.desires.specification(self.environment, self.states, named)
            desired = as_it_began(found.desired, self.environment)
            spec = swarm_spec(found.sealed, desired, key=self.key, replicas=target.replicas, canary=canary)
            self.made[*named, *how] = spec
        there = self.live.services.get(spec.name)
        taken = adopted(there.labels) if there is not None else None
        if there is None or taken is None or taken.fingerprint != spec.fingerprint:
            return spec
        return as_adopted(spec, taken, there.body)

    def same_as(self, other: "Telling") -> bool:
        """Whether the other one has the same to go by, but for what is there."""
        mine, theirs = ((each.environment, each.key, each.states) for each in (self, other))
        return mine == theirs

    def known(self, journal: Journal) -> Mapping[str, SwarmSpec]:
        """What serves was told, by service, as far as that is at hand."""
        found: dict[str, SwarmSpec] = {}
        for name, target in journal.stable.items():
            with suppress(GitopsdError):
                found[name] = self(name, target)
        return found


def as_it_began(desired: DesiredState, environment: Environment) -> DesiredState:
    """With the name that the environment began under: a new one is no reason for Swarm to make all tasks anew."""
    return replace(desired, environment=environment.first_name or environment.name)


def live_state(state: SwarmState) -> LiveState:
    """What of a swarm also a plain engine has."""
    return LiveState(networks=state.networks, owner=state.owner)


def foreign_services(project: str, journal: Journal, desire: Desire, state: SwarmState) -> tuple[Hold, ...]:
    """A hold while services of the project's names were made by somebody else."""
    wanted = {f"{project}_{name}" for name in (*journal.stable, *desire.services)}
    others = sorted(
        each.name
        for each in state.services.values()
        if each.name in wanted and each.labels.get(ENVIRONMENT) not in journal.names
    )
    if not others:
        return ()
    mend = f"`gitopsd adopt {project}` takes them over as they run, or give the environment another project"
    return (Hold("foreign", f"{', '.join(others)} were not made by gitopsd; {mend}"),)


def carry_out(action: SwarmAction, swarm: Swarm, desired: DesiredState, state: SwarmState, key: bytes) -> None:
    """Do it; doing it twice is harmless."""
    match action:
        case MakeNetwork(network=network, name=name):
            swarm.create_network(name, swarm_network(desired.networks[network], desired, key))
        case DropNetwork(id=id):
            swarm.remove_network(id)
        case SendService(id=id, version=version, target=target, spec=spec):
            if target.routed:
                swarm.create_network(TASKS_NETWORK, routed_overlay())
            swarm.create_objects(spec.objects, swarm_labels(desired.project, desired.environment))
            if id:
                there = state.services.get(spec.name)
                told = as_others_left_it(spec, there) if there is not None else spec
                swarm.update_service(id, version, told, _forced(spec, state))
            else:
                swarm.create_service(spec)
        case RenewLogin(id=id, version=version, spec=spec):
            swarm.update_service(id, version, spec, forced(spec.body))
        case DropService(id=id):
            swarm.remove_service(id)
        case DropObject(kind=kind, id=id):
            swarm.remove_object(kind, id)


def _forced(spec: SwarmSpec, state: SwarmState) -> int:
    """The count of forced updates that a service has: another one would make all tasks anew, as they are."""
    service = state.services.get(spec.name)
    same = service is not None and service.labels.get(FINGERPRINT) == spec.fingerprint
    return forced(service.body) if service is not None and same else 0


def remove_from_swarm(journal: Journal, swarm: Swarm, store: Store, removal: Removal) -> str:
    """Take an environment down: its services, then what they had; volumes stay on their nodes."""
    state = swarm.look(journal.project) if journal.project else SwarmState()
    if state.owner not in ("", store.instance_id()):
        return f"refused: project {journal.project} belongs to another gitopsd ({state.owner[:8]})"
    ours = [each for each in state.services.values() if each.labels.get(ENVIRONMENT) in journal.names]
    for service in ours:
        swarm.remove_service(service.id)
    left = [each.name for each in _dropped(swarm, state, journal)]
    swarm.disclaim(journal.project)
    store.forget(journal.environment)
    still = "".join(f"; network {name} is still in use" for name in left)
    return f"{len(ours)} services removed, volumes stay{still}{suspended(journal, store, removal)}"


def _dropped(swarm: Swarm, state: SwarmState, journal: Journal) -> Iterable[DropNetwork]:
    """Configs, secrets and networks go; those networks that could not, as tasks are only just ending."""
    for each in (each for each in state.objects if each.ours):
        with suppress(EngineRefused):
            swarm.remove_object(each.kind, each.id)
    for network in state.networks:
        if network.name in journal.networks and STACK in network.labels:
            try:
                swarm.remove_network(network.id)
            except EngineRefused:
                yield DropNetwork(network.id, network.name, "")


def telling(
    desires: Desires, environment: Environment, states: tuple[SealedState | None, ...], key: bytes, live: SwarmState
) -> Telling:
    return Telling(desires, environment, states, key, live)
