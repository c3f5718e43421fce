"""gitopsd knows the container that it runs in by what the engine mounts into it."""

from pathlib import Path

import pytest

from gitopsd.adapters.docker.own import own_container

ID = "3d50" * 16
OTHER = "beef" * 16
OUTSIDE = "36 25 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"


@pytest.mark.parametrize("where", ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"])
@pytest.mark.parametrize("directory", ["/var/lib/docker/containers", "/srv/engine/data/containers"])
def test_a_mounted_file_names_the_container(tmp_path: Path, directory: str, where: str) -> None:
    line = f"612 590 8:1 {directory}/{ID}{where.removeprefix('/etc')} {where} rw,relatime - ext4 /dev/sda1 rw\n"

    assert own_container(mounts(tmp_path, OUTSIDE + line)) == ID


def test_a_file_of_another_container_that_is_mounted_elsewhere_does_not_count(tmp_path: Path) -> None:
    line = f"612 590 8:1 /var/lib/docker/containers/{OTHER}/{OTHER}-json.log /log ro - ext4 /dev/sda1 rw\n"

    assert own_container(mounts(tmp_path, OUTSIDE + line)) == ""


def test_outside_of_any_container_there_is_no_own_one(tmp_path: Path) -> None:
    assert own_container(mounts(tmp_path, OUTSIDE)) == ""
    assert own_container(tmp_path / "missing") == ""


def mounts(directory: Path, text: str) -> Path:
    path = directory / "mountinfo"
    path.write_text(text)
    return path
