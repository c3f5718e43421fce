"""A real swarm of three nodes on this machine: each with an engine, a network namespace and a host name of its own."""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import docker
import pytest

from tests.e2e.own_engine import OwnEngine, needs_root
from tests.e2e.wire import Machine, Wire, run
from tests.waiting import eventually

Seen = TypeVar("Seen")
NAMES = ("alpha", "beta", "gamma")
HEARTBEAT_NS = 10**9  # a node that is silent for three of these is down
SETTLES_WITHIN_S = 60.0


class Node:
    """One machine of the swarm."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.name, self._wire = name, wire
        self.engine = OwnEngine(wire=wire, name=name)

    @property
    def machine(self) -> Machine:
        assert self.engine.machine is not None
        return self.engine.machine

    @property
    def address(self) -> str:
        """Where everything that it publishes is reached, from this machine too."""
        return self.machine.address

    def unplug(self) -> None:
        """It goes on, and nobody hears of it."""
        self._wire.unplug(self.machine)

    def plug(self) -> None:
        self._wire.plug(self.machine)

    def running(self) -> list[str]:
        """The images of its containers."""
        return sorted(str(each["Image"]) for each in self.engine.api().containers())

    def close(self) -> None:
        with suppress(docker.errors.DockerException, OSError, AssertionError):
            if not self.engine.alive():
                self.engine.start()
            self.engine.api().leave_swarm(force=True)  # an engine that is of a swarm takes its time to end
        self.engine.close()


class Nodes:
    """The swarm: `alpha` is its manager, `beta` and `gamma` are workers. All three have the images of the stories."""

    def __init__(self, nodes: list[Node]) -> None:
        self.all = tuple(nodes)
        self.alpha, self.beta, self.gamma = nodes

    @property
    def api(self) -> docker.APIClient:
        """The manager's."""
        return self.alpha.engine.api()

    def states(self) -> dict[str, str]:
        """What the manager says of each node."""
        return {str(each["Description"]["Hostname"]): str(each["Status"]["State"]) for each in self.api.nodes()}

    def change(self, node: Node, **spec: str) -> None:
        """As `docker node update` does: Availability, Role, or both."""
        api: Any = self.api

        def told() -> bool:
            known = api.inspect_node(self._id(node.name))
            return _done(partial(api.update_node, known["ID"], known["Version"]["Index"], {**known["Spec"], **spec}))

        eventually(told, SETTLES_WITHIN_S, 0.1)

    def whole(self) -> None:
        """Bring everything back that a story has taken away: power, cables, and what was said of nodes by hand."""
        for each in self.all:
            each.plug()
            if not each.engine.alive():
                each.engine.start()
        eventually(self._ready, within=SETTLES_WITHIN_S, every=0.1)
        for each in self.all:
            if each is not self.alpha:
                self.change(each, Availability="active", Role="worker")

    def clear(self) -> None:
        """Remove every service, network, config and secret, and wait until nothing runs anywhere."""
        api: Any = self.api
        for service in api.services():
            api.remove_service(service["ID"])
        eventually(self._empty, SETTLES_WITHIN_S, 0.1)
        for held, remove in ((api.configs(), api.remove_config), (api.secrets(), api.remove_secret)):
            for each in held:
                remove(each["ID"])
        for network in api.networks(filters={"driver": "overlay"}):
            if network["Name"] != "ingress":
                eventually(partial(_done, partial(api.remove_network, network["Id"])), SETTLES_WITHIN_S, 0.1)

    def _empty(self) -> bool:
        """True; AssertionError, with what is left, while anything runs."""
        left = {each.name: running for each in self.all if (running := each.running())}
        assert not left, left
        return True

    def _ready(self) -> bool:
        with suppress(docker.errors.APIError):  # a manager that has no quorum yet
            return set(self.states().values()) == {"ready"}
        return False

    def _id(self, name: str) -> str:
        return next(str(each["ID"]) for each in self.api.nodes() if each["Description"]["Hostname"] == name)


@contextmanager
def three_nodes(pictures: Callable[[docker.APIClient], None]) -> Iterator[Nodes]:
    """A swarm that is gone afterwards. `pictures` makes the images, once; each node loads what the first one saved."""
    _needs_namespaces()
    with ExitStack() as ending:
        wire = Wire()
        ending.callback(wire.close)
        nodes: list[Node] = []
        ending.callback(lambda: _all_at_once(Node.close, nodes))
        for name in NAMES:
            nodes.append(Node(wire, name))
        api = nodes[0].engine.api()
        pictures(api)
        _join(nodes)
        _all_at_once(partial(_load, _saved(api)), nodes[1:])
        yield Nodes(nodes)


def _done(call: Callable[[], object]) -> bool:
    """Whether it could be done: a network that a task was on only just now is in use for some moments more, and what
    managers have noted something of meanwhile is out of sequence.
    """
    with suppress(docker.errors.APIError):
        call()
        return True
    return False


def _join(nodes: list[Node]) -> None:
    first = nodes[0]
    api = first.engine.api()
    spec = api.create_swarm_spec(dispatcher_heartbeat_period=HEARTBEAT_NS)
    api.init_swarm(advertise_addr=first.address, listen_addr=f"{first.address}:2377", swarm_spec=spec)
    token = api.inspect_swarm()["JoinTokens"]["Worker"]
    for each in nodes[1:]:
        how: dict[str, Any] = {"advertise_addr": each.address, "listen_addr": f"{each.address}:2377"}
        each.engine.api().join_swarm([f"{first.address}:2377"], token, **how)


def _saved(api: docker.APIClient) -> bytes:
    """Every image that has a tag, as `docker save` writes them."""
    tags = [tag for image in api.images() for tag in image["RepoTags"] or ()]
    answer = api._get(api._url("/images/get"), params={"names": tags})
    assert answer.ok, answer.text
    return bytes(answer.content)


def _load(archive: bytes, node: Node) -> None:
    api: Any = node.engine.api()
    for line in api.load_image(archive):
        assert "error" not in line, line


def _all_at_once(do: Callable[[Node], Seen], nodes: list[Node]) -> list[Seen]:
    with ThreadPoolExecutor(max(len(nodes), 1)) as pool:
        return list(pool.map(do, nodes))


def _needs_namespaces() -> None:
    """Skips the test, or fails it where an engine was promised, if this machine lends nobody a network namespace."""
    needs_root("iptables", "nsenter", "unshare")
    name = f"gitopsd-try-{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        run("ip", "netns", "delete", name)
    except subprocess.CalledProcessError as refused:
        said = refused.stderr.decode(errors="replace").strip()
        reason = f"no swarm of three nodes here: this machine makes no network namespaces ({said})"
        if os.environ.get("GITOPSD_REQUIRE_ENGINE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
