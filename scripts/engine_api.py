"""Asks a Docker engine the two things scripts/engine needs: whether it answers, and to let go of all it runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import docker
import docker.errors
import requests.exceptions

FAILURES = (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError)


def main(arguments: list[str]) -> int:
    match arguments:
        case ["answers", url]:
            return 0 if answers(url) else 1
        case ["wait", url, seconds, pid]:
            return 0 if wait(url, float(seconds), Path("/proc", pid)) else 1
        case ["empty", url]:
            empty(url)
            return 0
    print("usage: engine_api.py answers URL | wait URL SECONDS PID | empty URL", file=sys.stderr)
    return 2


def answers(url: str) -> bool:
    """Says whether an engine answers at `url`; TLS settings of a tcp:// engine come from the environment."""
    try:
        return bool(docker.from_env(environment={**os.environ, "DOCKER_HOST": url}, timeout=10).ping())
    except FAILURES:
        return False


def wait(url: str, seconds: float, process: Path) -> bool:
    """Waits until an engine that is starting answers, as long as its process lives."""
    deadline = time.monotonic() + seconds
    while not answers(url):
        if time.monotonic() > deadline or not process.exists():
            return False
        time.sleep(0.05)
    return True


def empty(url: str) -> None:
    """Removes every container and network of a private engine: it leaves the bridges of its networks when it stops."""
    if not answers(url):
        return
    api = docker.APIClient(base_url=url, timeout=60)
    for container in api.containers(all=True):
        best_effort(partial(api.remove_container, container["Id"], v=True, force=True))
    for network in api.networks():
        if network["Name"] not in {"bridge", "host", "none"}:
            best_effort(partial(let_go, api, network["Id"]))


def let_go(api: docker.APIClient, network: str) -> None:
    """Removes a network. An engine that lost track of an endpoint lets go of it at its next start only, and this one
    has none: then its bridge goes by itself.
    """
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            api.remove_network(network)
        except docker.errors.APIError as refused:
            if "active endpoints" not in str(refused):
                raise
            time.sleep(0.1)
        else:
            return
    subprocess.run(["ip", "link", "delete", f"br-{network[:12]}"], check=False, capture_output=True)


def best_effort(action: Callable[[], object]) -> None:
    """Goes on after a refusal: whatever stays is reported, and ends with the engine's data."""
    try:
        action()
    except FAILURES as refused:
        print(f"gitopsd: {refused}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
