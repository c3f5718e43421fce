"""What every source does: the same tests over the fake, local repositories and real servers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from gitopsd.adapters.git.source import open_source
from gitopsd.controller.ports import Source
from gitopsd.model.errors import RevisionNotFound, SourceUnavailable
from gitopsd.model.settings import Repository
from tests.adapters.git.repositories import BareRepository
from tests.adapters.git.servers import git_daemon, http_server
from tests.fakes.source import FakeSource

UNKNOWN = "0123456789" * 4


class Remote(Protocol):
    """What other people do to the repository."""

    def write(self, changes: Mapping[str, str | bytes | None], subject: str = ..., author: str = ...) -> str: ...
    def rewrite(self, contents: Mapping[str, str | bytes]) -> str: ...
    def delete_branch(self) -> None: ...
    def tag(self, name: str, commit: str) -> None: ...


Pair = tuple[Remote, Source]


@pytest.fixture(params=["fake", "path", "file", "git", "http"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    if request.param == "fake":
        fake = FakeSource()
        yield fake, fake
        return
    remote = BareRepository(tmp_path / "shop.git")
    with ExitStack() as servers:
        addresses: dict[str, Callable[[], str]] = {
            "path": lambda: str(remote.path),
            "file": lambda: f"file://{remote.path}",
            "git": lambda: servers.enter_context(git_daemon(tmp_path)) + "/shop.git",
            "http": lambda: servers.enter_context(http_server(tmp_path)).url + "/shop.git",
        }
        yield remote, open_source(Repository("shop", addresses[request.param]()), tmp_path / "state")


def test_before_the_first_poll_nothing_is_known(pair: Pair) -> None:
    remote, source = pair
    commit = remote.write({"a": "1"})
    assert source.head() is None
    with pytest.raises(RevisionNotFound):
        source.files(commit)


def test_a_poll_brings_the_branchs_files(pair: Pair) -> None:
    remote, source = pair
    commit = remote.write({"env/compose.yaml": "services: {}\n", "env/data.bin": b"\x00\xff\n"})
    assert source.poll() == commit == source.head()
    files = source.files(commit)
    assert files.revision == commit
    assert files.read("env/compose.yaml") == b"services: {}\n"
    assert files.read("env/data.bin") == b"\x00\xff\n"
    entry = files.entry("env/data.bin")
    assert entry is not None
    assert (entry.mode, entry.size) == (0o100644, 3)
    assert files.entry("env/none") is None


def test_a_poll_follows_the_branch_and_older_files_stay_readable(pair: Pair) -> None:
    remote, source = pair
    first = remote.write({"a": "1", "b": "1"})
    source.poll()
    before = source.files(first)
    second = remote.write({"a": "2", "b": None})
    assert source.poll() == second
    assert before.read("b") == b"1"
    assert source.files(first).read("a") == b"1"
    assert source.files(second).read("a") == b"2"
    assert source.files(second).entry("b") is None


def test_equal_inputs_have_equal_digests_across_commits(pair: Pair) -> None:
    remote, source = pair
    first = remote.write({"env/a": "1", "other": "1"})
    source.poll()
    second = remote.write({"other": "2"})
    source.poll()
    assert source.files(first).input_digest({"env/", "gone"}) == source.files(second).input_digest({"env/", "gone"})
    assert source.files(first).input_digest({"other"}) != source.files(second).input_digest({"other"})


def test_commits_tell_author_subject_and_line(pair: Pair) -> None:
    remote, source = pair
    first = remote.write({"a": "1"}, "Begin", "Ada Lovelace")
    second = remote.write({"a": "2"}, "Go on", "Grace Hopper")
    source.poll()
    commit = source.commit(second)
    assert (commit.id, commit.author, commit.subject, commit.parents) == (second, "Grace Hopper", "Go on", (first,))
    assert [each.subject for each in source.log(second, 10)] == ["Go on", "Begin"]
    assert [each.id for each in source.log(second, 1)] == [second]
    assert commit.at > source.commit(first).at
    assert commit.at.utcoffset() is not None


def test_an_empty_repository_has_no_branch(pair: Pair) -> None:
    _, source = pair
    with pytest.raises(RevisionNotFound, match="is empty"):
        source.poll()
    assert source.head() is None


def test_a_deleted_branch_leaves_what_was_known(pair: Pair) -> None:
    remote, source = pair
    commit = remote.write({"a": "1"})
    source.poll()
    remote.delete_branch()
    with pytest.raises(RevisionNotFound):
        source.poll()
    assert source.head() == commit
    assert source.files(commit).read("a") == b"1"
    again = remote.write({"a": "2"})
    assert source.poll() == again


def test_a_force_push_is_followed_and_known_as_such(pair: Pair) -> None:
    remote, source = pair
    first = remote.write({"a": "1"})
    source.poll()
    second = remote.write({"a": "2"})
    source.poll()
    third = remote.rewrite({"a": "3"})
    assert source.poll() == third
    assert source.files(third).read("a") == b"3"
    assert source.rewritten(second, third)
    assert not source.rewritten(first, second)
    assert not source.rewritten(first, first)
    assert source.rewritten(UNKNOWN, third)


def test_revisions_are_found_by_branch_tag_and_short_id(pair: Pair) -> None:
    remote, source = pair
    first = remote.write({"a": "1"})
    second = remote.write({"a": "2"})
    remote.tag("v1", first)
    assert source.resolve("main") == second
    assert source.resolve("v1") == first
    assert source.resolve(first) == first
    assert source.resolve(first[:10]) == first
    assert source.files(first).read("a") == b"1"


def test_a_tag_that_was_moved_means_what_it_means_now(pair: Pair) -> None:
    remote, source = pair
    first = remote.write({"a": "1"})
    second = remote.write({"a": "2"})
    remote.tag("live", first)
    source.poll()
    assert source.resolve("live") == first
    remote.tag("live", second)
    assert source.resolve("live") == second


def test_a_commit_that_the_mirror_lacks_is_fetched_by_its_id(pair: Pair) -> None:
    remote, source = pair
    remote.write({"a": "1"})
    source.poll()
    newer = remote.write({"a": "2"})
    assert source.resolve(newer[:12]) == newer
    assert source.files(newer).read("a") == b"2"


@pytest.mark.parametrize("revision", ["nothing", UNKNOWN, UNKNOWN[:9], "v9"])
def test_an_unknown_revision_is_told(pair: Pair, revision: str) -> None:
    remote, source = pair
    remote.write({"a": "1"})
    source.poll()
    with pytest.raises(RevisionNotFound):
        source.resolve(revision)


def test_a_kept_commit_survives_a_force_push(pair: Pair) -> None:
    remote, source = pair
    old = remote.write({"a": "1"})
    source.poll()
    source.keep(old, "release-1")
    assert source.offer(old, "release-1")[1] == "refs/gitopsd/release-1"
    source.keep(old, "release-1")
    remote.rewrite({"a": "2"})
    source.poll()
    assert source.files(old).read("a") == b"1"


def test_what_is_kept_is_known_by_its_names_and_can_be_let_go(pair: Pair) -> None:
    remote, source = pair
    commit = remote.write({"a": "1"})
    source.poll()
    for name in ("release-1", "release-2", "rollback-shop"):
        source.keep(commit, name)
    source.let_go(["release-1", "release-9"])
    assert source.kept() == {"release-2", "rollback-shop"}


def test_restored_paths_are_as_they_were_and_the_rest_stays(pair: Pair) -> None:
    remote, source = pair
    good = remote.write({"env/a": "good", "env/sub/b": "good", "other": "1"})
    bad = remote.write({"env/a": "bad", "env/sub/b": None, "env/new": "bad", "other": "2"})
    source.poll()
    made = source.restore(bad, good, ["env"], "Back to the good one\n\nbecause")
    files = source.files(made)
    assert [files.read(path) for path in ("env/a", "env/sub/b", "other")] == [b"good", b"good", b"2"]
    assert files.entry("env/new") is None
    commit = source.commit(made)
    assert (commit.subject, commit.author, commit.parents) == ("Back to the good one", "gitopsd", (bad,))


def test_restoring_what_is_so_already_makes_no_commit(pair: Pair) -> None:
    remote, source = pair
    first = remote.write({"env/a": "1"})
    second = remote.write({"other": "2"})
    source.poll()
    assert source.restore(second, first, ["env/"], "Nothing") == second


def test_a_pushed_commit_is_the_branchs_new_one(pair: Pair) -> None:
    remote, source = pair
    good = remote.write({"a": "1"})
    bad = remote.write({"a": "2"})
    source.poll()
    made = source.restore(bad, good, ["a"], "Back")
    source.push(made)
    assert source.poll() == made
    assert source.resolve("main") == made


def test_a_push_never_overwrites_what_others_pushed(pair: Pair) -> None:
    remote, source = pair
    good = remote.write({"a": "1"})
    bad = remote.write({"a": "2"})
    source.poll()
    made = source.restore(bad, good, ["a"], "Back")
    theirs = remote.write({"b": "3"})
    with pytest.raises(SourceUnavailable, match="moved"):
        source.push(made)
    assert source.poll() == theirs


def test_tags_below_a_name_are_told_by_the_rest_of_theirs(pair: Pair) -> None:
    remote, source = pair
    commit = remote.write({"a": "1"})
    source.poll()
    remote.tag("approve/shop/one", commit)
    remote.tag("approve/shopping/two", commit)
    found = source.tags("approve/shop")
    assert {name: (tag.commit, tag.by) for name, tag in found.items()} == {"one": (commit, "Ada")}
    assert source.tags("approve/none") == {}
    assert set(source.tags("approve")) == {"shop/one", "shopping/two"}


def test_files_are_written_into_a_commit_on_top_and_the_others_stay(pair: Pair) -> None:
    remote, source = pair
    base = remote.write({"a": "1", "b": "1"})
    source.poll()
    made = source.write_files(base, {"a": b"2", "c/d": b"3"}, "Carry it over\n\nAll of it.")
    files = source.files(made)
    assert [files.read(path) for path in ("a", "b", "c/d")] == [b"2", b"1", b"3"]
    assert (source.commit(made).parents, source.commit(made).subject) == ((base,), "Carry it over")
