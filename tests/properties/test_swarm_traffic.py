"""Laws of a canary on a swarm, for whatever Swarm, its routers and people do: its share, and in which order it goes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.controller.route_table import route_of
from gitopsd.controller.swarm_acting import carry_out
from gitopsd.engine_json.routed import TASKS_NETWORK
from gitopsd.engine_json.swarm_spec import swarm_spec
from gitopsd.model.desired import SealedState
from gitopsd.model.errors import EngineRefused
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Progressing, RolledBack, Rollout, Succeeded, Target
from gitopsd.model.route import ObservedRoute, ObservedTarget, RouteName, RoutingTable
from gitopsd.model.routing import Routed, Seen
from gitopsd.model.swarm import DropService, SendService, SwarmSpec
from gitopsd.model.visits import NOBODY_VISITS, Visits
from gitopsd.release.swarm_routing import homeward, pair_of
from gitopsd.release.swarming import Ground, advance_swarm
from gitopsd.rollout.machine import turn_back
from gitopsd.rollout.reaching import reached
from tests.fakes.clock import FakeClock
from tests.fakes.router import FakeRouter
from tests.fakes.swarm import FakeSwarm
from tests.manifest.compose_builders import KEY, a_state, sealed

MANIFEST = """\
name: shop
services:
  web:
    image: IMAGE
    ports: ["80:8080"]
    deploy: {replicas: 4}
    x-gitopsd: {min_ready: 0s, strategy: canary, scale_down_delay: 2s, guard: false, steps: STEPS}
