"""The program starts lightly: help imports none of the libraries that only some command needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from gitopsd.cli.main import COMMANDS, gitopsd
from tests.cli.shop import Shop

HEAVY = ("git", "docker", "deepdiff", "apscheduler", "rich", "yaml", "sqlite3", "watchfiles", "dataclasses")


def imported_by(*arguments: str) -> set[str]:
    program = f"import sys\nfrom gitopsd.__main__ import main\nmain({list(arguments)!r})\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("version",), ("no-such-command",)])
def test_nothing_heavy_is_imported_for_what_needs_nothing(arguments: tuple[str, ...]) -> None:
    loaded = imported_by(*arguments)
    assert "click" in loaded
    allowed = {"dataclasses"} if arguments == ("version",) else set()
    assert not loaded & (set(HEAVY) - allowed)


@pytest.mark.parametrize("command", ["config", "validate"])
def test_checking_files_waits_for_nothing_but_the_reader_of_yaml(command: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: web}}\n")

    loaded = imported_by(command, str(tmp_path))

    assert set(HEAVY) & loaded == {"yaml", "dataclasses"}
    assert "gitopsd.controller.application" not in loaded


def test_help_names_every_command_and_each_has_help_of_its_own(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    listed = shop.text("--help")
    for name in COMMANDS:
        assert f"  {name} " in listed
        assert f"Usage: gitopsd {name}" in shop.text(name, "--help")


def test_every_command_takes_the_common_options() -> None:
    for name in COMMANDS:
        command = gitopsd.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        given = {option for each in _leaves(command) for parameter in each.params for option in parameter.opts}
        assert {"-o", "--output", "--state-dir", "--config"} <= given, name


def _leaves(command: object) -> list:  # type: ignore[type-arg]
    inner = getattr(command, "commands", None)
    return list(inner.values()) if inner else [command]


def test_checking_files_on_disk_needs_and_leaves_no_state(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: web}}\n")
    state = tmp_path / "none" / "state"
    for command in ("validate", "config"):
        arguments = [sys.executable, "-m", "gitopsd", command, str(tmp_path), "--state-dir", str(state)]
        subprocess.run(arguments, check=True, capture_output=True)
    assert not state.exists()


def test_running_the_module_is_running_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "gitopsd", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("gitopsd ")


def test_a_question_about_a_state_directory_that_is_not_there_makes_none(tmp_path: Path) -> None:
    asked = tmp_path / "typo"
    done = subprocess.run(
        [sys.executable, "-m", "gitopsd", "status", "--state-dir", str(asked)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert f"{asked} does not exist" in done.stderr
    assert not asked.exists()


def test_a_state_directory_that_doctor_is_the_first_to_need_is_nobody_elses(tmp_path: Path) -> None:
    repository, state, settings = tmp_path / "repository", tmp_path / "state", tmp_path / "gitopsd.yaml"
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    settings.write_text(f"repository: {{url: {repository}}}\nstate_dir: {state}\n")
    program = [sys.executable, "-m", "gitopsd", "doctor", "--config", str(settings)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)

    (line,) = [line for line in done.stdout.splitlines() if "state directory" in line]
    assert line.startswith("OK")
    assert line.endswith(f"{state} is not there yet; `gitopsd run` makes it")
    assert state.stat().st_mode & 0o777 == 0o700
