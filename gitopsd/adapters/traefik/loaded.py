"""What Traefik says that it has loaded, put together to what is routed."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from gitopsd.adapters.traefik.config import STAMP, Place
from gitopsd.adapters.traefik.names import first, instance, instance_of, members, name_of, slot, way
from gitopsd.model.errors import RouterError
from gitopsd.model.route import SLOTS, ObservedRoute, ObservedRouting, ObservedTarget, RouteName, SlotName

_PROVIDER: Final = "@file"
_SAME: Final = ("rule", "priority", "service", "entryPoints")
_NOT_COUNTED: Final = 1  # it may be answering something: Traefik does not say


class Loaded:
    """One look at the API. Its parts are by their names in gitopsd's document."""

    def __init__(self, shown: Mapping[str, Any]) -> None:
        try:
            self._routers, self._services, self._middlewares = (
                {name.removesuffix(_PROVIDER): each for name, each in (shown.get(part) or {}).items()
                 if name.endswith(_PROVIDER)}
                for part in ("routers", "services", "middlewares")
            )  # fmt: skip
        except (AttributeError, TypeError) as error:
            raise RouterError(f"Traefik's API is not understood: {str(shown)[:80]!r}") from error

    def observed(self, epoch: str, given: Mapping[str, Any], ready: Collection[Place]) -> ObservedRouting:
        """`given` is the document that it should have; `ready` are those that have answered gitopsd."""
        names = sorted({name for each in self._services if (name := name_of(each)) is not None})
        return ObservedRouting(epoch, self._ways(given), tuple(self._route(name, ready) for name in names))

    def errors(self) -> tuple[str, ...]:
        """What Traefik holds against parts of gitopsd's document."""
        parts = {**self._services, **self._routers, **self._middlewares}
        named = ((name, each.get("error") or each.get("err")) for name, each in sorted(parts.items()))
        ours = ((name, said) for name, said in named if said and (":" in name))
        return tuple(f"{name}: {'; '.join(said) if isinstance(said, list) else said}" for name, said in ours)

    def lacks(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """The slots that have others than the document says, in it or beside it."""
        wanted = given.get("http", {}).get("services", {})
        return tuple(
            f"{slot(name, side)}: it has other instances"
            for name, side in self._slots()
            if self._urls(slot(name, side)) != _urls_of(wanted.get(slot(name, side), {}))
            or self._entries(members(name, side)) != _entries_of(wanted.get(members(name, side), {}))
        )

    def serving(self) -> set[Place]:
        """Who is in a slot there and good by its checks."""
        return {(id, url) for name, side in self._slots() for id, url in self._places(name, side).items()
                if self._status(name, side).get(url) == "UP"}  # fmt: skip

    def failing(self) -> set[Place]:
        """Who is in a slot, and its checks say that it is not ready."""
        return {(id, url) for name, side in self._slots() for id, url in self._places(name, side).items()
                if self._status(name, side).get(url) == "DOWN"}  # fmt: skip

    def _slots(self) -> Iterator[tuple[RouteName, SlotName]]:
        for each in self._services:
            name = name_of(each)
            if name is not None:
                yield from ((name, side) for side in SLOTS)

    def _ways(self, given: Mapping[str, Any]) -> str:
        """That of the document; "" where its routers are not all there as they should be."""
        stamps = [each.removeprefix(STAMP) for each in self._middlewares if each.startswith(STAMP)]
        wanted = given.get("http", {}).get("routers", {})
        same = all(self._same(name, each) for name, each in wanted.items())
        return stamps[0] if len(stamps) == 1 and same and not self.errors() else ""

    def _same(self, name: str, wanted: Mapping[str, Any]) -> bool:
        has = self._routers.get(name, {})
        return has.get("status") == "enabled" and all(has.get(key) == wanted[key] for key in _SAME)

    def _route(self, name: RouteName, ready: Collection[Place]) -> ObservedRoute:
        a, b = (tuple(self._targets(name, side, ready)) for side in SLOTS)
        shares = {each.get("name"): int(each.get("weight") or 0) for each in self._entries(way(name))}
        return ObservedRoute(name.environment, name.service, shares.get(first(name, "b"), 0), a, b)

    def _targets(self, name: RouteName, side: SlotName, ready: Collection[Place]) -> Iterator[ObservedTarget]:
        places, status = self._places(name, side), self._status(name, side)
        for each in self._entries(members(name, side)):
            id, weight = instance_of(str(each.get("name"))), int(each.get("weight") or 0)
            url = places.get(id, "")
            host, _, port = url.removeprefix("http://").rpartition(":")
            good = (id, url) in ready and (not weight or status.get(url) == "UP")
            yield ObservedTarget(id, host.strip("[]"), int(port or 0), weight, good, _NOT_COUNTED)

    def _places(self, name: RouteName, side: SlotName) -> dict[str, str]:
        ids = [instance_of(str(each.get("name"))) for each in self._entries(members(name, side))]
        return {id: servers[0] for id in ids if (servers := self._urls(instance(name, side, id)))}

    def _entries(self, service: str) -> list[Mapping[str, Any]]:
        return _entries_of(self._services.get(service, {}))

    def _urls(self, service: str) -> list[str]:
        return _urls_of(self._services.get(service, {}))

    def _status(self, name: RouteName, side: SlotName) -> Mapping[str, str]:
        """By url, of those that are in the slot. Without checks Traefik says that they are up."""
        found: Mapping[str, str] = self._services.get(slot(name, side), {}).get("serverStatus") or {}
        return found


def _entries_of(service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in service.get("weighted", {}).get("services") or [] if isinstance(each, Mapping)]


def _urls_of(service: Mapping[str, Any]) -> list[str]:
    return [str(each.get("url")) for each in service.get("loadBalancer", {}).get("servers") or []]
