"""What somebody does by hand at the engine to a container that is not theirs, and what a case of it comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import docker

MIB = 1 << 20
Mutate = Callable[["Hand"], object]


@dataclass(frozen=True)
class Hand:
    """Somebody at the engine, and the container that they are about to change. `others` are by service."""

    api: docker.APIClient
    container: str
    project: str
    others: Mapping[str, str] = field(default_factory=dict)

    def update(self, **limits: Any) -> None:
        """As `docker update`, with fields that the SDK does not know."""
        url = self.api._url("/containers/{0}/update", self.container)  # type: ignore[no-untyped-call]
        self.api._raise_for_status(self.api._post_json(url, data=limits))  # type: ignore[no-untyped-call]

    def restart(self, policy: str, retries: int = 0) -> None:
        self.update(RestartPolicy={"Name": policy, "MaximumRetryCount": retries})

    def join(self, network: str, **endpoint: Any) -> None:
        self.api.connect_container_to_network(self.container, self.network(network), **endpoint)

    def leave(self, network: str) -> None:
        self.api.disconnect_container_from_network(self.container, self.network(network))

    def network(self, key: str) -> str:
        return f"{self.project}_{key}"

    def stop(self) -> None:
        self.api.stop(self.container)

    def remove(self) -> None:
        self.api.remove_container(self.container, force=True)

    def rename(self, name: str) -> None:
        self.api.rename(self.container, f"{self.project}-{name}")

    def change_names(self, service: str) -> None:
        """With the container of another service."""
        first, second = (self._name(each) for each in (self.container, self.others[service]))
        for container, name in ((self.container, f"{first}-aside"), (self.others[service], first)):
            self.api.rename(container, name)
        self.api.rename(self.container, second)

    def run_twin(self, name: str = "") -> str:
        """A container with the labels and networks of this one, and else as `docker run` makes it; its id."""
        found = self.api.inspect_container(self.container)
        labels, image = found["Config"]["Labels"], found["Config"]["Image"]
        twin = str(self.api.create_container(image, name=name or None, labels=labels)["Id"])
        for network in found["NetworkSettings"]["Networks"]:
            self.api.connect_container_to_network(twin, network)
        self.api.start(twin)
        return twin

    def run(self, script: str) -> None:
        """As `docker exec`."""
        self.api.exec_start(self.api.exec_create(self.container, ["sh", "-c", script])["Id"])

    def change_volume(self, target: str, script: str) -> None:
        """Through a container of their own, which has the content volume that is behind `target` at `/it`."""
        found = self.api.inspect_container(self.container)
        content = [each for each in found["Mounts"] if str(each.get("Name")).startswith("gitopsd-content-")]
        (volume,) = (each["Name"] for each in content if each["Destination"].startswith((target, "/.gitopsd/")))
        host = self.api.create_host_config(binds=[f"{volume}:/it"])
        other = self.api.create_container(found["Config"]["Image"], ["sh", "-c", script], host_config=host)["Id"]
        self.api.start(other)
        self.api.wait(other)
        self.api.remove_container(other)
        self.run("true")  # after a command in it, a container's content is looked at

    def _name(self, container: str) -> str:
        return str(self.api.inspect_container(container)["Name"]).removeprefix("/")


@dataclass(frozen=True)
class Case:
    """`paths` are the fields that differ afterwards; `same` tells whether the container survives its cure.

    `also` are the kinds of what is wrong besides, with the same cure. `until` is the API from which on engines take no
    such change any more.
    """

    mutate: Mutate
    paths: tuple[str, ...]
    cure: str
    same: bool
    service: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "modified"
    also: tuple[str, ...] = ()
    until: tuple[int, int] = (9, 0)


def limits(**values: Any) -> dict[str, Any]:
    return {"deploy": {"resources": {"limits": values}}}
