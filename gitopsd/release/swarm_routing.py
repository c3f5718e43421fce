"""What the routers of a swarm are to do for each service: the share of the canary, and whose tasks are known there.

Slot a is always the service that serves, slot b its canary; a router finds the tasks of both by itself. So a rollout
ends by a way home: the serving service has what it is to have, answers in every router, takes all of the requests, and
the canary goes once it has drained.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitopsd.drift.swarm import replicas
from gitopsd.engine_json.labels import FINGERPRINT
from gitopsd.engine_json.routed import TASKS_NETWORK
from gitopsd.engine_json.swarm_spec import CANARY
from gitopsd.model.analysis import NOTHING_MEASURED, Measures
from gitopsd.model.desired import Policy, SealedService, SealedState
from gitopsd.model.health import Checks
from gitopsd.model.live import Instance
from gitopsd.model.release import Journal, Placed
from gitopsd.model.rollout import RollingBack, Rollout, Target
from gitopsd.model.route import ALL, OnPurpose, SlotName
from gitopsd.model.routing import UNSEEN, Names, Placing, Routed, Seen
from gitopsd.model.strategy import HeaderRoute
from gitopsd.model.swarm import DropService, SwarmNode, SwarmService, SwarmState, SwarmTask
from gitopsd.model.traffic import Traffic
from gitopsd.model.visits import NOBODY_VISITS, Visits
from gitopsd.rollout.member import Member
from gitopsd.rollout.reaching import reached
from gitopsd.rollout.shifting import gradual
from gitopsd.rollout.traffic import InRouter

LEAST_ROOM = 16
# Swarm lets in what is healthy; a router has to see by itself that a node has died.
CHECKS = Checks(interval=timedelta(milliseconds=500), timeout=timedelta(seconds=1), failure_threshold=2)
Sight = Mapping[str, Seen]


@dataclass(frozen=True, slots=True)
class Pair:
    """A service as it serves, and its canary; None: that is not there. `router` is what the routers do for both, and
    `visits` what came of gitopsd's own requests through them; `measures` is what queries gave.
    """

    name: str
    serving: SwarmService | None
    canary: SwarmService | None
    router: InRouter
    nodes: tuple[SwarmNode, ...] = ()
    visits: Visits = NOBODY_VISITS
    measures: Measures = NOTHING_MEASURED

    @property
    def members(self) -> tuple[Member, ...]:
        """The tasks that run, as a rollout knows instances."""
        both = ((self.serving, self.name), (self.canary, f"{self.name}{CANARY}"))
        return tuple(_member(each, self.name, named) for found, named in both for each in _running(found))

    def ready(self, slot: SlotName) -> int:
        """How many of a slot answer in every router."""
        places = self.router.routed.places if self.router.routed is not None else {}
        return sum(place.slot == slot and self.router.seen.ready(id) for id, place in places.items())

    @property
    def drained(self) -> bool:
        """Whether the routers were read back without anything for the canary."""
        routed, seen = self.router.routed, self.router.seen
        if routed is None:
            return True
        gone = not routed.share and all(each.slot == "a" for each in routed.places.values())
        return gone and seen.agreed and seen.route is not None and not seen.route.share and not seen.route.b


def pair_of(journal: Journal, live: SwarmState, name: str, sight: Sight) -> Pair:
    services, named = live.services, f"{journal.project}_{name}"
    router = InRouter(journal.routes.get(name), sight.get(name, UNSEEN))
    return Pair(name, services.get(named), services.get(f"{named}{CANARY}"), router, live.nodes)


def tasks_of(journal: Journal, live: SwarmState) -> dict[str, tuple[Member, ...]]:
    """The tasks that run of each service, with those of its canary, as a rollout knows instances."""
    names = {*journal.stable, *journal.rollouts}
    return {name: pair_of(journal, live, name, {}).members for name in names}


def beside(journal: Journal, live: SwarmState) -> dict[str, tuple[Member, ...]]:
    """`tasks_of`, where newer content stands beside what serves: elsewhere no request could tell one from the other."""
    found = tasks_of(journal, live)
    return {name: found[name] for name, each in journal.rollouts.items() if gradual(each)}


def homeward(rollout: Rollout | None, pair: Pair) -> bool:
    """Whether the canary takes no part any more, or less and less: all of the traffic is to go to what serves."""
    if rollout is None or not rollout.open or not gradual(rollout) or isinstance(rollout.phase, RollingBack):
        return True
    if left_over(rollout, pair):
        return True
    return pair.serving is not None and pair.serving.labels.get(FINGERPRINT) == rollout.target.fingerprint


def is_home(journal: Journal, rollout: Rollout | None, pair: Pair) -> bool:
    """Whether the serving service can take everything. On a way back one task of what it had is enough, if all are."""
    goal, back = _goal(journal, rollout, pair)
    if goal is None or not goal.fingerprint or pair.serving is None:
        return pair.serving is None
    tasks = _running(pair.serving)
    if any(each.fingerprint != goal.fingerprint for each in _alive(pair)) or not pair.ready("a"):
        return False
    route, ids = pair.router.seen.route, {each.id for each in tasks}
    alone = route is not None and all(each.id in ids for each in route.a)  # Swarm's DNS may still have others
    known = alone and all(pair.router.seen.ready(each) for each in ids)
    wanted = replicas(pair.serving.body) or 0
    return back or (known and len(tasks) >= wanted and not pair.serving.moves)


def _goal(journal: Journal, rollout: Rollout | None, pair: Pair) -> tuple[Target | None, bool]:
    """What the serving service is to have when everything goes there, and whether it had that before."""
    if rollout is None or not rollout.open:
        return journal.stable.get(pair.name), True
    if isinstance(rollout.phase, RollingBack) or left_over(rollout, pair):
        return rollout.stable, True
    return rollout.target, False


def left_over(rollout: Rollout, pair: Pair) -> bool:
    """Whether the canary is one that an earlier rollout left."""
    canary = pair.canary
    return gradual(rollout) and canary is not None and canary.labels.get(FINGERPRINT) != rollout.target.fingerprint


def spent(journal: Journal, live: SwarmState, sight: Sight) -> tuple[DropService, ...]:
    """Canaries that have no part any more, and that the routers were read back without."""
    found: list[DropService] = []
    for name in sorted({*journal.stable, *journal.rollouts, *journal.routes}):
        pair, rollout = pair_of(journal, live, name, sight), journal.rollouts.get(name)
        if pair.canary is not None and homeward(rollout, pair) and pair.drained:
            why = getattr(rollout.phase, "reason", "") if rollout is not None else ""
            cause = f"rollback: {why}" if why else "its service serves alone"
            found.append(DropService(name, pair.canary.id, cause))
    return tuple(found)


def routes_on_swarm(
    journal: Journal, wanted: SealedState | None, live: SwarmState, sight: Sight, now: datetime
) -> dict[str, Routed]:
    """What is wanted of the routers from now on, by service."""
    found: dict[str, Routed] = {}
    sealed = wanted.services if wanted is not None else {}
    for name in sorted({*journal.routes, *sealed}):
        traffic = sealed[name].service.traffic if name in sealed else None
        pair = pair_of(journal, live, name, sight)
        if traffic is None:
            continue
        if pair.serving is not None:
            before = replace(pair.router.routed or Routed(traffic), traffic=traffic)
            found[name] = _routed(journal, pair, before, sealed[name], now)
        elif pair.router.routed is not None:
            # It comes back under its name. Without its way all routers would be replaced, which others' requests pass.
            places = {id: each for id, each in pair.router.routed.places.items() if each.slot == "b"}
            on = _on(journal.rollouts.get(name), pair, pair.router.routed.switched)
            found[name] = replace(pair.router.routed, places=places, on=on)
    return found


def _routed(journal: Journal, pair: Pair, before: Routed, sealed: SealedService, now: datetime) -> Routed:
    assert pair.serving is not None
    rollout = journal.rollouts.get(pair.name)
    home, share = homeward(rollout, pair), before.share
    if home:
        share = 0 if not pair.ready("b") or is_home(journal, rollout, pair) else share
    elif rollout is not None:
        share = _let_in(rollout, pair)
    leaves = home and not share
    places = _served(pair, before, now) | _beside(pair, before, sealed.service.policy, now, leaves=leaves, stays=home)
    names = _names(pair.serving, before, sealed)
    purpose, switched = _on_purpose(before.traffic), _switched(sealed.service.policy)
    on = _on(rollout, pair, switched)
    told = replace(before, share=share, places=places, names=names, health=CHECKS)
    return replace(told, on_purpose=purpose, switched=switched, on=on)


def _names(serving: SwarmService, before: Routed, sealed: SealedService) -> Names:
    """What serves is reached at the port of what it was told, until it is told content that may have another one."""
    new = old = before.traffic.target
    if before.names is not None and serving.labels.get(FINGERPRINT) != sealed.fingerprint:
        old = int(before.names.a.rpartition(":")[2])
    a, b = f"tasks.{serving.name}:{old}", f"tasks.{serving.name}{CANARY}:{new}"
    return Names(a, b, _room(sealed.service.replicas, before))


def _let_in(rollout: Rollout, pair: Pair) -> int:
    """What its step says, and no more than those of its tasks that answer can bear; nothing before one has shown it."""
    if not reached(rollout):
        return 0
    able = ALL * pair.ready("b") // max(1, rollout.target.replicas)
    return min(rollout.shift.share, able, ALL)


def _served(pair: Pair, before: Routed, now: datetime) -> dict[str, Placing]:
    tasks = [each for each in _running(pair.serving) if TASKS_NETWORK in each.addresses]
    return {each.id: _placing("a", each, before, now) for each in tasks}


def _beside(
    pair: Pair, before: Routed, policy: Policy, now: datetime, *, leaves: bool, stays: bool
) -> dict[str, Placing]:
    """The canary's tasks: let in once they have run for `min_ready`, and out once nothing is in flight, or too late."""
    found: dict[str, Placing] = {}
    for each in _running(pair.canary):
        known = before.places.get(each.id)
        if known is None:
            if not stays and TASKS_NETWORK in each.addresses and each.at + policy.min_ready <= now:
                found[each.id] = _placing("b", each, before, now)
        elif not leaves:
            found[each.id] = replace(known, leaving=None)
        elif not _is_out(each.id, known, pair.router.seen, policy, now):
            found[each.id] = replace(known, leaving=known.leaving or now)
    return found


