"""Asks a URL for JSON, and finds the number in it."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from gitopsd.adapters.metrics.fetch import fetch, filled
from gitopsd.model.analysis import Metric, Reading, Trouble
from gitopsd.rollout.judge import at_path


def ask_url(metric: Metric, variables: Mapping[str, str], timeout: float) -> Reading:
    url = filled(metric.query, variables, lambda value: quote(value, safe=""))
    host = urlsplit(url).netloc.rpartition("@")[2]
    found = fetch(url, timeout, {"Accept": "application/json"})
    if isinstance(found, Trouble):
        return Trouble(f"{host}: {found.reason}")
    if found.status != 200:
        return Trouble(f"{host} answers with status {found.status}")
    if found.body is None and found.text.strip() not in ("", "null"):
        return Trouble(f"{host} answers with something that is not JSON")
    return at_path(found.body, metric.path)
