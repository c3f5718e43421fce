"""Status is answered with or without a daemon, and says how old it is what it cannot look up."""

from dataclasses import replace
from pathlib import Path

import pytest

from gitopsd.controller.queries.status import StatusReport, status
from gitopsd.controller.queries.view import View
from gitopsd.model.errors import GitopsdError
from gitopsd.model.release import Suspension
from gitopsd.model.status import EnvironmentStatus
from tests.cli.shop import MANIFEST, Shop, compose, web


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


def only(report: StatusReport) -> EnvironmentStatus:
    (environment,) = report.environments
    return environment


def test_what_serves_is_synced_and_healthy_and_looking_writes_nothing_to_the_engine(shop: Shop) -> None:
    commit = shop.release(compose(web()))
    writes = list(shop.engine.writes)
    found = only(status(shop.view()))
    assert (found.sync, found.health, found.revision, found.serving_release) == ("Synced", "Healthy", commit, 1)
    assert shop.engine.writes == writes


def test_since_stays_while_the_words_stay_and_moves_when_they_change(shop: Shop) -> None:
    shop.release(compose(web()))
    began = shop.clock.now()
    shop.wait(600)
    assert only(status(shop.view())).since == began
    shop.engine.kill("shop-web-1")
    found = only(status(shop.view()))
    assert (found.sync, found.health, found.since) == ("OutOfSync", "Degraded", shop.clock.now())


def test_an_engine_that_is_away_is_unknown_with_what_was_last_known(shop: Shop) -> None:
    shop.release(compose(web()))
    shop.engine.away = True
    shop.wait(90)
    found = only(status(shop.view()))
    assert (found.sync, found.health, found.services) == ("Unknown", "Unknown", ())
    assert "did not answer" in found.reason
    assert "last known: Synced, Healthy since 2026-03-01 12:00:00 UTC" in found.reason


def test_a_running_daemon_is_quoted_and_neither_git_nor_engine_is_asked(shop: Shop) -> None:
    shop.release(compose(web()))
    shop.engine.away = True
    polls = shop.source.polls
    with shop.store.lock():
        report = status(shop.view())
    assert report.daemon
    assert only(report).health == "Healthy"
    assert shop.source.polls == polls


def test_an_environment_that_left_git_is_told_as_orphaned_and_keeps_running(shop: Shop) -> None:
    shop.release(compose(web()))
    shop.release({MANIFEST: None, "README.md": "empty"})
    found = only(status(shop.view()))
    assert "Orphaned" in found.reason
    assert found.health == "Healthy"
    assert shop.engine.names(running=True) == ["shop-web-1"]


def test_a_mirror_that_was_never_fetched_is_fetched_once_without_a_daemon(shop: Shop) -> None:
    shop.commit(compose(web()))
    found = only(status(shop.view()))
    assert (found.sync, found.health) == ("OutOfSync", "Missing")
    assert shop.source.polls == 1


def test_what_the_daemon_knew_to_hold_is_still_told_without_it(shop: Shop) -> None:
    shop.mode = "manual"
    shop.release(compose(web()))
    assert [hold.guard for hold in only(status(shop.view())).holds] == ["manual"]


def test_a_suspension_is_told_until_the_journal_has_it_no_more(shop: Shop) -> None:
    shop.release(compose(web()))
    journal = shop.store.journal("shop")
    shop.store.save(replace(journal, suspension=Suspension("ada", "lunch", shop.clock.now())))
    found = only(status(shop.view()))
    assert (found.health, found.reason) == ("Suspended", "suspended by ada: lunch")


def test_without_settings_the_repositories_that_the_daemon_knew_are_looked_at(shop: Shop) -> None:
    shop.release(compose(web()))
    bare = replace(shop.application(), settings=replace(shop.settings, repositories={}))
    assert only(status(View(bare))).sync == "Synced"


def test_an_unknown_name_is_answered_with_the_known_ones(shop: Shop) -> None:
    shop.release(compose(web()))
    with pytest.raises(GitopsdError, match="there is no environment blog; there are shop"):
        status(shop.view(), "blog")


def test_without_any_repository_the_way_to_name_one_is_told(shop: Shop) -> None:
    bare = replace(shop.application(), settings=replace(shop.settings, repositories={}))
    with pytest.raises(GitopsdError, match="no repository is configured"):
        status(View(bare), "shop")


def test_nothing_waits_for_a_sync_where_what_git_says_runs(shop: Shop) -> None:
    shop.release(compose(web()))
    shop.mode = "manual"
    shop.work()
    found = only(status(shop.view()))
    assert (found.sync, found.holds, found.reason) == ("Synced", (), "")
