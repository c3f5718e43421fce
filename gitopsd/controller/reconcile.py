"""One pass over one environment: observe, ask the pure half, write the intent down, act. Passes are level-triggered.

All that a pass must not forget is in Git, on the engine or in the store. What this class remembers only saves work or
spaces out attempts: a new process begins without it and arrives at the same place.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from gitopsd.controller.addressing import Addresses
from gitopsd.controller.baselines import FieldLook
from gitopsd.controller.chains import Chains
from gitopsd.controller.desire import Desire, Desires
from gitopsd.controller.drift_events import Noted
from gitopsd.controller.drifting import Drifting
from gitopsd.controller.endings import with_endings
from gitopsd.controller.environments import Environment, settled_in
from gitopsd.controller.evidence import printed_by, with_evidence
from gitopsd.controller.execute import Making, Specification
from gitopsd.controller.expecting import Memory, expecting
from gitopsd.controller.guarding import Guarding
from gitopsd.controller.guards import Asker, guards, project_of
from gitopsd.controller.images import Pulls
from gitopsd.controller.matching import look_again
from gitopsd.controller.meeting import meet_instances
from gitopsd.controller.metering import without_secrets
from gitopsd.controller.opening import (
    Opening,
    hold_release,
    make_plan,
    open_release,
    what_changed,
    with_way_to_ask,
    with_way_to_measure,
)
from gitopsd.controller.passes import Look, Pass, acts, direction, going_on
from gitopsd.controller.pinning import World, pin
from gitopsd.controller.ports import NOTHING_NEW, Clock, Found, Store
from gitopsd.controller.probing import Rounds
from gitopsd.controller.questions import Questions
from gitopsd.controller.rekeying import compared_by_reading
from gitopsd.controller.renewing import renewed
from gitopsd.controller.requests import UNANSWERED, Requests
from gitopsd.controller.routes import EnvironmentRoutes
from gitopsd.controller.shared import Shared
from gitopsd.controller.shelf import Shelf
from gitopsd.controller.standing import to_keep
from gitopsd.controller.states import Asking
from gitopsd.controller.storm import GUARD
from gitopsd.controller.wholes import carry_out
from gitopsd.model.desired import SealedState
from gitopsd.model.errors import OwnershipError
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.operation import Operation
from gitopsd.model.plan import Plan
from gitopsd.model.release import Hold, Journal, Pin, Release
from gitopsd.model.status import EnvironmentStatus, NextStep
from gitopsd.plan.explain import moved_tags
from gitopsd.release import Turn, advance, follow, recognise, verdict
from gitopsd.release.jump import after_jump, jump_between
from gitopsd.release.metering import Metered, to_measure
from gitopsd.release.pinning import forgotten, given_up, pin_hold, pinned
from gitopsd.release.pinning import told as pins_told
from gitopsd.release.queue import let_go
from gitopsd.release.readiness import next_deadline
from gitopsd.release.schema import GUARD as SCHEMA
from gitopsd.release.status import Knowledge, environment_status
from gitopsd.release.visiting import Visited, to_visit
from gitopsd.release.weighing import to_weigh

CLOCK_TOLERANCE = timedelta(seconds=5)  # what slewing, or a busy machine between two readings, may amount to
ROUTER_LOOK = timedelta(milliseconds=200)  # between two looks whether the router has let an environment go


class Reconciler:
    """The passes of one environment on one engine. One pass runs at a time; `wake` asks for another."""

    def __init__(self, name: str, shared: Shared, store: Store, clock: Clock, desires: Desires) -> None:
        self._name, self._store, self._clock, self._desires = name, store, clock, desires
        engine = self._engine = shared.engine
        self._world = World(desires, engine, store)
        self._witness, self._weighing, self._metering = shared.witness, shared.weighing, shared.metering
        self._visiting = shared.visiting
        self._guarding = Guarding(name, store, shared.crowd, shared.elsewhere)
        self._storm, self._rounds = shared.storm, Rounds(name, shared.probing, self.masked)
        self._chains = Chains(name, engine, shared.executor, clock, self.masked)
        self._shelf = Shelf(name, engine, store, clock)
        self._pulls = Pulls(self._shelf, shared.executor, self.masked)
        self._questions = Questions(name, self._pulls)
        self._requests = Requests(name, store)
        self._routes = EnvironmentRoutes(name, shared.desks.plain)
        self._drifting = Drifting(name, engine, store, shared.witness, self.masked)
        self._expected: Memory = {}
        self._last: tuple[datetime, float] | None = None
        self._planned: tuple[Hold, ...] = ()  # what the plan of this pass found against itself

    def masked(self, text: str) -> str:
        """A text from outside, without what must not be written down."""
        return self._desires.secrecy.masked(text)

    def reconcile(
        self, environment: Environment, wake: Callable[[], None], *, thorough: bool = False, returned: bool = False
    ) -> Pass:
        """One pass. Errors of the engine are the caller's to back off from; nothing is lost by them.

        `thorough`: look at every instance anew. `returned`: the engine was away since the last pass, or there was none.
        """
        now = self._clock.now()
        stored = self._store.journal(self._name)
        asked = self._requests.apply(self._in_step(stored, now), now)
        journal, outcomes = self._chains.take_in(asked, now)
        if self._requests.new:
            self._pulls.forget()
            self._chains.forget_waits()
        environment = settled_in(environment, journal.host_dir)
        if self._requests.whole is not None:
            return self._carry_out(self._requests.whole, environment, journal, now)
        if not environment.path and not journal.project:
            self._desires.hold(environment, journal)
            return Pass(None, settled=True)  # removed, and in no repository any more
        self._drifting.done_with(self._chains.acted_on(), outcomes, now)
        journal, said, asking = self._questions.take_in(journal, now)
        look = self._pinned(self._look(environment, journal, asking, thorough=thorough))
        fields, noted = self._compare(look)
        journal, opened, ended = self._open(look, wake)
        ended = (*look.renewed, *ended)
        turn = self._turn(replace(look, journal=journal), fields, returned=returned)
        self._claim(look, turn)
        told = (*outcomes, *said, *pins_told(stored, turn.journal, now), *look.told, *noted.events, *opened)
        events = with_evidence((*told, *turn.events), turn.journal, look.live, self._engine, self.masked)
        if direction(stored) != direction(turn.journal) and self._chains.forget_holds():
            wake()
        look, ended = replace(look, journal=turn.journal), (*ended, *turn.ended)
        status = self._keep(stored, look, turn, events, ended, noted)
        self._routes.want(turn.journal)
        self._act(look, turn, wake)
        basis = self._desires.basis(look.environment, turn.journal, look.desire.state)
        self._rounds.keep(look.environment, turn.journal, basis, look.live, wake)
        self._weighing.keep(self._name, to_weigh(turn.journal, look.live, now), wake)
        visited, metered = self._beside(turn.journal, look.live)
        self._metering.keep(self._name, metered)
        self._visiting.keep(self._name, visited, wake)
        if over := bool(stored.rollouts.keys() - turn.journal.rollouts.keys()):
            wake()  # what happened to a service while its rollout was open is for a repair, which that one kept away
            self._chains.collect_content(turn.journal.names, wake)
        self._guarding.note(turn.journal)
        return replace(self._finish(look, turn, status, over=over), ended=over or bool(ended))

    def _in_step(self, journal: Journal, now: datetime) -> Journal:
        """The journal by the clock as it goes now: a jump since the last pass moves what is under way, ends waits."""
        before, self._last = self._last, (now, self._clock.monotonic())
        jump = jump_between(before, self._last, CLOCK_TOLERANCE) if before is not None else timedelta(0)
        if jump:
            self._chains.forget_waits()
            self._pulls.forget()
        return after_jump(journal, jump)

    def _look(self, environment: Environment, journal: Journal, asking: Asking, *, thorough: bool) -> Look:
        now = asking.now
        self._requests.pull = self._requests.pull and not asking.everything
        desire = self._desires.of(environment, journal, self._engine, asking)
        project = project_of(journal, desire)
        live = with_endings(self._engine.observe(project, thorough), self._witness) if project else LiveState()
        journal, rows = self._renewed(environment, recognise(journal, live))
        states = (desire.state, self._desires.basis(environment, journal, desire.state))
        found = compared_by_reading(journal, live, states, self._engine, self._store.key(), now)
        known = desire.state if not desire.missing and not desire.holds else None
        again = look_again(found.journal, known, live, self._engine, self._store.key())
        journal = self._rounds.judged(again.journal, states[1], live, now)
        seen = Look(environment, journal, desire, live, (), now, rows, found.events, again.unlike)
        meet_instances(self._desires.secrecy, journal, live, states, self._engine)
        live = self._desires.secrecy.masked_live(live)
        asker = Asker(self._store.instance_id(), self._desires.version, self._requests.sync is not None)
        storm = self._storm.look(journal, live, environment.restart_storm, now)
        holds = (*desire.holds, *guards(environment, journal, live, desire, asker), *(() if asker.sync else storm))
        holds = self._guarding.calmed(holds, journal, desire.state)
        return replace(seen, live=live, holds=(*holds, *self._routes.before(journal, desire.services)))

    def _pinned(self, look: Look) -> Look:
        """The look once a pin that was asked for is set; a pin that has ended is forgotten when nothing needs it."""
        journal, git = look.journal, look.desire.state
        if self._requests.pin is not None:
            journal, result = pin(self._requests.pin, look.environment, journal, git, self._world, look.now)
            self._requests.pinned(journal, result, look.now)
        else:
            known = git if not look.desire.missing else None
            journal = forgotten(given_up(journal), known, asked=self._requests.sync is not None)
        if journal.pin == look.journal.pin:
            return look
        others = (hold for hold in self._guarding.calmed(look.holds, journal, git) if hold.guard != "pin")
        return replace(look, journal=journal, holds=(*others, *pin_hold(journal, git)))

    def _compare(self, look: Look) -> tuple[FieldLook, Noted]:
        """Every field of what is ours against what it was left as; and what is to be kept of all that drifted."""
        wanted, key = look.desire.state, self._store.key()
        basis = self._desires.basis(look.environment, look.journal, wanted)

        def specify(service: str, fingerprint: str, in_place: str) -> Specification:
            return self._desires.specification(look.environment, (basis, wanted), (service, fingerprint, in_place))

        expect = expecting(self._engine, key, specify, wanted, self._expected)
        fields = self._drifting.look(look.journal, look.live, self._chains.busy(), expect, look.now)
        there = {each.id for each in look.live.instances}
        self._expected = {id: each for id, each in self._expected.items() if id in there}
        return fields, self._drifting.note(look.journal, look.live, basis, fields, self._routes.mended(), look.now)

    def _renewed(self, environment: Environment, journal: Journal) -> tuple[Journal, tuple[Release, ...]]:
        """The journal in this version's fingerprints; the labels that it was recognised by keep those of their day."""
        found = renewed(journal, self._desires.version, partial(self._desires.again, environment), self._store)
        for inputs in found.inputs:
            self._store.save_inputs(self._name, inputs)
        return found.journal, found.releases

    def _open(self, look: Look, wake: Callable[[], None]) -> tuple[Journal, tuple[Event, ...], tuple[Release, ...]]:
        """Begin a release where newer content is there, complete, and nothing holds it."""
        self._planned = ()
        if (held := pinned(look.journal)) is not None:
            return self._open_pinned(look, held, wake)
        state, desire = look.desire.state, look.desire
        if state is None or look.environment.mode == "observe" or not acts(look):
            return look.journal, (), ()
        if self._requests.pull:
            self._questions.everything(desire, look.environment.images, wake)
            return look.journal, (), ()
        meaning = verdict(look.journal, state)
        if meaning == "wait" or (desire.absent and meaning != "begin"):
            return look.journal, (), ()
        if not desire.missing:
            if not look.holds:  # a name may have moved, and a release begin for it
                self._questions.beside(desire, look.journal.asked, look.now, look.environment.images, wake)
            if meaning != "begin":
                left = let_go(follow(look.journal, state), "Git says something else", look.now)
                return left.journal, left.events, left.ended
        if look.holds:
            return look.journal, (), ()
        refusal = self._pulls.missing(desire.absent.values())
        if desire.missing and not refusal:
            self._questions.first(desire, look.environment.images, wake)
            return look.journal, (), ()
        return self._begin(look, desire, refusal, wake)

    def _open_pinned(
        self, look: Look, held: Pin, wake: Callable[[], None]
    ) -> tuple[Journal, tuple[Event, ...], tuple[Release, ...]]:
        """Begin the release of what the environment is pinned to, whatever holds other content."""
        release = self._store.release(held.release)
        found = self._desires.released(look.environment, release) if release is not None else None
        if found is None or found.state is None or not acts(look):
            return look.journal, (), ()
        if verdict(look.journal, found.state) == "begin" and not found.holds:
            return self._begin(look, found, "", wake, held.words)
        git = look.desire.state if not look.desire.missing else None
        return (follow(look.journal, git) if git is not None else look.journal), (), ()

    def _begin(
        self, look: Look, desire: Desire, refusal: str, wake: Callable[[], None], asked: str = ""
    ) -> tuple[Journal, tuple[Event, ...], tuple[Release, ...]]:
        basis = self._desires.basis(look.environment, look.journal, None)
        made = self._plan(replace(look, unlike={} if asked else look.unlike), desire, basis)
        if made is None or desire.state is None:
            return look.journal, (), ()
        made = with_way_to_ask(made, desire.state.desired, self._rounds.probe)
        made = with_way_to_measure(made, desire.state.desired, self._metering.metrics)
        against = "" if refusal else next((hold.reason for hold in made.holds if hold.guard == SCHEMA), "")
        wrong = (Hold("manifest", str(problem)) for problem in made.problems)
        self._planned = (*(hold for hold in made.holds if hold.guard != SCHEMA), *wrong)
        if self._planned:
            return look.journal, (), ()
        cause = asked or self._requests.cause(what_changed(look.journal, made), moved_tags(basis, desire.state))
        opening = Opening(look.environment, desire, made, refusal or against, cause, against and SCHEMA)
        if not asked and not against and (holds := self._guarding.holds(look, desire.state, made, wake)):
            waits = hold_release(look.journal, opening, holds, self._desires, self._store, look.now)
            self._planned = waits.holds
            return waits.journal, waits.events, waits.ended
        return open_release(look.journal, opening, self._desires, self._store, look.now)

    def _plan(self, look: Look, desire: Desire, basis: SealedState | None) -> Plan | None:
        return make_plan(look.journal, desire, look.live, basis, self._engine, unlike=look.unlike)

    def _turn(self, look: Look, fields: FieldLook, *, returned: bool) -> Turn:
        if not acts(look):
            return Turn(look.journal)
        basis = self._desires.basis(look.environment, look.journal, look.desire.state)
        signals, drifted = self._chains.signals(look.journal, look.now, returned=returned), fields.to_heal
        spikes, found = self._weighing.spikes(self._name), self._metering.measures(self._name)
        measures = {service: without_secrets(each, self.masked) for service, each in found.items()}
        signals = replace(signals, storm=GUARD in {hold.guard for hold in look.holds}, spikes=spikes, measures=measures)
        printed = printed_by(look.journal, look.live, self._engine)
        signals = replace(signals, visits=self._visiting.visits(self._name), printed=printed)
        signals = self._routes.seen_in(signals, look.journal)
        return advance(look.journal, basis, look.live, look.now, signals, repair=self._repairs(look), drifted=drifted)

    def _beside(self, journal: Journal, live: LiveState) -> tuple[Mapping[str, Visited], Mapping[str, Metered]]:
        return to_visit(journal, live, self._routes.shown), to_measure(journal, live)

    def _repairs(self, look: Look) -> bool:
        """Whether what drifts may be repaired now."""
        guards = {hold.guard for hold in look.holds}
        free = look.environment.mode == "auto" and "suspended" not in guards
        return (free or self._requests.sync is not None) and "foreign" not in guards

    def _claim(self, look: Look, turn: Turn) -> None:
        """Before the first write the project becomes ours, or nothing is written."""
        if not turn.chains or look.live.owner:
            return
        project, me = project_of(look.journal, look.desire), self._store.instance_id()
        owner = self._engine.claim(project, me)
        if owner != me:
            raise OwnershipError(f"project {project} was claimed by another gitopsd ({owner[:8]}) just now")

    def _act(self, look: Look, turn: Turn, wake: Callable[[], None]) -> None:
        if not turn.chains:
            return
        wanted = look.desire.state
        basis = self._desires.basis(look.environment, turn.journal, wanted)
        named = basis or wanted
        if named is None:
            return
        making = Making(
            lambda *named: self._desires.specification(look.environment, (basis, wanted), named),
            named.desired,
            self._store.key(),
            self._shelf.bring,
            Addresses(self._engine, self._store, look.environment.router.network == "bridge").give,
        )
        for chain in turn.chains:
            self._chains.submit(chain, turn.journal, making, wake)

    def _keep(
        self, was: Journal, look: Look, turn: Turn, events: tuple[Event, ...], ended: tuple[Release, ...], noted: Noted
    ) -> EnvironmentStatus:
        """Write down all that this pass found, the status and answers too, at once: no reader sees a part of it."""
        holds = self._holds(look)
        status, answer = self._status(look, turn, holds), UNANSWERED
        if not look.desire.missing or look.desire.absent:  # or a registry may say yet that there is something to do
            answer = self._requests.answer(look.journal, look.desire.state, holds, look.now, stale=look.desire.stale)
        found = Found(to_keep(status, look.environment.engine.url, self._store), noted.drifted, noted.over)
        events = (*events, *answer.events)
        if look.journal != was or events or ended or found != NOTHING_NEW:
            self._store.save(look.journal, events, ended, answer.done, found)
        self._requests.kept(answer)
        return status

    def _holds(self, look: Look) -> tuple[Hold, ...]:
        waits = self._questions.holds(look.desire) if acts(look) and not look.holds else ()
        holds = (*self._chains.holds(look.now, look.journal.release), *look.holds, *self._planned, *waits)
        return (*holds, *self._routes.beside(look.environment, look.journal, look.desire.services, holds))

    def _status(self, look: Look, turn: Turn, holds: tuple[Hold, ...]) -> EnvironmentStatus:
        known = Knowledge(
            *(look.desire.state, look.live, look.desire.head, holds),
            look.desire.reason or self._chains.trouble(look.now),
            stale=bool(look.desire.stale),
            next=min(self._next_steps(look, turn), key=lambda step: step.at, default=None),
            warnings=(*self._routes.warnings(), *look.desire.warned),
        )
        return self._standing(look, known)

    def _standing(self, look: Look, known: Knowledge) -> EnvironmentStatus:
        return environment_status(self._name, look.environment.mode, look.journal, known, look.now)

    def _finish(self, look: Look, turn: Turn, status: EnvironmentStatus, *, over: bool) -> Pass:
        """How the pass ends, and when to look again. `over`: a rollout has ended now."""
        wake_at = status.next.at if status.next is not None else None
        goes_on = going_on(look.journal, self._chains.held(look.now) | self._routes.waiting(look.journal))
        under_way = over or turn.chains or goes_on or not self._chains.settled() or not self._pulls.idle()
        busy = bool(under_way or look.journal.release or look.journal.rollouts)
        settled = not under_way and not self._chains.trouble(look.now)
        return Pass(status, wake_at, settled, busy=busy, wants=look.desire.images)

    def _next_steps(self, look: Look, turn: Turn) -> list[NextStep]:
        """What time alone will bring on, each with its moment."""
        release, suspension, held = look.journal.release, look.journal.suspension, pinned(look.journal)
        waits = look.holds or not acts(look)
        asked = None if waits else self._questions.next_at(look.desire, look.journal.asked, look.now)
        steps = (
            (turn.wake_at, f"the next look at release {release.number}" if release else "the next look at a repair"),
            (self._chains.retry_at(look.now), "what the engine did not do is tried again"),
            (self._pulls.retry_at(look.desire.images, look.now) if not look.holds else None, "the pull is tried again"),
            (asked, "a registry is asked whether a tag has moved"),
            (next((each.until for each in look.holds if each.guard == GUARD), None), "fewer restarts on the engine"),
            (next_deadline(look.journal, look.now), "an instance has had its time to become ready"),
            (suspension.until if suspension is not None else None, "the suspension ends"),
            (held.until if held is not None else None, "the pin ends"),
            (min((each.until for each in self._planned if each.until is not None), default=None), "a guard may open"),
        )
        return [NextStep(at, what) for at, what in steps if at is not None]

    def _carry_out(self, asked: Operation, environment: Environment, journal: Journal, now: datetime) -> Pass:
        """What concerns the environment as a whole, once what is under way has ended."""
        if not self._chains.settled():
            return Pass(None)
        if asked.verb == "remove" and not self._routes.gone(journal, self._store, now):
            return Pass(None, wake_at=now + ROUTER_LOOK)
        result, events = carry_out(asked, environment, journal, self._world, now)
        self._requests.carried_out(result, events, now)
        return Pass(None, wake_at=now if asked.verb == "adopt" else None, settled=asked.verb != "adopt")
