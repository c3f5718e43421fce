"""Pages from templates: everything is escaped, and times and commits are written as people read them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import Response

from gitopsd import __version__
from gitopsd.controller import shapes
from gitopsd.model.route import percent
from gitopsd.model.units import in_units
from gitopsd.web.access import Visitor

HERE = Path(__file__).parent
STATIC = HERE / "static"

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES = Jinja2Templates(env=_ENVIRONMENT)


def rendered(
    request: Request, template: str, values: Mapping[str, Any], visitor: Visitor | None = None, status: int = 200
) -> Response:
    """One page. `visitor` decides what it offers."""
    now = request.app.state.doorbell.application().clock.now()
    every = {"now": now, "visitor": visitor, "version": __version__, "path": request.url.path, "json": ""}
    return _TEMPLATES.TemplateResponse(request, template, {**every, **values}, status)


def short(commit: str) -> str:
    return commit[:8] or "-"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that is not zero."""
    if then is None:
        return "never"
    return "now" if (now - then).total_seconds() < 1 else f"{lasted((now - then).total_seconds())} ago"


def until(then: datetime, now: datetime) -> str:
    left = (then - now).total_seconds()
    return f"in {lasted(left)}" if left > 0 else "now"


def lasted(seconds: float | None) -> str:
    """`40ms`, `0.4s`, `42s`, `3m 5s`, `2h 10m`, `4d`."""
    if seconds is None:
        return "-"
    whole = int(seconds)
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.0f}ms"
    if whole < 10:
        return f"{seconds:.1f}s" if seconds % 1 and seconds < 10 else f"{whole}s"
    days, hours, minutes = whole // 86400, whole % 86400 // 3600, whole % 3600 // 60
    if days:
        return f"{days}d {hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h {minutes}m" if minutes else f"{hours}h"
    return (f"{minutes}m {whole % 60}s" if whole % 60 else f"{minutes}m") if minutes else f"{whole}s"


def utc(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(when: datetime) -> str:
    """The time of a day that stands beside it."""
    return f"{when.astimezone(UTC):%H:%M:%S}"


def image(reference: str) -> str:
    """What of a reference tells versions apart: `web:1.4.2` of `registry.example.com/shop/web:1.4.2@sha256:...`."""
    name, _, digest = reference.partition("@")
    last = name.rpartition("/")[2]
    return last if ":" in last or not digest else f"{last}@{digest.partition(':')[2][:8]}"


def typed(words: str) -> Markup:
    """Words of ours, in which what stands between two backticks is to be typed."""
    parts = words.split("`")
    if len(parts) % 2 == 0:
        return escape(words)
    return Markup("").join(Markup("<code>{}</code>").format(each) if i % 2 else each for i, each in enumerate(parts))


def shown(value: object, field: str = "") -> str:
    """A value of a manifest or an engine, of some fields in units; one that may be secret is not told."""
    if value is None:
        return "(none)"
    if isinstance(value, int) and not isinstance(value, bool):
        return in_units(field, value)
    return "(hidden)" if isinstance(value, Mapping) and value.keys() == {"hidden"} else str(value)


_ENVIRONMENT.filters.update(
    short=short,
    age=age,
    until=until,
    lasted=lasted,
    utc=utc,
    clock=clock,
    iso=shapes.time,
    shown=shown,
    percent=percent,
    typed=typed,
    image=image,
)
