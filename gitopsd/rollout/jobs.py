"""What next for a one-shot: it is created and started once, and has succeeded when it ends with exit code 0.

One that failed is started again as often as its terms say. One that was cut off may have come anywhere: it is started
again only where its terms say that this does no harm.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.model.action import Action, Chain, Rename
from gitopsd.model.rollout import Rollout, Sighting
from gitopsd.rollout.member import Member
from gitopsd.rollout.sharing import stray
from gitopsd.rollout.slots import Look, Step, place
from gitopsd.rollout.steps import clear, remove, start, stop

JOB_SLOT = 1
_UNKNOWN = "and nobody knows how far it came; look, then say `retry`, or write idempotent: true if it may run twice"


def job_step(look: Look, members: tuple[Member, ...]) -> Step:
    """The next actions of the one slot of a one-shot. An earlier run's container goes once the new one succeeded."""
    if look.mending:
        return _interrupted(look, members)
    run = next((member for member in members if _of_this_rollout(look, member) and not _half_begun(look, member)), None)
    others = tuple(member for member in members if member is not run)
    unborn = tuple(remove(other, "never started") for other in others if other.instance.state == "created")
    if unborn:
        return Step("acting", unborn)
    if run is None and look.rollout.begun and not look.rollout.terms.idempotent:
        return Step("failed", reason=f"its container is gone, {_UNKNOWN}")
    if run is None or run.instance.state == "created":
        return _begin(look, run, others)
    match run.instance.state:
        case "exited" if run.instance.exit_code == 0:
            return _tidy(look, run, others)
        case "exited" | "dead":
            return _ended_badly(look, run)
        case _:
            return Step("waiting")


def _ended_badly(look: Look, run: Member) -> Step:
    terms, evidence, tries = look.rollout.terms, look.judge.evidence(run), look.judge.tries(run)
    if look.judge.cut_off(run):
        if terms.idempotent:
            return Step("acting", start(run, f"{look.cause}; anew, as it was cut off: {evidence}"))
        return Step("failed", reason=f"it was cut off, {_UNKNOWN}: {evidence}")
    if terms.phase is None and look.judge.excused(run):
        return Step("acting", start(run, look.cause))
    if JOB_SLOT in look.said.refused:
        return Step("failed", reason=look.said.refused[JOB_SLOT])
    if tries <= terms.retries and run.instance.state == "exited":
        return Step("acting", start(run, f"try {tries + 1} of {terms.retries + 1}: {evidence}"))
    return Step("failed", reason=evidence + (f", as did {tries - 1} tries before" if terms.retries else ""))


def _begin(look: Look, run: Member | None, others: tuple[Member, ...]) -> Step:
    if JOB_SLOT in look.said.refused:
        return Step("failed", reason=look.said.refused[JOB_SLOT])
    if JOB_SLOT in look.said.held:
        return Step("waiting")
    return Step("acting", place(look, JOB_SLOT, others) if run is None else start(run, look.cause))


def _of_this_rollout(look: Look, member: Member) -> bool:
    """A run that has begun counts, wherever it lives."""
    placed, begun = member.placed, member.instance.state != "created"
    same = placed.release == look.rollout.release and placed.fingerprint == look.goal.fingerprint
    return same and (begun or not stray(member, look.goal, look.said.sharing))


def _half_begun(look: Look, member: Member) -> bool:
    """An engine that was away meanwhile may have begun to start it: its remains can be in the way."""
    return member.instance.state == "created" and look.judge.excused(member)


def _interrupted(look: Look, members: tuple[Member, ...]) -> Step:
    """The goal succeeded long ago; a run of something newer, which is not wanted any more, is taken away."""
    others = (member for member in members if member.placed.fingerprint != look.goal.fingerprint)
    actions = tuple(action for other in others for action in clear(other, look.cause))
    return Step("acting" if actions else "done", actions, serving=not actions)


def _tidy(look: Look, run: Member, others: tuple[Member, ...]) -> Step:
    actions: list[Action] = [action for other in others for action in clear(other, look.cause)]
    name = look.rollout.instance_name(JOB_SLOT, look.goal)
    if run.instance.name != name:
        actions.append(Rename(look.rollout.service, JOB_SLOT, run.id, name, "takes the slot's name"))
    return Step("acting" if actions else "done", tuple(actions), serving=True)


def run_noted(rollout: Rollout, members: tuple[Member, ...], before: Mapping[str, Sighting], now: datetime) -> Rollout:
    """That it has begun is remembered, whatever becomes of its container; and each start has the whole time."""
    runs = [each for each in members if _runs_for(rollout, each) and each.instance.state != "created"]
    if not runs:
        return rollout
    known = {id: sighting.starts for id, sighting in before.items()}
    anew = any(rollout.seen[each.id].starts > known.get(each.id, 0) for each in runs)
    deadline = now + rollout.policy.progress_deadline if anew else rollout.deadline
    return replace(rollout, begun=True, deadline=deadline)


def run_ended(rollout: Rollout, members: tuple[Member, ...], busy: frozenset[int], failure: str) -> tuple[Chain, ...]:
    """The stop of one that has failed and still runs, where nothing turns back that would bring it about."""
    up = [each for each in members if _runs_for(rollout, each) and each.up]
    if not rollout.job or rollout.way_back or not up or JOB_SLOT in busy or rollout.refusals:
        return ()
    return (Chain(f"{rollout.service}/{JOB_SLOT}", tuple(stop(each, failure) for each in up)),)


def _runs_for(rollout: Rollout, member: Member) -> bool:
    placed = member.placed
    return placed.release == rollout.release and placed.fingerprint == rollout.target.fingerprint