"""
NAME = RouteName("production", "web")
STEPS = (
    "[{set_weight: 10}, {pause: {duration: 2s}}, {set_weight: 60}]",
    "[{set_weight: 50}]",
    "[{set_canary_scale: {replicas: 3}}, {set_weight: 5}, {pause: {}}]",
    "[{set_header_route: {header: X-Friend}}, {set_weight: 20}, {pause: {}}, {set_header_route: {}}]",
)
UNHEARD = Visits()
REFUSED = Visits(failures=9, said="answered 500")


def state_of(image: str, steps: str) -> SealedState:
    text = MANIFEST.replace("IMAGE", image).replace("STEPS", steps)
    return sealed(a_state(text, swarm=True), web=image)


@dataclass
class World:
    """A swarm, its router and a journal; whatever is against a law is in `broken`."""

    steps: str
    clock: FakeClock = field(default_factory=FakeClock)
    broken: list[str] = field(default_factory=list)
    told: RoutingTable = field(default_factory=RoutingTable)
    strangers: tuple[ObservedTarget, ...] = ()
    visits: Visits = NOBODY_VISITS

    def __post_init__(self) -> None:
        self.states = {image: state_of(image, self.steps) for image in ("web:1", "web:2", "web:3")}
        self.swarm, self.router = FakeSwarm(self.clock), FakeRouter()
        for name in ("shop_default", TASKS_NETWORK):
            self.swarm.create_network(name, {})
        first = self.target("web:1")
        self.journal = Journal("production", "shop", stable={"web": first})
        self.swarm.create_service(self.make("web", first))
        self.wanted = self.states["web:1"]
        for _ in range(3):
            self.turn()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def target(self, image: str) -> Target:
        return Target(self.states[image].services["web"].fingerprint, 4, image=image, routed=True)

    def state_of(self, target: Target) -> SealedState:
        return next(each for each in self.states.values() if each.services["web"].fingerprint == target.fingerprint)

    def make(self, service: str, target: Target, *, canary: bool = False) -> SwarmSpec:
        state = self.state_of(target)
        return swarm_spec(state.services["web"], state.desired, key=KEY, replicas=target.replicas, canary=canary)

    def begin(self, image: str) -> None:
        """Newer content is in Git."""
        self.wanted = self.states[image]
        stable, target = self.journal.stable["web"], self.target(image)
        policy = self.wanted.services["web"].service.policy
        until = self.now + timedelta(minutes=10)
        made = Rollout("web", 2, target, stable, "start-first", policy, "pushed", Progressing(), self.now, until)
        self.journal = replace(self.journal, rollouts={"web": replace(made, project="shop")})

    def back(self) -> None:
        """A person aborts."""
        rollout = self.journal.rollouts.get("web")
        if rollout is not None and isinstance(rollout.phase, Progressing):
            self.journal = replace(self.journal, rollouts={"web": turn_back(rollout, "aborted", self.now)})

    def promote(self) -> None:
        rollout = self.journal.rollouts.get("web")
        if rollout is not None:
            shift = replace(rollout.shift, promoted=True)
            self.journal = replace(self.journal, rollouts={"web": replace(rollout, shift=shift)})

    def route(self) -> None:
        """The routers take over what the journal wants."""
        routes = self.journal.routes
        self.told = RoutingTable(tuple(route_of("production", name, each) for name, each in routes.items()))
        self.router.apply(self.told)
        for _ in range(2):  # their checks
            self.router.observe()

    def sight(self) -> dict[str, Seen]:
        observed = self.router.observe()
        assert observed is not None
        wanted = {name: route_of("production", name, each) for name, each in self.journal.routes.items()}
        return {
            name: Seen(self.told.route(route.name) == route, self._with_strangers(observed.route(route.name)))
            for name, route in wanted.items()
        }

    def _with_strangers(self, route: ObservedRoute | None) -> ObservedRoute | None:
        return replace(route, a=(*route.a, *self.strangers)) if route is not None else None

    def turn(self) -> None:
        self.clock.advance(1)
        sight = self.sight()
        before = self.journal
        self.wanted = self.wanted if before.rollouts else self.state_of(before.stable["web"])
        visits = {"web": self.visits}
        ground = Ground(self.swarm.look("shop"), self.make, self.now, sight=sight, visits=visits)
        found = advance_swarm(before, self.wanted, ground, repair=True)
        self.journal = found.journal
        self._judge(before, sight, found.actions)
        for action in found.actions:
            try:
                carry_out(action, self.swarm, self.wanted.desired, ground.live, KEY)
            except EngineRefused:
                continue

    def _judge(self, before: Journal, sight: dict[str, Seen], actions: tuple[object, ...]) -> None:
        rollout, routed = self.journal.rollouts.get("web"), self.journal.routes.get("web")
        pair = pair_of(self.journal, self.swarm.look("shop"), "web", sight)
        seen = sight.get("web")
        share = seen.route.share if seen is not None and seen.route is not None else 0
        asked = rollout.shift.share if rollout is not None and not homeward(rollout, pair) else 10_000
        if routed is not None and routed.share > asked:
            self.broken.append(f"{routed.share} is wanted, {asked} was asked for")
        if routed is not None:
            self.broken += _too_early(routed, rollout, home=homeward(rollout, pair))
        for each in actions:
            match each:
                case DropService(id=id) if pair.canary is not None and id == pair.canary.id:
                    if share or not (seen is not None and seen.agreed):
                        self.broken.append(f"the canary goes with a share of {share}")
                case SendService(spec=spec, target=target) if spec.canary and pair.canary is not None:
                    if pair.canary.labels["gitopsd.fingerprint"] != target.fingerprint and share:
                        self.broken.append(f"the canary becomes another one with a share of {share}")
                case SendService(spec=spec, target=target) if before.rollouts.get("web") is not None:
                    newer = target.fingerprint == before.rollouts["web"].target.fingerprint
                    if not spec.canary and newer and share != 10_000:
                        self.broken.append(f"what serves is updated while the canary has {share}")

    def settle(self) -> None:
        """Everything works, and nobody wants anything else."""
        self.visits = NOBODY_VISITS
        self.swarm.failing, self.router.failing, self.router.in_flight = set(), set(), type(self.router.in_flight)()
        for _ in range(200):
            self.swarm.step()
            self.route()
            self.promote()
            self.turn()
            rollout = self.journal.rollouts.get("web")
            if not self.journal.rollouts or isinstance(rollout and rollout.phase, Succeeded | RolledBack):
                break

    def serving(self) -> str:
        body = self.swarm.services["shop_web"].body
        return str(body["TaskTemplate"]["ContainerSpec"]["Image"])


def _too_early(routed: Routed, rollout: Rollout | None, *, home: bool) -> Iterator[str]:
    """What leads to a canary that has not answered yet, or to one that goes."""
    if home or rollout is None:
        if routed.on:
            yield "a step leads past the share on the way home"
    elif not reached(rollout) and (routed.share or routed.on):
        yield f"{routed.share} is wanted, and {routed.on} past that, of what has not answered"


def fails(world: World) -> None:
    world.swarm.failing = {"web:2"}


def ails(world: World) -> None:
    world.router.failing |= {each.id for kept in world.swarm.services.values() for each in kept.tasks[:1]}


def mends(world: World) -> None:
    world.router.failing, world.swarm.failing = set(), set()
    world.visits = NOBODY_VISITS


def visited(world: World, visits: Visits) -> None:
    world.visits = visits


def busy(world: World) -> None:
    world.router.in_flight.update(each.id for kept in world.swarm.services.values() for each in kept.tasks)


def removed(world: World) -> None:
    """What was in flight there ends with it."""
    kept = world.swarm.services.pop("shop_web", None)
    for each in kept.tasks if kept is not None else ():
        world.router.in_flight.pop(each.id, None)


HAPPENINGS: dict[str, Callable[[World], object]] = {
    "turn": World.turn,
    "turn again": World.turn,
    "the routers take over what is wanted": World.route,
    "the routers do so again": World.route,
    "Swarm goes on": lambda world: world.swarm.step(),
    "promote": World.promote,
    "abort": World.back,
    "newer content": lambda world: world.begin("web:3"),
    "tasks of the newer content fail": fails,
    "tasks do not answer": ails,
    "everything works": mends,
    "newer content has not answered": lambda world: visited(world, UNHEARD),
    "newer content answers badly": lambda world: visited(world, REFUSED),
    "requests are in flight": busy,
    "none are": lambda world: world.router.in_flight.clear(),
    "somebody removes what serves": removed,
    "somebody removes the canary": lambda world: world.swarm.services.pop("shop_web-canary", None),
}


USUALLY = ("turn", "Swarm goes on", "the routers take over what is wanted")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(STEPS),
    st.sampled_from((NOBODY_VISITS, UNHEARD)),
    st.sampled_from((0, 3)),
    st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=60),
)
def test_the_share_of_a_canary_and_the_order_in_which_it_goes(
    steps: str, visits: Visits, on_its_way: int, happenings: list[str]
) -> None:
    world = World(steps, visits=visits)
    world.route()
    world.turn()
    world.begin("web:2")
    for each in (*(USUALLY * on_its_way), *happenings):
        HAPPENINGS[each](world)
        assert not world.broken
    world.settle()
    assert not world.broken
    assert list(world.swarm.services) == ["shop_web"]
    assert not any(each.open for each in world.journal.rollouts.values())


def test_everything_stays_with_the_canary_while_a_router_has_a_task_that_swarm_has_taken_out() -> None:
    world = World("[{set_weight: 50}]")
    world.route()
    world.turn()
    world.begin("web:2")
    world.strangers = (ObservedTarget("10.0.0.4", "10.0.0.4", 8080, 0, ready=True, in_flight=0),)
    world.settle()
    assert (world.serving(), world.journal.routes["web"].share) == ("web:2", 10_000)
    world.strangers = ()
    world.settle()
    assert (world.journal.routes["web"].share, list(world.swarm.services)) == (0, ["shop_web"])
