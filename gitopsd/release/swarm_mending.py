"""What is mended on a swarm between releases, and what goes: networks, services, and what no service has any more."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.drift.swarm import differences, healable, why
from gitopsd.engine_json.labels import ENVIRONMENT, SERVICE
from gitopsd.engine_json.swarm_spec import SPEC, STACK
from gitopsd.model.desired import SealedState
from gitopsd.model.errors import GitopsdError
from gitopsd.model.policy import REPORT_ONLY
from gitopsd.model.release import Journal, Repair
from gitopsd.model.rollout import Target
from gitopsd.model.swarm import (
    DropNetwork,
    DropObject,
    DropService,
    MakeNetwork,
    Occasion,
    SendService,
    SwarmAction,
    SwarmService,
    SwarmSpec,
    SwarmState,
)
from gitopsd.release.repairs import attempt, heals_of


@dataclass(frozen=True, slots=True)
class Means:
    """What is there, what services are told, the time, and whether anything may be mended."""

    live: SwarmState
    make: Callable[[str, Target], SwarmSpec]
    now: datetime
    repair: bool


def send(
    name: str, goal: Target, spec: SwarmSpec, service: SwarmService | None, cause: str, occasion: Occasion = "rollout"
) -> SendService:
    id, version = (service.id, service.version) if service is not None else ("", 0)
    return SendService(name, goal, spec, cause, id, version, occasion)


def missing_networks(journal: Journal, wanted: SealedState | None, means: Means) -> tuple[MakeNetwork, ...]:
    """Those that services join and that are not there, where anything is under way, or may be mended."""
    under_way = any(each.open for each in journal.rollouts.values())
    if wanted is None or not (under_way or _mends_networks(journal, wanted, repair=means.repair)):
        return ()
    there, known = {each.name for each in means.live.networks}, wanted.desired.networks
    keys = sorted({each.network for sealed in wanted.services.values() for each in sealed.service.networks})
    return tuple(
        _missing(key, known[key].name, repair=not under_way)
        for key in keys
        if key in known and not known[key].external and known[key].name not in there
        if under_way or not _waits(journal.repairs.get(f"network {known[key].name}"), means.now)
    )


def _missing(key: str, name: str, *, repair: bool) -> MakeNetwork:
    if repair:
        return MakeNetwork(key, name, f"repair: {name} was removed by hand", "repair")
    return MakeNetwork(key, name, "missing")


def _waits(last: Repair | None, now: datetime) -> bool:
    """Whether a repair was tried too lately, or is undone as often as it is made."""
    return last is not None and (now < last.not_before or last.looping)


def _mends_networks(journal: Journal, wanted: SealedState, *, repair: bool) -> bool:
    """As on a plain engine, they are mended with what else was removed."""
    paused = any(each.paused for each in journal.rejected.values())
    return repair and journal.release is None and not paused and wanted.desired.policy.heal.removed == "repair"


def heals_now(journal: Journal, wanted: SealedState | None, means: Means) -> tuple[Journal, tuple[SwarmAction, ...]]:
    """What was changed or removed by hand is told again, less and less often where somebody undoes that."""
    paused = any(each.paused for each in journal.rejected.values())
    if journal.release is not None or wanted is None or paused:
        return journal, ()
    heals: list[SwarmAction] = []
    for name, goal in sorted(journal.stable.items()):
        sealed = wanted.services.get(name)
        if name in journal.rollouts or sealed is None or sealed.fingerprint != goal.fingerprint:
            continue
        if sealed.service.job is not None:
            continue  # whatever it was told, it would run again
        spec = _told(name, goal, means)
        if spec is None:
            continue
        service = means.live.services.get(spec.name)
        allowed = heals_of(journal, wanted, name, repair=means.repair)
        how = allowed.removed if service is None else allowed.modified
        cause, last = _ailment(spec, service), journal.repairs.get(name)
        moves = service is not None and service.moves
        if not cause or how != "repair" or moves or _waits(last, means.now):
            continue
        heals.append(send(name, goal, spec, service, f"repair: {cause}", "repair"))
        journal = replace(journal, repairs={**journal.repairs, name: attempt(last, means.now)})
    return journal, tuple(heals)


def _told(name: str, goal: Target, means: Means) -> SwarmSpec | None:
    """What a service was told; None: that is no longer at hand, and until its next release nobody can say."""
    try:
        return means.make(name, goal)
    except GitopsdError:
        return None


def _ailment(spec: SwarmSpec, service: SwarmService | None) -> str:
    if service is None:
        return f"{spec.name} is gone"
    found = healable(differences(spec, service))
    return f"{spec.name} was {cause}" if found and (cause := why(spec, service, found)) else ""


def orphans(before: Journal, journal: Journal, wanted: SealedState | None, means: Means) -> tuple[DropService, ...]:
    """Services that were begun, and given up for newer content that does not have them."""
    paused = any(each.paused for each in journal.rejected.values())
    if journal.release is not None or before.release is not None or wanted is None or paused:
        return ()
    known = {*journal.stable, *journal.rollouts, *wanted.services}
    return tuple(
        DropService(name, service.id, "newer content does not have it, which came before it had arrived")
        for service in means.live.services.values()
        if SPEC in service.labels and service.labels.get(ENVIRONMENT) in journal.names
        if (name := service.labels.get(SERVICE, "")) and name not in known
        if heals_of(journal, wanted, name, repair=means.repair) != REPORT_ONLY
    )


def surplus(before: Journal, journal: Journal, wanted: SealedState | None, means: Means) -> tuple[SwarmAction, ...]:
    """Networks that left the manifest, and configs and secrets that no service has or could go back to."""
    if journal.release is not None or before.release is not None or wanted is None or journal.rollouts:
        return ()
    named = {each.name for each in wanted.desired.networks.values()}
    ours = (each for each in means.live.networks if each.name in journal.networks and STACK in each.labels)
    gone = (each for each in ours if each.name not in named)
    drops = [DropNetwork(each.id, each.name, "left the manifest") for each in gone if wanted.desired.policy.prune]
    used = {id for service in means.live.services.values() for id in service.uses}
    told = [_told(name, goal, means) for name, goal in journal.stable.items()]
    if None in told:
        return tuple(drops)
    needed = {made.name for spec in told if spec is not None for made in spec.objects}
    mine = (each for each in means.live.objects if each.ours)
    objects = (each for each in mine if each.id not in used and each.name not in needed)
    return (*drops, *(DropObject(each.kind, each.id, each.name, "no service has it any more") for each in objects))
