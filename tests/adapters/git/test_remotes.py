"""Remotes that refuse, hang, lie or want a password: one deadline, one clear line, no secret, nothing is forgotten."""

import os
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.git.source import open_source
from gitopsd.controller.ports import Source
from gitopsd.model.errors import SourceError, SourceUnavailable
from gitopsd.model.settings import Credentials, Repository
from tests.adapters.git.repositories import BareRepository
from tests.adapters.git.servers import (
    MID_PACK,
    HttpServer,
    SshServer,
    dripping_server,
    http_server,
    silent_server,
    ssh_server,
    unknown_tls_server,
)
from tests.waiting import eventually

PASSWORD = "correct-horse-battery"


@pytest.fixture
def remote(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path / "root" / "shop.git")
    repository.write({"a": "1"})
    return repository


@pytest.fixture
def server(remote: BareRepository) -> Iterator[HttpServer]:
    with http_server(remote.path.parent) as running:
        yield running


def a_source(
    tmp_path: Path, url: str, timeout_s: float = 30.0, credentials: Credentials | None = None, branch: str = "main"
) -> Source:
    timeout, known = timedelta(seconds=timeout_s), credentials or Credentials()
    return open_source(Repository("shop", url, branch, timeout=timeout, credentials=known), tmp_path / "state")


def refusal(source: Source) -> str:
    with pytest.raises(SourceError) as refused:
        source.poll()
    said = str(refused.value)
    assert said.isprintable()
    return said