def _is_out(id: str, place: Placing, seen: Seen, policy: Policy, now: datetime) -> bool:
    if place.leaving is None:
        return False
    return (seen.agreed and not seen.in_flight(id)) or now >= place.leaving + policy.drain_timeout


def _placing(slot: SlotName, task: SwarmTask, before: Routed, now: datetime) -> Placing:
    known = before.places.get(task.id)
    since = known.since if known is not None else now
    return Placing(slot, task.addresses[TASKS_NETWORK], since, port=before.traffic.target)


def _room(wanted: int, before: Routed) -> int:
    """So many tasks a router has room for; seldom another number, as each is another configuration."""
    room, had = LEAST_ROOM, before.names.room if before.names is not None else 0
    while room < 2 * wanted:
        room *= 2
    return max(room, had)


def _on_purpose(traffic: Traffic) -> tuple[OnPurpose, ...]:
    """Who wants newer content gets it as long as it is there. That is so at any time, or routers would be replaced."""
    way = traffic.on_purpose
    return (OnPurpose(way.by, way.name, way.value, "b"),) if way is not None else ()


def _switched(policy: Policy) -> tuple[OnPurpose, ...]:
    """What its steps lead to newer content, each once: all of it is in the routers' files, whether it is on or not."""
    steps = dict.fromkeys(each for each in policy.steps if isinstance(each, HeaderRoute) and each.name)
    return tuple(OnPurpose(each.by, each.name, each.value, "b") for each in steps)


