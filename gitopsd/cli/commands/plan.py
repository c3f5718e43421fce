"""`gitopsd plan`: what would change for the newest commit, for any other, or by a proposal that is checked out here."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options_with

if TYPE_CHECKING:
    from gitopsd.controller.queries.look import Failure
    from gitopsd.controller.queries.proposed import Proposed
    from gitopsd.model.plan import Plan

COLOURS = {"+": "green", "~": "yellow", "-/+": "yellow", "-": "red", "!": "red", "||": "cyan"}


@click.command("plan", help="Show what would change. With --exit-code: 2 when something would.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("--revision", default="", help="Any commit, branch or tag, instead of the newest commit.")
@click.option(
    "--repository",
    type=click.Path(path_type=Path),
    help="A checkout: what its --head would change over --base, with no daemon and no engine.",
)
@click.option("--base", default="", help="With --repository: the branch or commit that is to be changed.")
@click.option("--head", default="", help="With --repository: the one that changes it; default HEAD.")
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 2 when there is something to show.")
@options_with(("text", "json", "markdown"))
def command(
    door: Door, environment: str, revision: str, repository: Path | None, base: str, head: str, exit_code: bool
) -> int:
    if repository is not None:
        if not base or revision:
            raise click.UsageError("--repository takes --base and --head; write the branch that is to be changed")
        return _proposed(door, environment, (repository, base, head or "HEAD"), exit_code=exit_code)
    if base or head:
        raise click.UsageError("--base and --head are of a checkout; write --repository with its path")
    return _planned(door, environment, revision, exit_code=exit_code)


def _planned(door: Door, environment: str, revision: str, *, exit_code: bool) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import NONE_THERE, plans_there

        found, failures = plans_there(server, environment, revision)
        return _shown(door, found, failures, NONE_THERE, exit_code=exit_code)
    from gitopsd.controller.queries.plans import plans

    view = door.view(fresh=not revision)
    made = plans(view, environment, revision)
    missing = "" if made.plans or made.failures else view.known()
    return _shown(door, made.plans, made.failures, missing, exit_code=exit_code)


def _shown(door: Door, plans: "Sequence[Plan]", failures: "Sequence[Failure]", missing: str, *, exit_code: bool) -> int:
    if door.as_json:
        from gitopsd.controller import shapes

        door.json({"environments": [shapes.plan(each) for each in plans], "failures": shapes.failures(failures)})
    elif door.as_markdown:
        from gitopsd.cli.plan_markdown import plan_markdown

        _lines(door, (line for each in plans for line in plan_markdown(each)))
    else:
        _text(door, plans)
        if not (plans or failures):
            door.text(f"No environments: {missing}")
    _failed(door, failures)
    if failures:
        return 1
    return 2 if exit_code and not all(each.empty for each in plans) else 0


def _proposed(door: Door, environment: str, between: tuple[Path, str, str], *, exit_code: bool) -> int:
    from gitopsd.controller.queries.proposed import proposed

    repository, base, head = between
    ground = door.ground()
    with ground.checkout(repository) as checkout:
        found = proposed(ground, checkout, base, head, environment)
    if door.as_json:
        from gitopsd.controller import shapes

        door.json(shapes.proposed(found))
    elif door.as_markdown:
        from gitopsd.cli.plan_markdown import proposal_markdown

        _lines(door, proposal_markdown(found))
    else:
        _proposal_text(door, found)
    _failed(door, found.failures)
    if not found.good:
        return 1
    return 2 if exit_code and not found.empty else 0


def _proposal_text(door: Door, found: "Proposed") -> None:
    _text(door, [each for each in found.plans if not each.empty or each.problems or each.warnings])
    for name in found.removed:
        door.text(f"{name} leaves Git; its containers keep running until `gitopsd remove {name}`")
    if found.empty and found.good:
        door.text("No environment changes.")


def _text(door: Door, plans: "Iterable[Plan]") -> None:
    from gitopsd.cli.inert import inert
    from gitopsd.plan.text import plan_text

    for number, each in enumerate(plans):
        if number:
            door.text()
        for line in inert(plan_text(each), lines=True).splitlines():
            mark = line.split()[0] if line.strip() else ""
            click.secho(line, fg=COLOURS.get(mark) if line.startswith("  ") else None)


def _lines(door: Door, lines: Iterable[str]) -> None:
    for line in lines:
        door.text(line)


def _failed(door: Door, failures: "Iterable[Failure]") -> None:
    for failure in failures:
        for line in failure.reason.splitlines():
            door.note(f"{failure.environment}: {line}" if failure.environment else line)
