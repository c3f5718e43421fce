"""Approvals in Git: tags `approve/ENV/COMMIT`, looked for only while something waits for a person.

So a host that nobody can reach can still be told yes, by whoever may set tags.
"""

from collections.abc import Iterable

from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Clock, Source, Store, Tag
from gitopsd.model.errors import SourceError
from gitopsd.model.event import Event
from gitopsd.model.guards import strictest
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal
from gitopsd.model.settings import LedgerKeeping
from gitopsd.release.steering import stands_at_approval

MOST_EVENTS = LedgerKeeping().keep_events


class TagApprovals:
    """What tags approve of becomes an operation, once for each tag that is set."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._seen: set[tuple[str, str]] = set()

    def look(self, source: Source, environments: Iterable[Environment]) -> None:
        """Ask the remote, once for all environments that wait; a remote that does not answer is asked again."""
        journals = [(each, self._store.journal(each.name)) for each in environments]
        waiting = [(each, journal) for each, journal in journals if _waiting(journal)]
        if not waiting:
            return
        alone = len(waiting) == 1
        try:
            tags = source.tags(f"approve/{waiting[0][0].name}" if alone else "approve")
        except SourceError:
            return  # which the poll itself tells
        for environment, journal in waiting:
            for commit in _waiting(journal):
                tag = tags.get(commit if alone else f"{environment.name}/{commit}")
                if tag is not None and tag.commit == commit:
                    self._found(environment, journal, commit, tag)

    def _found(self, environment: Environment, journal: Journal, commit: str, tag: Tag) -> None:
        if (environment.name, tag.id) in self._seen:
            return
        self._seen.add((environment.name, tag.id))
        name = f"approve/{environment.name}/{commit}"
        if _signed(environment, journal) and tag.distrust:
            message = f"the tag {name} approves of nothing: {tag.distrust}"
            self._store.append(
                [Event(self._clock.now(), "ApprovalNotTrusted", message, "warning", environment=environment.name)]
            )
            return
        if self._has_approved(environment.name, tag):
            message = f"the tag {name} has approved once, and that ran out; set it anew with `git tag -f -a`"
            self._store.append(
                [Event(self._clock.now(), "ApprovalUsedUp", message, "warning", environment=environment.name)]
            )
            return
        said = {"what": commit, "reason": f"tag {name}" + (f": {tag.message}" if tag.message else ""), "tag": tag.id}
        by = tag.by or "whoever set a tag"
        self._store.submit(Operation("approve", environment.name, by, self._clock.now(), said))

    def _has_approved(self, environment: str, tag: Tag) -> bool:
        """Whether a daemon before this one has taken it: what ran out since then is not given again by a restart."""
        past = self._store.events(environment=environment, limit=MOST_EVENTS, newest=True)
        return any(each.reason == "OperationApprove" and each.data.get("tag") == tag.id for each in past)


def _waiting(journal: Journal) -> tuple[str, ...]:
    """The commits of which a tag may approve now."""
    if journal.queued is not None and journal.queued.asks:
        return tuple(reversed(journal.queued.revisions))
    if journal.release is not None and stands_at_approval(journal, str(journal.release.number)):
        return (journal.release.revision,)
    return ()


def _signed(environment: Environment, journal: Journal) -> bool:
    """Whether any of those who are heard wants such tags signed."""
    guards = environment.policy.guards
    for each in (journal.serving, journal.release, journal.queued.release if journal.queued is not None else None):
        guards = strictest(guards, each.guards) if each is not None else guards
    return guards.approval is not None and guards.approval.signed
