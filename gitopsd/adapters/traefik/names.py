"""What routes, slots and instances are called within Traefik, and the way back from that.

ENV:SERVICE                 the service that shares requests out between the slots
ENV:SERVICE:a               a slot: the instances there that take requests
ENV:SERVICE:a-first         the slot, and the other one while nobody is ready in it
ENV:SERVICE:a-has           who is to be in the slot, with their weights
ENV:SERVICE:a:ID            one instance, whatever its slot thinks of it
"""

from gitopsd.adapters.haproxy.names import name_of, slot_of, way
from gitopsd.model.route import RouteName, SlotName

__all__ = ["first", "instance", "instance_of", "members", "name_of", "slot", "slot_of", "way"]


def slot(name: RouteName, side: SlotName) -> str:
    return f"{way(name)}:{side}"


def first(name: RouteName, side: SlotName) -> str:
    return f"{slot(name, side)}-first"


def members(name: RouteName, side: SlotName) -> str:
    return f"{slot(name, side)}-has"


def instance(name: RouteName, side: SlotName, id: str) -> str:
    return f"{slot(name, side)}:{id}"


def instance_of(service: str) -> str:
    """The id in the name of an instance."""
    return service.split(":", 3)[3]
