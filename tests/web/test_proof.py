"""One daemon asks another one, over a socket, what it proves to those that come after it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.fleet_file import groups
from gitopsd.controller.elsewhere import Wanted, asked
from gitopsd.model.settings import Listen
from gitopsd.release.guarding import Proof
from tests.apps import free_port
from tests.controller.house import compose
from tests.waiting import eventually
from tests.web.test_server import Served


@pytest.fixture
def canary() -> Iterator[Served]:
    """A daemon that serves a release, and asks for a token."""
    made = Served(Listen("127.0.0.1", free_port()))
    with ExitStack() as stack:
        stack.callback(made.house.stop)
        stack.callback(made.server.stop)
        made.house.tokens.add("fleet", "read", made.house.clock.now())
        made.house.start()
        made.house.synced(made.house.push({"shop/compose.yaml": compose()}), "shop")
        made.server.start()
        eventually(made.answers, within=45)
        yield made


def ask(canary: Served, directory: Path, environment: str = "shop") -> Proof:
    (directory / "token").write_text("token-of-fleet")
    servers = {"web1": {"url": f"http://127.0.0.1:{canary.listen.port}", "token_file": "token"}}
    (directory / "servers.yaml").write_text(json.dumps({"servers": servers, "groups": {"first": ["web1"]}}))
    members = groups(directory / "servers.yaml")["first"]
    wanted = Wanted("first", environment, frozenset(), timedelta(0))
    return asked(wanted, members, canary.house.clock.now)


def test_it_proves_what_it_serves_and_since_when_by_the_clock_of_who_asks(canary: Served, tmp_path: Path) -> None:
    canary.house.clock.advance(600)
    found = ask(canary, tmp_path)
    image = canary.house.engine().image("web:1")
    assert image is not None
    assert (found.release, found.digests, found.on, found.trouble) == (1, {image.id}, "web1", "")
    assert found.well_since is not None
    assert canary.house.clock.now() - found.well_since >= timedelta(seconds=600)


def test_who_has_no_such_environment_proves_nothing(canary: Served, tmp_path: Path) -> None:
    assert "web1 does not say: " in ask(canary, tmp_path, "blog").trouble
    assert "there is no environment blog" in ask(canary, tmp_path, "blog").trouble
