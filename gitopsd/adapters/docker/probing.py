"""Asks instances from this process where it can reach them, else from a short-lived container in their network."""

import contextlib
import io
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from gitopsd.adapters.asking import ask, request, silent, weighed
from gitopsd.adapters.docker.beside import run_beside
from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.logs import payloads
from gitopsd.adapters.docker.own import own_container
from gitopsd.adapters.docker.probe_image import ProbeImage
from gitopsd.adapters.docker.translate import translated, understood
from gitopsd.engine_json import live
from gitopsd.engine_json.labels import PROBE
from gitopsd.model.analysis import Reading, Trouble
from gitopsd.model.canonical import canonical
from gitopsd.model.errors import Conflict, EngineError, NotFound
from gitopsd.model.health import Answer, Check, Fail, HttpCheck, Pass, Subject, Unknown
from gitopsd.model.live import EngineFacts
from gitopsd.model.settings import Registry, TargetEngine

NO_LOGINS: Final[Mapping[str, Registry]] = MappingProxyType({})
_GRACE_S: Final = 30.0  # what an engine may take to create, start and end a container
_READ_AT_MOST: Final = 1 << 20
_CUT_OFF: Final = 143  # by the SIGTERM of the script itself
_TICK_S: Final = 0.02  # as fine as a kernel tells its uptime, twice
# How long it took is measured in there, as starting a container takes longer than most answers. Not every nc has `-z`.
_SCRIPT: Final = """
cat /proc/uptime
if [ -n "$0" ]; then printf %s "$0" | nc "$2" "$3" & else { nc -z "$2" "$3" || nc "$2" "$3" -e true; } 2>&1 & fi
asking=$!
(sleep "$1"; kill $asking) >/dev/null 2>&1 &
wait $asking
code=$?
echo
echo $code
cat /proc/uptime
"""


class DockerProbe:
    """Implements `controller.ports.Probe`. `image` gives the image of such containers, "" for none.

    `registries` are read at each pull of it, and may change.
    """

    def __init__(
        self, target: TargetEngine, image: Callable[[], str], registries: Mapping[str, Registry] = NO_LOGINS
    ) -> None:
        self._connection = Connection(target)
        self._image = ProbeImage(self._connection, image, registries)
        self._apart: str | None = None  # why this process cannot reach them; None: not known yet
        self._swept = False
        self._guard = threading.Lock()

    def unreachable(self) -> str:
        apart = self._why_apart()
        return "" if not apart or self._image.name() else apart

    def probe(self, subject: Subject, check: Check, timeout: timedelta) -> Answer:
        try:
            if subject.address and not self._why_apart():
                return ask(subject.address, check, timeout)
            if not self._image.name():
                return Unknown(f"{check}: {self._why_apart() or 'it has no address'}, and there is no `probe_image`")
            return self._within(subject, check, timeout)
        except EngineError as error:
            return Unknown(f"{check} could not be asked: {error}")

    def run(self, container: str, command: Sequence[str], timeout: timedelta) -> Reading:
        try:
            self._sweep()
        except EngineError as error:
            return Trouble(f"it could not be run: {error}")
        return run_beside(self._connection, container, command, timeout)

    def close(self) -> None:
        self._connection.close()

    def _why_apart(self) -> str:
        with self._guard:
            if self._apart is None:
                self._apart = _apart(self._connection)
            return self._apart

    def _within(self, subject: Subject, check: Check, timeout: timedelta) -> Answer:
        self._sweep()
        container = self._create(subject, check, timeout)
        try:
            where = f"/containers/{container}"
            self._connection.call("POST", f"{where}/start", doing="start a probe")
            wait = timeout.total_seconds() + _GRACE_S
            self._connection.call("POST", f"{where}/wait", doing="wait for a probe", timeout=wait)
            return _read(check, timeout, self._written(container))
        finally:
            self._remove(container)

    def _create(self, subject: Subject, check: Check, timeout: timedelta) -> str:
        """One for an instance and a check at a time, so that what a killed daemon left is found by its name."""
        name = f"gitopsd-probe-{subject.container[:12]}-{check.port}"
        doing, body = f"create {name}", _body(self._image.at_hand(), subject, check, timeout)
        try:
            answer = self._connection.json("POST", "/containers/create", doing=doing, params={"name": name}, json=body)
        except Conflict:
            self._remove(name)
            answer = self._connection.json("POST", "/containers/create", doing=doing, params={"name": name}, json=body)
        with understood(doing):
            return live.named(answer)

    def _written(self, container: str) -> bytes:
        doing, params = "read what a probe found", {"stdout": 1}
        response = self._connection.call(
            "GET", f"/containers/{container}/logs", doing=doing, params=params, stream=True
        )
        written = bytearray()
        with response, translated(doing):
            for chunk in response.iter_content(chunk_size=1 << 16):
                written += chunk
                if len(written) > _READ_AT_MOST:
                    break
        return b"".join(payloads(bytes(written)))

    def _remove(self, container: str) -> None:
        with contextlib.suppress(NotFound):
            params = {"force": "true", "v": "false"}
            self._connection.call("DELETE", f"/containers/{escaped(container)}", doing="remove a probe", params=params)

    def _sweep(self) -> None:
        """What a daemon that was killed has left behind."""
        with self._guard:
            if self._swept:
                return
            params = {"all": 1, "filters": canonical({"label": [PROBE]}).decode()}
            rows = self._connection.json("GET", "/containers/json", doing="list the probes", params=params)
            self._swept = True
        for row in rows:
            self._remove(row["Id"])


