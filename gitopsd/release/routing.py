"""What the router is to do for each service: who takes requests, who takes no more, and what share newer content has.

Nothing is stopped before the router was read back without it. So a chain that would stop an instance ends before that
action as long as the instance is in the router; the instance leaves first, and a later look brings the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gitopsd.model.action import Action, Chain, Keep, Remove, Start, Stop
from gitopsd.model.desired import Policy, SealedService, SealedState
from gitopsd.model.health import NOT_ASKED, Checks
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, Progressing, RollingBack, Rollout, Target
from gitopsd.model.route import ALL, FULL, OTHER, SLOTS, OnPurpose, SlotName
from gitopsd.model.routing import UNSEEN, Placing, Routed, Seen
from gitopsd.model.traffic import Traffic
from gitopsd.rollout import Member
from gitopsd.rollout.member import Judge, ready_now
from gitopsd.rollout.reaching import reached
from gitopsd.rollout.shifting import gradual
from gitopsd.rollout.traffic import InRouter

Sight = Mapping[str, Seen]
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Gated:
    """Chains without what has to wait for the router, and who has to leave it before the rest can be done.

    Whoever is out already and is stopped now is among those, or it would come in again at the same look.
    """

    chains: tuple[Chain, ...]
    leaving: frozenset[str] = frozenset()


def in_router(journal: Journal, service: str, sight: Sight) -> InRouter:
    """What the rollout of a service knows of the router."""
    return InRouter(journal.routes.get(service), sight.get(service, UNSEEN))


def gated(journal: Journal, chains: tuple[Chain, ...], wanted: SealedState | None, sight: Sight) -> Gated:
    """What may be done now. One that leaves is asked for again at each look, until it is out."""
    found: list[Chain] = []
    leaving: set[str] = set()
    for chain in chains:
        service = chain.key.rpartition("/")[0]
        router = in_router(journal, service, sight)
        if router.routed is None:
            found.append(chain)
            continue
        unrouted = _traffic(wanted, service) is None and _has_port(wanted, service, router.routed.traffic.listen)
        allowed: list[Action] = []
        for action in chain.actions:
            if isinstance(action, Stop | Keep | Remove):
                leaving.add(action.container)
                if router.inside(action.container):
                    break
            if unrouted and isinstance(action, Start):
                break  # the router has its port
            allowed.append(action)
        if allowed:
            found.append(replace(chain, actions=tuple(allowed)))
    return Gated(tuple(found), frozenset(leaving))


@dataclass(frozen=True, slots=True)
class Service:
    """A routed service at one look. Who is `leaving` from now on, and who the router has been `told` leaves already.

    In slots that are `busy` something is under way, perhaps the end of an instance: nobody comes in there meanwhile.
    """

    routed: Routed
    rollout: Rollout | None
    goal: Target | None
    members: tuple[Member, ...]
    seen: Seen
    leaving: frozenset[str]
    told: frozenset[str]
    now: datetime
    policy: Policy = field(default=Policy())
    busy: frozenset[int] = frozenset()

    @property
    def new(self) -> frozenset[str]:
        """Instances of what is being let in; of what serves where nothing is."""
        fingerprint = self.goal.fingerprint if self.goal is not None else ""
        return self._with(fingerprint)

    @property
    def old(self) -> frozenset[str]:
        """Instances of what served before the rollout."""
        stable = self.rollout.stable if self.rollout is not None else None
        return self._with(stable.fingerprint) if stable is not None else frozenset()

    @property
    def stepwise(self) -> bool:
        """What is let in stands beside all of what served before."""
        rollout = self.rollout
        return rollout is not None and gradual(rollout) and isinstance(rollout.phase, Progressing)

    @property
    def goes_back(self) -> bool:
        """What is let in is what served before: in a way back, a repair, or because Git has changed its mind."""
        stable = self.rollout.stable if self.rollout is not None else self.goal
        return stable is not None and self.goal is not None and stable.fingerprint == self.goal.fingerprint

    def _with(self, fingerprint: str) -> frozenset[str]:
        return frozenset(each.id for each in self.members if each.placed.fingerprint == fingerprint)


def routes_of(
    journal: Journal,
    wanted: SealedState | None,
    members: Mapping[str, tuple[Member, ...]],
    leaving: frozenset[str],
    sight: Sight,
    now: datetime,
    busy: frozenset[str] = frozenset(),
) -> dict[str, Routed]:
    """What is wanted of the router from now on, by service. `busy` are the keys of chains that are under way."""
    named = {*journal.routes, *(wanted.services if wanted is not None else ())}
    found = {}
    for name in sorted(named):
        traffic, before, own = _traffic(wanted, name), journal.routes.get(name), members.get(name, ())
        if before is None and (traffic is None or not any(each.instance.routed_address for each in own)):
            continue
        if before is None and traffic is not None:
            before = Routed(traffic)
        if before is None:
            continue
        if traffic is None and not before.places and sight.get(name, UNSEEN).agreed:
            continue
        rollout = journal.rollouts.get(name)
        sealed = wanted.services.get(name) if wanted is not None else None
        routed = replace(before, traffic=traffic or before.traffic, health=_health(before, sealed, rollout))
        policy = rollout.policy if rollout is not None else sealed.service.policy if sealed is not None else Policy()
        goal = _goal(rollout) if rollout is not None else journal.stable.get(name)
        told = frozenset(id for id, place in before.places.items() if place.leaving is not None)
        slots = frozenset(each.placed.slot for each in own if f"{name}/{each.placed.slot}" in busy)
        service = Service(routed, rollout, goal, own, sight.get(name, UNSEEN), leaving, told, now, policy, slots)
        found[name] = _shared(_left(_placed(service)))
    return found


def next_change(routes: Mapping[str, Routed], wanted: SealedState | None, now: datetime) -> datetime | None:
    """When the first instance that leaves has had its time, or one that warms up gets more."""
    times = []
    for name, routed in routes.items():
        sealed = wanted.services.get(name) if wanted is not None else None
        policy = sealed.service.policy if sealed is not None else Policy()
        times += [each.leaving + policy.drain_timeout for each in routed.places.values() if each.leaving is not None]
        warming = [each for each in routed.places.values() if each.leaving is None and each.weight < FULL]
        times += [now + policy.warm_up / TENTHS for _ in warming[:1]]
    return min((at for at in times if at > now), default=None)


def _traffic(wanted: SealedState | None, name: str) -> Traffic | None:
    sealed = wanted.services.get(name) if wanted is not None else None
    return sealed.service.traffic if sealed is not None else None


def _health(before: Routed, sealed: SealedService | None, rollout: Rollout | None) -> Checks:
    """How the router asks: of old and new ones beside each other, which may differ in answers, a connection will do."""
    health = sealed.service.policy.health if sealed is not None else before.health
    beside = rollout is not None and rollout.open and before.places
    return NOT_ASKED if beside and health != before.health else health


def _has_port(wanted: SealedState | None, name: str, port: int) -> bool:
    """Whether containers of newer content publish a port of the host themselves."""
    sealed = wanted.services.get(name) if wanted is not None else None
    return sealed is not None and any(each.published == str(port) for each in sealed.service.ports)


def _goal(rollout: Rollout) -> Target | None:
    return rollout.stable if isinstance(rollout.phase, RollingBack) else rollout.target


def _placed(service: Service) -> Service:
    """Whoever is gone is out at once; whoever is proven is let in, and marked where it is to leave."""
    there = {each.id: each for each in service.members if each.instance.state not in ("dead", "removing")}
    places = {id: each for id, each in service.routed.places.items() if id in there}
    for member in there.values():
        place = places.get(member.id)
        if place is None:
            into = _slot(service, member, places) if _may_enter(service, member) else None
            if into is not None:
                port = service.routed.traffic.target
                place = Placing(into, member.instance.routed_address, service.now, port=port)
                places[member.id] = replace(place, weight=_weight(service, place, new=True))
        elif member.id in service.leaving or (place.leaving is not None and member.placed.slot in service.busy):
            places[member.id] = replace(place, leaving=place.leaving or service.now)
        else:
            address = member.instance.routed_address or place.address
            places[member.id] = replace(place, leaving=None, address=address, weight=_weight(service, place))
    return replace(service, routed=replace(service.routed, places=places))


def _weight(service: Service, place: Placing, *, new: bool = False) -> int:
    """Its part beside its like: in tenths of `warm_up` it grows to the whole."""
    warm_up = service.policy.warm_up
    if not warm_up or (place.weight == FULL and not new):
        return FULL
    tenths = min(TENTHS, (service.now - place.since) * TENTHS // warm_up)
    return max(1, FULL * tenths // TENTHS)


def _slot(service: Service, member: Member, places: Mapping[str, Placing]) -> SlotName | None:
    """Where an instance comes: to its like, else to the slot that has the fewest others.

    Step by step what served before and newer content never share a slot; and newer content waits until others have left
    its own, while what served before answers and so comes back in their place.
    """
    new = member.id in service.new
    like, rivals = (service.new, service.old) if new else (service.old, service.new)
    own = [each.slot for id, each in places.items() if id in like]
    others = [each.slot for id, each in places.items() if id not in like]
    if own:
        return max(SLOTS, key=own.count)
    if not service.stepwise:
        return min(SLOTS, key=others.count)
    taken = {each.slot for id, each in places.items() if id in rivals}
    free: SlotName = min(SLOTS, key=lambda slot: (slot in taken, others.count(slot)))
    answers = any(service.seen.ready(id) for id in service.old) or not service.seen.agreed
    return None if free in taken or (new and answers and others.count(free)) else free


def _may_enter(service: Service, member: Member) -> bool:
    """Proven, running, on the router's network, and of what is wanted now; or of what it stands beside until then."""
    wanted = service.new | service.old if service.stepwise else service.new
    if not member.instance.routed_address or member.id in service.leaving or member.id not in wanted:
        return False
    if member.placed.slot in service.busy:
        return False
    rollout = service.rollout
    if rollout is None:
        return ready_now(member)
    if not isinstance(rollout.phase, Progressing | RollingBack | Finalising) or member.id not in rollout.seen:
        return False
    return ready_now(member) and Judge(rollout.policy, rollout.seen, service.now).proven(member)


