"""A rig whose environment is on a swarm: what the stories of one node and of three have in common."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.deploy.allow_list import STACK, turned_away
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.rig import Rig, web

PATIENCE = 90.0  # a task is some seconds on its way, and Swarm watches it for some more


class SwarmRig:
    """A rig whose environment is on a swarm, and eyes on that."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def service(self, name: str = "web") -> dict[str, Any]:
        found: dict[str, Any] = self.rig.api.inspect_service(f"{self.rig.project}_{name}")
        return found

    def running(self, name: str = "web") -> list[str]:
        """The images of the tasks that run."""
        filters = {"service": f"{self.rig.project}_{name}", "desired-state": "running"}
        tasks = self.rig.api.tasks(filters=filters)
        return sorted(each["Spec"]["ContainerSpec"]["Image"] for each in tasks if each["Status"]["State"] == "running")

    def names(self, kind: str) -> list[str]:
        """The names of what the environment has of a kind, without the project."""
        label = {"label": [f"com.docker.stack.namespace={self.rig.project}"]}
        rows = getattr(self.rig.api, kind)(filters=label)
        found = [each.get("Name") or each["Spec"]["Name"] for each in rows]
        return sorted(each.removeprefix(f"{self.rig.project}_") for each in found)

    def scale(self, replicas: int, name: str = "web") -> None:
        """As `docker service scale` does."""
        self.change(lambda spec: spec["Mode"]["Replicated"].update(Replicas=replicas), name)

    def change(self, change: Callable[[dict[str, Any]], object], name: str = "web") -> None:
        """As `docker service update` does: `change` gets the raw Spec, and may do to it what it likes."""
        service = self.service(name)
        change(service["Spec"])
        self._update(service)

    def roll_back(self, name: str = "web") -> None:
        """As `docker service rollback` does."""
        self._update(self.service(name), rollback="previous")

    def _update(self, service: dict[str, Any], **how: str) -> None:
        how = {"version": str(service["Version"]["Index"]), **how}
        url = self.rig.api._url(f"/services/{service['ID']}/update")
        answer = self.rig.api._post_json(url, data=service["Spec"], params=how)
        assert answer.ok, answer.text

    def synced(self, commit: str) -> None:
        self.rig.synced(commit, within=PATIENCE)


def told(image: str, monitor: str = "1s", **more: Any) -> dict[str, Any]:
    update = {"monitor": monitor, "order": "start-first", "parallelism": 0}
    return web(image, deploy={"replicas": 2, "update_config": update, **more.pop("deploy", {})}, **more)


@contextmanager
def filtered(url: str) -> Iterator[str]:
    """A manager's URL by which nothing may be asked that the filter of deploy/stack.yaml would turn away."""
    proxy = EngineProxy(url)
    try:
        yield proxy.url
        assert turned_away(proxy.calls, STACK) == []
    finally:
        proxy.close()
