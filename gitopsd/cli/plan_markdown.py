"""Plans as Markdown, to be posted under a pull request: whatever comes from outside stands in code and does nothing."""

from collections.abc import Iterator

from gitopsd.cli.drift_markdown import code, line
from gitopsd.controller.queries.proposed import Proposed
from gitopsd.model.plan import Change, Plan
from gitopsd.plan.text import MARKS, counted, field_text

MOST_CHANGES = 100  # of one environment; what a forge takes of one comment is bounded
MOST_FIELDS = 200
MOST_LINES = 50


def proposal_markdown(found: Proposed) -> Iterator[str]:
    """All of it, the summary first."""
    yield f"## gitopsd plan: {code(found.base[:8])} to {code(found.head[:8])}"
    yield ""
    if found.empty and found.good:
        yield "No environment changes."
        yield ""
    else:
        yield from _summary(found)
    for failure in found.failures:
        what = code(failure.environment) if failure.environment else "the set of environments"
        yield f"### {what}: not possible"
        yield ""
        yield from (f"- **Wrong**: {code(each)}" for each in failure.reason.splitlines()[:MOST_LINES])
        yield ""
    for plan in found.plans:
        if not plan.empty or plan.problems or plan.warnings:
            yield from plan_markdown(plan, new=plan.environment in found.added)
    yield "Read from the two commits alone: what runs, and what images bring along, may add to it."


def plan_markdown(plan: Plan, *, new: bool = False) -> Iterator[str]:
    """The plan of one environment."""
    yield f"### {code(plan.environment)}{', a new environment' if new else ''}: {_said(plan)}"
    yield ""
    yield from (f"- **Wrong**: {code(str(each))}" for each in plan.problems[:MOST_LINES])
    yield from (f"- **Held** by {code(each.guard)}: {code(each.reason)}" for each in plan.holds)
    yield from (f"- **Note**: {code(each)}" for each in plan.warnings[:MOST_LINES])
    yield from (f"- New network {code(each)}" for each in plan.networks)
    yield from (f"- New volume {code(each)}" for each in plan.volumes)
    yield from (f"- Removed network {code(each)}" for each in plan.removed_networks)
    changed = [each for each in plan.changes if each.change != "unchanged"]
    if changed:
        yield ""
        yield line("", "service", "change", "because", "without service")
        yield line(*["---"] * 5)
        yield from (_row(each) for each in changed[:MOST_CHANGES])
        yield from _fields(changed)
    if len(changed) > MOST_CHANGES:
        yield f"\nand {_number(len(changed) - MOST_CHANGES, 'more service')}"
    yield ""


def _summary(found: Proposed) -> Iterator[str]:
    yield line("environment", "changes")
    yield line("---", "---")
    same = sum(plan.empty and not plan.problems for plan in found.plans)
    for plan in found.plans:
        if plan.empty and not plan.problems:
            continue
        new = "new: " if plan.environment in found.added else ""
        yield line(code(plan.environment), f"{new}{_said(plan)}")
    broken = (each.environment for each in found.failures if each.environment)
    yield from (line(code(each), "**cannot be loaded**") for each in broken)
    for name in found.removed:
        said = f"leaves Git; its containers keep running until {code(f'gitopsd remove {name}')}"
        yield line(code(name), said)
    yield ""
    if same:
        yield f"{_number(same, 'other environment')} without a change."
        yield ""


def _said(plan: Plan) -> str:
    of_services = ", ".join(f"{number} {what}" for what, number in counted(plan).items() if number)
    said = of_services or ("nothing changes" if plan.empty else "networks or volumes change")
    return f"{said}, **{_number(len(plan.problems), 'problem')}**" if plan.problems else said


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _row(change: Change) -> str:
    how = change.strategy if change.change == "create" else f"{change.strategy}, {change.order}"
    said = f"{change.change} ({how})" if change.change in ("create", "replace") else change.change.replace("-", " ")
    return line(code(MARKS[change.change]), code(change.service), said, code(change.cause), _gap(change))


def _gap(change: Change) -> str:
    if change.change != "replace" or change.strategy == "job":
        return "no"
    if not change.interruption or (change.order == "start-first" and not change.interruption_s):
        return "no"
    gap = f"about {change.interruption_s:g} s" if change.interruption_s else "one slot at a time"
    return f"{gap}: {code(change.interruption)}"


def _fields(changed: list[Change]) -> Iterator[str]:
    """What changes within services, folded."""
    lines = [f"{each.service}: {field_text(field)}" for each in changed for field in each.fields]
    if not lines:
        return
    yield ""
    yield f"<details><summary>{_number(len(lines), 'field')}</summary>"
    yield ""
    yield from (f"- {code(each)}" for each in lines[:MOST_FIELDS])
    if len(lines) > MOST_FIELDS:
        yield f"- and {len(lines) - MOST_FIELDS} more"
    yield ""
    yield "</details>"
