"""gitopsd never replaces the container that it runs in: stopped half-way, nobody would be left to start the new one."""

from gitopsd.model.live import Instance, LiveState
from gitopsd.model.plan import IN_PLACE, Plan
from gitopsd.model.release import Hold

HARMLESS = ("unchanged", "update", IN_PLACE)


def own_holds(made: Plan, live: LiveState) -> tuple[Hold, ...]:
    """A hold named `self` when the plan would touch the container that gitopsd runs in."""
    touched = {change.service for change in made.changes if change.change not in HARMLESS}
    return tuple(
        Hold("self", f"{_runs_here(own)}, and cannot replace it: {_mend(own)}")
        for own in live.instances
        if own.id == live.own and own.service in touched
    )


def removal_refusal(live: LiveState) -> str:
    """Why the environment cannot be taken down by this gitopsd; "" when it can."""
    own = next((each for each in live.instances if each.id == live.own), None)
    return "" if own is None else f"refused: {_runs_here(own)}: {_mend(own)}"


def _runs_here(own: Instance) -> str:
    return f"gitopsd runs in the container {own.name} of service {own.service}"


def _mend(own: Instance) -> str:
    return (
        f"update it from outside, with `docker compose up -d` where its compose.yaml lies, and take {own.service} "
        "out of the environment or leave it as it is there"
    )
