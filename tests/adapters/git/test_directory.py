"""A directory on disk looks like the commit that Git would make of it."""

import os
from pathlib import Path

import pytest

from gitopsd.adapters.git.directory import directory_files
from gitopsd.adapters.git.source import open_source
from gitopsd.model.errors import SourceError
from gitopsd.model.settings import Repository
from tests.adapters.git.repositories import BareRepository


def test_a_directory_has_the_entries_of_the_commit_with_the_same_files(tmp_path: Path) -> None:
    root = tmp_path / "work"
    (root / "env" / "sub").mkdir(parents=True)
    (root / "env" / "compose.yaml").write_text("services: {}\n")
    (root / "env" / "sub" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "env" / "sub" / "run.sh").chmod(0o755)
    (root / "env" / "link").symlink_to("../outside")
    (root / "env" / "linked-directory").symlink_to("sub")
    remote = BareRepository(tmp_path / "shop.git")
    contents = {"env/compose.yaml": "services: {}\n", "env/sub/run.sh": "#!/bin/sh\n"}
    links = {"env/link": "../outside", "env/linked-directory": "sub"}
    modes = {"env/sub/run.sh": "100755"} | dict.fromkeys(links, "120000")
    commit = remote.write(contents | links, modes=modes)
    source = open_source(Repository("shop", str(remote.path)), tmp_path / "state")
    source.poll()
    on_disk, committed = directory_files(root), source.files(commit)
    assert on_disk.below("") == committed.below("")
    assert {path: on_disk.read(path) for path in on_disk.below("")} == {
        path: committed.read(path) for path in committed.below("")
    }


def test_git_itself_and_what_it_would_not_keep_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".git").write_text("gitdir: elsewhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "compose.yaml").write_text("services: {}")
    assert set(directory_files(tmp_path).below("")) == {"compose.yaml"}


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none is not a directory"):
        directory_files(tmp_path / "none")


def test_a_file_that_vanishes_before_it_is_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    files = directory_files(tmp_path)
    (tmp_path / "a").unlink()
    with pytest.raises(SourceError, match="No such file"):
        files.read("a")
