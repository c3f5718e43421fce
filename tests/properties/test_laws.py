"""The laws of rollouts over everything that can happen: commits good and bad, deaths, hands, and time."""

from collections.abc import Callable
from typing import Any

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from gitopsd.model.action import Action
from gitopsd.model.desired import Amount, SealedState
from gitopsd.model.operation import Verb
from gitopsd.release import Turn, advance
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.properties.laws import Laws
from tests.world import Behaviour

BEHAVIOURS = {
    "1": Behaviour(),
    "2": Behaviour(check=True, healthy_after=8, restart="unless-stopped"),
    "3": Behaviour(check=True, healthy_after=None, unhealthy_after=3),
    "4": Behaviour(exits_after=1, exit_code=1),
    "5": Behaviour(exits_after=3, exit_code=1, restart="no"),
    "6": Behaviour(check=True, healthy_after=None),
    "7": Behaviour(unstartable="exec: no such file"),
    "8": Behaviour(check=True, healthy_after=2, restart="no"),
}
JOBS = {
    "1": Behaviour(exits_after=2, restart="no"),
    "2": Behaviour(exits_after=1, exit_code=1, restart="no"),
    "3": Behaviour(exits_after=90, restart="no"),
}
GOOD = ("1", "2", "8")


def a_release(
    web: str, replicas: int, db: str, job: str, *, extra: bool, home: str = "", room: tuple[int, int] = (1, 0)
) -> SealedState:
    """`home` is the service whose network another one lives in, `room` what `web` may surge and be without."""
    fence = {"max_surge": Amount(room[0]), "max_unavailable": Amount(room[1])}
    services = [
        a_service("web", f"web:{web}", replicas=replicas, depends_on={"db": "service_healthy"}, **fence),
        a_service("db", f"db:{db}", volumes=["data:/data"], replicas=2, healthy_deadline=60),
    ]
    if job:
        services.append(a_service("job", f"job:{job}", job=True))
    if extra:
        services.append(a_service("extra", "extra:1", networks=["default", "back"]))
    if home:
        services.append(a_service("side", "side:1", lives_in=home))
    return a_state(*services)


