"""Heals of single fields: in place where the engine can; else the instance is spoilt, and a repair replaces it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.engine_json.delivered import CONTENT, EXCHANGED_CONTENT
from gitopsd.engine_json.routed import NETWORK as ROUTED_NETWORK
from gitopsd.model.action import Action, Chain, Connect, Deliver, Disconnect, Exchange, Start, Update
from gitopsd.model.desired import EXCHANGED, SealedState
from gitopsd.model.drift import FieldDrift
from gitopsd.model.parted import differing
from gitopsd.model.release import Journal
from gitopsd.release.repairs import attempt, heals_of
from gitopsd.rollout import Member
from gitopsd.rollout.member import ready_now

Drifted = Mapping[str, tuple[FieldDrift, ...]]
"""Fields that were changed by hand, by container id."""


def healable(journal: Journal, serving: SealedState | None, drifted: Drifted, *, repair: bool) -> Drifted:
    """Only the fields of services whose changes are to be mended."""
    return {
        id: fields
        for id, fields in drifted.items()
        if id in journal.inventory
        and heals_of(journal, serving, journal.inventory[id].service, repair=repair).modified == "repair"
    }


def marked(journal: Journal, drifted: Drifted) -> Journal:
    """The journal that knows which instances only a new container mends, and which were brought back meanwhile.

    Where a service is replaced over and over, somebody else wants it so, and it is left to them.
    """
    spoilt = {
        id: "" if _given_up(journal, placed.service) else _spoilt(drifted.get(id, ()))
        for id, placed in journal.inventory.items()
        if id in drifted or placed.spoilt
    }
    changed = {id: replace(journal.inventory[id], spoilt=words) for id, words in spoilt.items()}
    return replace(journal, inventory={**journal.inventory, **changed}) if changed else journal


def heal_in_place(
    journal: Journal, drifted: Drifted, members: Mapping[str, tuple[Member, ...]], now: datetime
) -> tuple[Journal, tuple[Chain, ...]]:
    """The calls that bring fields back, of services that no rollout changes, and the journal that counts them.

    No service is cured twice in a row without having been well in between, and none for ever.
    """
    chains: list[Chain] = []
    for name in sorted(set(members) - {each for each, rollout in journal.rollouts.items() if rollout.open}):
        found = [chain for member in members[name] if (chain := _cure(member, drifted.get(member.id, ())))]
        if found and _may(journal, name, now):
            chains += found
            repairs = {**journal.repairs, name: attempt(journal.repairs.get(name), now)}
            journal = replace(journal, repairs=repairs)
    return journal, tuple(chains)


def connected_first(
    chains: tuple[Chain, ...], drifted: Drifted, members: Mapping[str, tuple[Member, ...]]
) -> tuple[Chain, ...]:
    """The chains that start a container whose connections were changed meanwhile, and mend those before."""
    by_id = {member.id: member for found in members.values() for member in found if member.id in drifted}
    if not by_id:
        return chains

    def mended(action: Action) -> Iterator[Action]:
        member = by_id.get(action.container) if isinstance(action, Start) else None
        if member is not None:
            yield from _connections(member, _curable(drifted.get(member.id, ())))
        yield action

    return tuple(
        replace(each, actions=tuple(done for action in each.actions for done in mended(action))) for each in chains
    )


def noted_well(journal: Journal, members: Mapping[str, tuple[Member, ...]]) -> Journal:
    """The journal that knows which repaired services are well again."""
    repairs = {
        name: replace(each, well=each.well or _well(members.get(name, ()))) for name, each in journal.repairs.items()
    }
    return journal if repairs == journal.repairs else replace(journal, repairs=repairs)


def _well(members: tuple[Member, ...]) -> bool:
    return bool(members) and all(ready_now(each) for each in members if not each.placed.kept)


def _may(journal: Journal, name: str, now: datetime) -> bool:
    repair = journal.repairs.get(name)
    return repair is None or (now >= repair.not_before and repair.well and not repair.looping)


def _given_up(journal: Journal, service: str) -> bool:
    repair = journal.repairs.get(service)
    return repair is not None and repair.looping


def _spoilt(fields: Iterable[FieldDrift]) -> str:
    named = [each.path for each in fields if each.cure == "recreate" and not each.conflict]
    return f"{', '.join(named)} changed by hand" if named else ""


def _cure(member: Member, fields: tuple[FieldDrift, ...]) -> Chain | None:
    """One chain for the instance; nothing for one that has to be replaced anyway, or that is not running."""
    curable = _curable(fields)
    if member.placed.kept or member.placed.spoilt or member.instance.state != "running" or not curable:
        return None
    return Chain(f"{member.placed.service}/{member.placed.slot}", tuple(_actions(member, curable)))


def _curable(fields: tuple[FieldDrift, ...]) -> tuple[FieldDrift, ...]:
    return tuple(each for each in fields if each.cure == "in-place" and not each.conflict and each.path != "name")


def _actions(member: Member, fields: tuple[FieldDrift, ...]) -> Iterator[Action]:
    limits = [each for each in fields if each.at[0] not in ("networks", CONTENT, EXCHANGED_CONTENT)]
    if limits:
        yield _update(member, limits)
    content = [each for each in fields if each.at[0] == CONTENT]
    if content:
        yield _deliver(member, content)
    exchanged = [each for each in fields if each.at[0] == EXCHANGED_CONTENT]
    if exchanged:
        yield _exchange(member, exchanged)
    yield from _connections(member, fields)


def _connections(member: Member, fields: tuple[FieldDrift, ...]) -> Iterator[Action]:
    joined = [each for each in fields if each.at[0] == "networks"]
    for network in dict.fromkeys(each.at[1] for each in joined):
        yield from _endpoint(member, network, [each for each in joined if each.at[1] == network])


def _update(member: Member, limits: list[FieldDrift]) -> Update:
    placed = member.placed
    lift = tuple(each.path for each in limits if each.applied is None)
    return Update(
        *(placed.service, placed.slot, member.id, _cause(limits)),
        name=member.instance.name,
        fingerprint=placed.fingerprint,
        in_place=placed.in_place,
        lift=lift,
    )


def _deliver(member: Member, content: list[FieldDrift]) -> Deliver:
    placed = member.placed
    return Deliver(
        *(placed.service, placed.slot, member.id, _cause(content)),
        name=member.instance.name,
        fingerprint=placed.fingerprint,
        in_place=placed.in_place,
    )


def _exchange(member: Member, files: list[FieldDrift]) -> Exchange:
    placed = member.placed
    return Exchange(
        *(placed.service, placed.slot, member.id, _cause(files)),
        name=member.instance.name,
        fingerprint=placed.fingerprint,
        in_place=placed.in_place,
        signals=tuple(each for each in differing(placed.in_place, "") if each not in ("", EXCHANGED)),
    )


def _endpoint(member: Member, network: str, changed: list[FieldDrift]) -> Iterator[Action]:
    """A lost connection is made again; one that is not as it was, or that nobody wanted, ends first."""
    placed, name, cause = member.placed, member.instance.name, _cause(changed)
    whole = next((each for each in changed if each.at == ("networks", network)), None)
    if whole is None or whole.live is not None:
        yield Disconnect(placed.service, placed.slot, member.id, cause, name=name, network=network)
    if whole is None or whole.applied is not None:
        yield Connect(
            *(placed.service, placed.slot, member.id, cause),
            name=name,
            network=network,
            fingerprint=placed.fingerprint,
            in_place=placed.in_place,
            address=_address(changed) if network == ROUTED_NETWORK else "",
        )


def _address(changed: list[FieldDrift]) -> str:
    """The address that a container had before its connection was changed."""
    for each in changed:
        had = each.applied.get("ipv4_address") if isinstance(each.applied, Mapping) else each.applied
        if each.at[2:] in ((), ("ipv4_address",)) and isinstance(had, str):
            return had
    return ""


def _cause(fields: list[FieldDrift]) -> str:
    return f"repair: {', '.join(each.path for each in fields)} changed by hand"
