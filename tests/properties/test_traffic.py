"""The laws of rollouts behind a router over everything that can happen to its services, its instances and itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from gitopsd.controller.operations import apply
from gitopsd.model.action import Action
from gitopsd.model.analysis import Analysis, Metric
from gitopsd.model.desired import SealedState
from gitopsd.model.live import LiveState
from gitopsd.model.operation import Verb
from gitopsd.model.release import Journal
from gitopsd.model.routing import Routed
from gitopsd.model.strategy import Analyse, Pause, SetWeight
from gitopsd.release import Signals, Turn, advance
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.properties.traffic import TrafficLaws
from tests.world import Behaviour, Mishap

BEHAVIOURS = {
    "1": Behaviour(),
    "2": Behaviour(check=True, healthy_after=3),
    "3": Behaviour(),
    "unhealthy": Behaviour(check=True, healthy_after=None, unhealthy_after=3),
    "exits": Behaviour(exits_after=3, exit_code=1, restart="no"),
    "loops": Behaviour(exits_after=1, exit_code=1),
    "falls ill": Behaviour(check=True, unhealthy_after=30),
    "errs": Behaviour(),
}
GOOD = ("1", "2", "3")
CALLS = ["Create   shop-", "Start", "Stop", "Remove", "Rename", "Keep", "shop-web"]
JUDGED = Analysis((Metric("error-rate", "router", max=0.05),))
WAYS: dict[str, dict[str, Any]] = {
    "rolling": {},
    "warming": {"warm_up": 20},
    "canary": {"strategy": "canary", "steps": (SetWeight(2_000), Pause(seconds(10)), SetWeight(5_000))},
    "asking": {"strategy": "canary", "steps": (SetWeight(1_000), Pause(), SetWeight(5_000), Pause(seconds(5)))},
    "judged": {"strategy": "canary", "steps": (SetWeight(2_000), Analyse(seconds(5))), "analysis": JUDGED},
    "blue-green": {"strategy": "blue-green"},
    "green waits": {"strategy": "blue-green", "steps": (Pause(),)},
}
pytestmark = pytest.mark.timeout(3600)


def a_release(web: str, replicas: int, way: str, drain: int) -> SealedState:
    how: dict[str, Any] = {"drain_timeout": drain, "scale_down_delay": 10, "healthy_deadline": 40, **WAYS[way]}
    return a_state(a_service("web", f"web:{web}", replicas=replicas, traffic="80:8080", monitor=5, **how))


class Roads(RuleBasedStateMachine):
    """One daemon over one world with a router; every rule is something that may happen at any moment."""

    advance: Callable[..., Turn] = staticmethod(advance)
    apply: Callable[..., Any] = staticmethod(apply)

    def __init__(self) -> None:
        super().__init__()
        self.laws = TrafficLaws()
        self.daemon = Daemon(
            advance=self.decided,
            apply=type(self).apply,
            watch=self.told,
            foresee=self.laws.before_action,
            passed=self.laws.after_pass,
        )
        self.world, self.streets = self.daemon.world, self.daemon.world.streets
        self.laws.world = self.world
        self.streets.errors = {"web:errs": 0.5}
        self.given: dict[str, Any] = {}
        self.earlier: dict[str, Routed] = {}

    def decided(
        self, journal: Journal, wanted: SealedState | None, live: LiveState, now: datetime, signals: Signals, **how: Any
    ) -> Turn:
        turn = type(self).advance(journal, wanted, live, now, signals, **how)
        self.laws.turn(journal, turn.journal, signals, now)
        return turn

    def told(self, daemon: Daemon, action: Action) -> None:
        note(f"    {daemon.world.now:%H:%M:%S} {action}")
        self.laws.after_action(daemon, action)

    @initialize(replicas=st.integers(1, 4), way=st.sampled_from(sorted(WAYS)))
    def first_release(self, replicas: int, way: str) -> None:
        self.commit("1", replicas, way, 10)
        self.calm()

    # What Git says.

    @rule(
        web=st.sampled_from((*GOOD, *sorted(BEHAVIOURS))),
        replicas=st.integers(1, 4),
        way=st.sampled_from(sorted(WAYS)),
        drain=st.sampled_from([0, 10, 30]),
    )
    def commit(self, web: str, replicas: int, way: str, drain: int) -> None:
        self.given = {"web": web, "replicas": replicas, "way": way, "drain": drain}
        self._committed(a_release(**self.given))

    def _committed(self, state: SealedState) -> None:
        self._disturbed()
        self.laws.asked(state)
        image = state.services["web"].service.image.partition(":")[2]
        self.daemon.commit(state, web=BEHAVIOURS[image])

    def _disturbed(self) -> None:
        self.laws.disturbed(self.daemon)

    @rule(web=st.sampled_from((*GOOD, "errs", "falls ill")), way=st.sampled_from(sorted(WAYS)))
    def upgrade(self, web: str, way: str) -> None:
        """Nothing but content and the way it comes."""
        self.given |= {"web": web, "way": way}
        self._committed(a_release(**self.given))

    @rule(replicas=st.integers(0, 4))
    def scale(self, replicas: int) -> None:
        self.given |= {"replicas": replicas}
        self._committed(a_release(**self.given))

    @rule(way=st.sampled_from(sorted(WAYS)))
    def other_steps(self, way: str) -> None:
        self.given |= {"way": way}
        self._committed(a_release(**self.given))

    @rule()
    def revert_to_what_serves(self) -> None:
        serving = self.daemon.journal.serving
        if serving is not None:
            self._committed(self.daemon.states[serving.content_digest])

    # What the daemon does.

    @rule(times=st.integers(1, 3))
    def look(self, times: int) -> None:
        for _ in range(times):
            self.daemon.look()

    @precondition(lambda self: self.daemon.pending)
    @rule(data=st.data(), times=st.integers(1, 4))
    def act(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            if self.daemon.pending:
                self.daemon.step(data.draw(st.sampled_from(sorted(self.daemon.pending))))

    @rule(times=st.integers(1, 8), seconds=st.sampled_from([1, 1, 3, 5]))
    def work(self, times: int, seconds: int) -> None:
        """What the daemon does when nobody troubles it: passes, actions, a while of waiting."""
        for _ in range(times):
            self.daemon.look()
            self.daemon.act()
            self.daemon.look()
            self.daemon.act()
            self.wait(seconds)

    @rule(seconds=st.sampled_from([1, 5, 30, 400]))
    def wait(self, seconds: int) -> None:
        self._disturbed()
        self.daemon.wait(seconds)

    # What goes wrong.

    @rule()
    def the_daemon_dies(self) -> None:
        self.daemon.die()

    @rule(effects=st.integers(1, 6))
    def the_daemon_dies_at_the_last_of(self, effects: int) -> None:
        """The last call took effect, and nobody ever heard that it did."""
        self.daemon.look()
        for number in range(effects):
            if self.daemon.pending:
                self.world.once = {"": "silent"} if number == effects - 1 else {}
                self.daemon.step()
        self.world.once = {}
        self.daemon.die()

    @rule(seconds=st.sampled_from([-3600, -20, 20, 3600]))
    def the_clock_is_set(self, seconds: int) -> None:
        self._disturbed()
        self.daemon.clock_jumps(seconds)
        self.daemon.look()

    @precondition(lambda self: self.world.boxes)
    @rule(data=st.data(), how=st.sampled_from(["crash", "kill", "vanish"]))
    def a_hand_is_laid_on(self, data: st.DataObject, how: str) -> None:
        box = self.world.boxes[data.draw(st.sampled_from(sorted(self.world.boxes)))]
        if how == "vanish" or box.state == "running":
            self._disturbed()
            getattr(self.world, how)(box.id)

    @rule(data=st.data(), every=st.booleans())
    def some_flap(self, data: st.DataObject, *, every: bool) -> None:
        """They do not answer the router until this changes again."""
        self._disturbed()
        names = sorted(box.name for box in self.world.boxes.values())
        self.world.sick = set(names) if every else set(data.draw(st.lists(st.sampled_from(names or [""]), max_size=2)))

    @rule(data=st.data())
    def some_answer_slowly(self, data: st.DataObject) -> None:
        ids = sorted(self.world.boxes)
        self.streets.slow = set(data.draw(st.lists(st.sampled_from(ids or [""]), max_size=3)))

    @rule(rate=st.sampled_from([0.0, 5.0, 100.0]))
    def requests_come(self, rate: float) -> None:
        self.streets.rate = rate

    @rule(call=st.sampled_from(CALLS), how=st.sampled_from(["refused", "lost", "silent", "silent"]))
    def the_engine_errs(self, call: str, how: Mishap) -> None:
        """Once: a conflict, a time-out on the way there, or one after the call took effect."""
        self.world.once = {call: how}

    # What happens to the router.

    @rule(late=st.booleans(), away=st.booleans())
    def the_router_does_not_follow(self, *, late: bool, away: bool) -> None:
        self._disturbed()
        self.streets.late, self.streets.away = late, away

    @rule()
    def the_router_restarts(self) -> None:
        """4: with the last table that it has, so that all are back at once; its counters begin anew."""
        self._disturbed()
        self.streets.restart()

    @rule(share=st.sampled_from([0, 5_000, 10_000]))
    def its_share_is_changed_by_hand(self, share: int) -> None:
        self._disturbed()
        routes = self.streets.routes
        self.streets.routes = {name: replace(routed, share=share) for name, routed in routes.items()}
        self.laws.noted(self.daemon)

    @rule()
    def its_table_is_of_long_ago(self) -> None:
        """Somebody put back a copy of what it had on disk."""
        self._disturbed()
        self.earlier, self.streets.routes = dict(self.streets.routes), self.earlier
        self.streets.restart()
        self.laws.noted(self.daemon)

    # What a person says.

    @rule(verb=st.sampled_from(["pause", "resume", "promote", "promote", "abort", "retry"]))
    def a_person_says(self, verb: Verb) -> None:
        self._disturbed()
        if verb == "promote":
            self.laws.hurry(self.daemon)
        note(f"    {verb}: {self.daemon.ask(verb, '', rollout=True)}")
        if verb == "retry":
            self.laws.forgive(self.daemon)

    @rule(number=st.integers(1, 6), seconds=st.sampled_from([10, 300]))
    def a_person_pins(self, number: int, seconds: int) -> None:
        self._disturbed()
        if self.daemon.pin(number, seconds).startswith("pinned"):
            assert self.daemon.journal.pin is not None
            self.laws.forgive(self.daemon)
            self.laws.asked(self.daemon.states[self.daemon.journal.pin.content_digest])

    # How it ends.

    def teardown(self) -> None:
        """22, 30: when the trouble ends what is there is what Git says, and all of the traffic goes to it."""
        self.world.once, self.world.sick, self.streets.slow = {}, set(), set()
        self.streets.late, self.streets.away, self.streets.rate = False, False, 50.0
        for word in ({}, {"rollout": True}):
            self.daemon.ask("resume", **word)
        final = a_release("2", 2, self.given["way"], 10)
        journal = self.daemon.journal
        open_ = journal.release.content_digest if journal.release is not None else ""
        tried = bool(self.daemon.pending or self.daemon.refused) or final.content_digest in {*journal.rejected, open_}
        self._committed(final)
        self.calm()
        rejected = final.content_digest in self.daemon.journal.rejected
        assert tried or not rejected, f"nobody troubled it: {self.daemon.ended[-1].reason}"
        if rejected or self.daemon.journal.pin is not None:
            self.daemon.ask("unpin")
            self.daemon.ask("retry")  # it failed under somebody's hands before, or was pinned away from
            self.laws.forgive(self.daemon)
            self.calm()
        self.arrived(final)

    def calm(self) -> None:
        """Nobody troubles it, nor lets it wait, until nothing is open any more."""
        rest = 0
        for step in range(160):
            self.daemon.look()
            self.daemon.act()
            self.wait(2 if step < 60 else 30)
            if step % 5 == 4 and self.daemon.open():
                self.laws.hurry(self.daemon)
                self.daemon.ask("promote")
            rest = 0 if self.daemon.open() else rest + 1
            if rest == 2:
                return
        raise AssertionError(f"still open: {self.daemon.journal.rollouts}")

    def arrived(self, final: SealedState) -> None:
        """30: nothing is missing, left over or astray, and nothing is left to do."""
        web = final.services["web"].fingerprint
        assert self.daemon.journal.serving is not None
        assert self.daemon.journal.serving.content_digest == final.content_digest, self.daemon.ended[-1].reason
        assert self.world.running() == [f"shop-web-1 {web}", f"shop-web-2 {web}"]
        assert len(self.world.boxes) == 2
        assert self.streets.traffic("web", self.world) == {"web:2": 100}
        assert self.streets.routes == self.daemon.journal.routes
        assert set(self.streets.routes["web"].places) == set(self.world.boxes)
        assert self.daemon.plan().empty
        assert not self.daemon.look()


EXAMPLES = 150 if settings().max_examples < 500 else 10_000
Roads.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=25)
TestRoads = Roads.TestCase
