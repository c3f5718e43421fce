"""Asks Prometheus for the value of a query now."""

from collections.abc import Mapping
from urllib.parse import urlencode

from gitopsd.adapters.metrics.fetch import fetch, filled
from gitopsd.model.analysis import Metric, Reading, Trouble
from gitopsd.model.settings import PrometheusSettings
from gitopsd.rollout.judge import prometheus_reading


def ask_prometheus(
    settings: PrometheusSettings, metric: Metric, variables: Mapping[str, str], timeout: float
) -> Reading:
    """What is wrong with a query comes with status 400 and says so itself."""
    query = filled(metric.query, variables, lambda value: value)
    headers = {}
    if settings.token_file is not None:
        try:
            headers["Authorization"] = f"Bearer {settings.token_file.read_text().strip()}"
        except (OSError, ValueError):
            return Trouble(f"{settings.token_file} cannot be read, which metrics.prometheus.token_file names")
    url = f"{settings.url}/api/v1/query?{urlencode({'query': query})}"
    found = fetch(url, timeout, headers)
    if isinstance(found, Trouble):
        return Trouble(f"Prometheus: {found.reason}")
    explained = isinstance(found.body, Mapping) and found.body.get("status") == "error"
    if found.status != 200 and not explained:
        return Trouble(f"Prometheus answers with status {found.status}")
    return prometheus_reading(found.body)
