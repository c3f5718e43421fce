"""A service of a real swarm behind the routers of all three nodes, and its clients there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any

from gitopsd.engine_json.swarm_router import ROUTER
from tests.e2e.app import APP, HAPROXY, app_image
from tests.e2e.nodes import Node, Nodes, three_nodes
from tests.e2e.rig import Rig
from tests.e2e.swarm_rig import filtered
from tests.haproxy import image_of_haproxy
from tests.load import USUAL, Kind, Load, load_at

PORT = 8000
PATIENCE = 150.0
ENOUGH = 50  # requests, before a judge says a word
SOON = {"scale_down_delay": "1s"}
WITH_STEPS: dict[str, Any] = {**SOON, "strategy": "canary", "steps": [{"set_weight": 34}, {"pause": {}}]}


@contextmanager
def nodes_with_routers() -> Iterator[Nodes]:
    """A swarm of three nodes that all have the application and a router's image."""

    def pictures(api: Any) -> None:
        app_image(api)
        image_of_haproxy(api, HAPROXY)

    with three_nodes(pictures) as made:
        yield made


@contextmanager
def road_over(nodes: Nodes, make_rig: Callable[..., Rig], port: int = PORT, **router: str) -> Iterator["Road"]:
    """With a gitopsd that has begun behind the filter; the nodes are whole and bare again afterwards."""
    url = nodes.alpha.engine.url
    with filtered(url) as asked_at:
        settings = {"target": {"swarm": asked_at}, "router": {"image": HAPROXY, **router}}
        rig = make_rig(engine=url, api=nodes.api, **settings)
        yield Road(rig.start(), nodes, port)
        rig.end()
    nodes.whole()
    nodes.clear()


class Road:
    """A service behind the routers of a swarm, and its clients at every node."""

    def __init__(self, rig: Rig, nodes: Nodes, port: int = PORT) -> None:
        self.rig, self.nodes, self.port = rig, nodes, port

    def push(self, version: str, *, replicas: int = 3, **how: Any) -> str:
        """`errors`, `latency_ms`, ... are the application's environment, `x` the extension's keys."""
        extension = {"min_ready": "0s", "traffic": {}, **how.pop("x", {})}
        knobs = {"latency_ms": 2, "term_mode": "exit", **how}
        service = {
            "image": APP,
            "ports": [f"{self.port}:8080"],
            "environment": {"VERSION": version, **{name.upper(): str(value) for name, value in knobs.items()}},
            "deploy": {
                "replicas": replicas,
                "update_config": {"order": "start-first", "parallelism": 1, "monitor": "1s"},
            },
            "x-gitopsd": extension,
        }
        return self.rig.push(web=service)

    def serving(self, version: str, **how: Any) -> str:
        commit = self.push(version, **how)
        self.rig.synced(commit, within=PATIENCE)
        return commit

    def paused(self) -> None:
        """The canary stands at its pause."""
        self.rig.eventually(lambda: self._steps_done() == 1, PATIENCE)

    def _steps_done(self) -> int:
        rollout = self.rig.store.journal("shop").rollouts.get("web")
        return rollout.shift.step if rollout is not None else 0

    def promote(self) -> None:
        self.paused()
        self.rig.ask("promote")

    def services(self) -> list[str]:
        """What the project has on the swarm, without the project's name."""
        api: Any = self.nodes.api
        found = (str(each["Spec"]["Name"]) for each in api.services())
        return sorted(name.removeprefix(f"{self.rig.project}_") for name in found if name.startswith(self.rig.project))

    def alone(self) -> None:
        """Its service is the only one again, and the release that made another one has ended."""
        self.rig.eventually(lambda: self.services() == ["web"] and self.rig.release().outcome is not None, PATIENCE)

    def told(self, reason: str, words: str) -> bool:
        return any(each.reason == reason and words in each.message for each in self.rig.store.events(limit=1000))

    def routers(self) -> list[str]:
        """The tasks of the routers that Swarm wants to run."""
        api: Any = self.nodes.api
        return sorted(each["ID"] for each in api.tasks(filters={"service": ROUTER, "desired-state": "running"}))

    def others(self) -> list[str]:
        """Every service of the swarm that is not the project's."""
        api: Any = self.nodes.api
        names = (str(each["Spec"]["Name"]) for each in api.services())
        return [name for name in names if not name.startswith(self.rig.project)]

    @contextmanager
    def clients(
        self, at: Sequence[Node] = (), tls: SSLContext | None = None, kinds: Sequence[Kind] = USUAL
    ) -> Iterator[Load]:
        """One of each kind at these nodes, or at all."""
        with load_at([each.address for each in at or self.nodes.all], self.port, tls, kinds) as seen:
            yield seen
