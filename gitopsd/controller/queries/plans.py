"""What would happen: the plan of each environment for the newest known commit, or for any other."""

from dataclasses import dataclass, replace
from pathlib import Path

from gitopsd.controller.desire import Desire
from gitopsd.controller.elsewhere import Wanted, asked, members_of
from gitopsd.controller.environments import Environment
from gitopsd.controller.guarding import Ask, with_guards
from gitopsd.controller.guards import Asker, guards
from gitopsd.controller.measured import interruptions, request_rates
from gitopsd.controller.opening import make_plan, with_way_to_ask, with_way_to_measure
from gitopsd.controller.queries.look import Failure, Look, applied, look
from gitopsd.controller.queries.swarm import swarm_plan
from gitopsd.controller.queries.view import View
from gitopsd.model.desired import DesiredState
from gitopsd.model.errors import GitopsdError
from gitopsd.model.plan import Plan
from gitopsd.model.release import Hold
from gitopsd.plan.foretelling import begins_anew, entrances, foretold, interrupting, judging, quiet
from gitopsd.plan.pull_policy import may_pull
from gitopsd.release.guarding import Proof

WATCHED = frozenset(["disk", "restart-storm", "router"])  # guards of the engine and its router


@dataclass(frozen=True, slots=True)
class Plans:
    """A plan for each environment that could be planned, and why for each that could not."""

    plans: tuple[Plan, ...]
    failures: tuple[Failure, ...]


def plans(view: View, name: str = "", revision: str = "") -> Plans:
    """Plan one environment, or all. One that fails does not keep the others from being planned."""
    found: list[Plan] = []
    failures: list[Failure] = []
    for environment in view.select(name):
        try:
            found.append(_plan(view, environment, revision))
        except GitopsdError as error:
            failures.append(Failure(environment.name, str(error)))
    return Plans(tuple(found), (*failures, *(Failure("", problem) for problem in view.problems)))


def _plan(view: View, environment: Environment, revision: str) -> Plan:
    seen = look(view, environment, revision)
    if seen.live is None:
        raise GitopsdError(seen.trouble)
    engine = view.engine(environment)
    if seen.swarm is not None:
        return swarm_plan(view, seen, seen.swarm, _asking(view))
    asker = Asker(view.store.instance_id(), view.fingerprints, sync=False)
    holds = (*seen.desire.holds, *guards(environment, seen.journal, seen.live, seen.desire, asker))
    made = make_plan(seen.journal, seen.desire, seen.live, applied(view, seen), engine, holds, seen.unlike)
    if made is not None and seen.desire.state is not None:
        desired = seen.desire.state.desired
        made = with_way_to_ask(made, desired, view.probe(environment))
        made = with_way_to_measure(made, desired, view.metrics)
        known = interruptions(view.store, environment.name, interrupting(made))
        rates = request_rates(view.store, environment.name, judging(made, desired))
        warnings = (
            *made.warnings,
            *_to_be_pulled(seen),
            *quiet(made, desired, rates),
            *_router(view, environment, made, desired),
        )
        made = replace(foretold(made, known), warnings=warnings, holds=_holds(view, made))
        return with_guards(made, environment, seen.journal, seen.desire.state, view.store, view.now, _asking(view))
    if not environment.path:
        return Plan(environment.name, seen.desire.head, holds=seen.desire.holds)
    raise GitopsdError(seen.desire.reason or "what Git wants is not known yet")


def _asking(view: View) -> Ask:
    """Ask other machines now, as somebody waits for the plan."""

    def ask(wanted: Wanted, file: Path) -> Proof:
        found = members_of(wanted, view.application.open_groups, file, view.settings.host)
        return found if isinstance(found, Proof) else asked(wanted, found, lambda: view.now)

    return ask


def _router(view: View, environment: Environment, made: Plan, desired: DesiredState) -> tuple[str, ...]:
    """What the plan costs those who are behind the engine's router already."""
    if environment.router.network != "bridge":
        return ()
    beside = (each.name for each in view.environments.values() if each.engine == environment.engine)
    routed = (route for name in beside for route in view.store.journal(name).routes.values())
    return begins_anew(made, desired, {entrance for route in routed for entrance in entrances(route.traffic)})


def _holds(view: View, made: Plan) -> tuple[Hold, ...]:
    """What holds it, with what only a daemon watches, while one runs."""
    stored = next((each for each in view.store.statuses() if each.name == made.environment), None)
    wanted = WATCHED - {hold.guard for hold in made.holds} if view.daemon_runs else frozenset()
    return (*made.holds, *(hold for hold in stored.holds if hold.guard in wanted)) if stored is not None else made.holds


def _to_be_pulled(seen: Look) -> tuple[str, ...]:
    """What becomes of the images that are missing, and of those that are only asked about first."""
    desire = seen.desire
    return tuple(sorted({_pulling(name, image, desire) for name, image in desire.missing.items()}))


def _pulling(name: str, image: str, desire: Desire) -> str:
    service = desire.services.get(name)
    if name not in desire.absent and service is not None:
        policy = service.options.get("pull_policy")
        return f"the registry of {image} is asked first whether the tag has moved (pull_policy: {policy})"
    forbidden = service is not None and not may_pull(service)
    what = "`pull_policy: never` forbids to pull it: load it there" if forbidden else "it is pulled first"
    return f"image {image} is not on the engine yet; {what}"
