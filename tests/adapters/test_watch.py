"""File changes call back, however they come about, and the watcher survives what happens to its directories."""

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

import pytest

from gitopsd.adapters.watch import FileWatcher, git_directory
from tests.adapters.git.repositories import BareRepository, run
from tests.waiting import eventually


class Bell:
    """Counts its calls."""

    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> None:
        self.rung += 1

    def rung_after(self, before: int) -> bool:
        return self.rung > before


@pytest.fixture
def watcher() -> Iterator[FileWatcher]:
    running = FileWatcher()
    yield running
    running.stop()


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def remote(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path / "shop.git")
    repository.write({"a": "1"})
    return repository


def test_a_written_file_calls_back(watcher: FileWatcher, bell: Bell, tmp_path: Path) -> None:
    watcher.watch("wake", [tmp_path / "wake"], bell)
    (tmp_path / "wake").write_text("1\n")
    eventually(lambda: bell.rung)


def test_a_file_that_is_replaced_calls_back_each_time(watcher: FileWatcher, bell: Bell, tmp_path: Path) -> None:
    (tmp_path / "gitopsd.yaml").write_text("old")
    watcher.watch("settings", [tmp_path / "gitopsd.yaml"], bell)
    for number in range(3):
        before = bell.rung
        (tmp_path / "draft").write_text(str(number))
        (tmp_path / "draft").rename(tmp_path / "gitopsd.yaml")
        eventually(partial(bell.rung_after, before))


def test_a_linked_configuration_calls_back_when_its_target_changes(
    watcher: FileWatcher, bell: Bell, tmp_path: Path
) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "gitopsd.yaml").symlink_to("data")
    watcher.watch("settings", [tmp_path / "gitopsd.yaml"], bell)
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").rename(tmp_path / "data")
    eventually(lambda: bell.rung)


def test_other_files_of_the_directory_do_not_call_back(watcher: FileWatcher, bell: Bell, tmp_path: Path) -> None:
    other = Bell()
    watcher.watch("wake", [tmp_path / "wake"], bell)
    watcher.watch("other", [tmp_path / "gitopsd.db"], other)
    (tmp_path / "gitopsd.db").write_text("1")
    eventually(lambda: other.rung)
    assert bell.rung == 0


def test_a_push_to_a_bare_repository_calls_back(watcher: FileWatcher, bell: Bell, remote: BareRepository) -> None:
    watcher.watch("shop", [remote.path], bell)
    for number in range(3):
        before = bell.rung
        remote.write({"a": str(number)})
        eventually(partial(bell.rung_after, before))


def test_a_branch_in_a_new_directory_calls_back(watcher: FileWatcher, bell: Bell, remote: BareRepository) -> None:
    watcher.watch("shop", [remote.path], bell)
    deep = BareRepository(remote.path, "team/shop/next")
    for number in range(3):
        before = bell.rung
        deep.write({"a": str(number)})
        eventually(partial(bell.rung_after, before))


def test_a_push_after_refs_were_packed_calls_back(watcher: FileWatcher, bell: Bell, remote: BareRepository) -> None:
    watcher.watch("shop", [remote.path], bell)
    remote.git("pack-refs", "--all")
    eventually(lambda: bell.rung)
    before = bell.rung
    remote.write({"a": "2"})
    eventually(lambda: bell.rung > before)


def test_objects_and_hooks_of_a_repository_do_not_call_back(
    watcher: FileWatcher, bell: Bell, remote: BareRepository
) -> None:
    last = Bell()
    watcher.watch("shop", [remote.path], bell)
    watcher.watch("last", [remote.path / "objects"], last)
    remote.git("hash-object", "-w", "--stdin", stdin=b"nothing that a branch holds")
    eventually(lambda: last.rung)
    assert bell.rung == 0


def commit(work: Path) -> None:
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@localhost")
    run("-C", str(work), *author, "commit", "--quiet", "--allow-empty", "-m", "More")


