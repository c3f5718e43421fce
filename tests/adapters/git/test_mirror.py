"""The mirror outlives kills, damage and full disks, and nothing that a repository or an environment says ever runs."""

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gitopsd.adapters.git.source import open_source
from gitopsd.controller.ports import Source
from gitopsd.model.errors import SourceError, SourceUnavailable
from gitopsd.model.settings import Repository
from tests.adapters.git.polling import elsewhere, opened
from tests.adapters.git.repositories import BareRepository
from tests.adapters.git.servers import MID_PACK, http_server
from tests.waiting import eventually


@pytest.fixture
def remote(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path / "root" / "shop.git")
    repository.write({"env/a": "1", "env/b": "x" * 2000})
    return repository


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "state" / "mirrors" / "shop.git"


STALE = ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "refs/heads/main.lock", "refs/gitopsd/x.lock"]
PIECES = [
    "objects/pack/tmp_pack_AbCdEf",
    "objects/pack/tmp_idx_AbCdEf",
    "objects/12/tmp_obj_x",
    "objects/tmp_objdir-x/y",
]


def test_locks_and_pieces_that_a_killed_git_left_are_cleared(
    remote: BareRepository, mirror: Path, tmp_path: Path
) -> None:
    opened(remote.path, tmp_path).poll()
    left = [mirror / name for name in STALE + PIECES]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    newer = remote.write({"env/a": "2"})
    again = opened(remote.path, tmp_path)
    assert again.poll() == newer
    again.keep(newer, "x")
    assert [path for path in left if path.exists()] == []


