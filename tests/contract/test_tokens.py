"""Tokens: the fake and the file do the same, and the file holds nothing that opens anything."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gitopsd.adapters.tokens import FileTokens
from gitopsd.controller.page_port import Tokens
from gitopsd.model.errors import TokenError
from tests.fakes.clock import NOON
from tests.fakes.page import FakeTokens


@pytest.fixture(params=["fake", "file"])
def tokens(request: pytest.FixtureRequest, tmp_path: Path) -> Tokens:
    kinds: dict[str, Callable[[], Tokens]] = {
        "fake": FakeTokens,
        "file": lambda: FileTokens(tmp_path / "state" / "tokens"),
    }
    return kinds[request.param]()


def test_a_token_is_found_with_its_name_and_role(tokens: Tokens) -> None:
    tokens.add("bob", "read", NOON)
    token = tokens.add("alice", "operate", NOON)
    found = tokens.find(token)
    assert found is not None
    assert (found.name, found.role, found.made_at) == ("alice", "operate", NOON)
    assert [each.name for each in tokens.callers()] == ["alice", "bob"]


@pytest.mark.parametrize("token", ["", "gitopsd_", "x" * 10_000, "\udcff".encode("utf-8", "replace").decode()])
def test_anything_else_finds_nobody(tokens: Tokens, token: str) -> None:
    tokens.add("alice", "operate", NOON)
    assert tokens.find(token) is None


def test_a_revoked_token_finds_nobody_and_its_name_is_free(tokens: Tokens) -> None:
    token = tokens.add("alice", "operate", NOON)
    tokens.revoke("alice")
    assert tokens.find(token) is None
    assert tokens.add("alice", "read", NOON)


def test_a_name_is_given_once(tokens: Tokens) -> None:
    tokens.add("alice", "operate", NOON)
    with pytest.raises(TokenError, match="there is a token alice already"):
        tokens.add("alice", "admin", NOON)


def test_who_is_not_there_cannot_be_revoked(tokens: Tokens) -> None:
    tokens.add("bob", "read", NOON)
    with pytest.raises(TokenError, match="there is no token alice; there are bob"):
        tokens.revoke("alice")


def test_the_file_is_the_owners_and_holds_no_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    token = FileTokens(file).add("alice", "admin", NOON)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in file.read_text()
    assert FileTokens(file).find(token) is not None


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("# who may ask\n\nalice root - sha256:12\n")
    with pytest.raises(TokenError, match=r"tokens:3: is no line of a token"):
        FileTokens(file).callers()


@pytest.mark.parametrize("name", ["", "a b", "a\nb admin - sha256:00", "-x", "x" * 64])
def test_a_name_that_would_break_the_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TokenError, match="is no name of a token"):
        FileTokens(tmp_path / "tokens").add(name, "read", NOON)