def git_processes(text: str) -> list[str]:
    """Command lines of living processes that hold a text."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command and int(directory.name) != os.getpid():
            found.append(command)
    return found


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "check credentials"),
        (403, "error: 403 (check credentials)"),
        (404, "not found (check url)"),
        (429, "set a longer interval"),
        (500, "error: 500"),
        (503, "error: 503"),
    ],
)
def test_an_http_error_is_told_in_a_line_and_what_was_known_stays(
    server: HttpServer, remote: BareRepository, tmp_path: Path, status: int, words: str
) -> None:
    source = a_source(tmp_path, f"{server.url}/shop.git")
    known = source.poll()
    server.status = status
    remote.write({"a": "2"})
    said = refusal(source)
    assert words in said
    assert said.startswith("repository shop: git ls-remote: ")
    assert source.head() == known
    assert source.files(known).read("a") == b"1"
    server.status = 200
    assert source.poll() == remote.tip()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"retry-after": "999999"}, 3600),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, 0),
        ({}, None),
    ],
)
def test_a_server_that_wants_to_be_left_alone_says_for_how_long(
    server: HttpServer, tmp_path: Path, headers: dict[str, str], seconds: float | None
) -> None:
    source = a_source(tmp_path, f"{server.url}/shop.git")
    server.status, server.headers = 429, headers
    with pytest.raises(SourceUnavailable) as refused:
        source.poll()
    wait = refused.value.wait
    assert (wait.total_seconds() if wait is not None else None) == seconds
    assert "Recv" not in str(refused.value)


def test_a_redirect_to_another_host_is_not_followed(server: HttpServer, remote: BareRepository, tmp_path: Path) -> None:
    with http_server(remote.path.parent) as elsewhere:
        server.status, server.headers = 302, {"Location": f"{elsewhere.url}/shop.git/info/refs?service=git-upload-pack"}
        assert "set its new address as url" in refusal(a_source(tmp_path, f"{server.url}/shop.git"))
        assert elsewhere.hits == []


def test_a_poll_that_finds_nothing_new_costs_the_server_two_answers_and_one_that_does_five(
    server: HttpServer, remote: BareRepository, tmp_path: Path
) -> None:
    """What docs/scale.md counts as one request, or two, over HTTP."""
    source = a_source(tmp_path, f"{server.url}/shop.git")
    source.poll()
    costs = []
    for change in ({}, {"a": "2"}):
        if change:
            remote.write(change)
        server.hits.clear()
        source.poll()
        costs.append(len(server.hits))
    assert costs == [2, 5]


def test_a_password_from_a_file_opens_the_repository(server: HttpServer, tmp_path: Path) -> None:
    server.password = PASSWORD
    (tmp_path / "token").write_text(f"{PASSWORD}\n")
    source = a_source(tmp_path, f"{server.url}/shop.git", credentials=Credentials("ada", tmp_path / "token"))
    assert source.files(source.poll()).read("a") == b"1"


def test_a_wrong_password_is_told_without_the_password(server: HttpServer, tmp_path: Path) -> None:
    server.password = "another"
    (tmp_path / "token").write_text(PASSWORD)
    source = a_source(tmp_path, f"{server.url}/shop.git", credentials=Credentials("ada", tmp_path / "token"))
    said = refusal(source)
    assert "Authentication failed" in said
    assert "check credentials" in said
    assert PASSWORD not in said


def test_a_password_that_a_server_repeats_is_hidden(server: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(PASSWORD)
    credentials = Credentials("ada", tmp_path / "token")
    said = refusal(a_source(tmp_path, f"{server.url}/{PASSWORD}.git", credentials=credentials))
    assert PASSWORD not in said
    assert "***" in said


def test_the_password_is_in_no_command_line_and_no_environment(server: HttpServer, tmp_path: Path) -> None:
    server.password, server.stall, server.cut_after = PASSWORD, threading.Event(), 40
    (tmp_path / "token").write_text(PASSWORD)
    source = a_source(tmp_path, f"{server.url}/shop.git", credentials=Credentials("ada", tmp_path / "token"))
    poll = threading.Thread(target=refusal, args=(source,))
    poll.start()
    eventually(lambda: len(server.hits) >= 2 and git_processes(server.url))
    seen = "".join(git_processes(server.url)) + "".join(environments_of(server.url))
    server.stall.set()
    poll.join()
    assert "GITOPSD_PASSWORD_FILE" in seen
    assert PASSWORD not in seen


def environments_of(text: str) -> Iterator[str]:
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if text in (directory / "cmdline").read_text(errors="replace") and int(directory.name) != os.getpid():
                yield (directory / "environ").read_text(errors="replace")
        except OSError:
            continue


def test_a_missing_password_file_is_told_before_anybody_is_asked(server: HttpServer, tmp_path: Path) -> None:
    credentials = Credentials("ada", tmp_path / "none")
    said = refusal(a_source(tmp_path, f"{server.url}/shop.git", credentials=credentials))
    assert f"credentials.password_file: {tmp_path}/none: No such file" in said
    assert server.hits == []


@pytest.mark.parametrize("scheme", ["git", "http", "https"])
def test_a_server_that_never_answers_costs_one_deadline_and_leaves_no_process(tmp_path: Path, scheme: str) -> None:
    with silent_server() as port:
        url = f"{scheme}://127.0.0.1:{port}/shop.git"
        said = refusal(a_source(tmp_path, url, timeout_s=0.5))
        assert "git ls-remote: no answer within 0.5 s" in said
        eventually(lambda: git_processes(url) == [])


def test_a_server_that_never_comes_to_an_end_costs_one_deadline_and_leaves_no_process(tmp_path: Path) -> None:
    with dripping_server() as port:
        url = f"http://127.0.0.1:{port}/shop.git"
        assert "git ls-remote: no answer within 0.5 s" in refusal(a_source(tmp_path, url, timeout_s=0.5))
        eventually(lambda: git_processes(url) == [])


def test_a_server_with_a_certificate_that_nobody_signed_is_not_talked_to(tmp_path: Path) -> None:
    with unknown_tls_server(tmp_path) as port:
        said = refusal(a_source(tmp_path, f"https://127.0.0.1:{port}/shop.git"))
    assert "certificate" in said
    assert "(check the server's certificate; GIT_SSL_CAINFO names an authority of your own)" in said


def test_100000_refs_that_nobody_asked_for_are_not_fetched(
    server: HttpServer, remote: BareRepository, tmp_path: Path
) -> None:
    tip = remote.tip()
    refs = "".join(f"{tip} refs/tags/v{number:06}\n" for number in range(100_000))
    (remote.path / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{refs}")
    source = a_source(tmp_path, f"{server.url}/shop.git")
    assert source.poll() == remote.tip()
    mirror = tmp_path / "state/mirrors/shop.git"
    assert "refs/tags" not in "".join(each.read_text() for each in mirror.glob("packed-refs"))
    assert list((mirror / "refs/tags").iterdir()) == []


def test_a_pack_that_stops_half_way_is_given_up_and_its_pieces_are_removed(
    server: HttpServer, remote: BareRepository, tmp_path: Path
) -> None:
    source = a_source(tmp_path, f"{server.url}/shop.git", timeout_s=1)
    known = source.poll()
    remote.write({"big": os.urandom(300_000)})
    server.stall, server.cut_after = threading.Event(), MID_PACK
    assert "git fetch: " in refusal(source)
    assert source.head() == known
    server.stall.set()
    server.stall, server.cut_after = None, None
    assert source.poll() == remote.tip()
    assert list((tmp_path / "state/mirrors/shop.git").rglob("tmp_*")) == []


def test_a_pack_that_is_cut_short_leaves_what_was_known(
    server: HttpServer, remote: BareRepository, tmp_path: Path
) -> None:
    source = a_source(tmp_path, f"{server.url}/shop.git")
    known = source.poll()
    remote.write({"big": os.urandom(300_000)})
    server.cut_after = MID_PACK
    refusal(source)
    assert source.head() == known
    server.cut_after = None
    assert source.poll() == remote.tip()


def test_what_a_server_says_is_shown_without_control_characters(server: HttpServer, tmp_path: Path) -> None:
    server.status, server.message = 404, "\x1b]0;owned\x07 \u202e no \r such \x9b31m".encode() + b"\xff" + b"x" * 9999
    said = refusal(a_source(tmp_path, f"{server.url}/shop.git"))
    assert "owned" in said
    assert len(said) < 600


def test_a_path_that_is_no_repository_is_told(tmp_path: Path) -> None:
    assert "(check url)" in refusal(a_source(tmp_path, str(tmp_path / "none")))
    (tmp_path / "directory").mkdir()
    assert "(check url)" in refusal(a_source(tmp_path, f"file://{tmp_path}/directory"))
    (tmp_path / "file").write_text("no repository")
    assert "(check url)" in refusal(a_source(tmp_path, str(tmp_path / "file")))


def test_a_host_that_does_not_exist_is_told(tmp_path: Path) -> None:
    said = refusal(a_source(tmp_path, "https://gitopsd.invalid/shop.git"))
    assert "Could not resolve host" in said
    assert "check the host in url" in said


@pytest.mark.parametrize("branch", ["-h", "--upload-pack=touch-was-here", "--output=was-here", "a;touch${IFS}was-here"])
def test_a_branch_that_looks_like_an_option_is_only_a_branch(tmp_path: Path, branch: str) -> None:
    remote = BareRepository(tmp_path / "shop.git", branch)
    commit = remote.write({"a": "1"})
    source = a_source(tmp_path, str(remote.path), branch=branch)
    assert source.poll() == commit
    assert source.resolve(branch) == commit
    assert not list(tmp_path.rglob("was-here"))


def test_a_branch_that_another_ones_name_ends_with_is_not_taken_for_it(tmp_path: Path) -> None:
    BareRepository(tmp_path / "shop.git", "x/refs/heads/main").write({"a": "wrong"})
    assert "has no branch main" in refusal(a_source(tmp_path, str(tmp_path / "shop.git")))


def test_another_branch_may_lie_where_the_first_one_did(remote: BareRepository, tmp_path: Path) -> None:
    a_source(tmp_path, str(remote.path)).poll()
    below = BareRepository(tmp_path / "other.git", "main/next")
    commit = below.write({"a": "2"})
    assert a_source(tmp_path, str(below.path), branch="main/next").poll() == commit


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path / "sshd") as server:
        yield server


def test_ssh_with_key_and_known_host(ssh: SshServer, remote: BareRepository, tmp_path: Path) -> None:
    credentials = Credentials(ssh_key_file=ssh.client_key, known_hosts_file=ssh.known_hosts)
    source = a_source(tmp_path, f"ssh://root@127.0.0.1:{ssh.port}{remote.path}", credentials=credentials)
    assert source.poll() == remote.tip()


def test_ssh_to_a_host_with_another_key_is_refused(ssh: SshServer, remote: BareRepository, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True, timeout=30)
    host, kind, _ = ssh.known_hosts.read_text().split()
    ssh.known_hosts.write_text(f"{host} {kind} {other.with_suffix('.pub').read_text().split()[1]}\n")
    credentials = Credentials(ssh_key_file=ssh.client_key, known_hosts_file=ssh.known_hosts)
    said = refusal(a_source(tmp_path, f"ssh://root@127.0.0.1:{ssh.port}{remote.path}", credentials=credentials))
    assert "Host key verification failed" in said
    assert "check the host's key in known_hosts_file" in said


def test_ssh_with_an_unknown_key_is_refused(ssh: SshServer, remote: BareRepository, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True, timeout=30)
    credentials = Credentials(ssh_key_file=stranger, known_hosts_file=ssh.known_hosts)
    said = refusal(a_source(tmp_path, f"ssh://root@127.0.0.1:{ssh.port}{remote.path}", credentials=credentials))
    assert "Permission denied" in said
    assert "check credentials.ssh_key_file" in said


def test_ssh_to_a_silent_host_costs_one_deadline(ssh: SshServer, tmp_path: Path) -> None:
    credentials = Credentials(ssh_key_file=ssh.client_key, known_hosts_file=ssh.known_hosts)
    with silent_server() as port:
        said = refusal(a_source(tmp_path, f"ssh://root@127.0.0.1:{port}/x", timeout_s=0.5, credentials=credentials))
        assert "no answer within 0.5 s" in said
        eventually(lambda: git_processes(f"{port}") == [])


def test_without_the_network_the_branch_is_what_it_was(server: HttpServer, tmp_path: Path) -> None:
    source = a_source(tmp_path, f"{server.url}/shop.git")
    known = source.poll()
    server.status = 500
    assert source.resolve("main") == known
    with pytest.raises(SourceUnavailable):
        source.resolve("other")
