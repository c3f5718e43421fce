"""An engine that only listens: it speaks any API version, agrees to whatever is made, and keeps what it was asked."""

import hashlib
import json
import re
import socketserver
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

IMAGE_ID = "sha256:" + "11" * 32
THEIRS = "theirs"
Body = dict[str, Any]


class Recorder:
    """Listens at `url` while it is open. `containers`, `networks` and `volumes` hold create bodies by name.

    `connects` holds, by container name, the endpoint configurations of networks that were connected after creation;
    `platforms` what containers were created for. A network and a volume of the name THEIRS are there from the start.
    """

    def __init__(self, api: tuple[int, int]) -> None:
        self.api = f"{api[0]}.{api[1]}"
        self.containers: dict[str, Body] = {}
        self.networks: dict[str, Body] = {THEIRS: {"Name": THEIRS}}
        self.volumes: dict[str, Body] = {THEIRS: {"Name": THEIRS}}
        self.connects: dict[str, dict[str, Body]] = {}
        self.platforms: dict[str, str] = {}
        self.lock = threading.Lock()
        self._directory = tempfile.TemporaryDirectory(prefix="gitopsd-recorder-")
        path = Path(self._directory.name) / "docker.sock"
        self._server = _Server(str(path), self)
        self.url = f"unix://{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()

    # --- what an engine would answer ----------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Status and document for one call."""
        match method, path:
            case _, "/_ping":
                return 200, "OK"
            case _, "/version":
                return 200, {"Version": "0", "ApiVersion": self.api, "MinAPIVersion": "1.24", "Os": "linux"}
            case _, "/info":
                return 200, {"ID": "recorder", "OSType": "linux", "Architecture": "x86_64", "Swarm": {}}
            case "GET", "/containers/json":
                wanted = json.loads(query.get("filters", "{}")).get("label", {})
                return 200, [row for name in self.containers if _bears(row := self._row(name), wanted)]
            case "POST", "/containers/create":
                return 201, self._create(query, body)
            case "GET", "/networks":
                return 200, [self._network(name) for name in self.networks]
            case "POST", "/networks/create":
                self.networks[body["Name"]] = body
                return 201, {"Id": identity(body["Name"])}
            case "POST", "/volumes/create":
                self.volumes[body["Name"]] = body
                return 201, _volume(body)
            case _:
                return self._one(method, path, body)

    def _one(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The answer about one thing that the path names."""
        kind, _, rest = path.lstrip("/").partition("/")
        name, _, verb = rest.rpartition("/") if rest.endswith(("/json", "/connect")) else (rest, "", "")
        name = unquote(name)
        if kind == "images":
            return 200, {"Id": IMAGE_ID, "Os": "linux", "Architecture": "amd64", "Config": {}, "RootFS": {}}
        if kind == "containers" and (found := self._named(self.containers, name)):
            return 200, self._inspected(found)
        if verb == "connect" and (found := self._named(self.networks, name)):
            container = self._named(self.containers, body["Container"]) or body["Container"]
            self.connects.setdefault(container, {})[found] = body["EndpointConfig"]
            return 200, None
        if kind == "networks" and (found := self._named(self.networks, name)):
            return 200, self._network(found)
        if kind == "volumes" and name in self.volumes:
            return 200, _volume(self.volumes[name])
        return 404, {"message": f"no such thing: {method} {path}"}

    @staticmethod
    def _named(things: dict[str, Body], name: str) -> str:
        return next((each for each in things if name in (each, identity(each))), "")

    def _create(self, query: dict[str, str], body: Body) -> Body:
        self.containers[query["name"]] = body
        if "platform" in query:
            self.platforms[query["name"]] = query["platform"]
        return {"Id": identity(query["name"]), "Warnings": []}

    def _row(self, name: str) -> Body:
        body = self.containers[name]
        return {
            "Id": identity(name),
            "Names": [f"/{name}"],
            "Image": body["Image"],
            "ImageID": IMAGE_ID,
            "Labels": body.get("Labels") or {},
            "State": "created",
            "Status": "Created",
            "HostConfig": {"NetworkMode": body["HostConfig"].get("NetworkMode", "")},
        }

    def _inspected(self, name: str) -> Body:
        body = self.containers[name]
        config = {key: value for key, value in body.items() if key not in ("HostConfig", "NetworkingConfig")}
        return {
            "Id": identity(name),
            "Name": f"/{name}",
            "Created": "2031-05-06T12:00:00Z",
            "Image": IMAGE_ID,
            "State": {"Status": "created"},
            "Config": config,
            "HostConfig": body["HostConfig"],
            "NetworkSettings": {"Networks": {}},
            "Mounts": [],
        }

    def _network(self, name: str) -> Body:
        body = self.networks[name]
        return {**body, "Id": identity(name), "Driver": body.get("Driver") or "bridge", "Scope": "local"}


def identity(name: str) -> str:
    """The id of what bears this name here."""
    return hashlib.sha256(name.encode()).hexdigest()


def _bears(row: Body, wanted: dict[str, bool]) -> bool:
    own = {f"{key}={value}" for key, value in row["Labels"].items()} | set(row["Labels"])
    return set(wanted) <= own


def _volume(body: Body) -> Body:
    return {**body, "Mountpoint": f"/{body['Name']}", "Scope": "local", "Options": body.get("DriverOpts")}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, path: str, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(path, Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gives up in the middle is of no interest."""


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def handle_call(self) -> None:
        """One request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        path = re.sub(r"^/v\d+\.\d+", "", address.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        recorder = self.server.recorder
        with recorder.lock:
            status, document = recorder.answer(self.command, path, query, json.loads(body) if body else None)
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response_only(status)
        self.send_header("Api-Version", recorder.api)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_call
