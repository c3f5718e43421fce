"""A command that is given the state directory alone sees what the daemon there was started with."""

from pathlib import Path

from gitopsd.adapters.remembered import NAME, recall, remember
from gitopsd.controller.flags import Flags
from gitopsd.ground import settings_reader
from gitopsd.model.settings import TargetEngine


def test_flags_of_the_daemon_are_there_for_a_command_that_says_nothing(tmp_path: Path) -> None:
    remember(
        tmp_path, Flags(repository="https://git.example.com/env.git", branch="live", engine="unix:///run/a.sock"), ""
    )

    found = recall(tmp_path, Flags(state_dir=tmp_path))

    assert (found.repository, found.branch, found.engine) == (
        "https://git.example.com/env.git",
        "live",
        "unix:///run/a.sock",
    )
    assert found.state_dir == tmp_path


def test_the_engine_of_the_daemons_environment_is_remembered(tmp_path: Path) -> None:
    remember(tmp_path, Flags(repository="/srv/env.git"), "unix:///run/private.sock")

    assert settings_reader(Flags(state_dir=tmp_path))().engine.url == "unix:///run/private.sock"


def test_the_engine_of_the_daemons_environment_does_not_win_over_the_file_that_it_was_started_with(
    tmp_path: Path,
) -> None:
    file = tmp_path / "gitopsd.yaml"
    file.write_text('target: {swarm: "tcp://manager:2375"}\n')
    remember(tmp_path, Flags(config=file), "unix:///run/private.sock")

    assert settings_reader(Flags(state_dir=tmp_path))().engine == TargetEngine("tcp://manager:2375", swarm=True)


def test_the_engine_that_the_daemon_was_given_by_a_flag_wins_over_its_file(tmp_path: Path) -> None:
    file = tmp_path / "gitopsd.yaml"
    file.write_text('target: {docker: "tcp://elsewhere:2375"}\n')
    remember(tmp_path, Flags(config=file, engine="unix:///run/a.sock"), "unix:///run/private.sock")

    assert settings_reader(Flags(state_dir=tmp_path))().engine.url == "unix:///run/a.sock"


def test_a_settings_file_is_found_again_from_any_directory(tmp_path: Path) -> None:
    remember(tmp_path, Flags(config=Path("gitopsd.yaml")), "")

    assert recall(tmp_path, Flags()).config == Path("gitopsd.yaml").absolute()


def test_what_a_command_says_wins(tmp_path: Path) -> None:
    remember(tmp_path, Flags(repository="/srv/env.git"), "unix:///run/private.sock")

    assert recall(tmp_path, Flags(repository="/other.git")) == Flags(repository="/other.git")
    assert recall(tmp_path, Flags(config=Path("/x.yaml"))) == Flags(config=Path("/x.yaml"))


def test_a_missing_or_torn_file_means_nothing_is_remembered(tmp_path: Path) -> None:
    assert recall(tmp_path / "nowhere", Flags()) == Flags()
    (tmp_path / NAME).write_text('{"config": ')
    assert recall(tmp_path, Flags()) == Flags()
