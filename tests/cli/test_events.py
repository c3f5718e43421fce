"""`gitopsd events -f`: what happens is told as it happens, until the one who listens has had enough."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitopsd.adapters.store.sqlite import SqliteStore, open_store
from gitopsd.cli.main import INTERRUPTED
from gitopsd.model.event import Event

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """The ledger of two environments, in which something has happened."""
    found = open_store(tmp_path / "state")
    found.append([Event(NOON, "Before", "long ago", environment="shop")])
    return found


@pytest.fixture
def listener(store: SqliteStore, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Somebody who follows one environment."""
    words = ["events", "shop", "-f", "-o", "json", "--state-dir", str(tmp_path / "state")]
    # Whoever runs the tests in the background has them ignore what people press Ctrl-C for.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "gitopsd", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.timeout(60)
def test_who_follows_hears_each_event_of_an_environment_once_and_in_its_order(
    store: SqliteStore, listener: subprocess.Popen[str]
) -> None:
    assert listener.stdout is not None
    heard = [json.loads(listener.stdout.readline())["message"]]
    for number in (1, 2):
        store.append([Event(NOON, "Tick", f"{name} {number}", environment=name) for name in ("shop", "blog")])
        heard.append(json.loads(listener.stdout.readline())["message"])
    listener.send_signal(signal.SIGINT)
    assert heard == ["long ago", "shop 1", "shop 2"]
    assert listener.stdout.read() == ""
    assert listener.wait() == INTERRUPTED