def _on(rollout: Rollout | None, pair: Pair, switched: tuple[OnPurpose, ...]) -> int:
    """The number of the one that its last step turned on; none before one of its tasks has shown that it answers, and
    none on the way home.
    """
    header = rollout.shift.header if rollout is not None else None
    if rollout is None or header is None or not reached(rollout) or homeward(rollout, pair):
        return 0
    way = OnPurpose(header.by, header.name, header.value, "b")
    return switched.index(way) + 1 if way in switched else 0


def _running(service: SwarmService | None) -> tuple[SwarmTask, ...]:
    return tuple(each for each in service.tasks if each.runs) if service is not None else ()


def _alive(pair: Pair) -> tuple[SwarmTask, ...]:
    """The tasks of what serves that still run, also those that Swarm is ending: it takes them out of DNS some seconds
    before it stops them, and not every router hears of that in time. What a lost node runs nobody can know.
    """
    there = {each.id for each in pair.nodes if each.state == "ready"}
    tasks = pair.serving.tasks if pair.serving is not None else ()
    return tuple(each for each in tasks if each.state == "running" and each.node in there)


def _member(task: SwarmTask, service: str, named: str) -> Member:
    name = f"{named}.{task.slot}"
    placed = Placed(service, task.slot, task.fingerprint, "", 0, name)
    address = task.addresses.get(TASKS_NETWORK, "")
    instance = Instance(
        task.id, name, service, task.slot, "running", task.at, started_at=task.at, routed_address=address
    )
    return Member(instance, placed)
