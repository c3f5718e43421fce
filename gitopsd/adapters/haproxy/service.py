"""The routers as a service of Swarm's: brought where they run from other files, and gone where none is needed."""

import time
from contextlib import suppress
from typing import Final

from gitopsd.adapters.haproxy.desks import Desks
from gitopsd.adapters.haproxy.observing import eventually
from gitopsd.controller.swarm_port import Swarm
from gitopsd.engine_json.routed import TASKS_NETWORK
from gitopsd.engine_json.swarm_router import ROUTER, routed_overlay, router_labels
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.errors import EngineRefused, RouterError, RouterUnavailable
from gitopsd.model.swarm import SwarmService, SwarmSpec, SwarmState

_REPLACED_S: Final = 60.0
_EVERY_S: Final = 0.2  # each look asks the manager, and every router
_AGAIN_S: Final = 15 * 60
_WENT_BACK: Final = ("rollback_completed", "rollback_paused")
_FAILED: Final = ("failed", "rejected")


class RouterService:
    """One global service, so that each node has a router."""

    def __init__(self, swarm: Swarm, desks: Desks) -> None:
        self._swarm, self._desks = swarm, desks
        self._refused = ("", "", 0.0)  # files by their digest, why they are not tried again, and until when
        self._news: tuple[str, ...] = ()

    def news(self) -> tuple[str, ...]:
        told, self._news = self._news, ()
        return told

    def bring(self, spec: SwarmSpec, stamp: str) -> None:
        """Every router runs from these files; those that run from others are replaced, one node after the other.

        RouterError: they do not start from these files, and Swarm went back to those before. RouterUnavailable: not all
        of them answer from these files yet.
        """
        state = self._swarm.look(ROUTER)
        service = state.services.get(ROUTER)
        moving = service is None or _is_other(service, spec) or service.moves
        if service is None or _is_other(service, spec):
            self._send(spec, service)
        if not eventually(lambda: self._runs(stamp, spec), _REPLACED_S if moving else 0, _EVERY_S):
            self._told_apart(stamp)
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
        digest, why, until = self._refused
        if digest == spec.digest and time.monotonic() < until:
            raise RouterError(why)  # each attempt costs the first node its router for some seconds
        self._swarm.create_network(TASKS_NETWORK, routed_overlay())
        self._swarm.create_objects(spec.objects, router_labels())
        self._desks.forget()
        if service is None:
            self._swarm.create_service(spec)
            return
        self._swarm.update_service(service.id, service.version, spec)
        self._news = (*self._news, "what it routes changed, so that the router of each node is replaced, one by one")

    def _runs(self, stamp: str, spec: SwarmSpec) -> bool:
        service = self._swarm.look(ROUTER).services.get(ROUTER)
        if service is not None and _is_other(service, spec) and service.update in _WENT_BACK:
            self._went_back(spec, service)
        self._desks.forget()
        with suppress(RouterUnavailable):
            looks = tuple(self._desks.looks())
            moving = service is not None and service.moves
            return bool(looks) and not moving and all(look.process.stamp == stamp for _, look in looks)
        return False

    def _went_back(self, spec: SwarmSpec, service: SwarmService) -> None:
        why = f"the routers do not start from their new files, and go on as before: {_reason(service)}"
        self._refused = spec.digest, f"{why}; tried again {_AGAIN_S // 60} minutes later", time.monotonic() + _AGAIN_S
        raise RouterError(self._refused[1])

    def _told_apart(self, stamp: str) -> None:
        """Why not all of them run from these files: one that does not answer, none at all, or Swarm is still at it."""
        looks = tuple(self._desks.looks())
        service = self._swarm.look(ROUTER).services.get(ROUTER)
        if not looks:
            why = _reason(service) if service is not None else "somebody removed their service"
            raise RouterUnavailable(f"no router runs on any node that is ready: {why}")
        done = sum(look.process.stamp == stamp for _, look in looks)
        raise RouterUnavailable(f"the routers are being replaced; {done} of {len(looks)} are done")

    def _collect(self, state: SwarmState, spec: SwarmSpec) -> None:
        """Files that no router has, nor could go back to."""
        used = {id for service in self._swarm.look(ROUTER).services.values() for id in service.uses}
        needed = {each.name for each in spec.objects}
        for each in state.objects:
            if each.id not in used and each.name not in needed:
                with suppress(EngineRefused):
                    self._swarm.remove_object(each.kind, each.id)


def _is_other(service: SwarmService, spec: SwarmSpec) -> bool:
    return service.labels.get(SPEC) != spec.digest


def _reason(service: SwarmService) -> str:
    """Why its tasks do not run, in Swarm's words: what ended one of them rather than why the next one waits."""
    told = sorted((each for each in service.tasks if each.why), key=lambda each: (each.state in _FAILED, each.at))
    return told[-1].why if told else service.message or "Swarm does not say why"
