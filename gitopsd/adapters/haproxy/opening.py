"""Opens the managed router of an engine: its volume, whose files gitopsd shares, and its container's way to run."""

from pathlib import Path
from typing import Final, Literal

from gitopsd.adapters.docker.connection import Connection
from gitopsd.adapters.docker.own import own_container
from gitopsd.adapters.docker.translate import understood
from gitopsd.adapters.haproxy.bridged import BridgedHaproxy
from gitopsd.adapters.haproxy.config import Tuning
from gitopsd.adapters.haproxy.managed import INSIDE, ManagedHaproxy
from gitopsd.adapters.haproxy.router import HaproxyRouter
from gitopsd.engine_json.labels import ROUTER
from gitopsd.model.errors import EngineError, RouterError, RouterUnavailable
from gitopsd.model.settings import TargetEngine

NAME: Final = "gitopsd-router"
_IPV6: Final = Path("/proc/net/if_inet6")


def open_router(
    target: TargetEngine,
    image: str,
    name: str = NAME,
    certificates: Path | None = None,
    network: Literal["host", "bridge"] = "host",
) -> HaproxyRouter:
    """The managed router of an engine, whether it runs yet or not; `name` is that of its container and volume.

    RouterError: there can be none, for this reason.
    """
    if not target.url.startswith("unix://"):
        raise RouterError(f"a managed router shares files with gitopsd, and the engine {target.url} is on another host")
    connection = Connection(target)
    try:
        root = _directory(connection, name)
    except EngineError as error:
        raise RouterUnavailable(f"the volume {name}: {error}") from error
    bridged = network == "bridge"
    host = BridgedHaproxy(connection, image, name, root) if bridged else ManagedHaproxy(connection, image, name)
    return HaproxyRouter(root, host, INSIDE, Tuning(ipv6=_IPV6.exists(), bridged=bridged), certificates)


def _directory(connection: Connection, name: str) -> Path:
    """Where gitopsd itself finds the router's volume, which is made where there is none."""
    doing, body = f"create volume {name}", {"Name": name, "Driver": "local", "Labels": {ROUTER: name}}
    made = connection.json("POST", "/volumes/create", doing=doing, json=body)
    own = own_container()
    with understood(doing):
        place = Path(_mounted(connection, own, name) if own else made["Mountpoint"])
    if place == Path() or not place.is_dir():
        raise RouterError(
            f"gitopsd does not see the files of the volume {name}: "
            + ("mount it into gitopsd's container" if own else "run it as root, or in a container with that volume")
        )
    return place


def _mounted(connection: Connection, own: str, name: str) -> str:
    doing = "look at gitopsd's own container"
    shown = connection.json("GET", f"/containers/{own}/json", doing=doing)
    with understood(doing):
        return next((str(each["Destination"]) for each in shown["Mounts"] if each.get("Name") == name), "")
