"""A real registry, Debian's docker-registry, on loopback; and images pushed to it as a build elsewhere would."""

import base64
import gzip
import hashlib
import http.client
import io
import json
import shutil
import socket
import subprocess
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import docker
import docker.errors
import yaml

from tests.images import WEB, add, busybox_tar, install
from tests.waiting import eventually

USER, PASSWORD = "ci", "correct horse"
_HASHES: Final = {
    PASSWORD: "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "battery staple": "$2b$04$abcdefghijklmnopqrstuuhfdSToe28Z2OzxmmHxfI3lnNDfjxoF6",
}
MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG: Final = "application/vnd.docker.container.image.v1+json"
LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry:
    """Runs from `start` to `stop`, any number of times, at one address. `closed`: it wants USER and PASSWORD."""

    def __init__(self, directory: Path, architecture: str, *, closed: bool = False) -> None:
        self._directory, self._architecture, self._closed = directory, architecture, closed
        self._running: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        self.host = f"127.0.0.1:{self._port}"
        directory.mkdir(parents=True, exist_ok=True)
        self.password = PASSWORD
        self._wants(self.password)
        (directory / "config.yml").write_text(yaml.safe_dump(self._settings()))

    def start(self) -> "Registry":
        with (self._directory / "log").open("ab") as log:
            command = [program(), "serve", str(self._directory / "config.yml")]
            self._running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self._answers)
        return self

    def change_password(self) -> str:
        """Want another one than PASSWORD from now on, which this returns."""
        self.stop()
        _, self.password = _HASHES
        self._wants(self.password)
        self.start()
        return self.password

    def _wants(self, password: str) -> None:
        (self._directory / "htpasswd").write_text(f"{USER}:{_HASHES[password]}\n")

    def stop(self) -> None:
        """Be out of reach; what was pushed stays."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None

    def push(self, name: str, says: str = "hello", *, filler: int = 0, **config: Any) -> str:
        """Push a web service as `name` (`shop/web:1`) whose page is `says`; the digest. A tag that exists moves.

        No two images are alike, so that tests which share an engine do not share images. `filler` is a size in bytes.
        """
        repository, _, tag = name.partition(":")
        unique = uuid.uuid4().hex
        layers = [_base(), _layer({"www/index.html": f"{says}\n".encode(), "filler": _noise(unique, filler)})]
        document = {
            "architecture": self._architecture,
            "os": "linux",
            "config": {"Cmd": list(WEB), "ExposedPorts": {"8080/tcp": {}}, "Labels": {"unique": unique}, **config},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
        packed = [_packed(layer) for layer in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(repository, CONFIG, json.dumps(document).encode()),
            "layers": [self._blob(repository, LAYER, data) for data in packed],
        }
        body = json.dumps(manifest).encode()
        self._ask("PUT", f"/v2/{repository}/manifests/{tag}", body, {"Content-Type": MANIFEST})
        return digest(body)

    def delete(self, name: str, of: str) -> None:
        """Delete a manifest by its digest, with every tag that leads to it."""
        self._ask("DELETE", f"/v2/{name}/manifests/{of}")

    def _blob(self, repository: str, kind: str, data: bytes) -> dict[str, Any]:
        found = {"mediaType": kind, "size": len(data), "digest": digest(data)}
        if self._ask("HEAD", f"/v2/{repository}/blobs/{digest(data)}", may_fail=True).status != 200:
            place = self._ask("POST", f"/v2/{repository}/blobs/uploads/").getheader("Location") or ""
            path = place.partition(self.host)[2]
            self._ask("PUT", f"{path}&digest={digest(data)}", data, {"Content-Type": "application/octet-stream"})
        return found

    def _answers(self) -> bool:
        assert self._running is not None
        if self._running.poll() is not None:
            raise RuntimeError(f"the registry does not start: {(self._directory / 'log').read_text()[-2000:]}")
        try:
            return self._ask("GET", "/v2/").status == 200
        except OSError:
            return False

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        may_fail: bool = False,
    ) -> http.client.HTTPResponse:
        login = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        connection.request(method, path, body, {"Authorization": f"Basic {login}", **(headers or {})})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status >= 400 and not may_fail:
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:500]!r}")
        return answer

    def _settings(self) -> dict[str, Any]:
        auth = {"auth": {"htpasswd": {"realm": "test", "path": str(self._directory / "htpasswd")}}}
        return {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self._directory / "data")}, "delete": {"enabled": True}},
            "http": {"addr": self.host},
            **(auth if self._closed else {}),
        }


class MakeRegistry(Protocol):
    def __call__(self, *, closed: bool = False) -> Registry: ...


@contextmanager
def registries(api: docker.APIClient, directory: Path) -> Iterator[MakeRegistry]:
    """Makes registries, started; they end with what was pulled from them."""
    made: list[Registry] = []

    def make(*, closed: bool = False) -> Registry:
        made.append(Registry(directory / f"registry{len(made)}", api.version()["Arch"], closed=closed))
        return made[-1].start()

    try:
        yield make
    finally:
        for each in made:
            each.stop()
            remove_images(api, each.host)


def remove_images(api: docker.APIClient, host: str) -> None:
    """Removes every name that leads to a registry, and so the images that have no other."""
    for image in api.images():
        for name in [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]:
            if name.startswith(f"{host}/"):
                with suppress(docker.errors.ImageNotFound):
                    api.remove_image(name, force=True)


def program() -> str:
    """The registry's program, installed first where that is possible."""
    if shutil.which("docker-registry") is None:
        install("docker-registry")
    return shutil.which("docker-registry") or "docker-registry"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@cache
def _base() -> bytes:
    return busybox_tar({})


@cache
def _packed(layer: bytes) -> bytes:
    return gzip.compress(layer, compresslevel=1, mtime=0)


def _layer(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, data in files.items():
            add(archive, path, tarfile.REGTYPE, 0o644, data)
    return buffer.getvalue()


def _noise(seed: str, size: int) -> bytes:
    """What does not get smaller when it is packed."""
    return b"".join(hashlib.sha256(f"{seed} {n}".encode()).digest() for n in range(size // 32))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
