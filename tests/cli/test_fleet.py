"""Many machines in one table: over real sockets, with those that are away, refuse, or never come to an end."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gitopsd.adapters.fleet_file import fleet, groups
from gitopsd.cli.main import gitopsd
from gitopsd.controller import shapes
from gitopsd.controller.server_port import Member
from tests.apps import free_port
from tests.contract.test_store import a_status
from tests.receivers import Web, web


class Wiring:
    def fleet(self, file: Path, timeout_s: float) -> tuple[Member, ...]:
        return fleet(file, timeout_s)


class Fleet:
    """A file that names servers, and what a command makes of it."""

    def __init__(self, directory: Path) -> None:
        self.file, self._directory = directory / "fleet.yaml", directory
        self.servers: dict[str, dict[str, str]] = {}

    def add(self, name: str, url: str, token: str = "") -> None:
        self.servers[name] = {"url": url}
        if token:
            (self._directory / f"{name}.token").write_text(f"{token}\n")
            self.servers[name]["token_file"] = f"{name}.token"

    def ask(self, *more: str, timeout: str = "5") -> Result:
        self.file.write_text(json.dumps({"servers": self.servers}))
        arguments = ["fleet", "status", "--servers", str(self.file), "--timeout", timeout, *more]
        return CliRunner().invoke(gitopsd, arguments, obj=Wiring())


def answer(*environments: str, **changes: Any) -> bytes:
    found = [{**shapes.environment(a_status(name)), **changes} for name in environments]
    return json.dumps({"repositories": [], "environments": found, "problems": [], "daemon": True}).encode()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def ours(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def serving(stack: ExitStack, body: bytes, status: int = 200) -> Web:
    server = stack.enter_context(web())
    server.judge = lambda call: (status, {}, body)
    return server


def test_every_environment_of_every_server_is_a_row(ours: Fleet, stack: ExitStack) -> None:
    one, two = serving(stack, answer("blog", "shop")), serving(stack, answer("shop"))
    ours.add("web1", one.url, "token-of-one")
    ours.add("web2", two.url, "token-of-two")

    result = ours.ask()

    assert result.exit_code == 0, result.output
    lines = [line.split()[:5] for line in result.stdout.splitlines()]
    assert lines[:4] == [
        ["SERVER", "ENVIRONMENT", "REVISION", "SYNC", "HEALTH"],
        ["web1", "blog", "a", "Synced", "Healthy"],
        ["web1", "shop", "a", "Synced", "Healthy"],
        ["web2", "shop", "a", "Synced", "Healthy"],
    ]
    assert result.stdout.splitlines()[-1] == "2 servers, 3 environments"
    assert [each.headers["authorization"] for server in (one, two) for each in server.calls] == [
        *("Bearer token-of-one", "Bearer token-of-two")
    ]


def test_a_common_token_is_for_those_that_name_none(ours: Fleet, stack: ExitStack, tmp_path: Path) -> None:
    server = serving(stack, answer("shop"))
    (tmp_path / "common").write_text("for all\n")
    ours.add("web1", server.url)
    document = {"token_file": "common", "servers": ours.servers}
    ours.file.write_text(json.dumps(document))

    CliRunner().invoke(gitopsd, ["fleet", "status", "--servers", str(ours.file)], obj=Wiring())

    assert server.calls[0].headers["authorization"] == "Bearer for all"


def test_whoever_does_not_answer_is_a_row_with_the_reason_and_delays_nobody(ours: Fleet, stack: ExitStack) -> None:
    dripping, silent = serving(stack, b""), stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    dripping.drips = True
    ours.add("away", f"http://127.0.0.1:{free_port()}")
    ours.add("drips", dripping.url)
    ours.add("mute", f"http://127.0.0.1:{silent.getsockname()[1]}")
    ours.add("refuses", serving(stack, b'{"error": {"message": "this token opens nothing"}}', 401).url)
    ours.add("stranger", serving(stack, b"<html>").url)
    ours.add("strange", serving(stack, b"[]").url)
    ours.add("well", serving(stack, answer("shop")).url)

    result = ours.ask("-o", "json", timeout="1")

    assert result.exit_code == 1
    found = {each["name"]: each for each in json.loads(result.stdout)["servers"]}
    assert list(found) == ["away", "drips", "mute", "refuses", "stranger", "strange", "well"]
    assert [each["name"] for each in found["well"]["environments"]] == ["shop"]
    says = {
        "away": "cannot be asked",
        "drips": "did not answer within 1 s",
        "mute": "does not answer within 1 s",
        "refuses": "this token opens nothing",
        "stranger": "not as a gitopsd does",
        "strange": "may be of another version",
    }
    for name, words in says.items():
        assert words in found[name]["error"], name
        assert found[name]["environments"] == []
    rows = ours.ask(timeout="1").stdout.splitlines()
    assert rows[1].split()[:5] == ["away", "-", "Unknown", "Unknown", "127.0.0.1:" + rows[1].split(":")[1].split()[0]]
    assert rows[-1] == "7 servers, 1 environments; 6 did not answer"


def test_a_degraded_environment_is_exit_code_3_unless_somebody_did_not_answer(ours: Fleet, stack: ExitStack) -> None:
    ours.add("web1", serving(stack, answer("shop")).url)
    ours.add("web2", serving(stack, answer("shop", health="Degraded")).url)
    assert ours.ask().exit_code == 3
    ours.add("away", f"http://127.0.0.1:{free_port()}")
    assert ours.ask().exit_code == 1


def test_a_hundred_servers_are_asked_at_once(ours: Fleet, stack: ExitStack) -> None:
    server = serving(stack, answer("shop"))
    for number in range(100):
        ours.add(f"web{number:03}", server.url)

    found = json.loads(ours.ask("-o", "json", timeout="30").stdout)["servers"]

    assert [each["name"] for each in found] == [f"web{number:03}" for number in range(100)]
    assert {each["error"] for each in found} == {None}
    assert len(server.calls) == 100


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("servers: {web1: {}}", "servers.web1: has no url"),
        ("servers: {web1: {url: ftp://x}}", "'ftp://x' is no address"),
        ("servers: {web1: {url: 'http://a:b@x'}}", "write a token_file"),
        ("servers: {web1: {url: http://x, tokn: y}}", "servers.web1.tokn: unknown key; known are url, token_file"),
        ("servers: {}", "names nobody; write servers: {web1: {url: https://web1.example.com}}"),
        ("- x", "fleet.yaml"),
        ("servers: {web1: {url: http://x}}\ngroups: {first: [web2]}", "groups.first: web2 is none of the servers"),
        ("servers: {web1: {url: http://x}}\ngroups: {first: web1}", "groups.first: is no list of servers"),
        ("servers: {web1: {url: http://x}}\ngroups: {first: []}", "write one such as [web1, web2]"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_place(ours: Fleet, text: str, says: str) -> None:
    ours.file.write_text(text)
    result = CliRunner().invoke(gitopsd, ["fleet", "status", "--servers", str(ours.file)], obj=Wiring())
    assert result.exit_code == 1
    assert says in result.output


def test_the_servers_that_go_first_are_grouped_in_the_same_file(ours: Fleet) -> None:
    servers = {name: {"url": f"https://{name}.example.com"} for name in ("web1", "web2", "web3")}
    ours.file.write_text(json.dumps({"servers": servers, "groups": {"canary-hosts": ["web3", "web1"]}}))
    assert {group: [each.name for each in found] for group, found in groups(ours.file).items()} == {
        "canary-hosts": ["web3", "web1"]
    }


def test_a_file_that_is_not_there_and_a_server_beside_it_are_refused(ours: Fleet) -> None:
    given = ["fleet", "status", "--servers", str(ours.file)]
    missing = CliRunner().invoke(gitopsd, given, obj=Wiring())
    assert (missing.exit_code, "cannot be read: No such file" in missing.output) == (1, True)
    both = CliRunner().invoke(gitopsd, [*given, "--server", "http://x"], obj=Wiring())
    assert (both.exit_code, "leave --server away" in both.output) == (1, True)
