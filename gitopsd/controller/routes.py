"""The routes of one environment between its passes and the router of its engine."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Store
from gitopsd.controller.routing import RouterDesk
from gitopsd.model.desired import Policy, Service
from gitopsd.model.drift import PastDrift
from gitopsd.model.release import Hold, Journal
from gitopsd.model.routing import Placing, Routed, Seen
from gitopsd.release import Signals

GUARD = "router"


class EnvironmentRoutes:
    """What passes of one environment ask and tell. `desk` None: nobody routes here."""

    def __init__(self, environment: str, desk: RouterDesk | None) -> None:
        self._environment, self._desk = environment, desk
        self.shown: Mapping[str, Seen] = {}  # what the last pass that acted saw of the router

    def seen_in(self, signals: Signals, journal: Journal) -> Signals:
        """The signals with what the router showed. What waits for the router waits through no fault of its own."""
        if self._desk is None:
            return signals
        waiting = frozenset(f"{service}/0" for service in self._desk.unrouted(self._environment, journal.routes))
        self.shown = self._desk.sight(self._environment, journal.routes)
        return replace(signals, sight=self.shown, held=signals.held | waiting)

    def want(self, journal: Journal) -> None:
        """What a journal wants, once it is stored."""
        if self._desk is not None:
            self._desk.want(
                self._environment, journal.routes, moving=any(each.open for each in journal.rollouts.values())
            )

    def waiting(self, journal: Journal) -> frozenset[str]:
        """Keys that tell that these services wait for the router alone."""
        if self._desk is None:
            return frozenset()
        return frozenset(f"{service}/0" for service in self._desk.unrouted(self._environment, journal.routes))

    def before(self, journal: Journal, services: Mapping[str, Service]) -> tuple[Hold, ...]:
        """What keeps new content from being begun: no router answers, and content cannot mend that."""
        if self._desk is None or not (journal.routes or any(each.traffic for each in services.values())):
            return ()
        away = self._desk.away()
        return (Hold(GUARD, away),) if away else ()

    def beside(
        self, environment: Environment, journal: Journal, services: Mapping[str, Service], known: Iterable[Hold]
    ) -> tuple[Hold, ...]:
        """Why routes are not as they should be, beside the holds that are known; newer content may mend it."""
        if self._desk is None or not journal.routes:
            return ()
        told = {hold.reason for hold in known}
        over = sorted(name for name in journal.routes if name not in services or services[name].traffic is None)
        holds = self._desk.holds(self._environment)
        if over and environment.unroutable:
            mend = "change that in gitopsd.yaml until it is out of it"
            holds += (Hold(GUARD, f"{', '.join(over)} is in the router still: {environment.unroutable}; {mend}"),)
        return tuple(hold for hold in holds if hold.reason not in told)

    def warnings(self) -> tuple[str, ...]:
        return self._desk.warnings(self._environment) if self._desk is not None else ()

    def mended(self) -> tuple[PastDrift, ...]:
        """What was changed by hand and is put back."""
        return self._desk.mended(self._environment) if self._desk is not None else ()

    def given_up(self, journal: Journal, now: datetime) -> Journal:
        """The journal of an environment that is taken down: nobody gets anything new, and who has drained is out."""
        if self._desk is None:
            return replace(journal, routes={})
        sight = self._desk.sight(self._environment, journal.routes)
        routes = {name: replace(each, places=_left(each, sight[name], now)) for name, each in journal.routes.items()}
        return replace(journal, routes={name: each for name, each in routes.items() if each.places})

    def gone(self, journal: Journal, store: Store, now: datetime) -> bool:
        """Whether the router has let go of an environment that is taken down; else that is wanted, from now on."""
        if not journal.routes and self.rid():
            return True
        store.save(given_up := self.given_up(journal, now))
        self.want(given_up)
        return False

    def rid(self) -> bool:
        """Whether the router has nothing of the environment any more."""
        return self._desk is None or self._desk.rid(self._environment)


def _left(routed: Routed, seen: Seen, now: datetime) -> dict[str, Placing]:
    patience = Policy().drain_timeout
    marked = {id: replace(place, leaving=place.leaving or now) for id, place in routed.places.items()}
    return {
        id: place
        for id, place in marked.items()
        if place.leaving is not None
        and now < place.leaving + patience
        and not (seen.agreed and now > place.leaving and not seen.in_flight(id))
    }
