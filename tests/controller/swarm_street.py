"""A house on a swarm whose services are behind a router."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from gitopsd.model.operation import Operation, Verb
from gitopsd.model.route import RouteName
from gitopsd.model.settings import TargetEngine
from tests.controller.house import HERE, SETTINGS, NearHouse
from tests.controller.routed import StreetRouter
from tests.fakes.clock import NOON
from tests.fakes.engine import FakeEngine
from tests.fakes.swarm import FakeSwarm

Seen = TypeVar("Seen")
SHOP = RouteName("shop", "web")
ON_SWARM = replace(SETTINGS, engine=TargetEngine(HERE, swarm=True))


class StreetSwarm(FakeSwarm):
    """A swarm that notes which services were removed while a router had tasks of theirs."""

    def __init__(self, house: "SwarmStreet") -> None:
        super().__init__(house.clock)
        self._house = house
        self.early: list[str] = []

    def remove_service(self, id: str) -> None:
        kept = self._by_id(id)
        if any(self._house.router.has(each.id) for each in kept.tasks if each.runs):
            self.early.append(str(kept.body["Name"]))
        super().remove_service(id)


class SwarmStreet(NearHouse):
    """So many `requests` come at each moment."""

    router: StreetRouter
    swarm: StreetSwarm

    def __init__(self) -> None:
        super().__init__(ON_SWARM)
        self.swarm = StreetSwarm(self)
        self.requests = 0

    def _new_router(self) -> StreetRouter:
        return StreetRouter()

    def engine(self, url: str = HERE) -> FakeEngine:
        if url not in self.engines:
            super().engine(url).add_image(SETTINGS.router.image)
        return self.engines[url]

    def eventually(self, check: Callable[[], Seen]) -> Seen:
        """With time, Swarm and so many requests a moment going on."""

        def going_on() -> Seen:
            self.swarm.step()
            for _ in range(self.requests if self.router.table.route(SHOP) else 0):
                self.router.request(SHOP)
            return check()

        return super().eventually(going_on)

    def push_web(self, image: str, replicas: int = 4, port: int = 8080, **extension: Any) -> str:
        """A service behind the router."""
        keys = {"min_ready": "0s", "scale_down_delay": "0s", "strategy": "canary", **extension}
        written = ", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None)
        text = f"services:\n  web: {{image: '{image}', ports: ['80:{port}'], deploy: {{replicas: {replicas}}}, "
        return self.push({"shop/compose.yaml": f"{text}x-gitopsd: {{{written}}}}}\n"})

    def released(self, image: str, **how: Any) -> str:
        commit = self.push_web(image, **how)
        self.synced(commit, "shop")
        return commit

    def image(self, name: str = "shop_web") -> str:
        """What a service is told to be; "" where it is not there."""
        kept = self.swarm.services.get(name)
        return str(kept.body["TaskTemplate"]["ContainerSpec"]["Image"]).partition("@")[0] if kept is not None else ""

    @property
    def canary(self) -> str:
        return self.image("shop_web-canary")

    def share(self) -> int:
        """What the canary gets now."""
        return self.router.share() if self.router.table.route(SHOP) else 0

    def step(self) -> int:
        """How many steps of the rollout are done."""
        rollout = self.store.journal("shop").rollouts.get("web")
        return rollout.shift.step if rollout is not None else 0

    def outcome(self) -> str | None:
        return self.store.releases("shop", 1)[0].outcome

    def asks(self, verb: Verb, **arguments: Any) -> str:
        number = self.store.submit(Operation(verb, "shop", "ada", NOON, arguments))
        self.watcher.changed("operations")
        return self.eventually(lambda: (self.store.operation(number) or Operation(verb, "shop", "", NOON)).result)


@contextmanager
def swarm_street() -> Iterator[SwarmStreet]:
    made = SwarmStreet()
    made.start()
    try:
        yield made
    finally:
        made.swarm.away = False
        made.stop()
