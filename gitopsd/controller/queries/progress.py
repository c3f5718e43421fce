"""The release under way: how each service of it stands right now, and what comes next; read only."""

from dataclasses import dataclass
from datetime import datetime

from gitopsd.controller.queries.look import look
from gitopsd.controller.queries.view import View
from gitopsd.model.errors import GitopsdError
from gitopsd.model.release import Release
from gitopsd.release.progress import ServiceProgress, progress, progress_on_swarm
from gitopsd.release.swarm_routing import tasks_of


@dataclass(frozen=True, slots=True)
class Progress:
    """`release` is the one under way or, with `over`, the last one that ended; None where there was none."""

    environment: str
    release: Release | None
    over: bool
    services: tuple[ServiceProgress, ...]
    now: datetime


def rollout_progress(view: View, name: str, service: str = "") -> Progress:
    """Look once. GitopsdError: the engine does not answer, or nobody knows the environment or the service."""
    (environment,) = view.select(name)
    seen = look(view, environment)
    if seen.live is None:
        raise GitopsdError(seen.trouble)
    journal = seen.journal
    known = {*journal.stable, *journal.rollouts}
    if service and service not in known:
        raise GitopsdError(f"environment {name} has no service {service}; it has {', '.join(sorted(known)) or 'none'}")
    if seen.swarm is not None:
        found = progress_on_swarm(journal, tasks_of(journal, seen.swarm), view.now)
    else:
        found = progress(journal, seen.live, view.now)
    last = next(iter(view.store.releases(name, 1)), None)
    chosen = tuple(each for each in found if service in ("", each.rollout.service))
    return Progress(name, journal.release or last, journal.release is None, chosen, view.now)


def again(view: View) -> View:
    """The same view at a later moment."""
    return View(view.application)
