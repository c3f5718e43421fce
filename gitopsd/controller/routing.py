"""The router of one engine: brought to the table that the journals want, read back again and again, and told to passes.

The table is made of the journals of all environments of the engine, also of those that had no pass yet. What is kept
here only saves work: a new process reads the journals, applies the whole table, and reads the router back.
"""

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitopsd.controller.environments import Environment
from gitopsd.controller.handover import Handover
from gitopsd.controller.ports import Clock, Store, Timer
from gitopsd.controller.queue import WorkQueue
from gitopsd.controller.route_table import Rendered, Routes, departures, draining, late, rendered
from gitopsd.controller.router_port import Router
from gitopsd.controller.router_reach import of_kind, on_engine
from gitopsd.controller.router_sight import APART_S, Counts, Known, telling
from gitopsd.controller.router_telling import Teller
from gitopsd.model.certificate import Certificates
from gitopsd.model.drift import PastDrift
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.health import Answer, Unknown
from gitopsd.model.release import Hold
from gitopsd.model.route import ObservedRouting, RouteName, RoutingTable, SlotName
from gitopsd.model.routing import Seen
from gitopsd.model.settings import RouterSettings

KEY = "table"
AT_REST = timedelta(seconds=2)  # between two looks
MOVING = timedelta(milliseconds=100)
DRAINING = timedelta(seconds=APART_S * 1.2)
LONGEST_WAIT_S = 10.0
LONGEST_WAIT_FOR_A_ROUTE_S = 30.0  # each attempt is a new start of the router
TRIES_TO_SETTLE = 3  # a router that is away so long is waited for no more by who wants an end

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Barred:
    """A route that the router did not take, and until when it is not tried again (by the monotonic clock)."""

    reason: str
    attempts: int
    until: float


