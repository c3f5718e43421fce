"""What is told of a swarm from look to look: what becomes of its nodes, and of tasks that it finds no place for."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.ports import Store
from gitopsd.model.event import Event
from gitopsd.model.status import NodeStatus
from gitopsd.model.swarm import SwarmState
from gitopsd.release.swarm_nodes import as_known, node_events, node_statuses, pending_tasks, placing_events


class NodeWatch:
    """One swarm's, which several environments look at: what each of them finds is told once.

    `url` is the manager's. How the nodes stood before this process began is known from the statuses in the store.
    """

    def __init__(self, url: str, store: Store) -> None:
        self._url, self._store = url, store
        self._lock = threading.Lock()
        self._known: tuple[NodeStatus, ...] = ()

    def note(self, live: SwarmState, now: datetime) -> None:
        """Append to the ledger what has become of the nodes since the last look."""
        after = node_statuses(live.nodes)
        if not after:  # nobody has looked yet
            return
        with self._lock:
            before = self._known or self._stored()
            events = [
                replace(each, data={**each.data, "engine": self._url}) for each in node_events(before, after, now)
            ]
            if events:
                self._store.append(events)
            self._known = as_known(before, after)

    def _stored(self) -> tuple[NodeStatus, ...]:
        return next((each.nodes for each in self._store.statuses() if each.engine == self._url and each.nodes), ())


class Placing:
    """The tasks of one environment that have no place."""

    def __init__(self, environment: str, store: Store) -> None:
        self._environment, self._store = environment, store
        self._known: Mapping[str, int] | None = None

    def note(self, live: SwarmState, project: str, now: datetime) -> tuple[Event, ...]:
        """What is to be told since the last look."""
        before = self._known if self._known is not None else self._stored()
        self._known = {name: len(tasks) for name, tasks in pending_tasks(live, project).items()}
        return placing_events(self._environment, before, live, project, now)

    def _stored(self) -> Mapping[str, int]:
        status = next((each for each in self._store.statuses() if each.name == self._environment), None)
        return {each.name: each.pending for each in status.services if each.pending} if status is not None else {}
