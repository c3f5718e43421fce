"""A plan as people read it, and as golden tests hold it.

+ web       create   new service, image shop/web:1          wave 1
-/+ db      replace  image db:1 -> db:2                     wave 0  stop-first, about 7 s without service: ...
"""

from collections.abc import Mapping
from typing import Final

from gitopsd.model.plan import IN_PLACE, Change, FieldChange, Plan

MARKS = {"create": "+", "update": "~", IN_PLACE: "~", "replace": "-/+", "scale": "~", "remove": "-", "unchanged": " "}
COUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    "to create": ("create",),
    "to replace": ("replace",),
    "to change": ("update", IN_PLACE, "scale"),
    "to remove": ("remove",),
}


def plan_text(plan: Plan) -> str:
    """The whole plan; "No changes." for an empty one."""
    lines = [f"{plan.environment} at {plan.revision[:8]}"]
    lines += [f"  {'!':<3} {problem}" for problem in plan.problems]
    lines += [f"  {'!':<3} {warning}" for warning in plan.warnings]
    lines += [f"  {'||':<3} held by {hold.guard}: {hold.reason}" for hold in plan.holds]
    if plan.loosened:
        lines.append(f"  {'~':<3} loosens: {', '.join(plan.loosened)} (counts from the release after this one)")
    if plan.empty:
        return "\n".join([*lines, "  No changes."])
    lines += [f"  +   network {name}" for name in plan.networks]
    lines += [f"  +   volume {name}" for name in plan.volumes]
    for change in plan.changes:
        lines += _change(change)
    lines += [f"  -   network {name}" for name in plan.removed_networks]
    return "\n".join([*lines, _sum(plan)])


def _change(change: Change) -> list[str]:
    if change.change == "unchanged":
        return [f"      {change.service}: unchanged"]
    head = f"  {MARKS[change.change]:<3} {change.service}: {change.change.replace('-', ' ')}, {change.cause}"
    lines = [head]
    if change.change == "replace" and change.strategy != "job":
        how = "" if change.strategy == "rolling" else f"{change.strategy}, "
        lines.append(f"        {how}{change.order}{_cost(change)}")
    if change.steps:
        lines.append(f"        steps: {', '.join(change.steps)}")
    lines += [f"        {field_text(field)}" for field in change.fields if field.path != "image"]
    return lines


def _cost(change: Change) -> str:
    if not change.interruption:
        return ", no interruption"
    if change.order == "start-first" and not change.interruption_s:
        return f", no interruption: {change.interruption}"
    gap = f"about {change.interruption_s:g} s without service" if change.interruption_s else "one slot at a time"
    return f", {gap}: {change.interruption}"


def field_text(field: FieldChange) -> str:
    """One field, before and after; a secret one only by its name."""
    if field.hidden:
        return f"{field.path}: changed (hidden)"
    return f"{field.path}: {_value(field.before)} -> {_value(field.after)}"


def _value(value: object) -> str:
    return "(none)" if value is None else str(value)


def counted(plan: Plan) -> Mapping[str, int]:
    """How many services change, by the words that people read."""
    return {words: sum(change.change in kinds for change in plan.changes) for words, kinds in COUNTED.items()}


def _sum(plan: Plan) -> str:
    return f"Plan: {', '.join(f'{number} {words}' for words, number in counted(plan).items())}."