def _left(service: Service) -> Service:
    """Who leaves is out once nothing is in flight there, or its time is over."""
    seen, now = service.seen, service.now
    places = {}
    for id, place in service.routed.places.items():
        if place.leaving is None:
            places[id] = place
            continue
        drained = id in service.told and seen.agreed and not seen.in_flight(id)
        late = now >= place.leaving + service.policy.drain_timeout
        if not (drained or late):
            places[id] = place
    return replace(service, routed=replace(service.routed, places=places))


def _shared(service: Service) -> Routed:
    """The share of slot b."""
    routed = service.routed
    ready: dict[SlotName, int] = {
        slot: sum(routed.places[id].weight for id in routed.serving(slot) if service.seen.ready(id)) for slot in SLOTS
    }
    if not any(ready.values()):
        return routed  # nobody is known to answer: a share would only be a guess
    own = _most(service, service.new)
    into = own or _most(service, service.old) or "a"
    share = _of_slot(service, into, ready)
    purpose = _on_purpose(service, into) if own and ready[into] else ()
    return replace(routed, share=share if into == "b" else ALL - share, on_purpose=purpose)


def _on_purpose(service: Service, into: SlotName) -> tuple[OnPurpose, ...]:
    """Who wants newer content gets it, from the moment that it is there until all get it."""
    rollout = service.rollout
    if rollout is None or not gradual(rollout) or not isinstance(rollout.phase, Progressing):
        return ()
    ways = (service.routed.traffic.on_purpose, rollout.shift.header)
    return tuple(OnPurpose(way.by, way.name, way.value, into) for way in ways if way is not None)