def _apart(connection: Connection) -> str:
    """Why the addresses of an engine's instances mean nothing here; "" where they do."""
    if not connection.target.url.startswith("unix://"):
        return "its engine is on another host"
    doing = "ask the engine who it is"
    version, info = (connection.json("GET", path, doing=doing) for path in ("/version", "/info"))
    with understood(doing):
        facts: EngineFacts = live.facts(version, info, connection.api())
    if facts.product == "Docker Desktop":
        return "its engine runs in a virtual machine"
    if facts.rootless:
        return "its engine is rootless, with a network of its own"
    own = own_container()
    return "" if not own or _on_host(connection, own) else "gitopsd runs in a container without `network_mode: host`"


def _on_host(connection: Connection, own: str) -> bool:
    doing = "look at gitopsd's own container"
    try:
        answer = connection.json("GET", f"/containers/{own}/json", doing=doing)
    except NotFound:
        return True  # a container of another engine; its network is the host's as far as this one is concerned
    with understood(doing):
        return bool(answer["HostConfig"].get("NetworkMode") == "host")


def _body(image: str, subject: Subject, check: Check, timeout: timedelta) -> dict[str, Any]:
    address = subject.address or live.LOOPBACK
    sent = request(address, check).decode() if isinstance(check, HttpCheck) else ""
    arguments = [sent, str(math.ceil(timeout.total_seconds())), address, str(check.port)]
    return {
        "Image": image,
        "Entrypoint": ["sh", "-c", _SCRIPT, *arguments],
        "Cmd": [],
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {PROBE: subject.container},
        "HostConfig": {
            "NetworkMode": f"container:{subject.container}",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "LogConfig": {"Type": "json-file"},
        },
    }


def _read(check: Check, timeout: timedelta, written: bytes) -> Answer:
    """What the script wrote: the time before, what was answered, how it ended, the time after."""
    begun, _, rest = written.partition(b"\n")
    said, code, ended = (*rest.rsplit(b"\n", 3)[:3],) if rest.count(b"\n") >= 3 else (b"", b"", b"")
    try:
        took, code_number = float(ended.split()[0]) - float(begun.split()[0]), int(code)
    except (ValueError, IndexError):
        words = written.decode(errors="replace").strip()[-200:]
        return Unknown(f"{check}: `probe_image` needs sh and nc; it said: {words}")
    if code_number == _CUT_OFF or took > timeout.total_seconds() + _TICK_S:
        return silent(check, timeout)
    if isinstance(check, HttpCheck) and said:
        return weighed(check, io.BytesIO(said), lambda: took)
    return Pass() if code_number == 0 and not isinstance(check, HttpCheck) else Fail(f"{check}: connection refused")
