"""`gitopsd events`: what happened; with -f, what happens, until interrupted."""

import threading

import click

from gitopsd.cli.door import Door, options

LOOK_S = 0.2


@click.command("events", help="List what happened, oldest first; -f follows until interrupted.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("-f", "--follow", is_flag=True, help="Go on as things happen. JSON is then one document a line.")
@click.option("--limit", type=click.IntRange(min=0), default=50, help="How many past events.")
@options
def command(door: Door, environment: str, follow: bool, limit: int) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import events_there

        return events_there(door, server, environment, limit, follow=follow)
    from gitopsd.cli.happenings import told
    from gitopsd.controller import shapes

    store = door.application().store
    found = store.events(environment=environment, limit=limit, newest=True) if limit else ()
    if door.as_json and not follow:
        door.json({"events": [shapes.event(each) for each in found]})
        return 0
    last = store.events(limit=1, newest=True)
    seen = found[-1].number if found else (last[0].number if last else 0)
    while True:
        for event in found:
            if door.as_json:
                door.json_line(shapes.event(event))
            else:
                door.text(told(event))
        if not follow:
            return 0
        threading.Event().wait(LOOK_S)
        found = store.events(after=seen, environment=environment)
        seen = found[-1].number if found else seen
