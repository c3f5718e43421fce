"""Polling Git: what is known stays known, its age is told, and each trouble is told once."""

from dataclasses import replace

from gitopsd.controller.repositories import Repositories
from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.settings import Repository, Verify
from tests.fakes.clock import FakeClock
from tests.fakes.source import FakeSource
from tests.fakes.store import FakeStore

AWAY = SourceUnavailable("repository shop: git ls-remote: no answer within 60 s")


class Known:
    """One repository, and what the controller knows of it."""

    def __init__(self, source: FakeSource | None = None, verify: Verify | None = None) -> None:
        self.verify = verify or Verify()
        self.source = source or FakeSource()
        self.store = FakeStore()
        self.clock = FakeClock()
        self.repositories = self.opened()

    def opened(self) -> Repositories:
        settings = {"shop": Repository("shop", "https://git.example.com/shop.git", verify=self.verify)}
        return Repositories(settings, lambda _: self.source, self.store, self.clock)

    def poll(self) -> bool:
        return self.repositories.poll("shop")

    def told(self) -> list[str]:
        return [event.reason for event in self.store.events()]


def test_a_moved_branch_is_told_once() -> None:
    known = Known()
    commit = known.source.write({"README": "1"})
    assert known.poll()
    assert not known.poll()
    head = known.repositories.head("shop")
    assert head is not None
    assert head.commit == commit
    assert known.told() == ["RevisionSeen"]


def test_while_the_remote_is_away_the_last_commit_stays_known_and_its_age_is_told() -> None:
    known = Known()
    commit = known.source.write({"README": "1"})
    known.poll()
    known.source.failure = AWAY
    known.clock.advance(90)
    assert not known.poll()
    assert not known.poll()
    head = known.repositories.head("shop")
    assert head is not None
    assert head.commit == commit
    assert known.repositories.stale("shop") == f"{AWAY}; what is known is 90 s old"
    assert known.told() == ["RevisionSeen", "FetchFailed"]


def test_the_return_of_the_remote_is_told_and_nothing_is_stale_any_more() -> None:
    known = Known()
    known.source.write({"README": "1"})
    known.poll()
    known.source.failure = AWAY
    known.poll()
    known.source.failure = None
    known.poll()
    assert known.repositories.stale("shop") == ""
    assert known.told() == ["RevisionSeen", "FetchFailed", "FetchRecovered"]


def test_a_deleted_branch_is_trouble_and_changes_nothing() -> None:
    known = Known()
    known.source.write({"README": "1"})
    known.poll()
    known.source.delete_branch()
    assert not known.poll()
    assert known.repositories.head("shop") is not None
    assert known.repositories.trouble("shop")


def test_a_rewritten_history_is_followed_and_told() -> None:
    known = Known()
    known.source.write({"README": "1"})
    known.poll()
    commit = known.source.rewrite({"README": "other"})
    assert known.poll()
    head = known.repositories.head("shop")
    assert head is not None
    assert head.commit == commit
    assert known.told() == ["RevisionSeen", "HistoryRewritten", "RevisionSeen"]


def test_a_new_daemon_knows_what_the_mirror_holds_before_the_remote_answers() -> None:
    known = Known()
    commit = known.source.write({"README": "1"})
    known.poll()
    known.source.failure = AWAY
    again = known.opened()
    head = again.head("shop")
    assert head is not None
    assert head.commit == commit


class DamagedSource(FakeSource):
    """A mirror in which a commit cannot be read."""

    damaged = False

    def files(self, commit: str):  # type: ignore[no-untyped-def]
        if self.damaged:
            raise SourceUnavailable("the mirror is damaged")
        return super().files(commit)


def test_a_commit_that_cannot_be_read_is_trouble_and_is_tried_again() -> None:
    source = DamagedSource()
    known = Known(source)
    source.write({"README": "1"})
    source.damaged = True
    assert not known.poll()
    assert known.repositories.trouble("shop") == "the mirror is damaged"
    source.damaged = False
    assert known.poll()


def test_a_commit_that_is_not_trusted_leaves_what_is_known_in_force_and_is_told_once() -> None:
    known = Known()
    good = known.source.write({"README": "1"})
    known.poll()
    bad = known.source.write({"README": "2"})
    known.source.distrusted[bad] = "it is not signed"
    assert known.poll()  # which those it concerns are woken for
    assert not known.poll()
    head = known.repositories.head("shop")
    assert head is not None
    assert head.commit == good
    assert f"commit {bad[:8]} is not trusted: it is not signed" in known.repositories.distrust("shop")
    assert known.told().count("SignatureRefused") == 1


def test_a_signed_commit_on_top_is_taken_over() -> None:
    known = Known()
    known.source.distrusted[known.source.write({"README": "1"})] = "it is not signed"
    known.poll()
    assert known.repositories.head("shop") is None
    good = known.source.write({"README": "2"})
    assert known.poll()
    head = known.repositories.head("shop")
    assert head is not None
    assert (head.commit, known.repositories.distrust("shop")) == (good, "")


def test_a_new_daemon_begins_with_what_was_trusted_and_not_with_what_the_mirror_fetched_last() -> None:
    known = Known(verify=Verify("head"))
    good = known.source.write({"README": "1"})
    known.poll()
    bad = known.source.write({"README": "2"})
    known.source.distrusted[bad] = "it is not signed"
    known.poll()
    head = known.opened().head("shop")
    assert head is not None
    assert head.commit == good


def test_what_was_trusted_once_is_not_any_more_when_its_key_is_shut_out() -> None:
    known = Known(verify=Verify("head"))
    commit = known.source.write({"README": "1"})
    known.poll()
    known.source.distrusted[commit] = "the key that signed it is revoked"
    assert known.opened().head("shop") is None


def test_whoever_takes_over_with_an_older_mirror_knows_nothing_until_the_remote_answers() -> None:
    known = Known()
    known.source.write({"README": "1"})
    known.poll()
    older = replace(known.source, _fetched=set(known.source._fetched))
    newest = known.source.write({"README": "2"})
    known.poll()

    known.source = older
    taken_over = known.opened()

    assert taken_over.head("shop") is None
    assert taken_over.poll("shop")
    head = taken_over.head("shop")
    assert head is not None
    assert head.commit == newest


def test_a_mirror_that_is_ahead_of_what_was_written_down_is_gone_by() -> None:
    known = Known()
    known.source.write({"README": "1"})
    known.poll()
    newest = known.source.write({"README": "2"})
    known.source.poll()  # and the daemon was killed before it could say so

    head = known.opened().head("shop")

    assert head is not None
    assert head.commit == newest
