"""The router that gitopsd runs itself: one container an engine, in the host's network, with its files in a volume.

It is root with no power but to listen on any port, and comes back with the engine, whether gitopsd runs or not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.logs import payloads
from gitopsd.adapters.docker.own import own_container
from gitopsd.adapters.docker.translate import understood
from gitopsd.adapters.haproxy.config import CONFIGURATION, Tuning
from gitopsd.adapters.haproxy.router import HaproxyRouter
from gitopsd.engine_json.labels import ROUTER
from gitopsd.model.canonical import Json, canonical, digest
from gitopsd.model.errors import EngineError, EngineRefused, NotFound, RouterError, RouterUnavailable
from gitopsd.model.settings import TargetEngine

NAME: Final = "gitopsd-router"
_IPV6: Final = Path("/proc/net/if_inet6")
_INSIDE: Final = "/gitopsd"
_MADE: Final = "gitopsd.router.made"
_CHECKING_S: Final = 60.0
_LEAVING_S: Final = 10


def open_router(target: TargetEngine, image: str, name: str = NAME, certificates: Path | None = None) -> HaproxyRouter:
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
    tuning = Tuning(ipv6=_IPV6.exists())
    return HaproxyRouter(root, ManagedHaproxy(connection, image, name), _INSIDE, tuning, certificates)


class ManagedHaproxy:
    """Implements `router.Host` with the container `name`."""

    def __init__(self, connection: Connection, image: str, name: str) -> None:
        self._connection, self._image, self._name = connection, image, name

    def check(self, configuration: Path) -> str:
        inside = f"{_INSIDE}/generations/{configuration.parent.name}/{configuration.name}"
        body = self._body(["-c", "-f", inside], {"NetworkMode": "none"}, {ROUTER: f"{self._name}-check"})
        try:
            return self._checked(f"{self._name}-check", body)
        except EngineError as error:
            raise RouterUnavailable(f"the configuration cannot be checked: {error}") from error

    def start(self) -> None:
        """All others that bear the label go first: a second one would take half of the connections to each port."""
        try:
            wanted = self._wanted()
            kept = [each for each in self._labelled() if each["Labels"].get(_MADE) == wanted["Labels"][_MADE]][:1]
            for each in self._labelled():
                if each not in kept:
                    self._end(each["Id"])
            container = kept[0]["Id"] if kept else self._created(self._name, wanted)
            if kept and kept[0]["State"] == "running":
                self._post(container, "kill", signal="SIGUSR2")
            else:
                self._post(container, "start")
        except EngineError as error:
            raise RouterUnavailable(f"the router cannot be started: {error}") from error

    def outdated(self) -> bool:
        try:
            made = self._wanted()["Labels"][_MADE]
            for each in self._labelled():
                if each["State"] in ("exited", "dead", "created"):
                    self._remove(each["Id"])
            if all(each["Labels"].get(_MADE) != made for each in self._labelled()):
                return True
            self._retire(made)  # again, as a gitopsd that was killed may not have come to it
            return False
        except EngineError as error:
            raise RouterUnavailable(f"the router cannot be looked after: {error}") from error

    def start_beside(self) -> None:
        try:
            for each in self._labelled():
                self._post(each["Id"], "rename", name=f"{self._name}-{each['Id'][:12]}")
            self._post(self._created(self._name, self._wanted()), "start")
        except EngineError as error:
            raise RouterUnavailable(f"the new router cannot be started: {error}") from error

    def retire(self) -> None:
        try:
            self._retire(self._wanted()["Labels"][_MADE])
        except EngineError as error:
            raise RouterUnavailable(f"the old router cannot be told to leave: {error}") from error

    def give_up(self) -> None:
        made = self._wanted()["Labels"][_MADE]
        left = [each for each in self._labelled() if each["Labels"].get(_MADE) != made]
        self._remove(self._name)
        for each in left[:1]:
            self._post(each["Id"], "rename", name=self._name)

    def _retire(self, made: str) -> None:
        for each in self._labelled():
            if each["State"] == "running" and each["Labels"].get(_MADE) != made:
                self._let_leave(each["Id"])

    def _let_leave(self, container: str) -> None:
        """It must not come back once it has ended, which it may have done meanwhile."""
        doing, never = "let a router leave", {"RestartPolicy": {"Name": "no"}}
        try:
            self._connection.call("POST", f"/containers/{container}/update", doing=doing, json=never)
            self._post(container, "kill", signal="SIGUSR1")
        except EngineRefused as refused:
            if refused.status not in (404, 409):
                raise

    def _wanted(self) -> dict[str, Any]:
        files = f"{_INSIDE}/current/{CONFIGURATION}"
        arguments = ["-W", "-db", "-S", f"{_INSIDE}/master.sock,mode,600", "-f", files]
        power, back = ["NET_BIND_SERVICE"], {"Name": "always"}
        host: dict[str, Json] = {"NetworkMode": "host", "CapAdd": power, "RestartPolicy": back}
        body = self._body(arguments, host, {ROUTER: self._name})
        made = digest([body, self._image_id()])
        return body | {"Labels": {ROUTER: self._name, _MADE: made}}

    def _body(self, arguments: list[str], host: Mapping[str, Json], labels: Mapping[str, str]) -> dict[str, Any]:
        return {
            "Image": self._image,
            "Entrypoint": ["haproxy", *arguments],
            "Cmd": [],
            "User": "0:0",
            # It finishes what it has, for as long as it is given.
            "StopSignal": "SIGUSR1",
            "Healthcheck": {"Test": ["NONE"]},
            "Labels": dict(labels),
            "HostConfig": {
                "Mounts": [{"Type": "volume", "Source": self._name, "Target": _INSIDE}],
                "ReadonlyRootfs": True,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                **host,
            },
        }

    def _image_id(self) -> str:
        doing = f"look at the router's image {self._image}"
        try:
            found = self._connection.json("GET", f"/images/{escaped(self._image)}/json", doing=doing)
        except NotFound as missing:
            raise RouterUnavailable(f"the engine does not have the router's image {self._image}; pull it") from missing
        with understood(doing):
            return str(found["Id"])

    def _labelled(self) -> list[dict[str, Any]]:
        params = {"all": 1, "filters": canonical({"label": [f"{ROUTER}={self._name}"]}).decode()}
        found: list[dict[str, Any]] = self._connection.json(
            "GET", "/containers/json", doing="list routers", params=params
        )
        return found

    def _checked(self, name: str, body: Mapping[str, Any]) -> str:
        self._remove(name)
        container = self._created(name, body)
        try:
            self._post(container, "start")
            doing, where = "check the router's configuration", f"/containers/{container}"
            ended = self._connection.json("POST", f"{where}/wait", doing=doing, timeout=_CHECKING_S)
            said = self._connection.call("GET", f"{where}/logs", doing=doing, params={"stderr": 1, "stdout": 1})
            with understood(doing):
                words = b"".join(payloads(said.content)).decode(errors="replace")
                return "" if ended["StatusCode"] == 0 else words or f"status {ended['StatusCode']}"
        finally:
            self._remove(container)

    def _created(self, name: str, body: Mapping[str, Any]) -> str:
        doing, params = f"create {name}", {"name": name}
        answer = self._connection.json("POST", "/containers/create", doing=doing, params=params, json=body)
        with understood(doing):
            return str(answer["Id"])

    def _post(self, container: str, verb: str, **params: int | str) -> None:
        doing = f"{verb} the router"
        self._connection.call("POST", f"/containers/{container}/{verb}", doing=doing, params=params)

    def _end(self, container: str) -> None:
        self._post(container, "stop", t=_LEAVING_S)
        self._remove(container)

    def _remove(self, container: str) -> None:
        params = {"force": "true", "v": "false"}
        try:
            self._connection.call("DELETE", f"/containers/{container}", doing="remove a router", params=params)
        except NotFound:
            return


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