def test_commits_in_a_work_tree_and_in_a_linked_one_call_back(watcher: FileWatcher, bell: Bell, tmp_path: Path) -> None:
    work, linked = tmp_path / "work", tmp_path / "linked"
    run("init", "--quiet", "--initial-branch=main", str(work))
    commit(work)
    run("-C", str(work), "worktree", "add", "--quiet", "-b", "next", str(linked))
    assert git_directory(work) == git_directory(linked) == work / ".git"
    for place in (work, linked):
        before = bell.rung
        watcher.watch("shop", [place], bell)
        commit(place)
        eventually(partial(bell.rung_after, before))


def test_what_is_no_repository_has_no_git_directory(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / ".git").write_bytes(b"\xff\x00 gitdir: \x00")
    assert git_directory(tmp_path) is None
    assert git_directory(tmp_path / "odd") is None
    assert git_directory(tmp_path / "none") is None


def test_a_directory_that_comes_later_is_found(watcher: FileWatcher, bell: Bell, tmp_path: Path) -> None:
    watcher.watch("settings", [tmp_path / "etc" / "gitopsd.yaml"], bell)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gitopsd.yaml").write_text("x")
    eventually(lambda: bell.rung, within=30)
    before = bell.rung
    (tmp_path / "etc" / "gitopsd.yaml").write_text("y")
    eventually(lambda: bell.rung > before)


def test_a_repository_that_is_made_anew_is_watched_again(
    watcher: FileWatcher, bell: Bell, remote: BareRepository
) -> None:
    watcher.watch("shop", [remote.path], bell)
    shutil.rmtree(remote.path)
    again = BareRepository(remote.path)
    eventually(lambda: bell.rung, within=30)

    def a_push_is_seen() -> bool:
        before = bell.rung
        again.write({"a": "2"})
        return bool(eventually(lambda: bell.rung > before, within=30))

    assert a_push_is_seen()
    assert a_push_is_seen()


def test_watching_under_a_known_name_replaces(watcher: FileWatcher, bell: Bell, tmp_path: Path) -> None:
    second = Bell()
    watcher.watch("wake", [tmp_path / "one"], bell)
    watcher.watch("wake", [tmp_path / "two"], second)
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    eventually(lambda: second.rung)
    assert bell.rung == 0


def test_a_call_may_itself_watch_and_a_failing_one_stops_nothing(
    watcher: FileWatcher, bell: Bell, tmp_path: Path
) -> None:
    asked = threading.Event()

    def watch_more() -> None:
        watcher.watch("more", [tmp_path / "more"], bell)
        asked.set()
        raise RuntimeError("this call failed")

    watcher.watch("settings", [tmp_path / "gitopsd.yaml"], watch_more)
    (tmp_path / "gitopsd.yaml").write_text("x")
    assert asked.wait(10)

    def more_is_seen() -> bool:
        (tmp_path / "more").write_text("x")
        return bell.rung > 0

    eventually(more_is_seen)


def in_use() -> int:
    return threading.active_count() + len(os.listdir("/proc/self/fd"))


def test_it_stops_cleanly_and_without_a_watch_too(tmp_path: Path, bell: Bell) -> None:
    FileWatcher().stop()
    before = in_use()
    for _ in range(10):
        watcher = FileWatcher()
        watcher.watch("wake", [tmp_path / "wake"], bell)
        watcher.stop()
    eventually(lambda: in_use() <= before)


@pytest.mark.bench
def test_bench_from_a_push_to_its_call(watcher: FileWatcher, remote: BareRepository) -> None:
    called = threading.Event()
    watcher.watch("shop", [remote.path], called.set)
    taken = []
    for number in range(10):
        tip = remote.tip()
        tree = remote.git("rev-parse", f"{tip}^{{tree}}")
        new = remote.git("-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", "-m", str(number), "-p", tip, tree)
        called.clear()
        start = perf_counter()
        remote.git("update-ref", "refs/heads/main", new)
        assert called.wait(10)
        taken.append((perf_counter() - start) * 1000)
    print(f"\nupdate-ref to call: median {sorted(taken)[5]:.0f} ms, worst {max(taken):.0f} ms")
