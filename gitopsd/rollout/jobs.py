"""What next for a one-shot: it is created and started once, and has succeeded when it ends with exit code 0."""

from gitopsd.model.action import Action, Rename
from gitopsd.rollout.member import Member
from gitopsd.rollout.sharing import stray
from gitopsd.rollout.slots import Look, Step, place
from gitopsd.rollout.steps import clear, remove, start

JOB_SLOT = 1


def job_step(look: Look, members: tuple[Member, ...]) -> Step:
    """The next actions of the one slot of a one-shot. An earlier run's container goes once the new one succeeded."""
    if look.mending:
        return _interrupted(look, members)
    run = next((member for member in members if _of_this_rollout(look, member) and not _half_begun(look, member)), None)
    others = tuple(member for member in members if member is not run)
    unborn = tuple(remove(other, "never started") for other in others if other.instance.state == "created")
    if unborn:
        return Step("acting", unborn)
    if run is None or run.instance.state == "created":
        return _begin(look, run, others)
    match run.instance.state:
        case "exited" if run.instance.exit_code == 0:
            return _tidy(look, run, others)
        case "exited" if look.judge.excused(run):
            return Step("acting", start(run, look.cause))
        case "exited" | "dead":
            return Step("failed", reason=look.judge.evidence(run))
        case _:
            return Step("waiting")


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
