"""What the filters of the Docker socket in deploy/ let through."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from tests.deploy.socket_filter import patterns_of, refusal

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SIDECAR, STACK = "compose.socket-proxy.yaml", "stack.yaml"


def allowed(method: str, path: str, file: str = SIDECAR) -> bool:
    """Whether the socket proxy of a file lets a call through."""
    return not refusal(_patterns(file), method, path)


def turned_away(calls: Iterable[str], file: str = SIDECAR) -> list[tuple[str, str]]:
    """Those of the calls (`METHOD /path?query`) that the socket proxy of a file would not let through."""
    asked = {(method, url.partition("?")[0]) for method, _, url in (call.partition(" ") for call in calls)}
    return sorted(each for each in asked if not allowed(*each, file))


@cache
def _patterns(file: str) -> dict[str, re.Pattern[str]]:
    document = re.sub(r"!(reset|override)\b", "", (DEPLOY / file).read_text())
    return dict(patterns_of(yaml.safe_load(document)["services"]["engine"]["command"]))
