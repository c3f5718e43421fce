"""Reads a metric from whatever its source is."""

from collections.abc import Callable, Mapping
from typing import Final

from gitopsd.adapters.metrics.fetch import TIMEOUT_S
from gitopsd.adapters.metrics.http import ask_url
from gitopsd.adapters.metrics.prometheus import ask_prometheus
from gitopsd.model.analysis import Metric, Reading, Trouble
from gitopsd.model.settings import PrometheusSettings

NOBODY: Final = "gitopsd.yaml names no Prometheus; write metrics: {prometheus: {url: ...}}"


class Sources:
    """Implements `gitopsd.controller.metrics_port.Metrics`. `prometheus` says by now where that answers."""

    def __init__(self, prometheus: Callable[[], PrometheusSettings | None], timeout: float = TIMEOUT_S) -> None:
        self._prometheus, self._timeout = prometheus, timeout

    def lacks(self, metric: Metric) -> str:
        return NOBODY if metric.source == "prometheus" and self._prometheus() is None else ""

    def read(self, metric: Metric, variables: Mapping[str, str]) -> Reading:
        match metric.source:
            case "prometheus":
                settings = self._prometheus()
                return ask_prometheus(settings, metric, variables, self._timeout) if settings else Trouble(NOBODY)
            case "http":
                return ask_url(metric, variables, self._timeout)
            case _:
                return Trouble(f"nobody can be asked for source {metric.source}")