def truncate_objects(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            os.truncate(path, path.stat().st_size // 2)


def remove_objects(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*"):
        if path.is_file():
            path.unlink()


def overwrite(name: str) -> Callable[[Path], None]:
    def act(mirror: Path) -> None:
        (mirror / name).write_bytes(b"\x00\xff garbage [[[\n")

    act.__name__ = f"overwrite_{name.replace('/', '_')}"
    return act


def remove(name: str) -> Callable[[Path], None]:
    def act(mirror: Path) -> None:
        (mirror / name).unlink()

    act.__name__ = f"remove_{name.replace('/', '_')}"
    return act


def be_a_file(mirror: Path) -> None:
    mirror.rename(mirror.with_name("gone"))
    mirror.write_text("in the way")


def swap_was_cut(mirror: Path) -> None:
    mirror.rename(mirror.with_name("shop.git.old"))
    mirror.with_name("shop.git.new").mkdir()


DAMAGES = [truncate_objects, remove_objects, be_a_file, swap_was_cut, remove("HEAD"), remove("config")]
DAMAGES += [overwrite(name) for name in ("HEAD", "config", "refs/heads/main", "packed-refs")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_mirror_is_made_anew_by_the_next_poll(
    remote: BareRepository, mirror: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    known = opened(remote.path, tmp_path).poll()
    damage(mirror)
    source = opened(remote.path, tmp_path)
    assert source.poll() == known
    assert source.files(known).read("env/a") == b"1"
    newer = remote.write({"env/a": "2"})
    assert source.poll() == newer
    assert not mirror.with_name("shop.git.old").exists()
    assert not mirror.with_name("shop.git.new").exists()


@pytest.mark.parametrize("damage", [truncate_objects, remove_objects], ids=lambda damage: damage.__name__)
def test_damage_that_shows_while_reading_is_mended_by_the_next_poll(
    remote: BareRepository, mirror: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    source = opened(remote.path, tmp_path)
    known = source.poll()
    damage(mirror)
    with pytest.raises(SourceError):
        source.files(known).read("env/a")
    assert source.poll() == known
    assert source.files(known).read("env/a") == b"1"


def test_one_rotten_blob_is_told_and_mended_by_the_next_poll(
    remote: BareRepository, mirror: Path, tmp_path: Path
) -> None:
    content = random.Random(1).randbytes(20_000)
    remote.write({"env/b": content})
    source = opened(remote.path, tmp_path)
    files = source.files(source.poll())
    (pack,) = (mirror / "objects" / "pack").glob("*.pack")
    pack.chmod(0o600)
    with pack.open("r+b") as stream:
        stream.seek(pack.stat().st_size // 2)
        stream.write(b"rotten")
    with pytest.raises(SourceUnavailable, match="cat-file"):
        files.read("env/b")
    source.poll()
    assert files.read("env/b") == content


def test_kept_commits_that_only_the_mirror_has_survive_its_damage(
    remote: BareRepository, mirror: Path, tmp_path: Path
) -> None:
    source = opened(remote.path, tmp_path)
    old = source.poll()
    source.keep(old, "release-1")
    newer = remote.rewrite({"env/a": "2"})
    remote.git("reflog", "expire", "--expire=now", "--all")
    remote.git("gc", "--quiet", "--prune=now")
    source.poll()
    overwrite("refs/heads/main")(mirror)
    again = opened(remote.path, tmp_path)
    assert again.poll() == newer
    assert again.files(old).read("env/a") == b"1"


def test_without_the_remote_a_damaged_mirror_stays_and_is_mended_later(
    remote: BareRepository, mirror: Path, tmp_path: Path
) -> None:
    known = opened(remote.path, tmp_path).poll()
    truncate_objects(mirror)
    hidden = remote.path.rename(tmp_path / "hidden")
    source = opened(remote.path, tmp_path)
    with pytest.raises(SourceUnavailable):
        source.poll()
    hidden.rename(remote.path)
    assert source.poll() == known


def test_a_full_disk_while_fetching_leaves_what_was_known(remote: BareRepository, mirror: Path, tmp_path: Path) -> None:
    source = opened(remote.path, tmp_path)
    known = source.poll()
    newer = remote.write({"big": random.Random(1).randbytes(400_000)})
    no_room = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    no_room += "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    output, errors = elsewhere(remote.path, tmp_path, no_room).communicate(timeout=60)
    assert "GitFailed: repository shop: git fetch: " in errors, (output, errors)
    assert opened(remote.path, tmp_path).head() == known
    assert opened(remote.path, tmp_path).poll() == newer
    assert list(mirror.rglob("tmp_*")) == []


def test_a_git_that_is_killed_while_fetching_costs_one_poll(
    remote: BareRepository, mirror: Path, tmp_path: Path
) -> None:
    with http_server(remote.path.parent) as server:
        source = opened(f"{server.url}/shop.git", tmp_path)
        known = source.poll()
        newer = remote.write({"big": random.Random(1).randbytes(400_000)})
        server.stall, server.cut_after = threading.Event(), MID_PACK
        failures: list[SourceError] = []
        poll = threading.Thread(target=lambda: failures.append(failure_of(source)))
        poll.start()
        for process in eventually(lambda: fetching(tmp_path)):
            os.kill(process, signal.SIGKILL)
        server.stall.set()
        poll.join()
        server.stall, server.cut_after = None, None
        assert [type(failure) for failure in failures] != []
        assert source.head() == known
        assert source.poll() == newer
    assert list(mirror.rglob("tmp_*")) == []


def failure_of(source: Source) -> SourceError:
    with pytest.raises(SourceError) as failed:
        source.poll()
    return failed.value


def fetching(tmp_path: Path) -> list[int]:
    """The processes of ours that are writing down what a fetch brings."""
    home, found = os.fsencode(f"HOME={tmp_path}/state/mirrors/shop.home"), []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (directory / "cmdline").read_bytes()
            if home in (directory / "environ").read_bytes() and (b"index-pack" in command or b"unpack-obj" in command):
                found.append(int(directory.name))
    return found


def test_a_git_that_outlives_its_killed_daemon_keeps_the_mirror_to_itself(
    remote: BareRepository, tmp_path: Path
) -> None:
    with http_server(remote.path.parent) as server:
        url = f"{server.url}/shop.git"
        opened(url, tmp_path).poll()
        newer = remote.write({"big": random.Random(1).randbytes(400_000)})
        server.stall, server.cut_after = threading.Event(), MID_PACK
        daemon = elsewhere(url, tmp_path)
        eventually(lambda: fetching(tmp_path))
        daemon.kill()
        daemon.communicate()
        with pytest.raises(SourceUnavailable, match="another process has used the mirror"):
            opened(url, tmp_path, timeout_s=0.3).poll()
        server.stall.set()
        server.stall, server.cut_after = None, None
        assert opened(url, tmp_path).poll() == newer


def test_several_processes_may_poll_at_once(remote: BareRepository, tmp_path: Path) -> None:
    polls = [elsewhere(remote.path, tmp_path) for _ in range(3)]
    assert {poll.communicate(timeout=60)[0].strip() for poll in polls} == {remote.tip()}


def test_several_threads_may_read_and_poll_at_once(remote: BareRepository, tmp_path: Path) -> None:
    contents = {f"env/{n}/compose.yaml": f"# {n}\n" * 50 for n in range(100)}
    commit = remote.write(contents)
    source = opened(remote.path, tmp_path)
    source.poll()
    wrong: list[str] = []

    def read() -> None:
        for _ in range(3):
            files = source.files(commit)
            wrong.extend(path for path, text in contents.items() if files.read(path) != text.encode())
            source.poll()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_polling_and_reading_leave_no_descriptor_and_no_child(remote: BareRepository, tmp_path: Path) -> None:
    source = opened(remote.path, tmp_path)
    source.files(source.poll()).read("env/a")
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        remote.write({"env/a": str(number)})
        source.files(source.poll()).read("env/a")
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_names_and_texts_that_are_no_utf8_do_no_harm(remote: BareRepository, tmp_path: Path) -> None:
    odd = b"caf\xe9".decode(errors="surrogateescape")
    listing = b"100644 blob " + remote.git("hash-object", "-w", "--stdin", stdin=b"x").encode() + b"\tcaf\xe9\0"
    tree = remote.git("mktree", "-z", stdin=listing)
    remote.git("update-ref", "refs/heads/odd", make_commit(remote, tree))
    source = open_source(Repository("shop", str(remote.path), "odd"), tmp_path / "state")
    commit = source.poll()
    assert source.files(commit).read(odd) == b"x"
    said = source.commit(commit)
    assert (said.author, said.subject[:6], len(said.subject)) == ("Ad\ufffd", "\x1b[31m\ufffd", 1000)
    made = source.restore(commit, source.resolve("main"), [odd], "Away")
    assert source.files(made).entry(odd) is None


def make_commit(remote: BareRepository, tree: str) -> str:
    who = b"Ad\xff <ada@localhost> 99999999999999999 +0000"
    text = (
        b"tree " + tree.encode() + b"\nauthor " + who + b"\ncommitter " + who + b"\n\n\x1b[31m\xff" + b"x" * 1_000_000
    )
    return remote.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text + b"\n")


def test_the_state_directory_may_lie_in_a_work_tree(remote: BareRepository, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, timeout=30)
    (tmp_path / ".git" / "config").write_text("broken [[[")
    assert opened(remote.path, tmp_path).poll() == remote.tip()


def test_a_state_directory_that_cannot_be_written_is_told(remote: BareRepository, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(SourceUnavailable, match="make the state directory writable"):
        opened(remote.path, tmp_path)
