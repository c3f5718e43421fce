"""The laws of rollouts behind a router, from outside: who gets requests when, and who is stopped when.

They look at what the router has, at the journal and at the world. `table.py` lists all laws by number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gitopsd.model.action import Action, Keep, Stop
from gitopsd.model.analysis import Fail, Pass
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, Progressing, RollingBack, Rollout
from gitopsd.model.route import ALL, FULL, SLOTS, SlotName
from gitopsd.model.routing import UNSEEN, Routed, Seen
from gitopsd.model.strategy import Analyse, Pause, SetWeight
from gitopsd.release import Signals
from gitopsd.rollout.shifting import gradual, steps_of
from tests.daemon import Daemon
from tests.properties.laws import Key, Laws, key_of, replicas
from tests.world import World

Table = Mapping[str, Routed]


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision about one rollout: the journals around it, and what the router had shown before."""

    rollout: Rollout
    was: Rollout | None
    before: Journal
    after: Journal
    seen: Seen
    now: datetime

    @property
    def goes_back(self) -> bool:
        stable = self.rollout.stable
        again = stable is not None and stable.fingerprint == self.rollout.target.fingerprint
        return stable is not None and (again or isinstance(self.rollout.phase, RollingBack))

    def home(self, journal: Journal) -> SlotName | None:
        """The slot of what served before, if somebody answers there and it has a slot of its own."""
        routed, stable = journal.routes.get(self.rollout.service), self.rollout.stable
        if routed is None or stable is None:
            return None
        slots = slots_of(journal, routed, stable.fingerprint)
        home = min(slots) if len(slots) == 1 else None
        return home if home is not None and self.answering(routed, home) else None

    def answering(self, routed: Routed, slot: SlotName) -> int:
        """How much answers in a slot, in FULL to an instance."""
        return sum(routed.places[id].weight for id in routed.serving(slot) if self.seen.ready(id))

    def newer(self, journal: Journal) -> int | None:
        """The share that is wanted for all that is not what served before; None: that one does not answer."""
        home, routed = self.home(journal), journal.routes.get(self.rollout.service)
        if home is None or routed is None:
            return None
        return routed.share if home == "a" else ALL - routed.share


