"""What every Secrets does: the same tests over the host's files and the fake."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.controller.ports import Secrets
from gitopsd.model.errors import HostFileError
from tests.fakes.secrets import FakeSecrets

Write = Callable[[Path, bytes], None]
LIMIT = 1 << 20
BINARY = b"\x00\xff\x80no text\r\n"


@pytest.fixture(params=["fake", "files"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Secrets, Write]:
    """A Secrets, and how a file comes to lie on its host."""
    if request.param == "fake":
        fake = FakeSecrets()
        return fake, fake.files.__setitem__
    return HostSecrets(tmp_path / "state"), Path.write_bytes


@pytest.fixture
def secrets(ground: tuple[Secrets, Write]) -> Secrets:
    return ground[0]


@pytest.fixture
def write(ground: tuple[Secrets, Write]) -> Write:
    return ground[1]


def test_a_file_of_the_host_is_read_byte_by_byte(secrets: Secrets, write: Write, tmp_path: Path) -> None:
    write(tmp_path / "key", BINARY)

    found = secrets.file(tmp_path / "key")

    assert found is not None
    assert (found.data, found.place) == (BINARY, str(tmp_path / "key"))


def test_a_file_that_is_not_there_is_no_error(secrets: Secrets, tmp_path: Path) -> None:
    assert secrets.file(tmp_path / "key") is None
    assert secrets.file(tmp_path / "no" / "key") is None


def test_a_file_may_have_a_mebibyte_and_no_more(secrets: Secrets, write: Write, tmp_path: Path) -> None:
    write(tmp_path / "large", b"x" * LIMIT)
    write(tmp_path / "huge", b"x" * (LIMIT + 1))

    found = secrets.file(tmp_path / "large")

    assert found is not None
    assert len(found.data) == LIMIT
    with pytest.raises(HostFileError, match=r"huge has more than 1048576 bytes; name a smaller file"):
        secrets.file(tmp_path / "huge")


def test_a_secret_that_is_kept_comes_back_as_it_was_and_the_last_one_counts(secrets: Secrets) -> None:
    secrets.keep("shop", "db_password", b"first\n")
    secrets.keep("shop", "db_password", BINARY)

    found = secrets.kept("shop", "db_password")

    assert found is not None
    assert found.data == BINARY


def test_environments_keep_their_secrets_apart(secrets: Secrets) -> None:
    secrets.keep("shop", "token", b"of the shop")
    secrets.keep("blog", "other", b"of the blog")

    assert (secrets.names("shop"), secrets.names("blog"), secrets.names("wiki")) == (("token",), ("other",), ())
    assert secrets.kept("blog", "token") is None


def test_a_dropped_secret_is_gone(secrets: Secrets) -> None:
    secrets.keep("shop", "token", b"x")

    assert secrets.drop("shop", "token")
    assert not secrets.drop("shop", "token")
    assert secrets.kept("shop", "token") is None
    assert secrets.names("shop") == ()


def test_an_empty_or_too_large_secret_is_not_kept_and_the_old_one_stays(secrets: Secrets) -> None:
    secrets.keep("shop", "token", b"old")

    with pytest.raises(HostFileError, match="is empty; nothing was written"):
        secrets.keep("shop", "token", b"")
    with pytest.raises(HostFileError, match="more than 1048576 bytes; nothing was written"):
        secrets.keep("shop", "token", b"x" * (LIMIT + 1))
    found = secrets.kept("shop", "token")
    assert found is not None
    assert found.data == b"old"


@pytest.mark.parametrize(
    ("environment", "name"), [("shop", "../token"), ("shop", ""), ("shop", ".x"), ("..", "x"), ("a/b", "x")]
)
def test_a_name_that_leads_elsewhere_is_no_name(secrets: Secrets, environment: str, name: str) -> None:
    with pytest.raises(HostFileError, match="cannot be the name of a secret"):
        secrets.keep(environment, name, b"x")
    assert secrets.kept(environment, name) is None
    assert not secrets.drop(environment, name)


# --- what only a file system has --------------------------------------------------------------------------------------


def test_a_link_to_a_file_is_followed_and_a_broken_one_is_as_no_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "broken").symlink_to("nowhere")
    secrets = HostSecrets(tmp_path / "state")

    found = secrets.file(tmp_path / "link")

    assert found is not None
    assert found.data == b"x"
    assert secrets.file(tmp_path / "broken") is None


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    secrets = HostSecrets(tmp_path / "state")

    for name, why in (
        ("directory", "is a directory; name a file"),
        ("pipe", "is no regular file; name a file"),
        ("loop", "cannot be read: Too many levels of symbolic links; mend its path or mode"),
    ):
        with pytest.raises(HostFileError) as refused:
            secrets.file(tmp_path / name)
        assert str(refused.value) == f"{tmp_path / name} {why}"


def test_only_the_owner_can_read_what_is_kept_and_no_draft_is_left(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path / "state")

    secrets.keep("shop", "token", b"x")

    kept = [path for path in (tmp_path / "state" / "secrets").rglob("*") if path.is_file()]
    assert kept == [secrets.directory("shop") / "token"]
    assert kept[0].stat().st_mode & 0o777 == 0o600
    for directory in (*kept[0].parents[:3],):
        assert directory.stat().st_mode & 0o777 == 0o700, directory


def test_a_kept_secret_has_the_time_at_which_it_was_set(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path / "state")

    secrets.keep("shop", "token", b"x")

    found = secrets.kept("shop", "token")
    assert found is not None
    assert abs(datetime.now(UTC) - found.changed_at) < timedelta(minutes=1)


def test_a_secret_that_is_replaced_is_never_half_there(tmp_path: Path) -> None:
    secrets = HostSecrets(tmp_path / "state")
    whole = {b"a" * 100_000, b"b" * 100_000}
    secrets.keep("shop", "token", min(whole))
    done, seen = threading.Event(), set[bytes]()

    def read() -> None:
        while not done.is_set():
            found = secrets.kept("shop", "token")
            seen.add(found.data if found is not None else b"")

    reader = threading.Thread(target=read)
    reader.start()
    for value in sorted(whole) * 20:
        secrets.keep("shop", "token", value)
    done.set()
    reader.join()

    assert seen <= whole
    assert seen
