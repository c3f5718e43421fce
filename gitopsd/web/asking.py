"""What handlers ask through: a view of now, and the facts of commits, which never change and are kept."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from gitopsd.controller.page_port import Doorbell
from gitopsd.controller.ports import Commit
from gitopsd.controller.queries.made import Made
from gitopsd.controller.queries.operate import Asked, Following, ask
from gitopsd.controller.queries.view import View
from gitopsd.model.canonical import Json
from gitopsd.model.errors import GitopsdError
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation, Verb
from gitopsd.web.access import Visitor

ANSWER_S = 5.0
MOST_COMMITS = 5000
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Asking:
    """One for the whole site; every question has a view of its own, over connections that are kept."""

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._lock = threading.Lock()
        self._commits: OrderedDict[str, Commit | None] = OrderedDict()
        self._last: View | None = None

    def view(self) -> View:
        """A look at now; connections are kept while the settings stay."""
        application = self._doorbell.application()
        with self._lock:
            last = self._last
            kept = last is not None and last.application.settings == application.settings
            self._last = last.later() if last is not None and kept else View(application)
            return self._last

    def commit(self, view: View, environment: str, revision: str) -> Commit | None:
        """Author, subject and time of a commit; None where the mirror does not have it."""
        if not _COMMIT.fullmatch(revision):
            return None
        with self._lock:
            if revision in self._commits:
                return self._commits[revision]
        found = _found(view, environment, revision)
        with self._lock:
            self._commits[revision] = found
            while len(self._commits) > MOST_COMMITS:
                self._commits.popitem(last=False)
        return found

    def ask(
        self, visitor: Visitor, verb: Verb, environment: str, arguments: dict[str, Json], patience_s: float = ANSWER_S
    ) -> Operation:
        """Queue what somebody asks; with its result, where the daemon answers in time."""
        view = self.view()
        if environment not in {status.name for status in view.store.statuses()}:
            view.select(environment)
        asked = ask(view, verb, environment, visitor.words, arguments)
        return _answered(view, asked, patience_s) or asked.operation

    def commit_for(self, visitor: Visitor, environment: str, what: str, make: Callable[[View], Made]) -> Made:
        """A commit that somebody asks for; the ledger has who, and what came of it."""
        view, asked = self.view(), f"{visitor.words} asked to {what}"
        view.select(environment)
        try:
            made = make(view)
        except GitopsdError as error:
            view.store.append([Event(view.now, "CommitRefused", f"{asked}: {error}", "warning", environment)])
            raise
        came = f"commit {made.commit[:12]} on {made.branch}" if made.commit else "Git says so already"
        pushed = ", pushed" if made.pushed else ", not pushed" if made.commit else ""
        data: dict[str, Json] = {"before": made.base, "after": made.commit or made.base}
        view.store.append(
            [Event(view.now, "CommitMade", f"{asked}: {came}{pushed}", environment=environment, data=data)]
        )
        return made


def _answered(view: View, asked: Asked, patience_s: float) -> Operation | None:
    return Following(view, asked, patience_s, tell=lambda event: None).answer()


def _found(view: View, environment: str, revision: str) -> Commit | None:
    for repository in view.store.repositories():
        if environment in repository.environments or not repository.environments:
            try:
                found = view.repositories.source(repository.name).commit(revision)
            except GitopsdError:
                continue
            return replace(found, subject=found.subject.strip())
    return None
