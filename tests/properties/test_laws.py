"""The laws of rollouts over everything that can happen: commits good and bad, deaths, hands, words, errors, time."""

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
from gitopsd.model.desired import Amount, SealedState
from gitopsd.model.health import NOT_ASKED, Checks, TcpCheck
from gitopsd.model.live import LiveState
from gitopsd.model.operation import Verb
from gitopsd.model.release import Journal
from gitopsd.release import Signals, Turn, advance
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.properties.laws import Laws
from tests.world import Behaviour, Mishap

BEHAVIOURS = {
    "1": Behaviour(),
    "2": Behaviour(check=True, healthy_after=8, restart="unless-stopped"),
    "3": Behaviour(check=True, healthy_after=None, unhealthy_after=3),
    "4": Behaviour(exits_after=1, exit_code=1),
    "5": Behaviour(exits_after=3, exit_code=1, restart="no"),
    "6": Behaviour(check=True, healthy_after=None),
    "7": Behaviour(unstartable="exec: no such file"),
    "8": Behaviour(check=True, healthy_after=2, restart="no"),
    "asked": Behaviour(answers_after=3),
    "sick": Behaviour(answers_after=1, silent_after=40),
    "mute": Behaviour(answers_after=None),
}
JOBS = {
    "1": Behaviour(exits_after=2, restart="no"),
    "2": Behaviour(exits_after=1, exit_code=1, restart="no"),
    "3": Behaviour(exits_after=90, restart="no"),
}
GOOD = ("1", "2", "8", "asked")
ASKED = Checks(tcp=TcpCheck(80))
ROOMS = [(1, 0), (1, 0), (2, 0), (1, 1), (0, 1), (0, 2)]
CALLS = ["Create   shop-", "Create   network", "Start", "Stop", "Remove", "Rename", "Keep", "shop-web", "shop-db"]
pytestmark = pytest.mark.timeout(3600)