def _most(service: Service, ids: frozenset[str]) -> SlotName | None:
    """The slot that has the most of them; None: they are not in the router."""
    slots = [each.slot for id, each in service.routed.places.items() if id in ids]
    most: SlotName = max(SLOTS, key=slots.count)
    return most if slots else None


def _of_slot(service: Service, into: SlotName, ready: Mapping[SlotName, int]) -> int:
    """What the goal's slot gets; until it is there, what served before. None that its instances could not bear, as long
    as others can.

    On its way back what served before never gives anything to the others again, however few of it are left.
    """
    here, there = ready[into], ready[OTHER[into]]  # in FULL to an instance
    if not (here and there):
        return ALL if here else 0
    rollout, replicas = service.rollout, service.goal.replicas if service.goal is not None else 0
    able = min(ALL, ALL * here // (FULL * replicas)) if replicas else ALL
    even, has = ALL * here // (here + there), service.routed.share if into == "b" else ALL - service.routed.share
    if service.goes_back:
        return max(able, even, has)
    if rollout is not None and not reached(rollout):
        return min(has, able)
    if rollout is None or not gradual(rollout):
        return min(able, even)
    if _most(service, service.new) is None:
        return max(able, even, has)  # whatever else is there came between
    if isinstance(rollout.phase, Finalising):
        return able
    return min(able, rollout.shift.share if isinstance(rollout.phase, Progressing) else 0)
