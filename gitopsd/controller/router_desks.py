"""The two routers that an engine may have: that of its own containers, and that of the swarm which it manages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from gitopsd.controller.environments import Environment
from gitopsd.controller.routing import RouterDesk
from gitopsd.model.health import Answer, Unknown
from gitopsd.model.route import RouteName, SlotName


@dataclass(frozen=True, slots=True)
class Desks:
    """Who keeps them; None: nobody routes there. Each opens its router once there is something to route."""

    plain: RouterDesk | None = None
    swarm: RouterDesk | None = None

    def start(self, wake: Callable[[str], None]) -> None:
        for each in self._both():
            each.start(wake)

    def stop(self) -> None:
        for each in self._both():
            each.stop()

    def know(self, environments: Mapping[str, Environment]) -> None:
        """Each is told of the environments that are its own."""
        for desk in self._both():
            desk.know({name: each for name, each in environments.items() if each.engine.swarm == desk.swarm})

    def settled(self) -> bool:
        return all(each.settled() for each in self._both())

    def probe(self, name: RouteName, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        """By the router that has the route."""
        answer: Answer = Unknown("nobody routes here")
        for each in self._both():
            answer = each.probe(name, slot, timeout, path)
            if not isinstance(answer, Unknown):
                return answer
        return answer

    def _both(self) -> tuple[RouterDesk, ...]:
        return tuple(each for each in (self.plain, self.swarm) if each is not None)
