"""What a person asks of an environment: written to the store, waited for, and followed to the end of its release."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gitopsd.controller.arguments import check
from gitopsd.controller.environments import Environment
from gitopsd.controller.operations import told
from gitopsd.controller.queries.view import View
from gitopsd.controller.removal import Removal, remove_environment
from gitopsd.controller.router_owner import Claims, RouterOwner
from gitopsd.controller.router_reach import of_kind, on_engine
from gitopsd.controller.router_telling import Teller
from gitopsd.controller.routing import without
from gitopsd.controller.swarm_acting import remove_from_swarm
from gitopsd.model.canonical import Json
from gitopsd.model.errors import RouterUnavailable
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.release import Journal, Release

LOOK_S = 0.1
Tell = Callable[[Event], None]
Pause = Callable[[float], object]


def _wait_a_little(seconds: float) -> None:
    threading.Event().wait(seconds)


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation in the store, and the last event before it."""

    operation: Operation
    after: int


def ask(view: View, verb: Verb, environment: str, by: str, arguments: dict[str, Json]) -> Asked:
    """Queue an operation for a known environment. GitopsdError: it is not known, or the arguments mean nothing."""
    check(arguments)
    known = {*view.store.environments(), *(status.name for status in view.store.statuses())}
    if environment not in known:
        view.select(environment)
    last = view.store.events(limit=1, newest=True)
    number = view.store.submit(Operation(verb, environment, by, view.now, arguments))
    operation = view.store.operation(number)
    assert operation is not None
    return Asked(operation, last[0].number if last else 0)


class Following:
    """Waits with a deadline, and tells each event of the environment once, as it comes."""

    def __init__(self, view: View, asked: Asked, patience_s: float, tell: Tell, pause: Pause = _wait_a_little) -> None:
        self._store, self._clock = view.store, view.application.clock
        self._environment, self._seen = asked.operation.environment, asked.after
        self._number = asked.operation.number
        self._deadline = self._clock.monotonic() + patience_s
        self._tell, self._pause = tell, pause

    def answer(self) -> Operation | None:
        """The operation with its result; None when the time is up or the daemon is gone."""
        self._until(self._done)
        operation = self._store.operation(self._number)
        return operation if operation is not None and operation.done_at is not None else None

    def release(self) -> Release | None:
        """The environment's newest release at its end, or as it is when the time is up."""
        found = self._store.releases(self._environment, limit=1)
        if not found:
            return None
        number = found[0].number
        self._until(lambda: self._ended(number))
        return self._store.release(number)

    def _until(self, over: Callable[[], bool]) -> None:
        while True:
            done = over()
            self._told()
            if done or self._clock.monotonic() >= self._deadline or not self._store.daemon_runs():
                return
            self._pause(LOOK_S)

    def _done(self) -> bool:
        operation = self._store.operation(self._number)
        return operation is None or operation.done_at is not None

    def _ended(self, number: int) -> bool:
        release = self._store.release(number)
        return release is None or release.finished_at is not None

    def _told(self) -> None:
        for event in self._store.events(after=self._seen, environment=self._environment):
            self._seen = event.number
            self._tell(event)


def remove(view: View, name: str, by: str) -> str:
    """Take an environment down without a daemon, which must not start meanwhile. Returns what was done."""
    (environment,) = view.select(name)
    store = view.store
    with store.lock():
        view.take_over(name)
        _unroute(view, environment, store.journal(name))
        removal, before = Removal(by, still_in_git(view, name), view.now), store.journal(name)
        result, events = _removed(view, environment, before, removal)
        operation = Operation("remove", name, by, view.now)
        store.append([*events, told(operation, result, view.now, (before, store.journal(name)))])
    return result


def _removed(view: View, environment: Environment, journal: Journal, removal: Removal) -> tuple[str, tuple[Event, ...]]:
    if environment.engine.swarm:
        return remove_from_swarm(journal, view.swarm(environment), view.store, removal), ()
    return remove_environment(journal, view.engine(environment), view.store, removal)


def _unroute(view: View, environment: Environment, journal: Journal) -> None:
    """Have the router forget an environment before its containers are stopped."""
    if not journal.routes or environment.unroutable:
        return
    store, target = view.store, environment.engine
    on_swarm, names = target.swarm, on_engine(target.url, store) - set(journal.names)
    others = {name: of_kind(store.journal(name).routes, swarm=on_swarm) for name in names}
    claims: Claims = view.swarm(environment) if on_swarm else view.engine(environment)
    owner = RouterOwner(claims, store, "config" if on_swarm else "volume")
    try:
        if environment.router.mode == "managed":
            owner.hold()
    except RouterUnavailable:
        return  # another gitopsd's routes nothing of ours
    router = view.application.open_router(target, environment.router)
    with suppress(RouterUnavailable):  # then nobody gets anything there, and the table awaits it on its disk
        without(router, others, Teller(store, view.application.clock))
        if not any(others.values()):
            owner.give_up()


def still_in_git(view: View, name: str) -> bool:
    """Whether a repository still has the environment, so that a daemon would bring it back."""
    found = view.environments.get(name)
    return found is not None and bool(found.path)
