"""The application that traffic stories are told of: an image of `app.c`, whose versions differ by their environment."""

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.apps import free_port
from tests.e2e.own_engine import OwnEngine, own_engine
from tests.haproxy import image_of_haproxy
from tests.images import add, import_image, install

SOURCE = Path(__file__).with_name("app.c")
APP = "gitopsd-test/app:1"
HAPROXY, NEWER_HAPROXY = "gitopsd-test/haproxy:1", "gitopsd-test/haproxy:2"


def app_image(api: docker.APIClient) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        add(archive, "app", tarfile.REGTYPE, 0o755, program())
    import_image(api, APP, buffer.getvalue(), ['CMD ["/app"]', "EXPOSE 8080/tcp"])
    return APP


@contextmanager
def street_engine() -> Iterator[OwnEngine]:
    """An engine with the application and a router that nobody else has."""
    with own_engine() as made:
        app_image(made.api())
        image_of_haproxy(made.api(), HAPROXY)
        image_of_haproxy(made.api(), NEWER_HAPROXY, "newer")
        yield made


@contextmanager
def processes(directory: Path, **versions: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """The application as processes of this machine, one for each version with its environment; the port of each."""
    made = directory / "app"
    made.write_bytes(program())
    made.chmod(0o755)
    ports = {version: free_port() for version in versions}
    running = []
    try:
        for version, how in versions.items():
            environment = {"VERSION": version, "PORT": ports[version], **how}
            running.append(subprocess.Popen([made], env={name: str(value) for name, value in environment.items()}))
        yield ports
    finally:
        for each in running:
            each.kill()
            each.wait()


@cache
def program() -> bytes:
    """The application, linked with everything that it needs."""
    for package in ("gcc", "libc6-dev"):
        if shutil.which("gcc") is None or not Path("/usr/include/stdio.h").exists():
            try:
                install(package)
            except RuntimeError as refused:
                pytest.skip(f"no C compiler on this machine: {refused}")
    with tempfile.TemporaryDirectory() as directory:
        made = Path(directory) / "app"
        options = ("-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-static", "-pthread")
        subprocess.run(["gcc", *options, "-o", made, SOURCE], check=True)
        return made.read_bytes()


def routed(version: str, port: int, *, x: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A service of this version behind the router, at a port of the host. It dies at once when it is told to stop.

    `latency`, `errors`, ... in `more` are the application's environment, all others keys of the service.
    """
    knobs = ("latency_ms", "jitter_ms", "errors", "boot_ms", "leak_kb", "term_mode")
    said = {"latency_ms": 5, "jitter_ms": 30, "term_mode": "exit", **{k: more.pop(k) for k in knobs if k in more}}
    environment = {"VERSION": version, **{name.upper(): str(value) for name, value in said.items()}}
    health = {"http": {"port": 8080, "path": "/healthz"}, "interval": "200ms", "timeout": "10s"}
    beside = {"scale_down_delay": "1s"} if "strategy" in (x or {}) else {}
    extension = {"min_ready": "0s", "health": health, "traffic": {}, **beside, **(x or {})}
    replicas = more.pop("replicas", 2)
    return {
        "image": APP,
        "ports": [f"{port}:8080"],
        "environment": environment,
        "deploy": {"replicas": replicas, **more.pop("deploy", {})},
        "x-gitopsd": extension,
        **more,
    }
