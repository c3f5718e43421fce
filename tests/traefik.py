"""Traefik as a plain process of this machine, started the way that people who use gitopsd with it start theirs."""

import subprocess
import sys
from pathlib import Path

from gitopsd.adapters.traefik.api import Api
from gitopsd.model.errors import RouterUnavailable
from tests.apps import free_port
from tests.waiting import eventually

PROGRAM = Path(sys.executable).with_name("traefik")


class TraefikProcess:
    """Its directory, its API, and one entry point at `port` of loopback. `away`: it does not start."""

    def __init__(self, root: Path) -> None:
        self.directory, self._log = root / "dynamic", root / "log"
        self.directory.mkdir()
        self.port, self._api = free_port(), free_port()
        self.away = self.old = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._api}"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def start(self) -> None:
        assert self._process is None
        arguments = (
            f"--entrypoints.web.address=127.0.0.1:{self.port}",
            f"--entrypoints.traefik.address=127.0.0.1:{self._api}",
            "--api.insecure=true",
            "--global.checkNewVersion=false",
            f"--providers.file.directory={self.directory}",
            "--providers.providersThrottleDuration=50ms",
            "--metrics.prometheus=true",
            "--metrics.prometheus.addRoutersLabels=true",
            "--metrics.prometheus.buckets=0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10",
        )
        with self._log.open("ab") as log:
            command = [PROGRAM, *arguments]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def crash(self) -> None:
        """It ends at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


def started(root: Path) -> TraefikProcess:
    """One that answers."""
    traefik = TraefikProcess(root)
    traefik.start()
    eventually(lambda: _answers(traefik), within=45)
    return traefik


def _answers(traefik: TraefikProcess) -> bool:
    try:
        return bool(Api(traefik.url).entry_points())
    except RouterUnavailable:
        return False
