"""A pass over an environment on a swarm: another look, another turn, other actions; all else is as everywhere.

What Git wants, the ledger, guards, holds, pins and rejections are a pass's own, so they are those of `Reconciler`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.adoption import Adoption
from gitopsd.controller.baselines import FieldLook
from gitopsd.controller.desire import Desire, Desires
from gitopsd.controller.drift_events import Noted
from gitopsd.controller.ejection import Ejection
from gitopsd.controller.environments import Environment
from gitopsd.controller.guards import Asker, guards, project_of
from gitopsd.controller.opening import make_plan
from gitopsd.controller.passes import Look, Pass, acts
from gitopsd.controller.ports import Clock, Store
from gitopsd.controller.reconcile import ROUTER_LOOK, Reconciler
from gitopsd.controller.removal import Removal
from gitopsd.controller.routes import EnvironmentRoutes
from gitopsd.controller.shared import Shared
from gitopsd.controller.states import Asking
from gitopsd.controller.swarm_acting import (
    Telling,
    as_it_began,
    carry_out,
    foreign_services,
    live_state,
    remove_from_swarm,
    telling,
)
from gitopsd.controller.swarm_adoption import Ground as StackGround
from gitopsd.controller.swarm_adoption import adopt_stack
from gitopsd.controller.swarm_drifting import SwarmDrifting
from gitopsd.controller.swarm_ejection import eject_stack
from gitopsd.controller.swarm_evidence import printed_by_tasks, with_task_evidence
from gitopsd.controller.swarm_port import Swarm
from gitopsd.controller.swarm_watch import NodeWatch, Placing
from gitopsd.engine_json.swarm_adopted import image_of
from gitopsd.engine_json.swarm_router import ROUTER
from gitopsd.model.desired import SealedState
from gitopsd.model.errors import Conflict, EngineRefused, HostTrouble, NotFound, OwnershipError
from gitopsd.model.live import LiveState
from gitopsd.model.operation import Operation
from gitopsd.model.plan import Plan
from gitopsd.model.release import Journal
from gitopsd.model.status import EnvironmentStatus, NextStep
from gitopsd.model.swarm import MakeNetwork, SendService, SwarmAction, SwarmSpec, SwarmState
from gitopsd.plan.swarm import on_swarm
from gitopsd.release import Signals, Turn
from gitopsd.release.metering import Metered, to_ask
from gitopsd.release.status import Knowledge
from gitopsd.release.swarm_nodes import node_warnings, with_nodes
from gitopsd.release.swarm_routing import beside
from gitopsd.release.swarm_status import ailing, moving, service_statuses
from gitopsd.release.swarming import Ground, advance_swarm
from gitopsd.release.visiting import Visited, to_visit_among


class SwarmReconciler(Reconciler):
    """The passes of one environment on one swarm. What it acts on takes milliseconds, so it does that by itself."""

    def __init__(
        self, name: str, shared: Shared, swarm: Swarm, nodes: NodeWatch, store: Store, clock: Clock, desires: Desires
    ) -> None:
        super().__init__(name, shared, store, clock, desires)
        self._routes = EnvironmentRoutes(name, shared.desks.swarm)
        self._swarm, self._nodes, self._placing = swarm, nodes, Placing(name, store)
        self._drifts = SwarmDrifting(name, store, self.masked)
        self._state = SwarmState()
        self._told: Mapping[str, SwarmSpec] = {}
        self._logins: Mapping[str, str] = {}
        self._actions: tuple[SwarmAction, ...] = ()
        self._refused: dict[str, str] = {}
        self._telling: Telling | None = None
        self._wanted: SealedState | None = None  # what the actions were decided by

    def _look(self, environment: Environment, journal: Journal, asking: Asking, *, thorough: bool) -> Look:
        self._requests.pull = self._requests.pull and not asking.everything
        desire = self._desires.of(environment, journal, self._engine, asking)
        project = project_of(journal, desire)
        self._state = self._swarm.look(project) if project else SwarmState()
        self._nodes.note(self._state, asking.now)
        # They may be asked of programs, and run out in hours.
        self._logins = (
            self._swarm.logins({image_of(each.body) for each in self._state.services.values()}) if thorough else {}
        )
        live = live_state(self._state)
        journal, rows = self._renewed(environment, journal)
        asker = Asker(self._store.instance_id(), self._desires.version, self._requests.sync is not None)
        foreign = foreign_services(project, journal, desire, self._state)
        holds = (*desire.holds, *guards(environment, journal, live, desire, asker), *foreign)
        holds = self._guarding.calmed(holds, journal, desire.state)
        holds = (*holds, *self._routes.before(journal, desire.services))
        return Look(environment, journal, desire, live, holds, asking.now, rows)

    def _compare(self, look: Look) -> tuple[FieldLook, Noted]:
        basis = self._desires.basis(look.environment, look.journal, look.desire.state)
        self._told, mended = self._make(look, basis).known(look.journal), self._routes.mended()
        return FieldLook(), self._drifts.note(look.journal, basis, self._state, self._told, mended, look.now)

    def _plan(self, look: Look, desire: Desire, basis: SealedState | None) -> Plan | None:
        made = make_plan(look.journal, desire, look.live, basis, self._engine)
        if made is None or desire.state is None:
            return made
        return on_swarm(made, desire.state, self._state, () if made.empty else self._swarm.occupants())

    def _turn(self, look: Look, fields: FieldLook, *, returned: bool) -> Turn:
        self._actions = ()
        placing = self._placing.note(self._state, project_of(look.journal, look.desire), look.now)
        if not acts(look):
            return Turn(look.journal, (), placing)
        basis = self._desires.basis(look.environment, look.journal, look.desire.state)
        make = self._make(look, basis)
        printed = printed_by_tasks(look.journal, self._state, self._swarm)
        sight = self._routes.seen_in(Signals(), look.journal).sight
        visits = self._visiting.visits(self._name)
        measures = self._metering.measures(self._name)
        ground = Ground(self._state, make, look.now, self._refused, printed, sight, visits, self._logins, measures)
        turn = advance_swarm(look.journal, basis, ground, repair=self._repairs(look))
        self._actions, self._refused, self._wanted = turn.actions, {}, basis
        events = with_task_evidence(turn.events, turn.journal, self._state, self._swarm, self.masked)
        return Turn(turn.journal, (), (*placing, *events), turn.ended, turn.wake_at)

    def _beside(self, journal: Journal, live: LiveState) -> tuple[Mapping[str, Visited], Mapping[str, Metered]]:
        tasks = beside(journal, self._state)
        return to_visit_among(journal, tasks, self._routes.shown), to_ask(journal, tasks)

    def _make(self, look: Look, basis: SealedState | None) -> Telling:
        """What services are told. What was made in the pass before counts as long as that would be the same."""
        states = (basis, look.desire.state)
        made = telling(self._desires, look.environment, states, self._store.key(), self._state)
        if self._telling is not None and made.same_as(self._telling):
            made = replace(made, made=self._telling.made)
        self._telling = made
        return made

    def _claim(self, look: Look, turn: Turn) -> None:
        if not self._actions or look.live.owner:
            return
        project, me = project_of(look.journal, look.desire), self._store.instance_id()
        if (owner := self._swarm.claim(project, me)) != me:
            raise OwnershipError(f"project {project} was claimed by another gitopsd ({owner[:8]}) just now")

    def _act(self, look: Look, turn: Turn, wake: Callable[[], None]) -> None:
        """Do what the turn wants. What the manager would not do is evidence, or has changed and is looked at anew."""
        basis = self._wanted or look.desire.state
        if basis is None or not self._actions:
            return
        desired = as_it_began(basis.desired, look.environment)
        for action in self._actions:
            try:
                carry_out(action, self._swarm, desired, self._state, self._store.key())
            except (NotFound, HostTrouble):
                continue
            except EngineRefused as error:
                changed = isinstance(error, Conflict) and isinstance(action, SendService) and bool(action.id)
                changed = changed or f"in use by service '{ROUTER}'" in str(error)  # which is about to let go of it
                # That a repair was refused says nothing of what a release brings next.
                begun = {name for name, each in turn.journal.rollouts.items() if each.open}
                if isinstance(action, SendService) and not changed:
                    self._refused |= dict.fromkeys(begun & {action.service}, self.masked(str(error)))
                elif isinstance(action, MakeNetwork):
                    self._refused |= dict.fromkeys(begun, self.masked(str(error)))
        self._drifts.healed(self._actions)
        wake()

    def _standing(self, look: Look, known: Knowledge) -> EnvironmentStatus:
        project = project_of(look.journal, look.desire)
        services = tuple(service_statuses(look.journal, known.wanted, self._state, project))
        warnings = (*known.warnings, *node_warnings(self._state))
        told = replace(known, services=services, ailing=ailing(self._state, self._told), warnings=warnings)
        return with_nodes(super()._standing(look, told), self._state)

    def _next_steps(self, look: Look, turn: Turn) -> list[NextStep]:
        """Managers tell no event when a task of another node comes up, or finds a place."""
        steps = super()._next_steps(look, turn)
        return [*steps, *(NextStep(look.now + after, what) for after, what in moving(self._state))]

    def _carry_out(self, asked: Operation, environment: Environment, journal: Journal, now: datetime) -> Pass:
        if asked.verb == "remove" and not self._routes.gone(journal, self._store, now):
            return Pass(None, wake_at=now + ROUTER_LOOK)
        result = self._done(asked, environment, journal, now)
        self._requests.carried_out(result, (), now)
        return Pass(None, settled=True)

    def _done(self, asked: Operation, environment: Environment, journal: Journal, now: datetime) -> str:
        """What a person asks of the environment as a whole; what came of it."""
        in_git = bool(environment.path)
        match asked.verb:
            case "adopt":
                adoption = Adoption(asked.by, asked.arguments.get("take_over") is True, now)
                ground = StackGround(self._engine, self._swarm, self._store)
                return adopt_stack(environment, journal, self._desires, ground, self._swarm, adoption)[0]
            case "eject":
                return eject_stack(journal, self._swarm, self._store, Ejection(asked.by, in_git, now))
            case _:
                return remove_from_swarm(journal, self._swarm, self._store, Removal(asked.by, in_git, now))
