"""Which repositories and branches are let near Git: everything else is refused before any process starts."""

from pathlib import Path

import pytest

from gitopsd.adapters.git.address import address, checked_name
from gitopsd.adapters.git.source import open_source
from gitopsd.model.errors import SourceError
from gitopsd.model.settings import Repository


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("https://git.example.com/shop/environments.git", "https"),
        ("https://ada@git.example.com:8443/x", "https"),
        ("http://127.0.0.1:8080/x.git", "http"),
        ("ssh://git@example.com:22/srv/x.git", "ssh"),
        ("git@example.com:shop/environments.git", "ssh"),
        ("git@[2001:db8::1]:x.git", "ssh"),
        ("git://127.0.0.1/x", "git"),
        ("file:///srv/git/x.git", "file"),
        ("/srv/git/x.git", "file"),
        ("./x", "file"),
        ("/srv/odd:name", "file"),
    ],
)
def test_an_ordinary_repository_has_a_protocol(url: str, protocol: str) -> None:
    assert address(url).protocol == protocol


def test_a_local_repository_has_a_path() -> None:
    assert address("file:///srv/my%20git").path == Path("/srv/my git")
    assert address("/srv/git").path == Path("/srv/git")
    assert address("https://example.com/x").path is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ext::sh -c touch% /tmp/gitopsd-was-here",
        "fd::17",
        "::x",
        "transport.helper::x",
        "-u./payload",
        "--upload-pack=touch /tmp/gitopsd-was-here",
        "-oProxyCommand=x:y",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-oProxyCommand=touch@host/x",
        "git@-oProxyCommand=touch:x",
        "git@host:--upload-pack=x",
        "https:///host/x",
        "https://",
        "https://host/x\nhttps://other/y",
        "https://host/x\r",
        "https://host/\x1b[2J",
        "https://host:99999/x",
        "https://host:port/x",
        "https://a host/x",
        "https://ada:hunter2@host/x",
        "ftp://host/x",
        "HTTPS://host/x",
        "javascript://host/x",
        "file://host/share",
        "file://",
        "host:",
    ],
)
def test_a_dangerous_or_broken_url_is_refused_and_its_password_not_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        open_source(Repository("shop", url), tmp_path / "state")
    said = str(refused.value)
    assert said.isprintable()
    assert "hunter2" not in said
    assert "; " in said
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["main", "release/1.2", "-h", "--output=/tmp/x", "ünïcode", "a;b", "$(id)", "a" * 255])
def test_a_name_that_git_could_have_is_taken(name: str) -> None:
    assert checked_name(name, "branch") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a..b",
        "a b",
        "a\nb",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "[a",
        "a\\b",
        "a@{1}",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
    ],
)
def test_a_name_that_git_could_not_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be the name of a branch") as refused:
        open_source(Repository("shop", "/srv/git", branch=name), tmp_path / "state")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["a/.b", "a.lock", "a.lock/b", "a.", "@", "a\x7f", "a\u202eb", "a" * 256])
def test_a_deceiving_or_endless_name_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match="cannot be the name of a tag") as refused:
        checked_name(name, "tag")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 250
