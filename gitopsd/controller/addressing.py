"""Addresses for routed instances of one engine: each gets one that none had for long, and keeps it."""

import threading
from contextlib import suppress
from dataclasses import dataclass

from gitopsd.controller.ports import Engine, Store
from gitopsd.engine_json.routed import NETWORK, ROOM, free_subnet, routed_address, routed_body
from gitopsd.model.canonical import digest
from gitopsd.model.errors import Conflict, EngineError, HostTrouble, RouterUnavailable
from gitopsd.model.live import NetworkAddresses

_MAKING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Safe to use from several threads: no two calls get one number.

    `together`: the router is a container there itself, which has to reach the others.
    """

    engine: Engine
    store: Store
    together: bool = False

    def give(self, before: str = "") -> str:
        """An address on the network of routed instances, which is made when it is missing.

        The one that the instance had `before`, unless another has it by now. EngineError: there is none to be had.
        """
        network = self.network()
        if before and before not in network.taken:
            return before
        engine, first = self.engine.facts().id, _first(self.store.instance_id())
        for _ in range(ROOM):
            address = routed_address(network.subnet, first + self.store.next_address(engine))
            if address not in network.taken:
                return address
        raise HostTrouble(f"every address on network {NETWORK} is taken; remove containers that nobody needs", 409)

    def network(self) -> NetworkAddresses:
        """The network, which is made when it is missing. HostTrouble: it cannot be had."""
        found = self.engine.addresses(NETWORK)
        if found is None:
            with _MAKING:  # the engine may make two of one name, of which none can be used by it
                found = self.engine.addresses(NETWORK) or self._made()
        if found is None or not found.ours:
            raise HostTrouble(f"network {NETWORK} was not made by gitopsd, which needs this name; remove it", 409)
        if self.together and not found.together:
            raise HostTrouble(
                f"network {NETWORK} keeps its containers apart, also from a router on a bridge; write "
                f"`router: {{network: host}}`, or remove its containers and then it: gitopsd makes all of them anew",
                409,
            )
        return found

    def _made(self) -> NetworkAddresses | None:
        subnet = free_subnet(self.engine.subnets())
        if not subnet:
            message = (
                f"create network {NETWORK}: every subnet that it could have meets a route or a network of the host"
            )
            raise HostTrouble(f"{message}; free one of 10.181.0.0/16, 10.157.0.0/16 or 10.139.0.0/16", 409)
        with suppress(Conflict):  # another gitopsd was quicker
            self.engine.create_network(NETWORK, routed_body(subnet, together=self.together))
        return self.engine.addresses(NETWORK)


def make_network(addresses: Addresses) -> None:
    """Have the network of instances, which a router on a bridge joins. RouterUnavailable: it cannot be had."""
    try:
        addresses.network()
    except EngineError as error:
        raise RouterUnavailable(f"no instance could be reached: {error}") from error


def _first(instance: str) -> int:
    """Where to begin, so that two gitopsd on one engine go on far from each other."""
    return int(digest(instance)[:8], 16) % ROOM
