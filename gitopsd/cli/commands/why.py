"""`gitopsd why`: how a service stands, and the chain of causes that brought it there."""

import click

from gitopsd.cli.door import Door, options


@click.command("why", help="Tell the chain of causes behind a service, or behind a whole environment.")
@click.argument("name", metavar="ENV[/SERVICE]")
@options
def command(door: Door, name: str) -> int:
    from gitopsd.controller.queries.ledger import why
    from gitopsd.controller.queries.status import status

    environment, _, service = name.partition("/")
    view = door.view()
    (stands,) = status(view, environment).environments
    found = why(view, stands, service)
    if door.as_json:
        from gitopsd.cli import shapes

        door.json(
            {
                "environment": shapes.environment(found.environment),
                "service": shapes.service(found.service) if found.service is not None else None,
                "release": shapes.release(found.release) if found.release is not None else None,
                "events": [shapes.event(each) for each in found.events],
            }
        )
        return 0
    from gitopsd.cli.happenings import told
    from gitopsd.cli.inert import inert

    one = found.service or found.environment
    reason = f", {inert(one.reason)}" if one.reason else ""
    door.text(f"{name}: {one.sync}, {one.health}{reason}")
    if found.service is not None:
        door.text(f"  {found.service.ready} of {found.service.desired} ready, {inert(found.service.image)}")
    if found.release is not None:
        release = found.release
        door.text(f"  last touched by release {release.number} of {release.revision[:8]} ({inert(release.subject)})")
    for event in found.events:
        door.text(f"  {told(event, with_environment=False)}")
    if not found.events:
        door.text("  nothing has happened to it yet")
    return 0
