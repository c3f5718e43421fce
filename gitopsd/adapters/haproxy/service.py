"""The routers as a service of Swarm's: brought where they run from other files, and gone where none is needed."""

from contextlib import suppress
from typing import Final

from gitopsd.adapters.haproxy.desks import Desks
from gitopsd.adapters.haproxy.observing import eventually
from gitopsd.controller.swarm_port import Swarm
from gitopsd.engine_json.routed import NETWORK
from gitopsd.engine_json.swarm_router import ROUTER, routed_overlay, router_labels
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.errors import EngineRefused, RouterError, RouterUnavailable
from gitopsd.model.swarm import SwarmService, SwarmSpec, SwarmState

_REPLACED_S: Final = 60.0


class RouterService:
    """One global service, so that each node has a router."""

    def __init__(self, swarm: Swarm, desks: Desks) -> None:
        self._swarm, self._desks = swarm, desks
        self._told = ""
        self._news: tuple[str, ...] = ()

    def news(self) -> tuple[str, ...]:
        told, self._news = self._news, ()
        return told

    def bring(self, spec: SwarmSpec, stamp: str) -> None:
        """Every router runs from these files; those that run from others are replaced, one node after the other."""
        state = self._swarm.look(ROUTER)
        service = state.services.get(ROUTER)
        if service is None or service.labels.get(SPEC) != spec.digest:
            self._send(spec, service)
            self._desks.forget()
        if not eventually(lambda: self._runs(stamp, spec), _REPLACED_S):
            raise RouterUnavailable(f"the routers are being replaced; {self._waiting(stamp)}")
        self._collect(state, spec)

    def clear(self) -> None:
        """Nothing is routed: no router runs, and no port is held."""
        state = self._swarm.look(ROUTER)
        for service in state.services.values():
            self._swarm.remove_service(service.id)
        self._desks.forget()
        for each in state.objects:
            with suppress(EngineRefused):
                self._swarm.remove_object(each.kind, each.id)
        for network in state.networks:
            with suppress(EngineRefused):  # tasks are only just ending
                self._swarm.remove_network(network.id)

    def _send(self, spec: SwarmSpec, service: SwarmService | None) -> None:
        if service is not None and self._told == spec.digest and service.update.startswith("rollback"):
            why = next((each.why for each in reversed(service.tasks) if each.why), service.message)
            self._told = ""
            raise RouterError(f"the routers do not start with the new configuration, and go on as before: {why}")
        self._swarm.create_network(NETWORK, routed_overlay())
        self._swarm.create_objects(spec.objects, router_labels())
        self._told = spec.digest
        if service is None:
            self._swarm.create_service(spec)
            return
        self._swarm.update_service(service.id, service.version, spec)
        self._news = (*self._news, "what it routes changed, so that the router of each node is replaced, one by one")

    def _runs(self, stamp: str, spec: SwarmSpec) -> bool:
        service = self._swarm.look(ROUTER).services.get(ROUTER)
        if service is not None and service.labels.get(SPEC) != spec.digest and service.update.startswith("rollback"):
            self._send(spec, service)
        self._desks.forget()
        with suppress(RouterUnavailable):
            looks = tuple(self._desks.looks())
            updating = service is not None and service.update in ("updating", "rollback_started")
            return bool(looks) and not updating and all(look.process.stamp == stamp for _, look in looks)
        return False

    def _waiting(self, stamp: str) -> str:
        done, desks = 0, self._desks.all()
        for desk in desks:
            with suppress(RouterUnavailable):
                done += self._desks.look(desk).process.stamp == stamp
        return f"{done} of {len(desks)} are done"

    def _collect(self, state: SwarmState, spec: SwarmSpec) -> None:
        """Files that no router has, nor could go back to."""
        used = {id for service in self._swarm.look(ROUTER).services.values() for id in service.uses}
        needed = {each.name for each in spec.objects}
        for each in state.objects:
            if each.id not in used and each.name not in needed:
                with suppress(EngineRefused):
                    self._swarm.remove_object(each.kind, each.id)
