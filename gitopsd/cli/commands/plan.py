"""`gitopsd plan`: what would change for the newest commit, or for any other."""

import click

from gitopsd.cli.door import Door, options

COLOURS = {"+": "green", "~": "yellow", "-/+": "yellow", "-": "red", "!": "red", "||": "cyan"}


@click.command("plan", help="Show what would change. With --exit-code: 2 when something would.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("--revision", default="", help="Any commit, branch or tag, instead of the newest commit.")
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 2 when there is something to show.")
@options
def command(door: Door, environment: str, revision: str, exit_code: bool) -> int:
    from gitopsd.controller.queries.plans import plans

    view = door.view(fresh=not revision)
    found = plans(view, environment, revision)
    if door.as_json:
        from gitopsd.controller import shapes

        shown = [shapes.plan(each) for each in found.plans]
        door.json({"environments": shown, "failures": shapes.failures(found.failures)})
    else:
        from gitopsd.plan.text import plan_text

        for number, each in enumerate(found.plans):
            if number:
                door.text()
            _text(door, plan_text(each))
        if not (found.plans or found.failures):
            door.text(f"No environments: {view.known()}")
    for failure in found.failures:
        _failed(door, failure.environment, failure.reason)
    if found.failures:
        return 1
    return 2 if exit_code and not all(each.empty for each in found.plans) else 0


def _text(door: Door, text: str) -> None:
    from gitopsd.cli.inert import inert

    for line in inert(text, lines=True).splitlines():
        mark = line.split()[0] if line.strip() else ""
        click.secho(line, fg=COLOURS.get(mark) if line.startswith("  ") else None)


def _failed(door: Door, environment: str, reason: str) -> None:
    for line in reason.splitlines():
        door.note(f"{environment}: {line}" if environment else line)
