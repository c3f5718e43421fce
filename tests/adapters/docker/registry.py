"""A registry on loopback with one small image, that can also refuse in every way a registry does."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


class Registry:
    """Serves `NAME:1` for every name. `refuse` maps a name to a status (and so to what goes wrong).

    What is `forged` is not what its digest says.
    """

    def __init__(self, architecture: str, password: str = "") -> None:
        self.refuse: dict[str, int] = {}
        self.forged: set[str] = set()
        self.asked: list[str] = []
        self._blobs: dict[str, bytes] = {}
        self._password = password
        self._manifest = json.dumps(self._image(architecture)).encode()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Whoever asks in TLS is answered as by any web server, and so knows that this one speaks HTTP.
            default_request_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, kind, body = registry.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="test"')
                self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
                self.send_header("Content-Type", kind)
                self.send_header("Docker-Content-Digest", digest(body))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def digest(self) -> str:
        return digest(self._manifest)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, authorization: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        self.asked.append(path)
        expected = "Basic " + base64.b64encode(f"ci:{self._password}".encode()).decode()
        if self._password and authorization != expected:
            return _error(401, "UNAUTHORIZED")
        if path == "/v2/":
            return 200, "application/json", b"{}"
        _, _, name, kind, reference = path.split("/", 4)
        if kind == "blobs":
            return 200, "application/octet-stream", self._blobs[reference]
        if name == "foreign":
            return 200, LIST, self._foreign()
        if status := self.refuse.get(name):
            return _error(
                status, {404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS", 403: "DENIED"}.get(status, "UNKNOWN")
            )
        return 200, MANIFEST, self._manifest + b" " * (name in self.forged)

    def _image(self, architecture: str) -> dict[str, Any]:
        layer = _layer()
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["true"], "Volumes": {"/data": {}}},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        }
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob("application/vnd.docker.container.image.v1+json", json.dumps(config).encode()),
            "layers": [
                self._blob("application/vnd.docker.image.rootfs.diff.tar.gzip", gzip.compress(layer, mtime=0)),
            ],
        }

    def _foreign(self) -> bytes:
        """An image for a machine that nobody has."""
        entry = {"mediaType": MANIFEST, "size": len(self._manifest), "digest": self.digest}
        platform = {"architecture": "s390x", "os": "plan9"}
        return json.dumps(
            {"schemaVersion": 2, "mediaType": LIST, "manifests": [{**entry, "platform": platform}]}
        ).encode()

    def _blob(self, kind: str, data: bytes) -> dict[str, Any]:
        self._blobs[digest(data)] = data
        return {"mediaType": kind, "size": len(data), "digest": digest(data)}


def _layer() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("hello")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    return buffer.getvalue()


def _error(status: int, code: str) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
