"""An event as a line, and what a failed instance wrote last below it."""

from datetime import UTC

from gitopsd.cli.inert import inert
from gitopsd.model.event import Event

COLUMN = max(map(len, ("RolloutProgressing", "OperationSuspend")))


def told(event: Event, *, with_environment: bool = True) -> str:
    """`2026-03-01 12:00:01 RolloutFailed      shop/web: web: unhealthy`; made inert, but for the log lines' ends."""
    said = where_and_what(event, with_environment=with_environment)
    line = f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} {event.reason:<{COLUMN}} {inert(said)}"
    logs = event.data.get("logs")
    return "\n".join([line, *(f"      | {inert(each)}" for each in (str(logs).splitlines() if logs else ()))])


def where_and_what(event: Event, *, with_environment: bool = True) -> str:
    """`shop/web: exited with code 1`, not made inert. A message that begins with its service does not say it twice."""
    names = (event.environment if with_environment else "", event.service)
    where = "/".join(name for name in names if name)
    message = event.message.removeprefix(f"{event.service}: ") if event.service else event.message
    return f"{where}: {message}" if where else message
