"""A house with a router before it, and engines that note whoever is stopped while a request could still reach it."""

from collections.abc import Collection
from dataclasses import replace

from gitopsd.model.errors import RouterError
from gitopsd.model.route import SLOTS, ObservedRouting, Route, RouteName, RoutingTable, Slot, SlotName, percent
from tests.controller.house import HERE, SETTINGS, NearHouse
from tests.fakes.engine import FakeEngine
from tests.fakes.router import FakeRouter

ROUTED = "x-gitopsd: {min_ready: 0s, traffic: {listen: 80, target: 8080}, drain_timeout: 10s}"


def routed(image: str = "web:1", replicas: int = 2, more: str = ROUTED, service: str = "web") -> str:
    """A Compose file of one service behind the router."""
    return f"services:\n  {service}: {{image: '{image}', deploy: {{replicas: {replicas}}}, {more}}}\n"


class StreetRouter(FakeRouter):
    """`against` is what it has against any table with a route of that name; `cuts` are those that were cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.against: dict[RouteName, str] = {}
        self.cuts: list[str] = []
        self.looks = 0

    @property
    def table(self) -> RoutingTable:
        """What it routes by now."""
        return self._running

    def route(self, service: str = "web", environment: str = "shop") -> Route:
        found = self.table.route(RouteName(environment, service))
        assert found is not None, f"{environment}/{service} is not routed"
        return found

    def has(self, id: str) -> bool:
        """Whether requests may reach an instance."""
        return any(
            target.id == id for route in self.table.routes for slot in SLOTS for target in route.slot(slot).targets
        )

    def share(self, service: str = "web", environment: str = "shop") -> int:
        return self._shares[RouteName(environment, service)]

    def lose_by_hand(self, id: str) -> None:
        """Somebody takes an instance out on its socket."""

        def left(route: Route) -> Route:
            a, b = (Slot(tuple(each for each in route.slot(slot).targets if each.id != id)) for slot in SLOTS)
            return replace(route, a=a, b=b)

        self._running = RoutingTable(tuple(map(left, self._running.routes)))

    def apply(self, table: RoutingTable) -> None:
        for name, reason in self.against.items():
            if table.route(name) is not None:
                raise RouterError(reason)
        super().apply(table)

    def observe(self) -> ObservedRouting | None:
        self.looks += 1
        return super().observe()

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        self.cuts += ids
        return super().cut(route, slot, ids)


class StreetEngine(FakeEngine):
    """`early` are those that were stopped too early."""

    def __init__(self, house: "RoutedHouse") -> None:
        super().__init__(house.clock)
        self._house = house
        self.early: list[str] = []

    def stop(self, container: str) -> None:
        found = self._need(container)
        if self._house.router.has(found.id) or self._house.router.in_flight[found.id]:
            self.early.append(found.name)
        super().stop(container)


class RoutedHouse(NearHouse):
    """A house whose services are behind a router."""

    router: StreetRouter

    def _new_router(self) -> StreetRouter:
        return StreetRouter()

    def engine(self, url: str = HERE) -> StreetEngine:
        if url not in self.engines:
            self.engines[url] = StreetEngine(self)
            for tag in ("web:1", "web:2", SETTINGS.router.image):
                self.engines[url].add_image(tag)
        found = self.engines[url]
        assert isinstance(found, StreetEngine)
        return found

    def ids(self, environment: str = "shop", image: str = "") -> dict[str, str]:
        """The containers of an environment that run (of an image), by name."""
        there = self.engine().observe(environment).instances
        return {each.name: each.id for each in there if each.state == "running" and image in ("", each.image)}

    def answers(self, environment: str = "shop", service: str = "web") -> dict[str, str]:
        """Which image gets what share of the requests, by the router's own table."""
        return shares(self.router, self.engine(), RouteName(environment, service))

    def again(self) -> None:
        """Another daemon begins over what is in the store, on the engine and in the router."""
        self.daemon.stop()
        self.edit_before_start(self._load())
        self.daemon.start()


def shares(router: StreetRouter, engine: FakeEngine, name: RouteName) -> dict[str, str]:
    route = router.table.route(name)
    if route is None:
        return {}
    found = {}
    for slot, share in (("a", 10_000 - route.share), ("b", route.share)):
        images = {engine.containers[each.id].image.image.reference
                  for each in route.slot(slot).targets if each.takes}  # type: ignore[arg-type] # fmt: skip
        for image in images:
            found[image] = percent(share)
    return {image: share for image, share in sorted(found.items()) if share != "0 %"}