class RouterDesk:
    """Keeps the router of one engine, or of the `swarm` that it manages. Nothing is opened or started before there is
    something to be routed.

    To open it also is to see whose it is; `give_up` is called once nothing is routed any more.
    """

    def __init__(
        self,
        url: str,
        open_router: Callable[[RouterSettings], Router],
        store: Store,
        clock: Clock,
        timer: Timer,
        give_up: Callable[[], None] = lambda: None,
        *,
        swarm: bool = False,
    ) -> None:
        self.swarm = swarm
        self._url, self._open, self._store, self._clock, self._give_up = url, open_router, store, clock, give_up
        self._queue = WorkQueue(self._work, self._failed, clock, timer, name=f"router {url}", workers=1)
        self._tell = Teller(store, clock)
        self._handover = Handover(url, self._tell, clock)
        self._lock = threading.Lock()
        self._wake: Callable[[str], None] = lambda environment: None
        self._router: Router | None = None
        self._settings = RouterSettings()
        self._begun = self._stopped = self._acting = False  # acting: there may be a router, and it may be written to
        self._wanted: dict[str, Routes] = {}
        self._moving: frozenset[str] = frozenset()
        self._barred: dict[RouteName, Barred] = {}
        self._known = Known()
        self._listed: frozenset[RouteName] = frozenset()
        self._shown: dict[str, object] = {}

    def start(self, wake: Callable[[str], None]) -> None:
        """From now on environments whose view of the router changed are woken."""
        self._wake = wake

    def stop(self) -> None:
        """Let what is under way end. The router goes on routing."""
        with self._lock:
            begun, self._stopped = self._begun, True
        if begun:
            self._queue.stop()

    def know(self, environments: Mapping[str, Environment]) -> None:
        """The environments of this engine; the routes of those that are new here are what their journals say."""
        with self._lock:
            names = on_engine(self._url, self._store) | environments.keys()
            self._wanted = {
                name: self._wanted[name] if name in self._wanted else self._stored(name) for name in sorted(names)
            }
            self._shown = {name: each for name, each in self._shown.items() if name in names}
            self._moving &= names
            self._acting = any(each.mode != "observe" and not each.unroutable for each in environments.values())
            settings = next((each.router for each in environments.values()), self._settings)
            if settings != self._settings:
                self._settings, self._router = settings, None
            if not self._acting:
                self._known = Known()  # nobody looks any more
        self._look()

    def _stored(self, environment: str) -> Routes:
        return of_kind(self._store.journal(environment).routes, swarm=self.swarm)

    def want(self, environment: str, routes: Routes, *, moving: bool = False) -> None:
        """What an environment's journal, as it is stored, wants of the router. `moving`: a rollout is open."""
        with self._lock:
            before = (self._wanted.get(environment, {}), environment in self._moving)
            self._wanted[environment] = routes
            self._moving = self._moving | {environment} if moving and routes else self._moving - {environment}
            changed = before != (routes, environment in self._moving)
        if changed:
            self._look()

    def sight(self, environment: str, routes: Routes) -> Mapping[str, Seen]:
        """What the router showed of an environment's services, in answer to these routes or before them."""
        with self._lock:
            seen = self._known.sight(environment, routes)
            self._shown[environment] = (telling(seen), self._warnings(environment))
        return seen

    def holds(self, environment: str) -> tuple[Hold, ...]:
        """Why the router does not route an environment's services as they should be."""
        with self._lock:
            known = self._known
        reasons = [known.trouble] if known.trouble else known.refused_of(environment).values()
        return tuple(Hold("router", each) for each in reasons)

    def away(self) -> str:
        """Why no router answers, in words; "" where one does."""
        with self._lock:
            return self._known.trouble if self._known.away else ""

    def warnings(self, environment: str) -> tuple[str, ...]:
        """What holds nothing yet, and a person should see to: certificates that end soon, or are broken."""
        with self._lock:
            return self._warnings(environment)

    def unrouted(self, environment: str, routes: Routes) -> frozenset[str]:
        """The services that wait for the router through no fault of theirs."""
        with self._lock:
            if self._known.trouble or not self._acting:
                return frozenset(routes)
            return frozenset(self._known.refused_of(environment)) & routes.keys()

    def rid(self, environment: str) -> bool:
        """Whether nothing of an environment is in the router any more, as it was read back; or no router answers."""
        with self._lock:
            if self._wanted.get(environment):
                return False
            if not self._begun or not self._acting or self._known.away:
                return True
            there = self._known.there
            return self._known.table is not None and all(each.environment != environment for each in there)

    def mended(self, environment: str) -> tuple[PastDrift, ...]:
        """What was changed by hand on an environment's routes and is put back; each is told once."""
        return self._tell.mended(environment)

    def probe(self, name: RouteName, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        """One request through the router, as it routes by now, to a slot of a service, whatever its share."""
        with self._lock:
            table, router = self._known.table, self._router
        route = table.route(name) if table is not None else None
        if router is None or route is None:
            return Unknown(f"{name} is not in the router for sure")
        return router.probe(route, slot, timeout, path)

    def settled(self) -> bool:
        """Whether the router has all that is wanted, or cannot be waited for."""
        with self._lock:
            table, known = self._rendered().table, self._known
            idle = not self._begun or not self._acting
        if idle or known.attempts >= TRIES_TO_SETTLE:
            return True
        return known.table == table and not draining(table) and self._queue.idle()

    def _look(self) -> None:
        """Have the router looked at, if there is anything to route, or there was."""
        with self._lock:
            if self._stopped or not self._acting or not (self._begun or any(self._wanted.values())):
                return
            if not self._begun:
                self._begun = True
                self._queue.start()
        self._queue.wake(KEY)

    def _warnings(self, environment: str) -> tuple[str, ...]:
        tls = any(routed.traffic.tls for routed in self._wanted.get(environment, {}).values())
        return tuple(self._known.warnings.values()) if tls else ()

    def _rendered(self) -> Rendered:
        return rendered(self._wanted, self._known.there, {name: each.reason for name, each in self._barred.items()})

    def _work(self, key: str) -> datetime | None:
        """Look at the router, bring it to its table, and wake whom that concerns."""
        with self._lock:
            if not self._acting:
                return None
            now = self._clock.monotonic()
            ended = sorted((each.until, name) for name, each in self._barred.items() if each.until <= now)
            tried = {
                name: self._barred.pop(name).attempts for _, name in ended[:1]
            }  # or nobody knows whose fault it is
            wanted = self._rendered()
        try:
            self._bring(wanted)
        except RouterError as error:
            again: datetime | None = self._troubled(error, wanted, tried)
        else:
            again = self._next(wanted.table)
        self._wake_changed()
        return again

    def _bring(self, wanted: Rendered) -> None:
        """The router as wanted, and what it shows of that; with everything that nobody here did to it told."""
        router = self._opened()
        table, ways, observed = self._known.table, self._known.ways, router.observe()
        self._listed = frozenset(route.name for route in observed.routes) if observed is not None else frozenset()
        certificates = router.certificates() if any(route.tls for route in wanted.table.routes) else Certificates()
        renewed = table is not None and certificates.edition != self._known.certificates.edition
        found = departures(table, ways, observed) if table is not None and observed is not None else ()
        anew = self._started_anew(observed)
        self._tell.departed(found, started_anew=anew)
        if found:
            self._reopened()  # it may have been another gitopsd, to which a person has given the router
        for each in late(wanted.table, observed) if observed is not None else ():
            self._tell.cut(each, router.cut(each.route, each.slot, each.ids))
        if found or observed is None or table != wanted.table or renewed or anew:
            ways = wanted.table.ways
            observed = self._apply(router, wanted.table, ways)
            for environment in self._tell.brought_back(found):
                self._wake(environment)
        observed = self._handover.taken(router, wanted.table) or observed
        for words in router.news():
            self._tell.trouble("RouterReplaced", f"router of {self._url}: {words}")
        counts, bounds = self._counted(router), router.capabilities.latency_bounds
        with self._lock:
            before = self._known
            after = before.looked(wanted, ways, observed, self._clock.monotonic())
            warnings = certificates.warnings(self._clock.now())
            self._known = replace(after, counts=counts, bounds=bounds, certificates=certificates, warnings=warnings)
        self._tell.refused(wanted.refused)
        self._tell.certificates(warnings, certificates.good if renewed else ())
        if before.trouble:
            message = f"router of {self._url}: it routes as wanted again; before: {before.trouble}"
            self._tell.trouble("RouterBack", message, "info")
            self._wake_all()

    def _opened(self) -> Router:
        with self._lock:
            router = self._router
        return router if router is not None else self._reopened()

    def _reopened(self) -> Router:
        with self._lock:
            settings, self._router = self._settings, None
        router = self._open(settings)
        with self._lock:
            self._router = router if settings == self._settings else None
        return router

    def _closed(self) -> None:
        """Nothing is routed, nor to be: who wants the router next has it."""
        with self._lock:
            had, self._router = self._router is not None, None
        if had:
            self._give_up()

    def _apply(self, router: Router, table: RoutingTable, ways: str) -> ObservedRouting:
        with self._lock:
            self._known = replace(self._known, table=None)  # until it is read back, nobody counts on anything
        router.apply(table)
        observed = router.observe()
        if observed is None:
            raise RouterUnavailable("the router does not answer right after it was brought to its table")
        if found := departures(table, ways, observed):
            raise RouterError(f"the router does not show what it was told: {found[0].words[0]}")
        return observed

    def _started_anew(self, observed: ObservedRouting | None) -> bool:
        before = self._known.observed
        return before is not None and observed is not None and before.epoch != observed.epoch

    def _counted(self, router: Router) -> Counts:
        """What slots have answered, where anybody wants to judge by that. What cannot be had is no data."""
        with self._lock:
            moving = bool(self._moving)
        try:
            return router.samples() if moving else {}
        except RouterError:
            return {}

    def _troubled(self, error: RouterError, wanted: Rendered, tried: Mapping[RouteName, int]) -> datetime:
        """What the router did not take is tried again. Where it may be for a new route, the others go on without."""
        now, away = self._clock.now(), isinstance(error, RouterUnavailable)
        with self._lock:
            if not away and (suspects := self._suspects(wanted.table)):
                for name in suspects:
                    attempts = tried.get(name, 0) + 1
                    until = self._clock.monotonic() + _wait(attempts, LONGEST_WAIT_FOR_A_ROUTE_S).total_seconds()
                    self._barred[name] = Barred(str(error), attempts, until)
                return now
            before, self._known = self._known, self._known.failed(str(error), away=away)
            attempts = self._known.attempts
        if not before.trouble:
            word = "RouterUnavailable" if away else "RouterFailed"
            self._tell.trouble(word, f"router of {self._url}: {error}; until it routes as wanted nothing is stopped")
            self._wake_all()
        return now + _wait(attempts)

    def _suspects(self, table: RoutingTable) -> list[RouteName]:
        """New routes without which others can perhaps be routed. Where all are new, they come one after the other.

        What the router itself has is not new, also to a gitopsd that has only just begun.
        """
        new = [route.name for route in table.routes if route.name not in self._known.there | self._listed]
        if len(table.routes) + len(self._barred) < 2:
            return []
        return new[1:] if 1 < len(new) == len(table.routes) else new

    def _next(self, table: RoutingTable) -> datetime | None:
        """When the router is looked at again."""
        now = self._clock.now()
        with self._lock:
            moving, barred, observed = bool(self._moving), tuple(self._barred.values()), self._known.observed
        if not table.routes and not barred and not self._known.there:
            self._closed()
            return None
        leaving = draining(table) or (observed is not None and late(table, observed))
        span = DRAINING if leaving else MOVING if moving else AT_REST
        left = min((each.until for each in barred), default=None)
        if left is not None:
            span = min(span, timedelta(seconds=max(0.0, left - self._clock.monotonic())))
        return now + span

    def _wake_all(self) -> None:
        with self._lock:
            names = tuple(self._wanted)
        for name in names:
            self._wake(name)

    def _wake_changed(self) -> None:
        """Wake whose view is another one than the one they were last shown."""
        with self._lock:
            views: dict[str, object] = {
                name: (telling(self._known.sight(name, self._wanted.get(name, {}))), self._warnings(name))
                for name in self._shown
            }
            changed = [name for name, view in views.items() if view != self._shown[name]]
            self._shown = views  # one change wakes once, whether the pass looks here or not
        for name in changed:
            self._wake(name)

    def _failed(self, key: str, error: Exception, wait: float) -> None:
        """Something that nobody thought of: told as trouble of the router, and tried again."""
        _log.error("router of %s: %s", self._url, "".join(traceback.format_exception(error)))
        message = f"unexpected {type(error).__name__}: {error}"
        with self._lock:
            before, self._known = self._known, self._known.failed(message, away=False)
        if not before.trouble:
            self._tell.trouble("RouterFailed", f"router of {self._url}: {message}", "error")
            self._wake_all()


def _wait(attempts: int, longest: float = LONGEST_WAIT_S) -> timedelta:
    return timedelta(seconds=min(0.5 * 2.0 ** min(attempts - 1, 10), longest))


def without(router: Router, others: Mapping[str, Routes], tell: Teller) -> None:
    """Have a router that no desk keeps route for others alone; who answers is cut."""
    observed = router.observe()
    there = [each.name for each in observed.routes] if observed is not None else []
    table = rendered(others, there, {}).table
    for each in late(table, observed) if observed is not None else ():
        tell.cut(each, router.cut(each.route, each.slot, each.ids))
    router.apply(table)
