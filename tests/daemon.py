"""The passes of a daemon over one environment of a `World`, with its journal saved before it acts, and ways to die.

Chains may be carried out one action at a time (`step`), with passes in between, as the real executor's threads do.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gitopsd.adapters.store.codec import dump, load
from gitopsd.controller.operations import apply
from gitopsd.model.action import Action, Chain, Connect, Disconnect, Remove, Update
from gitopsd.model.canonical import Json
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import FieldDrift
from gitopsd.model.event import Event
from gitopsd.model.health import Heard
from gitopsd.model.live import LiveState
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.plan import Plan
from gitopsd.model.release import Journal, Release
from gitopsd.plan.planning import Applied, plan
from gitopsd.release import Candidate, Signals, Turn, advance, begin, follow, recognise, verdict
from gitopsd.release.readiness import judged, to_ask
from gitopsd.rollout.health import heard, telling
from tests.builders import waves_of
from tests.world import Behaviour, Refused, Unfit, World

Advance = Callable[..., Turn]
HOST_IS_ASKED_AGAIN_AFTER = timedelta(seconds=10)


@dataclass
class Daemon:
    """`wanted` is what Git says now. `done` lists the actions carried out, `pending` chains that are under way.

    `changed` are the fields that somebody changed by hand, by container name, until an action mends them.
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
    refused: dict[str, str] = field(default_factory=dict)
    held: dict[str, datetime] = field(default_factory=dict)
    returned: bool = True
    wake_at: datetime | None = None
    advance: Advance = advance
    repair: bool = True
    storm: bool = False
    changed: dict[str, tuple[FieldDrift, ...]] = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)
    asked_at: dict[str, datetime] = field(default_factory=dict)
    watch: Callable[["Daemon", Action], None] = lambda daemon, action: None

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
        live, before = self.world.look(), self.journal
        self.journal = recognise(self.journal, live)
        self.journal = judged(self.journal, self.basis(), live, self.heard, self.world.now)
        self._open(live)
        held = frozenset(key for key, until in self.held.items() if self.world.now < until)
        signals = Signals(frozenset(self.pending), dict(self.refused), held, self.returned, self.storm)
        self.refused, self.returned = {}, False
        drifted = {each.id: self.changed[each.name] for each in live.instances if each.name in self.changed}
        turn = self.advance(
            self.journal, self.basis(), live, self.world.now, signals, repair=self.repair, drifted=drifted
        )
        self.journal, self.wake_at = stored(turn.journal), turn.wake_at
        self.events += turn.events
        self.ended += turn.ended
        told = self.probe()
        self.pending |= {chain.key: chain.actions for chain in turn.chains if chain.key not in self.pending}
        return bool(turn.chains) or told or self.journal != before

    def _open(self, live: LiveState) -> None:
        state = self.wanted
        if state is None:
            return
        if verdict(self.journal, state) != "begin":
            self.journal = follow(self.journal, state)
            return
        made = self.plan(state)
        if made.holds or made.problems:
            return
        self.number += 1
        candidate = Candidate(state, made, waves_of(state), "ada", f"commit {self.number}", "newer content in Git")
        self.journal, events, ended = begin(self.journal, candidate, self.number, self.world.now)
        self.events += events
        self.ended += ended

    def probe(self) -> bool:
        """Ask all whose interval has passed; whether an answer tells something new."""
        told, now = False, self.world.now
        for id, each in to_ask(self.journal, self.basis(), self.world.look()).items():
            before = self.heard.get(id)
            again = before is None or before.started_at != each.started_at
            if again or now >= self.asked_at[id] + each.checks.interval:
                answers = [self.world.answer(id, check) for check in each.checks.each]
                self.asked_at[id], self.heard[id] = now, heard(before, each, answers, now)
                told = told or telling(before, self.heard[id], each.checks)
        return told

    def step(self, key: str = "") -> None:
        """Carry one action of one pending chain out."""
        key = key or min(self.pending)
        action, *rest = self.pending.pop(key)
        try:
            self.world.apply(action)
        except Refused as refused:
            self.refused[key] = str(refused)
            return
        except Unfit:
            self.held[key] = self.world.now + HOST_IS_ASKED_AGAIN_AFTER
            return
        if rest:
            self.pending[key] = tuple(rest)
        if isinstance(action, Update) and action.container in self.journal.inventory:
            placed = replace(self.journal.inventory[action.container], in_place=action.in_place)
            self.journal = replace(self.journal, inventory={**self.journal.inventory, action.container: placed})
        self._mend(action)
        self.done.append(action)
        self.watch(self, action)

    def _mend(self, action: Action) -> None:
        if not isinstance(action, Update | Connect | Disconnect | Remove) or action.name not in self.changed:
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
            due = self.wake_at is not None and self.world.now >= self.wake_at
            due = self.probe() or due or any(before < at <= self.world.now for at in self.held.values())
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
        asked = Operation(verb, "production", "ada", self.world.now, {"service": service, **more})
        applied = apply(asked, self.journal, self.world.now)
        self.journal = stored(applied.journal)
        return applied.result

    def die(self) -> None:
        """The daemon is killed: what was under way is lost, and what was not saved."""
        self.pending, self.refused, self.held, self.returned = {}, {}, {}, True
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