class Worlds(RuleBasedStateMachine):
    """One daemon over one world; every rule is something that may happen at any moment."""

    advance: Callable[..., Turn] = staticmethod(advance)

    def __init__(self) -> None:
        super().__init__()
        self.laws = Laws()
        self.daemon = Daemon(advance=self.twice, watch=self.told)
        self.daemon.world.behaviours |= {f"web:{tag}": each for tag, each in BEHAVIOURS.items()}
        self.daemon.world.behaviours |= {f"job:{tag}": each for tag, each in JOBS.items()}

    def twice(self, *given: Any, **more: Any) -> Turn:
        """17: equal input, equal answer."""
        turn = type(self).advance(*given, **more)
        assert turn == type(self).advance(*given, **more)
        return turn

    def told(self, daemon: Daemon, action: Action) -> None:
        note(f"    {daemon.world.now:%H:%M:%S} {action}")
        self.laws.after_action(daemon, action)

    @initialize()
    def first_release(self) -> None:
        self.commit("1", 2, "1", "1", extra=True, home="db")
        self.daemon.settle()

    @rule(
        web=st.sampled_from(sorted(BEHAVIOURS)),
        replicas=st.integers(0, 3),
        db=st.sampled_from(sorted(BEHAVIOURS)),
        job=st.sampled_from(["", "1", "2", "3"]),
        extra=st.booleans(),
        home=st.sampled_from(["", "db", "db", "web"]),
        room=st.sampled_from([(1, 0), (1, 0), (2, 0), (1, 1), (0, 1), (0, 2)]),
    )
    def commit(
        self, web: str, replicas: int, db: str, job: str, *, extra: bool, home: str, room: tuple[int, int] = (1, 0)
    ) -> None:
        state = a_release(web, replicas, db, job, extra=extra, home=home, room=room)
        self.daemon.world.behaviours[state.services["db"].fingerprint] = BEHAVIOURS[db]
        self.laws.disturbed(self.daemon)
        self.laws.asked(state)
        self.daemon.commit(state)

    @rule()
    def revert_to_what_serves(self) -> None:
        serving = self.daemon.journal.serving
        if serving is not None:
            self.laws.disturbed(self.daemon)
            self.laws.asked(self.daemon.states[serving.content_digest])
            self.daemon.commit(self.daemon.states[serving.content_digest])

    @rule(times=st.integers(1, 3))
    def look(self, times: int) -> None:
        for _ in range(times):
            before = self.daemon.journal
            self.daemon.look()
            self.laws.after_pass(self.daemon, before)

    @precondition(lambda self: self.daemon.pending)
    @rule(data=st.data(), times=st.integers(1, 4))
    def act(self, data: st.DataObject, times: int) -> None:
        for _ in range(min(times, len(self.daemon.pending))):
            key = data.draw(st.sampled_from(sorted(self.daemon.pending)))
            self.laws.before_action(self.daemon)
            self.daemon.step(key)
            if not self.daemon.pending:
                return

    @rule(seconds=st.sampled_from([1, 1, 3, 5, 10]))
    def work(self, seconds: int) -> None:
        """What the daemon does when nobody troubles it: passes, actions, a while of waiting."""
        for _ in range(2):
            self.look(1)
            while self.daemon.pending:
                self.laws.before_action(self.daemon)
                self.daemon.step()
        self.wait(seconds)

    @rule(seconds=st.sampled_from([1, 5, 30, 400]))
    def wait(self, seconds: int) -> None:
        self.laws.disturbed(self.daemon)
        self.daemon.wait(seconds)

    @rule()
    def the_daemon_dies(self) -> None:
        self.daemon.die()

    @rule()
    def the_engine_restarts(self) -> None:
        """Calls that are under way fail; nothing is known about them until the next look."""
        self.daemon.pending = {}
        self.daemon.world.restart_engine()
        self.daemon.returned = True
        self.laws.never_two_writers(self.daemon)

    @rule(what=st.sampled_from(["", "", "Create   shop-", "Start    shop-db", "Start    shop-web", "network"]))
    def the_host_has_no_room(self, what: str) -> None:
        """For some things, for a while."""
        self.daemon.world.unfit = {what: "no space left on device"} if what else {}

    @rule(verb=st.sampled_from(["pause", "resume", "abort", "retry"]), service=st.sampled_from(["", "", "web", "db"]))
    def a_person_says(self, verb: Verb, service: str) -> None:
        """What is under way was decided without knowing of it."""
        self.laws.disturbed(self.daemon)
        answer = self.daemon.ask(verb, service, rollout=True)
        note(f"    {verb} {service}: {answer}")
        if verb == "retry":
            self.laws.forgive(self.daemon)

    @precondition(lambda self: self.daemon.world.boxes)
    @rule(data=st.data(), how=st.sampled_from(["crash", "kill", "vanish", "pause"]))
    def a_hand_is_laid_on(self, data: st.DataObject, how: str) -> None:
        world = self.daemon.world
        box = world.boxes[data.draw(st.sampled_from(sorted(world.boxes)))]
        if how == "vanish" or box.state == "running":
            self.laws.disturbed(self.daemon)
            getattr(world, how)(box.id)

    def teardown(self) -> None:
        """16, 18, 21, 30: when the trouble ends it arrives, and what is there is what Git says, no more, no less."""
        self.daemon.world.unfit = {}
        self.daemon.ask("resume", rollout=True)
        for step in range(200):
            self.work(1 if step < 40 else 15)
            if step > 70 and not self.daemon.open():
                break
        assert not self.daemon.open(), f"still open: {self.daemon.journal.rollouts}"
        final = a_release("8", 2, "8", "1", extra=False, home="db")
        self.daemon.world.behaviours[final.services["db"].fingerprint] = BEHAVIOURS["8"]
        self.daemon.commit(final).settle()
        self.daemon.wait(601).settle()
        self.arrived(final)

    def arrived(self, final: SealedState) -> None:
        db = final.services["db"].fingerprint
        if final.content_digest in self.daemon.journal.rejected:
            return  # it failed under somebody's hands before
        assert self.daemon.journal.serving is not None
        assert self.daemon.journal.serving.content_digest == final.content_digest
        assert self.daemon.world.running() == [
            f"shop-db-1 {db}",
            f"shop-db-2 {db}",
            f"shop-side-1 {final.services['side'].fingerprint}",
            "shop-web-1 web:8",
            "shop-web-2 web:8",
        ]
        world = self.daemon.world
        astray = [box.name for box in world.boxes.values() if box.up and not world.connected(box)]
        assert not astray, f"lives in a network that is gone: {astray}"
        assert {box.service for box in self.daemon.world.boxes.values() if not box.up} <= {"job"}
        assert set(self.daemon.world.networks) == {"shop_default"}
        assert {"shop_data"} <= self.daemon.world.volumes
        assert self.daemon.plan().empty
        assert not self.daemon.look()


Worlds.TestCase.settings = settings(max_examples=max(80, settings().max_examples), stateful_step_count=40)
TestWorlds = Worlds.TestCase
