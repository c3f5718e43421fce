"""The passes of a daemon over one environment of a `World`, with its journal saved before it acts, and ways to die.

Chains may be carried out one action at a time (`step`), with passes in between, as the real executor's threads do.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gitopsd.adapters.store.codec import dump, load
from gitopsd.controller.operations import Applied as Answered
from gitopsd.controller.operations import apply, lapse
from gitopsd.model.action import Action, Chain, Connect, Disconnect, Exchange, Remove, Update
from gitopsd.model.analysis import Measures
from gitopsd.model.canonical import Json
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import FieldDrift
from gitopsd.model.event import Event
from gitopsd.model.health import Heard
from gitopsd.model.live import LiveState
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.parted import with_first
from gitopsd.model.plan import Plan
from gitopsd.model.release import Journal, Pin, Release
from gitopsd.model.visits import Visits
from gitopsd.plan.planning import Applied, plan
from gitopsd.release import Candidate, Signals, Turn, advance, begin, follow, recognise, refuse, verdict
from gitopsd.release.jump import after_jump
from gitopsd.release.pinning import forgotten, given_up, pin_to, pinned, refusal
from gitopsd.release.readiness import judged, to_ask
from gitopsd.release.refusals import Aim, Refusal, aim_of, concerning
from gitopsd.release.schema import GUARD, passing
from gitopsd.release.schema import refusal as refused_by_schema
from gitopsd.rollout.health import heard, telling
from tests.builders import waves_of
from tests.world import Behaviour, Refused, Unanswered, Unfit, World

Advance = Callable[..., Turn]
Gate = Callable[[Journal, SealedState, Plan], str]
Watch = Callable[["Daemon", Action], None]
HOST_IS_ASKED_AGAIN_AFTER = timedelta(seconds=10)
SILENT_ENGINE_IS_ASKED_AGAIN_AFTER = timedelta(seconds=1)


@dataclass
class Daemon:
    """`wanted` is what Git says now. `done` lists the actions carried out, `pending` chains that are under way.

    `changed` are the fields that somebody changed by hand, by container name, until an action mends them. `skew` is how
    far its wall clock is from the world's, `jump` what of that it has not noticed yet. `watch` and `foresee` are told
    of every action, after it and before it, `passed` of every pass, with the journal before it. `measure` says what was
    measured beside the passes. `printed` are the last lines of jobs, by service.
    """

    world: World = field(default_factory=World)
    wanted: SealedState | None = None
    journal: Journal = field(default_factory=lambda: Journal("production"))
    states: dict[str, SealedState] = field(default_factory=dict)
    number: int = 0
    events: list[Event] = field(default_factory=list)
    ended: list[Release] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    pending: dict[str, tuple[Action, ...]] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    aims: dict[str, Aim] = field(default_factory=dict)
    held: dict[str, datetime] = field(default_factory=dict)
    returned: bool = True
    wake_at: datetime | None = None
    advance: Advance = advance
    gate: Gate = refused_by_schema
    repair: bool = True
    storm: bool = False
    spikes: dict[str, str] = field(default_factory=dict)
    measure: Callable[["Daemon"], Mapping[str, Measures]] = lambda daemon: {}
    visits: dict[str, Visits] | None = None  # by service; None: nobody sends requests through the router
    changed: dict[str, tuple[FieldDrift, ...]] = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)
    asked_at: dict[str, datetime] = field(default_factory=dict)
    watch: Watch = lambda daemon, action: None
    foresee: Watch = lambda daemon, action: None
    passed: Callable[["Daemon", Journal], None] = lambda daemon, before: None
    apply: Callable[[Operation, Journal, datetime], Answered] = apply
    waits: dict[str, datetime] = field(default_factory=dict)
    skew: timedelta = timedelta(0)
    jump: timedelta = timedelta(0)
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The time by its own clock."""
        return self.world.now + self.skew

    def commit(self, state: SealedState, **behaviours: Behaviour) -> "Daemon":
        """Git wants this from now on. `behaviours` are by service, of the fingerprints that it has in this state."""
        self.wanted = state
        self.states[state.content_digest] = state
        for name, sealed in state.services.items():
            self.world.specifications[(name, sealed.fingerprint, sealed.in_place)] = sealed
            if name in behaviours:
                self.world.behaviours[sealed.fingerprint] = behaviours[name]
        return self

    # Passes.

    def plan(self, state: SealedState | None = None) -> Plan:
        state = state or self.wanted
        assert state is not None
        applied = Applied(self.journal.stable, self.basis())
        return plan(state, applied, self.journal, self.world.look(), waves_of(state))

    def basis(self) -> SealedState | None:
        named = self.journal.release or self.journal.serving
        return self.states[named.content_digest] if named is not None else None

    def look(self) -> bool:
        """One pass; its chains become pending. Whether it changed anything."""
        live, before, now = self.world.look(), self.journal, self.now
        self.journal, self.jump = lapse(after_jump(self.journal, self.jump), now), timedelta(0)
        self.journal = recognise(self.journal, live)
        self.journal = judged(self.journal, self.basis(), live, self.heard, now)
        self._open(live)
        held = frozenset(key for key, until in self.held.items() if now < until)
        waits = frozenset(key for key, until in self.waits.items() if now < until)
        busy, refused = frozenset(self.pending) | waits, concerning(self.journal, self.refused)
        sight = self.world.streets.sight(self.journal.routes, self.world)
        measures = self.measure(self)
        signals = Signals(busy, refused, held, self.returned, self.storm, self.spikes, sight, measures, self.visits)
        signals = replace(signals, printed=self.printed)
        self.refused, self.returned = {}, False
        drifted = {each.id: self.changed[each.name] for each in live.instances if each.name in self.changed}
        repair = self.repair and self.journal.suspension is None
        turn = self.advance(self.journal, self.basis(), live, now, signals, repair=repair, drifted=drifted)
        self.journal, self.wake_at = turn.journal, turn.wake_at
        self.events += turn.events
        self.ended += turn.ended
        told = self.probe(live) | self.world.streets.take(self.journal.routes)
        begun = {chain.key: chain.actions for chain in turn.chains if chain.key not in self.pending}
        self.aims |= {key: aim_of(self.journal, key) for key in begun}
        self.pending |= begun
        self.passed(self, before)
        return bool(turn.chains) or told or self.journal != before

    def _open(self, live: LiveState) -> None:
        self.journal = forgotten(given_up(self.journal), self.wanted, asked=False)
        held = pinned(self.journal)
        state = self.wanted if held is None else self.states[held.content_digest]
        if state is None or self.wanted is None:
            return
        if verdict(self.journal, state) != "begin":
            self.journal = follow(self.journal, self.wanted)
            return
        made = self.plan(state)
        kept_out = held is None and (self.journal.pin is not None or self.journal.suspension is not None)
        if made.holds or made.problems or kept_out:
            return
        bad = self.gate(self.journal, state, made)
        if bad and passing(self.journal, state, made):
            return
        self.number += 1
        cause = held.words if held is not None else "newer content in Git"
        candidate = Candidate(state, made, waves_of(state), "ada", f"commit {self.number}", cause)
        if bad:
            found = refuse(self.journal, candidate, self.number, bad, self.now, GUARD)
        else:
            found = begin(self.journal, candidate, self.number, self.now)
        self.journal, events, ended = found
        self.events += events
        self.ended += ended

    def probe(self, live: LiveState | None = None) -> bool:
        """Ask all whose interval has passed; whether an answer tells something new."""
        told, now = False, self.now
        for id, each in to_ask(self.journal, self.basis(), live or self.world.look()).items():
            before = self.heard.get(id)
            again = before is None or before.started_at != each.started_at
            if again or self.world.now >= self.asked_at[id] + each.checks.interval:
                answers = [self.world.answer(id, check) for check in each.checks.each]
                self.asked_at[id], self.heard[id] = self.world.now, heard(before, each, answers, now)
                told = told or telling(before, self.heard[id], each.checks)
        return told

    def step(self, key: str = "") -> None:
        """Carry one action of one pending chain out."""
        key = key or min(self.pending)
        action, *rest = self.pending.pop(key)
        self.foresee(self, action)
        try:
            self.world.apply(action)
        except Refused as refused:
            self.refused[key] = Refusal(str(refused), self.aims[key])
            return
        except Unfit:
            self.held[key] = self.now + HOST_IS_ASKED_AGAIN_AFTER
            return
        except Unanswered:
            self.waits[key] = self.now + SILENT_ENGINE_IS_ASKED_AGAIN_AFTER
            return
        if rest:
            self.pending[key] = tuple(rest)
        if isinstance(action, Update | Exchange) and action.container in self.journal.inventory:
            placed = self.journal.inventory[action.container]
            rows = (
                (placed.in_place, action.in_place) if isinstance(action, Update) else (action.in_place, placed.in_place)
            )
            placed = replace(placed, in_place=with_first(*rows))
            self.journal = replace(self.journal, inventory={**self.journal.inventory, action.container: placed})
        self._mend(action)
        self.done.append(action)
        self.watch(self, action)

    def _mend(self, action: Action) -> None:
        if not isinstance(action, Update | Exchange | Connect | Disconnect | Remove) or action.name not in self.changed:
            return
        network = getattr(action, "network", "")
        left = tuple(each for each in self.changed[action.name] if network and network not in each.at)
        self.changed = {**self.changed, action.name: left}

    def act(self) -> None:
        """Carry everything pending out, chain after chain."""
        while self.pending:
            self.step()

    def run(self, passes: int = 200) -> "Daemon":
        """Passes and actions until nothing is left to do now; time does not move."""
        for _ in range(passes):
            if not self.look() and not self.pending:
                return self
            self.act()
        raise AssertionError(f"no rest after {passes} passes: {self.lines()[-6:]}")

    def settle(self, within: float = 3600) -> "Daemon":
        """Run until nothing is open. Between looks time passes: until something is to be seen, or the daemon wakes."""
        limit = self.world.now + timedelta(seconds=within)
        self.run()
        while self.open() and self.world.now < limit:
            seen, before = self.world.look(), self.world.now
            self.wait()
            due = self.wake_at is not None and self.now >= self.wake_at
            again = (at - self.skew for at in (*self.held.values(), *self.waits.values()))
            due = self.probe() or due or any(before < at <= self.world.now for at in again)
            if due or self.world.look() != seen:
                self.run()
        return self

    def wait(self, seconds: float = 1) -> "Daemon":
        """Let so many seconds pass; nobody looks meanwhile."""
        now = self.world.now
        self.world.pass_time(now + timedelta(seconds=seconds))
        return self

    def open(self) -> bool:
        return self.journal.release is not None or bool(self.journal.rollouts) or bool(self.pending)

    def ask(self, verb: Verb, service: str = "", **more: Json) -> str:
        """A person asks ada's daemon for something; the answer."""
        asked = Operation(verb, "production", "ada", self.now, {"service": service, **more})
        applied = self.apply(asked, self.journal, self.now)
        self.journal = applied.journal
        return applied.result

    def pin(self, number: int, seconds: float) -> str:
        """A person pins the environment to a release; the answer."""
        release = next((each for each in self.ended if each.number == number), None)
        if release is None or (no := refusal(self.journal, release, number, ())):
            return f"not pinned: {no if release is not None else 'there is none'}"
        pin = Pin(number, release.content_digest, "ada", "slow", self.now, self.now + timedelta(seconds=seconds))
        self.journal = pin_to(self.journal, pin, release, self.wanted)
        return f"pinned to release {number}"

    def clock_jumps(self, seconds: float) -> None:
        """Somebody sets the clock; its engine's goes along with the world."""
        self.skew += timedelta(seconds=seconds)
        self.jump += timedelta(seconds=seconds)
        self.held, self.waits = {}, {}

    def die(self) -> None:
        """The daemon is killed: what was under way is lost, and what was not saved."""
        self.pending, self.refused, self.held, self.waits, self.returned = {}, {}, {}, {}, True
        self.journal, self.jump = stored(self.journal), timedelta(0)
        self.heard.clear()

    def lose_journal(self) -> None:
        self.die()
        self.journal = Journal("production")

    # What a person would see.

    def lines(self) -> list[str]:
        return [str(action) for action in self.done]

    def moves(self) -> list[str]:
        """The actions without their causes, in one space each."""
        return [" ".join(line.split("  #")[0].split()) for line in self.lines()]

    def outcome(self) -> str:
        return str(self.ended[-1].outcome) if self.ended else ""

    def reason(self) -> str:
        return self.ended[-1].reason if self.ended else ""


def stored(journal: Journal) -> Journal:
    """The journal after a way through the store."""
    return load(Journal, dump(journal))


def chains_of(turn: Turn) -> dict[str, Chain]:
    return {chain.key: chain for chain in turn.chains}


def as_json(journal: Journal) -> Any:
    return json.loads(dump(journal))