def a_release(
    web: str, replicas: int, db: str, job: str, *, extra: bool, home: str = "", room: tuple[int, int] = (1, 0)
) -> SealedState:
    """`home` is the service whose network another one lives in, `room` what `web` may surge and be without."""
    how: dict[str, Any] = {"max_surge": Amount(room[0]), "max_unavailable": Amount(room[1])}
    how["health"] = ASKED if BEHAVIOURS[web] in (BEHAVIOURS[tag] for tag in ("asked", "sick", "mute")) else NOT_ASKED
    services = [
        a_service("web", f"web:{web}", replicas=replicas, depends_on={"db": "service_healthy"}, **how),
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
    apply: Callable[..., Any] = staticmethod(apply)

    def __init__(self) -> None:
        super().__init__()
        self.laws = Laws()
        self.daemon = Daemon(
            advance=self.decided,
            apply=type(self).apply,
            watch=self.told,
            foresee=self.laws.before_action,
            passed=self.laws.after_pass,
        )
        self.daemon.world.behaviours |= {f"web:{tag}": each for tag, each in BEHAVIOURS.items()}
        self.daemon.world.behaviours |= {f"job:{tag}": each for tag, each in JOBS.items()}
        self.given: dict[str, Any] = {}
        self.decisions = 0

    def decided(
        self, journal: Journal, wanted: SealedState | None, live: LiveState, now: datetime, signals: Signals, **how: Any
    ) -> Turn:
        """17: equal input, equal answer."""
        turn = type(self).advance(journal, wanted, live, now, signals, **how)
        self.decisions += 1
        if self.decisions % 4 == 0:
            assert turn == type(self).advance(journal, wanted, live, now, signals, **how)
        self.laws.turn(journal, turn.journal, signals, now)
        return turn

    def told(self, daemon: Daemon, action: Action) -> None:
        note(f"    {daemon.world.now:%H:%M:%S} {action}")
        self.laws.after_action(daemon, action)

    @initialize()
    def first_release(self) -> None:
        self.commit("1", 2, "1", "1", extra=True, home="db")
        self.calm()

    # What Git says.

    @rule(
        web=st.sampled_from(sorted(BEHAVIOURS)),
        replicas=st.integers(0, 3),
        db=st.sampled_from(sorted(BEHAVIOURS)),
        job=st.sampled_from(["", "1", "2", "3"]),
        extra=st.booleans(),
        home=st.sampled_from(["", "db", "db", "web"]),
        room=st.sampled_from(ROOMS),
    )
    def commit(
        self, web: str, replicas: int, db: str, job: str, *, extra: bool, home: str, room: tuple[int, int] = (1, 0)
    ) -> None:
        self.given = {"web": web, "replicas": replicas, "db": db, "job": job}
        self.given |= {"extra": extra, "home": home, "room": room}
        state = a_release(web, replicas, db, job, extra=extra, home=home, room=room)
        self.daemon.world.behaviours[state.services["db"].fingerprint] = BEHAVIOURS[db]
        self._committed(state)

    def _committed(self, state: SealedState) -> None:
        self.laws.disturbed(self.daemon)
        self.laws.asked(state)
        self.daemon.commit(state)

    @rule(replicas=st.integers(0, 3))
    def scale(self, replicas: int) -> None:
        """Nothing but the number of `web` changes."""
        self.given |= {"replicas": replicas}
        self._committed(a_release(**self.given))

    @rule()
    def revert_to_what_serves(self) -> None:
        serving = self.daemon.journal.serving
        if serving is not None:
            self._committed(self.daemon.states[serving.content_digest])

    @rule(number=st.integers(0, 99))
    def commit_the_same_again(self, number: int) -> None:
        """Another commit that changes nothing here."""
        assert self.daemon.wanted is not None
        self._committed(replace(self.daemon.wanted, revision=f"{number:08}"))

    # What the daemon does.

    @rule(times=st.integers(1, 3))
    def look(self, times: int) -> None:
        for _ in range(times):
            self.daemon.look()

    @precondition(lambda self: self.daemon.pending)
    @rule(data=st.data(), times=st.integers(1, 4))
    def act(self, data: st.DataObject, times: int) -> None:
        for _ in range(min(times, len(self.daemon.pending))):
            self.daemon.step(data.draw(st.sampled_from(sorted(self.daemon.pending))))
            if not self.daemon.pending:
                return

    @rule(seconds=st.sampled_from([1, 1, 3, 5, 10]))
    def work(self, seconds: int) -> None:
        """What the daemon does when nobody troubles it: passes, actions, a while of waiting."""
        for _ in range(2):
            self.daemon.look()
            self.daemon.act()
        self.wait(seconds)

    @rule(seconds=st.sampled_from([1, 5, 30, 400]))
    def wait(self, seconds: int) -> None:
        self.laws.disturbed(self.daemon)
        self.daemon.wait(seconds)

    # What goes wrong.

    @rule()
    def the_daemon_dies(self) -> None:
        self.daemon.die()

    @rule(effects=st.integers(1, 6))
    def the_daemon_dies_at_the_last_of(self, effects: int) -> None:
        """16: the last call took effect, and nobody ever heard that it did."""
        self.daemon.look()
        for number in range(min(effects, sum(map(len, self.daemon.pending.values())))):
            if number == effects - 1:
                self.daemon.world.once = {"": "silent"}
            if self.daemon.pending:
                self.daemon.step()
        self.daemon.world.once = {}
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

    @rule(call=st.sampled_from(CALLS), how=st.sampled_from(["refused", "lost", "silent", "silent"]))
    def the_engine_errs(self, call: str, how: Mishap) -> None:
        """Once: a conflict, a time-out on the way there, or one after the call took effect."""
        self.daemon.world.once = {call: how}

    @rule(seconds=st.sampled_from([-3600, -20, 20, 3600]))
    def the_clock_is_set(self, seconds: int) -> None:
        self.laws.disturbed(self.daemon)
        self.daemon.clock_jumps(seconds)
        self.daemon.look()

    @precondition(lambda self: self.daemon.world.boxes)
    @rule(data=st.data(), how=st.sampled_from(["crash", "kill", "vanish", "pause"]))
    def a_hand_is_laid_on(self, data: st.DataObject, how: str) -> None:
        world = self.daemon.world
        box = world.boxes[data.draw(st.sampled_from(sorted(world.boxes)))]
        if how == "vanish" or box.state == "running":
            self.laws.disturbed(self.daemon)
            getattr(world, how)(box.id)

    @rule(which=st.sampled_from(["all", "none", "shop-web-1", "shop-web-2"]))
    def what_is_asked_flaps(self, which: str) -> None:
        """What answers wrongly from now on, until it changes again."""
        self.laws.disturbed(self.daemon)
        names = {box.name for box in self.daemon.world.boxes.values()}
        self.daemon.world.sick = names if which == "all" else names & {which}

    # What a person says.

    @rule(
        verb=st.sampled_from(["pause", "resume", "promote", "abort", "retry"]),
        service=st.sampled_from(["", "", "web", "db"]),
    )
    def a_person_says(self, verb: Verb, service: str) -> None:
        """15: with nothing under way that changes nothing. What is under way was decided without knowing of it."""
        self.laws.disturbed(self.daemon)
        before, idle = self.daemon.journal, self.daemon.journal.release is None
        if verb == "promote":
            self.laws.hurry(self.daemon)
        answer = self.daemon.ask(verb, service, rollout=True)
        note(f"    {verb} {service}: {answer}")
        if verb == "retry":
            self.laws.forgive(self.daemon)
        elif idle:
            assert self.daemon.journal == before, f"{verb} did something, though nothing is under way: {answer}"

    @rule(verb=st.sampled_from(["suspend", "resume", "unpin"]), seconds=st.sampled_from([5, 60]))
    def a_person_says_of_all(self, verb: Verb, seconds: int) -> None:
        self.laws.disturbed(self.daemon)
        self.daemon.ask(verb, for_s=seconds)

    @rule(number=st.integers(1, 6), seconds=st.sampled_from([10, 300]))
    def a_person_pins(self, number: int, seconds: int) -> None:
        self.laws.disturbed(self.daemon)
        if self.daemon.pin(number, seconds).startswith("pinned"):
            assert self.daemon.journal.pin is not None
            self.laws.forgive(self.daemon)
            self.laws.asked(self.daemon.states[self.daemon.journal.pin.content_digest])

    # How it ends.

    def teardown(self) -> None:
        """16, 18, 21, 30: when the trouble ends it arrives, and what is there is what Git says, no more, no less."""
        world = self.daemon.world
        world.unfit, world.once, world.sick = {}, {}, set()
        for word in ({}, {"rollout": True}):
            self.daemon.ask("resume", **word)
        if self.daemon.number % 2:
            self.calm()  # otherwise the last commit comes in the middle of what is under way
        final = a_release("8", 2, "8", "1", extra=False, home="db")
        world.behaviours[final.services["db"].fingerprint] = BEHAVIOURS["8"]
        self._committed(final)
        self.calm()
        if final.content_digest in self.daemon.journal.rejected or self.daemon.journal.pin is not None:
            self.daemon.ask("unpin")
            self.daemon.ask("retry")  # it failed under somebody's hands before, or was pinned away from
            self.laws.forgive(self.daemon)
            self.calm()
        self.daemon.wait(601)
        self.calm()
        self.arrived(final)

    def calm(self) -> None:
        """Nobody troubles it until nothing is open any more."""
        rest = 0
        for step in range(160):
            self.daemon.look()
            self.daemon.act()
            self.wait(5 if step < 30 else 30)
            rest = 0 if self.daemon.open() else rest + 1
            if rest == 2:
                return
        raise AssertionError(f"still open: {self.daemon.journal.rollouts}")

    def arrived(self, final: SealedState) -> None:
        """17, 30: nothing is missing, left over or astray, and nothing is left to do."""
        db = final.services["db"].fingerprint
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


EXAMPLES = 500 if settings().max_examples < 500 else 10_000
Worlds.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=30)
TestWorlds = Worlds.TestCase
