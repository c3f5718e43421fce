"""What the host adds to an environment: where it is looked for, and what is said when it is not there."""

from pathlib import Path

import pytest

from gitopsd.controller.environments import Environment
from gitopsd.controller.host import Host, find_secret, host_paths
from gitopsd.model.errors import HostFileError
from gitopsd.model.release import Former
from gitopsd.model.settings import SecretPlaces, TargetEngine
from tests.fakes.secrets import FakeSecrets

VARS, NAMED, DIRECTORY = Path("/etc/shop.env"), Path("/run/secrets/db"), Path("/etc/secrets/shop")


def an_environment(**how: object) -> Environment:
    return Environment("shop", "default", "environments/shop", TargetEngine(), "auto", "/srv", **how)  # type: ignore[arg-type]


def with_places(*named: str, directory: Path | None = None) -> Environment:
    return an_environment(secrets=SecretPlaces({name: NAMED for name in named}, directory))


def host(data: bytes | str | None) -> Host:
    secrets = FakeSecrets()
    if data is not None:
        secrets.files[VARS] = data
    return Host(secrets, an_environment(vars_file=VARS))


def test_the_file_that_the_settings_name_wins_over_the_directory_and_that_over_the_store() -> None:
    secrets = FakeSecrets()
    secrets.keep("shop", "db", b"kept")
    everywhere, in_directory = with_places("db", directory=DIRECTORY), with_places(directory=DIRECTORY)

    found = [find_secret(secrets, in_directory, "db").data]
    secrets.files[DIRECTORY / "db"] = b"in the directory"
    found.append(find_secret(secrets, in_directory, "db").data)
    secrets.files[NAMED] = b"named"
    found.append(find_secret(secrets, everywhere, "db").data)

    assert found == [b"kept", b"in the directory", b"named"]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            with_places(),
            "the host has no secret db; `gitopsd secret set shop db` writes it, or name a file for it in gitopsd.yaml",
        ),
        (
            with_places(directory=DIRECTORY),
            "the host has no secret db: neither /etc/secrets/shop/db nor gitopsd's own store has it; "
            "`gitopsd secret set shop db` writes it, or name a file for it in gitopsd.yaml",
        ),
        (with_places("db"), "/run/secrets/db does not exist; write it, or mend its path in gitopsd.yaml"),
    ],
)
def test_a_secret_that_is_nowhere_is_told_with_the_places_and_the_mend(environment: Environment, message: str) -> None:
    with pytest.raises(HostFileError) as missing:
        find_secret(FakeSecrets(), environment, "db")
    assert str(missing.value) == message


def test_a_file_that_the_settings_name_is_not_replaced_by_one_of_another_place() -> None:
    secrets = FakeSecrets()
    secrets.keep("shop", "db", b"kept")

    with pytest.raises(HostFileError, match="/run/secrets/db does not exist"):
        find_secret(secrets, with_places("db"), "db")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "/run/secrets/db is empty; write the secret into it"),
        ("Permission denied", "/run/secrets/db cannot be read: Permission denied; mend its path or mode"),
    ],
)
def test_a_secret_that_cannot_be_used_is_told_with_its_file(data: bytes | str, message: str) -> None:
    secrets = FakeSecrets()
    secrets.files[NAMED] = data

    with pytest.raises(HostFileError) as refused:
        find_secret(secrets, with_places("db"), "db")
    assert str(refused.value) == message


def test_a_renamed_environment_has_the_secrets_that_were_kept_under_its_earlier_names() -> None:
    secrets = FakeSecrets()
    secrets.keep("first", "db", b"oldest")
    secrets.keep("second", "db", b"older")
    renamed = an_environment(formerly=(Former("first"), Former("second")))

    found = [find_secret(secrets, renamed, "db").data]
    secrets.keep("shop", "db", b"own")
    found.append(find_secret(secrets, renamed, "db").data)

    assert found == [b"older", b"own"]
    assert {path.name for path in host_paths(secrets, renamed)} == {"shop", "second", "first"}


def test_a_secret_is_the_same_however_often_one_look_asks_for_it() -> None:
    secrets = FakeSecrets()
    secrets.keep("shop", "db", b"first")
    look = Host(secrets, an_environment())
    look.given(["db"])

    secrets.keep("shop", "db", b"second")

    assert look.given(["db"]) == ({"db": b"first"}, {})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "vars_file /etc/shop.env does not exist; write it, or mend its path in gitopsd.yaml"),
        ("Permission denied", "vars_file /etc/shop.env cannot be read: Permission denied; mend its path or mode"),
        (
            b"A=1\nTOKEN='open",
            "/etc/shop.env:2:1: the quote that opens the value of TOKEN is never closed; close it",
        ),
        (
            b"A=1\n\nhunter2\x00",
            "/etc/shop.env:3:1: a NUL byte is not allowed; save the file as UTF-8 text",
        ),
        (b"A=\xff", "/etc/shop.env:1:1: the byte 0xff is not UTF-8; save the file as UTF-8"),
        (
            b"x" * ((1 << 20) + 1),
            "vars_file /etc/shop.env has more than 1048576 bytes; name a smaller file",
        ),
    ],
)
def test_a_vars_file_that_cannot_be_used_is_told_with_file_and_line(data: bytes | str | None, message: str) -> None:
    with pytest.raises(HostFileError) as refused:
        _ = host(data).variables
    assert str(refused.value) == message


def test_a_vars_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_windows_does() -> None:
    found = host(b"\xef\xbb\xbfTOKEN=x\r\nURL=\"a${TOKEN}\"\r\n# a note\r\nLAST='y'\r\n")

    assert found.variables == {"TOKEN": "x", "URL": "ax", "LAST": "y"}


def test_what_a_vars_file_itself_leaves_open_is_told_with_its_line() -> None:
    found = host(b"A=1\nURL=http://${USER}:${A}@${HOST:-db}\n")

    assert [str(problem) for problem in found.unset] == [
        "/etc/shop.env:2:1: URL: the variable USER is not set; set it above, or write ${USER:-default}"
    ]


def test_whatever_may_change_an_environment_is_known_to_be_watched() -> None:
    environment = an_environment(vars_file=VARS, secrets=SecretPlaces({"db": NAMED}, DIRECTORY))

    assert set(host_paths(FakeSecrets(), environment)) == {VARS, NAMED, DIRECTORY, Path("/state/secrets/shop")}
