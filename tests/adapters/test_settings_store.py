"""`store` in gitopsd.yaml: which database, and what is wrong with what it says."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.adapters import settings_file
from gitopsd.model.errors import SettingsError
from gitopsd.model.settings import Settings, StoreSettings

URL = "postgresql://gitopsd@db.example.com/gitopsd?sslmode=verify-full"


def read(directory: Path, text: str) -> Settings:
    file = directory / "gitopsd.yaml"
    file.write_text(text)
    return settings_file.load(file)


def test_a_database_takes_the_place_of_the_state_directorys_file(tmp_path: Path) -> None:
    found = read(tmp_path, f'store: {{url: "{URL}", password_file: password, lease: 20s}}')
    assert found.store == StoreSettings(URL, tmp_path / "password", timedelta(seconds=20))
    assert read(tmp_path, "").store is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("store: {}", "store: has no url; write one such as postgresql://gitopsd@db.example.com/gitopsd"),
        ("store: {url: mysql://db/x}", r"store\.url: 'mysql://db/x' is no database"),
        ("store: {url: 'postgresql://a:secret@db/x'}", "a password in the URL would show in logs"),
        ("store: {url: 'postgresql://db/x?password=secret'}", "write it into a file, and that as password_file"),
        ("store: {url: 'postgresql://db/x', lease: 1s}", "'1s' is too short to be renewed in time; write 2s or more"),
        ("store: {url: 'postgresql://db/x', passwd: x}", "passwd"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_never_shows_a_password(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        read(tmp_path, text)
    assert "secret" not in str(refused.value)


def test_without_the_driver_it_is_told_how_to_come_by_it(tmp_path: Path) -> None:
    (tmp_path / "gitopsd.yaml").write_text(f'store: {{url: "{URL}"}}')
    program = "import sys; sys.modules['psycopg'] = None; from gitopsd.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "status", "--config", str(tmp_path / "gitopsd.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (
        *(1, "gitopsd: psycopg is not installed; `pip install 'gitopsd[postgresql]'` brings it\n"),
    )
