"""Debian's Prometheus as a plain process of this machine, scraping what a test serves."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.apps import free_port
from tests.images import install

CONFIGURATION = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ["127.0.0.1:{scraped}"]}}]}}]
"""
OF_AN_ENGINE = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: instances
    docker_sd_configs: [{{host: "{engine}", refresh_interval: 1s}}]
    relabel_configs:
      - {{source_labels: [__meta_docker_network_name], regex: gitopsd-routed, action: keep}}
      - {{source_labels: [__meta_docker_container_label_gitopsd_fingerprint], regex: .+, action: keep}}
      - {{source_labels: [__meta_docker_network_ip], replacement: "$1:8080", target_label: __address__}}
      - {{source_labels: [__meta_docker_container_label_gitopsd_fingerprint], target_label: fingerprint}}
"""


def program() -> str:
    """Where it is, installing it first where that is possible."""
    for _ in range(2):
        if found := shutil.which("prometheus", path="/usr/bin:/usr/local/bin"):
            return found
        try:
            install("prometheus")
        except RuntimeError as refused:
            pytest.skip(f"no Prometheus on this machine: {refused}")
    pytest.fail("prometheus was installed and is not there")


def promtool() -> str:
    """The program that checks rules; it comes with Prometheus."""
    return str(Path(program()).with_name("promtool"))


class PrometheusProcess:
    """`url` is where it answers, once it does."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url, self._process = url, process

    def hang(self) -> None:
        """Connections are taken, and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def prometheus(root: Path, scraped: int) -> Iterator[PrometheusProcess]:
    """One that scrapes the port on loopback again and again, with its data under `root`."""
    with _running(root, CONFIGURATION.format(scraped=scraped)) as served:
        yield served


@contextmanager
def prometheus_of_engine(root: Path, engine: str) -> Iterator[PrometheusProcess]:
    """One that finds the routed instances of an engine by itself; `fingerprint` is what each of them runs."""
    with _running(root, OF_AN_ENGINE.format(engine=engine)) as served:
        yield served


@contextmanager
def _running(root: Path, text: str) -> Iterator[PrometheusProcess]:
    port, configuration = free_port(), root / "prometheus.yml"
    configuration.write_text(text)
    command = [
        program(),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={root / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (root / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    served = PrometheusProcess(f"http://127.0.0.1:{port}", process)
    try:
        yield served
    finally:
        served.go_on()
        process.terminate()
        process.wait(30)
