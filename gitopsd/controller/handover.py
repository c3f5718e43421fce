"""Another image for the router: the one that runs is handed over to a new one, once for each time that it is opened."""

from typing import Final

from gitopsd.controller.ports import Clock
from gitopsd.controller.router_port import Router
from gitopsd.controller.router_telling import Teller
from gitopsd.model.errors import RouterError
from gitopsd.model.route import ObservedRouting, RoutingTable

AGAIN_AFTER_S: Final = 60.0


class Handover:
    """Of one engine's router. One that cannot be replaced goes on as it is, which holds nothing, and is tried again."""

    def __init__(self, url: str, tell: Teller, clock: Clock) -> None:
        self._url, self._tell, self._clock = url, tell, clock
        self._done: Router | None = None
        self._again, self._trouble = 0.0, ""

    def taken(self, router: Router, table: RoutingTable) -> ObservedRouting | None:
        """What the router shows that has taken over with this table; None: none had to, or none could."""
        if router is self._done or self._clock.monotonic() < self._again:
            return None
        try:
            taken = router.renew(table)
        except RouterError as error:
            self._failed(str(error))
            return None
        self._done, self._trouble = router, ""
        if not taken:
            return None
        self._tell.trouble("RouterRenewed", f"router of {self._url}: another one has taken over", "info")
        return router.observe()

    def _failed(self, reason: str) -> None:
        self._again = self._clock.monotonic() + AGAIN_AFTER_S
        if reason != self._trouble:
            self._tell.trouble("RouterNotRenewed", f"router of {self._url}: no other one can take over: {reason}")
        self._trouble = reason
