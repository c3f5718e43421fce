"""How often an engine restarted instances lately: one of them again and again, or a whole service together."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.desired import CrashLoop, Policy, SealedState
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal, Restarts

MOST = 100  # of one instance that are remembered


def counted(journal: Journal, live: LiveState, now: datetime, *, returned: bool) -> Journal:
    """The journal after one more look at the engine's own counts.

    What was there at the first look is not known to be late. `returned`: nobody looked, so neither is what was added.
    """
    found: dict[str, Restarts] = {}
    for instance in live.instances:
        if instance.id not in journal.inventory:
            continue
        known = journal.restarts.get(instance.id) or Restarts(instance.restart_count)
        more = 0 if returned else max(0, instance.restart_count - known.count)
        found[instance.id] = Restarts(instance.restart_count, (*known.at, *[now] * more)[-MOST:])
    return journal if found == journal.restarts else replace(journal, restarts=found)


def lately(journal: Journal, container: str, within: timedelta, now: datetime) -> tuple[datetime, ...]:
    """The restarts of an instance in the last while."""
    known = journal.restarts.get(container)
    return tuple(at for at in known.at if now - at < within) if known is not None else ()


def policy_of(state: SealedState | None, service: str) -> Policy:
    sealed = state.services.get(service) if state is not None else None
    return sealed.service.policy if sealed is not None else Policy()


def storms(journal: Journal, state: SealedState | None, live: LiveState, now: datetime) -> Mapping[str, str]:
    """The services whose instances together restart too often, each with that in words."""
    times: dict[str, Counter[str]] = {}
    for each in live.instances:
        known = journal.restarts.get(each.id)
        if each.id in journal.inventory and known is not None and known.at:
            service = journal.inventory[each.id].service
            within = policy_of(state, service).restart_storm.within
            times.setdefault(service, Counter())[each.name] = len(lately(journal, each.id, within, now))
    return {
        service: _words(found, policy_of(state, service).restart_storm)
        for service, found in sorted(times.items())
        if found.total() >= policy_of(state, service).restart_storm.restarts
    }


def _words(times: Counter[str], limit: CrashLoop) -> str:
    [(worst, most)] = times.most_common(1)
    return f"{times.total()} restarts within {limit.within.total_seconds():g} s, {most} of them of {worst}"


def crashes_told(
    before: Journal, after: Journal, state: SealedState | None, live: LiveState, now: datetime
) -> Iterator[Event]:
    """What began or ended at this look."""
    names = {each.id: each.name for each in live.instances}
    for id, placed in sorted(after.inventory.items()):
        was = before.inventory[id].looping if id in before.inventory else ""
        if placed.looping and not was:
            words = f"{placed.service}: {names.get(id, placed.name)} {placed.looping}"
            yield Event(now, "CrashLoop", words, "error", after.environment, placed.service)
        if was and not placed.looping and id in names:
            words = f"{placed.service}: {names[id]} has not crashed for a while"
            yield Event(now, "CrashLoopOver", words, "info", after.environment, placed.service)
    raging = storms(replace(after, restarts=before.restarts), state, live, now)
    for service, words in storms(after, state, live, now).items():
        if service not in raging:
            yield Event(now, "RestartStorm", f"{service}: {words}", "error", after.environment, service)


def calm_at(journal: Journal, state: SealedState | None, now: datetime) -> tuple[datetime, ...]:
    """When those that loop will not have crashed for long enough to count as calm."""
    looping = ((id, placed) for id, placed in journal.inventory.items() if placed.looping and id in journal.restarts)
    ends = (
        journal.restarts[id].at[-1] + policy_of(state, placed.service).crash_loop.within
        for id, placed in looping
        if journal.restarts[id].at
    )
    return tuple(at for at in ends if at > now)
