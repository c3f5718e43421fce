"""Nothing that a repository, a mirror or the daemon's environment says ever runs a program."""

import os
from pathlib import Path

import pytest

from gitopsd.model.errors import SourceUnavailable
from tests.adapters.git.polling import elsewhere, opened
from tests.adapters.git.repositories import BareRepository, run


@pytest.fixture
def remote(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path / "root" / "shop.git")
    repository.write({"env/a": "1", "env/b": "x" * 2000})
    return repository


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "state" / "mirrors" / "shop.git"


HOOK = "#!/bin/sh\necho $0 $* >>{marker}\n"


def test_no_hook_filter_or_configured_program_ever_runs(remote: BareRepository, mirror: Path, tmp_path: Path) -> None:
    marker = tmp_path / "was-here"
    program = tmp_path / "program"
    program.write_text(HOOK.format(marker=marker))
    program.chmod(0o755)
    source = opened(remote.path, tmp_path)
    good = source.poll()
    for place in (remote.path, mirror):
        (place / "hooks").mkdir(exist_ok=True)
        for hook in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "pre-push"):
            (place / "hooks" / hook).write_text(HOOK.format(marker=marker))
            (place / "hooks" / hook).chmod(0o755)
        run("config", "--file", str(place / "config"), "core.hooksPath", str(place / "hooks"))
        keys = ("core.fsmonitor", "core.sshCommand", "filter.evil.smudge", "diff.evil.textconv", "gpg.program")
        for key in (*keys, "uploadpack.packObjectsHook", "core.alternateRefsCommand", "core.pager"):
            run("config", "--file", str(place / "config"), key, str(program))
    bad = remote.write({".gitattributes": "* filter=evil diff=evil", "env/a": "2"})
    marker.unlink(missing_ok=True)
    source = opened(remote.path, tmp_path)
    assert source.poll() == bad
    assert source.files(bad).read("env/a") == b"2"
    source.log(bad, 5)
    source.keep(bad, "release-1")
    made = source.restore(bad, good, ["env"], "Back")
    source.push(made)
    assert remote.tip() == made
    assert not marker.exists(), marker.read_text()


def test_a_repository_in_the_daemons_environment_is_none_of_ours(remote: BareRepository, tmp_path: Path) -> None:
    marker = tmp_path / "was-here"
    process = elsewhere(
        remote.path,
        tmp_path,
        GIT_DIR=str(tmp_path / "none"),
        GIT_WORK_TREE="/",
        GIT_OBJECT_DIRECTORY=str(tmp_path / "objects"),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="core.hooksPath",
        GIT_CONFIG_VALUE_0=str(tmp_path),
        GIT_SSH_COMMAND=f"touch {marker}",
        GIT_NAMESPACE="other",
    )
    output, errors = process.communicate(timeout=60)
    assert output.strip() == remote.tip(), errors
    assert not marker.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_local_repository_of_another_user_is_read(remote: BareRepository, tmp_path: Path) -> None:
    for path in [remote.path, *remote.path.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert opened(remote.path, tmp_path).poll() == remote.tip()


def test_links_programs_and_submodules_are_entries_and_nothing_more(remote: BareRepository, tmp_path: Path) -> None:
    module = '[submodule "../../evil"]\n\tpath = sub\n\turl = https://example.com/x\n'
    contents = {".gitmodules": module, "sub": "1" * 40, "link": "/proc/self/environ", "run.sh": "#!/bin/sh\n"}
    modes = {"sub": "160000", "link": "120000", "run.sh": "100755"}
    commit = remote.write({name: contents[name] for name in modes}, modes=modes)
    source = opened(remote.path, tmp_path)
    source.poll()
    files = source.files(commit)
    assert {name: oct(entry.mode) for name in modes if (entry := files.entry(name))} == {
        "sub": "0o160000",
        "link": "0o120000",
        "run.sh": "0o100755",
    }
    assert files.read("link") == b"/proc/self/environ"
    remote.write({".gitmodules": module})
    with pytest.raises(SourceUnavailable, match="gitmodulesName"):
        source.poll()
    assert source.head() == commit
