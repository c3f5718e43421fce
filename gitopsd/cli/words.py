"""Ages, durations and names as people read and write them."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from gitopsd.manifest.durations import duration

if TYPE_CHECKING:
    from gitopsd.model.status import EnvironmentStatus

NOTHING = "-"


def short(commit: str) -> str:
    """The first eight digits of a commit id."""
    return commit[:8] or NOTHING


def revisions(serving: str, desired: str) -> str:
    """What runs; where Git says something else, both."""
    if not serving or desired in ("", serving):
        return short(serving or desired)
    return f"{short(serving)} -> {short(desired)}"


def standing(status: "EnvironmentStatus", now: datetime) -> tuple[str, ...]:
    """How an environment stands, in a row: revision, sync, health, since when, release, message."""
    return (
        revisions(status.revision, status.desired_revision),
        status.sync,
        status.health,
        age(status.since, now),
        str(status.serving_release or NOTHING),
        status.reason.partition("\n")[0],
    )


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that is not zero: `8s ago`, `3m ago`, `2d ago`."""
    if then is None:
        return "never"
    seconds = int((now - then).total_seconds())
    if seconds < 1:
        return "now"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def clock_time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def took(start: datetime, end: datetime | None) -> str:
    """How long something lasted; nothing while it has not ended."""
    return f"{(end - start).total_seconds():.0f}s" if end is not None else NOTHING


class Duration(click.ParamType[timedelta]):
    """A duration as Compose writes it."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()
