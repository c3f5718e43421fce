"""How the environments stand: in the daemon's words while one runs, else by looking now."""

from dataclasses import dataclass, replace

from gitopsd.controller.ports import Store
from gitopsd.controller.queries.look import Look, look
from gitopsd.controller.queries.swarm import swarm_knowledge
from gitopsd.controller.queries.view import View
from gitopsd.model.release import Hold
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus
from gitopsd.release.status import Knowledge, environment_status
from gitopsd.release.swarm_nodes import with_nodes


@dataclass(frozen=True, slots=True)
class StatusReport:
    """`problems` concern the set of environments; `daemon`: whether one runs, and these are its words.

    `acting` is which one, where that is not plain.
    """

    repositories: tuple[RepositoryStatus, ...]
    environments: tuple[EnvironmentStatus, ...]
    problems: tuple[str, ...]
    daemon: bool
    acting: str = ""


def status(view: View, name: str = "") -> StatusReport:
    """The status of one environment, or of all. GitopsdError when there is none of that name."""
    if view.daemon_runs:
        known = tuple(each for each in view.store.statuses() if name in ("", each.name))
        if known:
            return StatusReport(view.store.repositories(), known, (), daemon=True, acting=view.store.acting())
    found = tuple(status_of(view, look(view, environment)) for environment in view.select(name))
    return StatusReport(_repositories(view), found, view.problems, daemon=view.daemon_runs)


def stored_status(store: Store) -> StatusReport:
    """What the last pass over each environment found."""
    return StatusReport(store.repositories(), store.statuses(), (), daemon=store.daemon_runs(), acting=store.acting())


def status_of(view: View, seen: Look) -> EnvironmentStatus:
    """The status at this look. `since` is the stored time while the words are the same."""
    environment = seen.environment
    stored = next((each for each in view.store.statuses() if each.name == environment.name), None)
    reason = seen.desire.reason
    if seen.live is None:
        reason = seen.trouble + (f"; last known: {_words_of(stored)}" if stored is not None else "")
    state = seen.desire.state if seen.live is not None else None
    known = Knowledge(state, seen.live, seen.desire.head, _holds(seen, stored), reason)
    if seen.swarm is not None:
        known = swarm_knowledge(view, seen, seen.swarm, known)
    found = environment_status(environment.name, environment.mode, seen.journal, known, view.now)
    found = replace(found, engine=environment.engine.url)
    if seen.swarm is not None:
        found = with_nodes(found, seen.swarm)
    if stored is not None and _words(stored) == _words(found):
        return replace(found, since=stored.since)
    return found


def _holds(seen: Look, stored: EnvironmentStatus | None) -> tuple[Hold, ...]:
    """What holds by this look, and what the daemon knew besides of the same commit; what the journal tells is anew."""
    holds = seen.desire.holds
    if stored is None or stored.desired_revision != seen.desire.head:
        return holds
    guards = {hold.guard for hold in holds} | {"rejected", "image", "paused"}
    suspended = seen.journal.suspension is not None
    more = (hold for hold in stored.holds if hold.guard not in guards and (suspended or hold.guard != "suspended"))
    return (*holds, *more)


def _repositories(view: View) -> tuple[RepositoryStatus, ...]:
    """What is stored of each, and a line for one that was never asked."""
    stored = {each.name: each for each in view.store.repositories()}
    return tuple(
        stored.get(name) or RepositoryStatus(name, each.url, each.branch, "", None, view.repositories.trouble(name))
        for name, each in sorted(view.settings.repositories.items())
    )


def _words(status: EnvironmentStatus) -> tuple[str, str, str, str]:
    return status.sync, status.health, status.reason, status.revision


def _words_of(stored: EnvironmentStatus) -> str:
    return f"{stored.sync}, {stored.health} since {stored.since:%Y-%m-%d %H:%M:%S} UTC"