@dataclass
class TrafficLaws(Laws):
    """Watches one daemon whose service `web` is behind the router.

    `table` is what the router had after the last pass, `tables` are all that were wanted of it, `words` the steps that
    a person said not to wait for.
    """

    world: World = field(default_factory=World)
    table: Routed | None = None
    tables: list[Table] = field(default_factory=list)
    words: set[tuple[Key, int]] = field(default_factory=set)

    def noted(self, daemon: Daemon) -> None:
        """Somebody laid hands on the router or on who is in it."""
        self.table = daemon.world.streets.routes.get("web")

    def hurry(self, daemon: Daemon) -> None:
        Laws.hurry(self, daemon)
        self.words |= {(key_of(each), each.shift.step) for each in daemon.journal.rollouts.values()}

    def before_action(self, daemon: Daemon, action: Action) -> None:
        Laws.before_action(self, daemon, action)
        if isinstance(action, Stop | Keep) and f"{action.service}/{action.slot}" not in self.tainted:
            self.never_stopped_in_the_router(daemon, action)
            self.what_served_stays_beside(daemon, action)

    def turn(self, before: Journal, after: Journal, signals: Signals, now: datetime) -> None:
        for name, routed in after.routes.items():
            seen = signals.sight.get(name, UNSEEN)
            self.table_is_complete(routed)
            self.nothing_goes_where_nobody_answers(routed, seen)
            if (was := before.routes.get(name)) is not None:
                self.leaves_in_its_own_time(was, routed, seen, after, now)
        for name, rollout in after.rollouts.items():
            seen = signals.sight.get(name, UNSEEN)
            decided = Decided(rollout, before.rollouts.get(name), before, after, seen, now)
            self.newer_content_has_what_it_was_given(decided)
            self.asks_for_more_and_more(decided)
            self.steps_are_passed_on_their_own_evidence(decided)
            self.begins_without_evidence_of_others(decided)
            self.gets_less_on_the_way_back(decided)
            self.a_failure_is_acted_on(decided)

    def after_pass(self, daemon: Daemon, before: Journal) -> None:
        Laws.after_pass(self, daemon, before)
        if (
            "web" not in daemon.journal.rollouts
        ):  # what broke right after it was let in left the old ones where they are
            self.peaks["web"] = max(self.peaks.get("web", 0), sum(box.up for box in daemon.world.boxes.values()))
        self.tables = [*self.tables[-60:], dict(daemon.journal.routes)]
        self.gone_is_out(daemon)
        self.let_in_when_proven(daemon, before)
        self.requests_are_sent_somewhere(daemon, before)
        self.promoted_with_all_of_the_traffic(daemon, before)
        self.router_has_what_was_wanted(daemon)
        self.noted(daemon)

    # The laws of one action.

    def never_admitted_early(self, daemon: Daemon, stop: Stop) -> None:
        """4: beside what served, what came between gives way to that, not to newer content."""
        rollout, box = daemon.journal.rollouts.get(stop.service), daemon.world.boxes.get(stop.container)
        served = rollout.stable.fingerprint if rollout is not None and rollout.stable is not None else ""
        between = box is not None and rollout is not None and gradual(rollout) and box.fingerprint != served
        if not between:
            Laws.never_admitted_early(self, daemon, stop)

    def never_more_than_surge(self, daemon: Daemon, service: str) -> None:
        """1: newer content may stand beside all of what serves, where it is let in step by step."""
        up = sum(box.up for box in daemon.world.boxes.values() if box.service == service)
        rollout, stable = daemon.journal.rollouts.get(service), daemon.journal.stable.get(service)
        targets = [stable, *([rollout.target, rollout.stable] if rollout is not None else [])]
        most = max(self.peaks.get(service, 0), 1, *(each.replicas for each in targets if each is not None))
        assert up <= 2 * most, f"{up} instances of {service} beside {most}"

    def never_stopped_in_the_router(self, daemon: Daemon, action: Stop | Keep) -> None:
        """6: nobody is stopped to whom the router could still send a request."""
        box = daemon.world.boxes.get(action.container)
        tables = daemon.world.streets.routes.values()
        inside = box is not None and box.up and any(box.id in routed.places for routed in tables)
        assert not inside, f"{action.container} is stopped while it is in the router"

    def what_served_stays_beside(self, daemon: Daemon, action: Stop | Keep) -> None:
        """12: step by step, all of what served before stays ready until the last step is done."""
        rollout, box = daemon.journal.rollouts.get(action.service), daemon.world.boxes.get(action.container)
        if rollout is None or box is None or not gradual(rollout) or not isinstance(rollout.phase, Progressing):
            return
        good = [each for each in daemon.world.boxes.values() if each.slot == box.slot and daemon.world.seems_good(each)]
        stable = [
            each for each in good if rollout.stable is not None and each.fingerprint == rollout.stable.fingerprint
        ]
        assert box not in stable or len(stable) > 1, f"{box.name} is stopped before newer content has everything"

    # The laws of one decision.

    def table_is_complete(self, routed: Routed) -> None:
        """28: what is wanted of the router is always whole: each instance in its place, each share within bounds."""
        assert 0 <= routed.share <= ALL
        for place in routed.places.values():
            assert place.slot in SLOTS
            assert place.address
            assert 1 <= place.weight <= FULL

    def nothing_goes_where_nobody_answers(self, routed: Routed, seen: Seen) -> None:
        """7: a slot in which nobody answers has no share while the other one has somebody."""
        a, b = (any(seen.ready(id) for id in routed.serving(slot)) for slot in SLOTS)
        assert a == b or routed.share == (ALL if b else 0), f"{routed.share} in b, where somebody answers: {b}"

    def leaves_in_its_own_time(self, was: Routed, routed: Routed, seen: Seen, after: Journal, now: datetime) -> None:
        """6: who leaves stays until nothing is in flight there, or its time is over."""
        rollout = after.rollouts.get("web")
        for id in was.places.keys() - routed.places.keys():
            box, leaving = self.world.boxes.get(id), was.places[id].leaving
            if box is None or not box.up:
                continue
            drained = leaving is not None and seen.agreed and not seen.in_flight(id)
            least = rollout.policy.drain_timeout if rollout is not None else now - now
            late = now >= (leaving or now) + least
            assert drained or late, f"{box.name} is out while it has requests in flight"

    def newer_content_has_what_it_was_given(self, decided: Decided) -> None:
        """7, 8: no more than its step asks for, nor than its instances can bear, as long as what serves answers."""
        rollout, share, home = decided.rollout, decided.newer(decided.after), decided.home(decided.after)
        if not gradual(rollout) or isinstance(rollout.phase, Finalising | RollingBack) or share is None or home is None:
            return
        if not slots_of(decided.after, decided.after.routes[rollout.service], rollout.target.fingerprint):
            had = decided.newer(decided.before)
            assert had is None or share <= had, f"what came between gets {share} after {had}"
            return
        asked = rollout.shift.share if isinstance(rollout.phase, Progressing) else 0
        assert share <= asked, f"newer content has {share} where {asked} is asked for"
        able = decided.answering(decided.after.routes[rollout.service], "b" if home == "a" else "a")
        assert share * rollout.target.replicas * FULL <= able * ALL, f"{share} is more than newer content can bear"

    def asks_for_more_and_more(self, decided: Decided) -> None:
        """8: on its way forward newer content is to have more and more, never less."""
        was, rollout = decided.was, decided.rollout
        if was is not None and key_of(was) == key_of(rollout) and isinstance(rollout.phase, Progressing):
            assert rollout.shift.share >= was.shift.share, "its share shrank on the way forward"
            assert rollout.shift.scale >= was.shift.scale, "its instances became fewer on the way forward"

    def gets_less_on_the_way_back(self, decided: Decided) -> None:
        """8: on the way back newer content only gets less, from the first look on."""
        before, after = decided.newer(decided.before), decided.newer(decided.after)
        if decided.goes_back and before is not None and after is not None:
            assert after <= before, f"its share grew from {before} to {after} on the way back"

    def steps_are_passed_on_their_own_evidence(self, decided: Decided) -> None:
        """9, 23: a step ends by its own evidence: its share read back, its time, its verdict on requests, or a word."""
        was, rollout = decided.was, decided.rollout
        if was is None or key_of(was) != key_of(rollout) or not gradual(rollout):
            return
        steps = steps_of(rollout.policy)
        for number in range(was.shift.step, min(rollout.shift.step, len(steps))):
            said = (key_of(rollout), number) in self.words
            since = was.shift.since if number == was.shift.step else None
            match steps[number]:
                case SetWeight(share=share):
                    assert self._had(decided) >= share, f"step {number} is passed with less than {share}"
                case Pause(duration=duration):
                    over = duration is not None and since is not None and decided.now >= since + duration
                    assert said or over, f"the pause of step {number} is over too early"
                case Analyse():
                    judged = isinstance(rollout.judged.verdict, Pass) and rollout.judged.step == number
                    assert said or (judged and self.world.streets.rate), f"step {number} is passed without its verdict"
                case _:
                    pass

    def _had(self, decided: Decided) -> int:
        """What newer content had, as the router was read back."""
        seen, routed = decided.seen, decided.before.routes.get(decided.rollout.service)
        if routed is None or seen.route is None or not seen.agreed:
            return 0
        slots = slots_of(decided.before, routed, decided.rollout.target.fingerprint)
        return max((seen.route.share if slot == "b" else ALL - seen.route.share for slot in slots), default=0)

    def begins_without_evidence_of_others(self, decided: Decided) -> None:
        """9: what begins knows no word, no count and no verdict of what was there before it."""
        was, rollout = decided.was, decided.rollout
        if was is not None and was.release == rollout.release:
            return
        assert not rollout.shift.promoted, "a word that was said to another one"
        assert rollout.judged.verdict is None, "a verdict on another one"
        assert rollout.guarded.verdict is None, "a verdict on another one"

    def a_failure_is_acted_on(self, decided: Decided) -> None:
        """23: what the judge has failed goes on no further, whoever looks next."""
        verdicts = (decided.rollout.judged.verdict, decided.rollout.guarded.verdict)
        failed = any(isinstance(each, Fail) for each in verdicts)
        assert not failed or not isinstance(decided.rollout.phase, Progressing), "it goes on after a failure"

    # The laws of one pass.

    def gone_is_out(self, daemon: Daemon) -> None:
        """5: what is gone is out of the router at the next look. Who does not answer gets nothing: it asks itself."""
        for routed in daemon.journal.routes.values():
            gone = routed.places.keys() - daemon.world.boxes.keys()
            assert not gone, f"gone, and in the router still: {sorted(gone)}"

    def let_in_when_proven(self, daemon: Daemon, before: Journal) -> None:
        """4: who is let in beside others has been ready for `min_ready`; who was proven already is back at once."""
        before_it, routed = before.routes.get("web"), daemon.journal.routes.get("web")
        rollout = daemon.journal.rollouts.get("web")
        if before_it is None or routed is None or rollout is None:
            return
        for id in routed.places.keys() - before_it.places.keys():
            box, since = daemon.world.boxes[id], self.ready_since.get(id)
            waited = since is not None and daemon.world.now - since >= rollout.policy.min_ready
            assert waited or id in self.hurried, f"{box.name} is let in after being ready since {since}"

    def requests_are_sent_somewhere(self, daemon: Daemon, before: Journal) -> None:
        """7: no decision leaves nobody to answer where somebody did, unless that is what is wanted."""
        was, routed = before.routes.get("web"), daemon.journal.routes.get("web")
        if was is None or routed is None or not self._wanted(daemon):
            return
        there, left = self._answering(daemon, was), self._answering(daemon, routed)
        assert not there or left, f"nobody answers any more, {there} did"

    def _wanted(self, daemon: Daemon) -> int:
        """How many instances there are to be."""
        rollout = daemon.journal.rollouts.get("web")
        if rollout is None:
            return replicas(daemon.journal.stable.get("web"))
        return replicas(rollout.stable if isinstance(rollout.phase, RollingBack) else rollout.target)

    def _answering(self, daemon: Daemon, routed: Routed) -> list[str]:
        boxes = daemon.world.boxes
        serving = [boxes[id] for slot in SLOTS for id in routed.serving(slot) if id in boxes]
        return sorted(box.name for box in serving if daemon.world.seems_good(box) and box.name not in daemon.world.sick)

    def promoted_with_all_of_the_traffic(self, daemon: Daemon, before: Journal) -> None:
        """11: what becomes stable has all of the traffic at that moment, as the router has it."""
        target, known = daemon.journal.stable.get("web"), (before.stable.get("web"), before.before.get("web"))
        routed = daemon.world.streets.routes.get("web")
        was = before.rollouts.get("web")
        if target is None or target in known or not target.replicas or routed is None:
            return
        if was is None or was.stable is None:
            return
        if isinstance(was.phase, RollingBack) or daemon.world.streets.late or daemon.world.streets.away:
            return
        slots = slots_of(daemon.journal, routed, target.fingerprint)
        assert slots, f"{target.fingerprint} became stable outside of the router"
        if len(slots) == 1:
            assert routed.share == (ALL if "b" in slots else 0), f"it became stable with {routed.share} in b"

    def router_has_what_was_wanted(self, daemon: Daemon) -> None:
        """28: what the router has is a whole table that was wanted at some moment."""
        has = daemon.world.streets.routes
        assert not has or self.by_hand(daemon) or has in self.tables, "the router has what nobody wanted"

    def by_hand(self, daemon: Daemon) -> bool:
        """Somebody changed it, and it has not taken over anything since."""
        return daemon.world.streets.routes.get("web") == self.table


def slots_of(journal: Journal, routed: Routed, fingerprint: str) -> set[SlotName]:
    """Where content serves."""
    placed = {id: journal.inventory.get(id) for id, place in routed.places.items() if place.leaving is None}
    inside = {id for id, each in placed.items() if each is not None and each.fingerprint == fingerprint}
    return {routed.places[id].slot for id in inside}
