"""The router that gitopsd runs itself: one container an engine, in the host's network where nothing else is said.

It is root with no power but to listen on any port, and comes back with the engine, whether gitopsd runs or not.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.logs import payloads
from gitopsd.adapters.docker.translate import understood
from gitopsd.adapters.haproxy.config import CONFIGURATION
from gitopsd.adapters.haproxy.entrances import Place
from gitopsd.engine_json.labels import ROUTER
from gitopsd.model.canonical import Json, canonical, digest
from gitopsd.model.errors import EngineError, EngineRefused, NotFound, RouterUnavailable

INSIDE: Final = "/gitopsd"
MADE: Final = "gitopsd.router.made"
"""The label with the digest of all that a router was made of."""
_CHECKING_S: Final = 60.0
_LEAVING_S: Final = 10


class ManagedHaproxy:
    """Implements `host.Host` with the container `name`."""

    def __init__(self, connection: Connection, image: str, name: str) -> None:
        self._connection, self._image, self._name = connection, image, name

    def publish(self, places: Collection[Place]) -> None:
        """In the host's network a port is there as soon as somebody listens."""

    def displaced(self) -> bool:
        try:
            return any(map(is_bridged, self._labelled()))
        except EngineError as error:
            raise RouterUnavailable(f"the router cannot be looked after: {error}") from error

    def news(self) -> tuple[str, ...]:
        return ()

    def check(self, configuration: Path) -> str:
        inside = f"{INSIDE}/generations/{configuration.parent.name}/{configuration.name}"
        body = self._body(["-c", "-f", inside], {"NetworkMode": "none"}, {ROUTER: f"{self._name}-check"})
        try:
            return self._checked(f"{self._name}-check", body)
        except EngineError as error:
            raise RouterUnavailable(f"the configuration cannot be checked: {error}") from error

    def start(self) -> None:
        """All others that bear the label go first: a second one would take half of the connections to each port."""
        try:
            wanted = self._wanted()
            kept = [each for each in self._labelled() if each["Labels"].get(MADE) == wanted["Labels"][MADE]][:1]
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
            made = self._wanted()["Labels"][MADE]
            for each in self._labelled():
                if each["State"] in ("exited", "dead", "created"):
                    self._remove(each["Id"])
            if all(each["Labels"].get(MADE) != made for each in self._labelled()):
                return True
            self._retire(made)  # again, as a gitopsd that was killed may not have come to it
            return False
        except EngineError as error:
            raise RouterUnavailable(f"the router cannot be looked after: {error}") from error

    def start_beside(self) -> None:
        try:
            for each in self._labelled():
                self._post(each["Id"], "rename", name=f"{self._name}-{each['Id'][:12]}")
            made = self._created(self._name, _successor(self._wanted()))
            for each in filter(is_bridged, self._labelled()):
                self._post(each["Id"], "stop", t=0)  # a port that one has published nobody else can have
            self._post(made, "start")
        except EngineError as error:
            raise RouterUnavailable(f"the new router cannot be started: {error}") from error

    def retire(self) -> None:
        try:
            self._retire(self._wanted()["Labels"][MADE])
        except EngineError as error:
            raise RouterUnavailable(f"the old router cannot be told to leave: {error}") from error

    def give_up(self) -> None:
        made = self._wanted()["Labels"][MADE]
        left = [each for each in self._labelled() if each["Labels"].get(MADE) != made]
        self._remove(self._name)
        for each in left[:1]:
            self._post(each["Id"], "rename", name=self._name)

    def _retire(self, made: str) -> None:
        for each in self._labelled():
            if each["State"] == "running" and each["Labels"].get(MADE) != made:
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
        files = f"{INSIDE}/current/{CONFIGURATION}"
        arguments = ["-W", "-db", "-S", f"{INSIDE}/master.sock,mode,600", "-f", files]
        power, back = ["NET_BIND_SERVICE"], {"Name": "always"}
        ports, place = self._placed()
        body = self._body(arguments, {**place, "CapAdd": power, "RestartPolicy": back}, {ROUTER: self._name}) | ports
        made = digest([body, self._image_id()])
        return body | {"Labels": {ROUTER: self._name, MADE: made}}

    def _placed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What says where it listens: of the container, and of its `HostConfig`."""
        return {}, {"NetworkMode": "host"}

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
                "Mounts": [{"Type": "volume", "Source": self._name, "Target": INSIDE}],
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


def is_bridged(row: Mapping[str, Any]) -> bool:
    """Whether a router of the list of containers has published ports of the host, not the host's network."""
    return bool(row["HostConfig"]["NetworkMode"] != "host")


def _successor(body: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the sockets that listen from the one before: of two with a socket each for a port, the one that leaves
    would refuse the connections that wait for it (Linux, `SO_REUSEPORT`). Where there is none before, it opens its own.
    """
    return {**body, "Entrypoint": [*body["Entrypoint"], "-x", f"{INSIDE}/admin.sock"]}
