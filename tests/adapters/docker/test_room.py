"""An engine's disk is looked at only where it is certain that this process and the engine mean the same one."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from gitopsd.adapters.docker.room import disk
from gitopsd.model.image import Disk, OutOfSight

HERE = "unix:///var/run/docker.sock"
OWN = "3d50" * 16


def info(path: Path, **more: Any) -> dict[str, Any]:
    """What an engine on this host says."""
    return {"DockerRootDir": str(path), "Name": socket.gethostname(), "KernelVersion": os.uname().release, **more}


def test_an_engine_on_this_host_has_its_disk_looked_at(tmp_path: Path) -> None:
    found = disk(HERE, info(tmp_path), "")

    assert isinstance(found, Disk)
    assert found.path == str(tmp_path)
    assert 0 < found.free < found.total


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:2375", "ssh://deploy@web2"])
def test_an_engine_behind_a_network_is_not_taken_for_this_host(url: str, tmp_path: Path) -> None:
    assert disk(url, info(tmp_path), "") == OutOfSight("an engine behind a network may be on any host")


@pytest.mark.parametrize("other", [{"Name": "web2"}, {"KernelVersion": "6.1.0-linuxkit"}])
def test_a_socket_that_leads_to_another_host_or_machine_is_noticed(other: dict[str, str], tmp_path: Path) -> None:
    found = disk(HERE, info(tmp_path, **other), "")

    assert isinstance(found, OutOfSight)
    assert found.why.startswith("the engine is on ")


def test_a_directory_that_is_not_there_is_out_of_sight(tmp_path: Path) -> None:
    assert disk(HERE, info(tmp_path / "none"), "") == OutOfSight(f"{tmp_path / 'none'} is not there")


def test_the_images_of_an_engines_own_containerd_are_found(tmp_path: Path) -> None:
    store = [["driver-type", "io.containerd.snapshotter.v1"]]
    daemon = tmp_path / "containerd" / "daemon"
    daemon.mkdir(parents=True)

    found = disk(HERE, info(tmp_path, DriverStatus=store), "")

    assert isinstance(found, Disk)
    assert found.path == str(daemon)


def test_within_a_container_only_a_mounted_directory_is_the_engines(tmp_path: Path) -> None:
    assert disk(HERE, info(tmp_path), OWN) == OutOfSight(
        f"{tmp_path} is not mounted into the container that gitopsd runs in"
    )
    mounted = disk(HERE, info(Path("/proc"), Name="another"), OWN)
    assert isinstance(mounted, Disk)
