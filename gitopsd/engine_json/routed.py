"""The network over which the router reaches instances, on which gitopsd alone gives the addresses, one after another.

An engine gives an address that has become free to whatever starts next, and a router that has not heard of it yet sends
its requests there. So each instance has an address of its own all its life, and none gets it soon after.
"""

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from gitopsd.engine_json.labels import ROUTED
from gitopsd.model.canonical import Json
from gitopsd.model.routing import Routed

NETWORK: Final = "gitopsd-routed"
TASKS_NETWORK: Final = "gitopsd-routed-tasks"
"""As that, for the tasks and routers of a swarm: an engine may have both, and a network of one name only."""
NOWHERE: Final = "127.0.0.2"
"""The address of what is to be reached within the host alone, before it is known at which of the host's."""
# Tried in this order; none of them is among the pools of an engine, or usual for clusters and tunnels.
SUBNETS: Final = tuple(f"10.{second}.0.0/16" for second in (181, 157, 139, 173, 149, 163, 127, 113, 187, 151, 167, 131))
_THIRDS: Final = 254  # the first 256 addresses hold the gateway, the last ones what the engine gives by itself
_FOURTHS: Final = 254
OWN: Final = (NETWORK, TASKS_NETWORK)
ROOM: Final = _THIRDS * _FOURTHS


_TOGETHER: Final = "com.docker.network.bridge.enable_icc"


def routed_body(subnet: str, *, together: bool = False) -> dict[str, Json]:
    """The JSON of `POST /networks/create` without the name.

    It leads nowhere but to the host, and from no container to another: projects do not see each other there, but where
    a router that is a container itself needs them `together`. An address that nobody asks for comes out of a few at
    its end.
    """
    return {
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Internal": True,
        "Attachable": False,
        "EnableIPv6": False,
        "Options": {_TOGETHER: str(together).lower()},
        "IPAM": {
            "Driver": "default",
            "Config": [{"Subnet": subnet, "Gateway": gateway(subnet), "IPRange": f"{_base(subnet)}.255.240/28"}],
        },
        "Labels": {ROUTED: "true"},
    }


def are_together(options: Mapping[str, object]) -> bool:
    """Whether containers on a network with these options reach each other."""
    return options.get(_TOGETHER) != "false"


def gateway(address: str) -> str:
    """The host's own address on the network that an instance has this address on."""
    return f"{_base(address)}.0.1"


def inner_address(routed: Routed) -> str:
    """Where the router listens for what is reached within the host alone: the host's own address on the network of its
    instances; without any, where nobody looks for it.
    """
    return next((gateway(place.address) for place in routed.places.values() if place.address), NOWHERE)


def routed_address(subnet: str, number: int) -> str:
    """The address of this number, from 0 to below ROOM, then the first again."""
    third, fourth = divmod(number % ROOM, _FOURTHS)
    return f"{_base(subnet)}.{third + 1}.{fourth + 1}"


def _base(address: str) -> str:
    return ".".join(address.split(".")[:2])


def routed_endpoint(address: str) -> dict[str, Json]:
    """The endpoint of an instance there; "": an address of the engine's choice."""
    return {"IPAMConfig": {"IPv4Address": address}} if address else {}


def free_subnet(taken: Iterable[str], subnets: Collection[str] = SUBNETS) -> str:
    """The first subnet that meets none of those `taken`; "" when all of them do."""
    there = [ipaddress.ip_network(each, strict=False) for each in taken]
    used = [each for each in there if isinstance(each, ipaddress.IPv4Network) and each.prefixlen]
    return next(
        (each for each in subnets if not any(ipaddress.IPv4Network(each).overlaps(other) for other in used)), ""
    )


def routed_address_of(networks: Mapping[str, Mapping[str, Json] | None]) -> str:
    """An instance's address there, whether it runs or not, by its `NetworkSettings.Networks`."""
    endpoint = networks.get(NETWORK) or {}
    asked = endpoint.get("IPAMConfig")
    own = asked.get("IPv4Address") if isinstance(asked, Mapping) else None
    return str(own or endpoint.get("IPAddress") or "")
