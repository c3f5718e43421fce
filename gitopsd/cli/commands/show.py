"""`gitopsd show`: one release: its services, and what happened in it."""

import click

from gitopsd.cli.door import Door, options


@click.command("show", help="Show one release and what happened in it.")
@click.argument("release", type=click.IntRange(min=1), metavar="RELEASE")
@options
def command(door: Door, release: int) -> int:
    from gitopsd.controller.queries.ledger import show

    found, events = show(door.view(), release)
    if door.as_json:
        from gitopsd.cli import shapes

        door.json({**shapes.release(found), "events": [shapes.event(each) for each in events]})
        return 0
    from gitopsd.cli.happenings import told
    from gitopsd.cli.inert import inert
    from gitopsd.cli.words import clock_time, took

    outcome = found.outcome or "under way"
    door.text(
        f"release {found.number} of {found.environment}: {outcome}" + (f", {found.reason}" if found.reason else "")
    )
    door.text(f"  {found.revision[:8]} {inert(found.subject)} ({inert(found.author)})")
    door.text(
        f"  {clock_time(found.started_at)} UTC, took {took(found.started_at, found.finished_at)}: {found.cause}\n"
    )
    rows = [(each.name, each.image, each.digest[-12:], each.fingerprint[:15]) for each in found.services]
    door.table(("SERVICE", "IMAGE", "DIGEST", "FINGERPRINT"), rows)
    if events:
        door.text()
    for event in events:
        door.text(told(event, with_environment=False))
    return 0
