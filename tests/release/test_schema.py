"""The schema gate: nothing serves, and nothing is returned to, that does not work with the database as it is."""

from typing import Any

import pytest

from gitopsd.model.desired import SealedService, SealedState
from gitopsd.release.schema import cannot_return, foreseen
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

GOOD = Behaviour(exits_after=3, restart="no")
BAD = Behaviour(exits_after=3, exit_code=2, restart="no")
SICK = Behaviour(check=True, healthy_after=None, unhealthy_after=3)


def a_job(phase: str, provides: int | None = None, version: int = 1, **how: Any) -> SealedService:
    said = {"phase": phase, "database": "shop", "provides": provides, "every_release": phase == "probe", **how}
    return a_service(phase, f"{phase}:{version}", job=said)


def state(version: int, accepts: str, *jobs: SealedService) -> SealedState:
    return a_state(a_service("web", f"web:{version}", accepts=accepts), *jobs)


def at_fourteen(accepts: str = "14-16") -> Daemon:
    """A database that the first release brought to 14, and web:1."""
    daemon = Daemon().commit(state(1, accepts, a_job("expand", 14)), expand=GOOD).settle()
    assert daemon.outcome() == "succeeded"
    daemon.done.clear()
    return daemon


def at(daemon: Daemon) -> str:
    return daemon.journal.schemas["shop"].words


def test_an_expand_that_old_and_new_code_work_with_goes_through() -> None:
    daemon = at_fourteen().commit(state(2, "16-17", a_job("expand", 16, 2)), expand=GOOD).settle()
    assert daemon.outcome() == "succeeded"
    assert at(daemon) == "16"


def test_an_expand_that_what_serves_does_not_work_with_is_refused_before_anything_moved() -> None:
    daemon = at_fourteen().commit(state(2, "14-17", a_job("expand", 17, 2)), expand=GOOD).settle()
    assert daemon.moves() == []
    assert daemon.reason() == (
        "expand brings shop to 17, but web accepts 14-16, and may serve then; commits that would work, each once the "
        "one before has succeeded: (1) this code without expand; (2) expand, which brings shop to 17"
    )


def test_what_is_on_its_way_out_lets_an_expand_wait_and_not_be_refused() -> None:
    daemon = at_fourteen().commit(state(2, "14-17", a_job("expand", 14)))
    while daemon.outcome() != "succeeded" or len(daemon.ended) < 2:
        if not daemon.look() and not daemon.pending:
            daemon.wait(1)
        if len(daemon.ended) < 2 and daemon.pending:
            daemon.act()
    assert any(rollout.open for rollout in daemon.journal.rollouts.values())
    daemon.commit(state(2, "14-17", a_job("expand", 17, 2)), expand=GOOD).settle()
    assert daemon.outcome() == "succeeded"
    assert at(daemon) == "17"
    assert [each.outcome for each in daemon.ended if each.outcome != "succeeded"] == []


def test_the_sequence_that_a_refusal_names_works_and_ends_in_the_refused_commit() -> None:
    wanted = state(2, "14-17", a_job("expand", 17, 2))
    daemon = at_fourteen().commit(wanted, expand=GOOD).settle()
    daemon.commit(state(2, "14-17", a_job("expand", 14))).settle()
    assert daemon.outcome() == "succeeded"
    daemon.commit(wanted).settle()
    assert daemon.outcome() == "succeeded"
    assert at(daemon) == "17"


@pytest.mark.parametrize(
    ("accepts", "job", "way"),
    [
        ("16-18", 18, "(1) the code that serves, with a job that provides 16; (2) this code; (3) expand, which"),
        ("18-19", 18, "(1) code that accepts 14-18, as old and new code have no version in common; (2) that code,"),
        ("14-15", 16, "(1) this code without expand; (2) code that accepts 14-16; (3) expand"),
        ("12-13", None, "(1) code that accepts 14: the schema never goes back, so this code cannot serve any more"),
        ("16", None, "(1) the code that serves, with a job that provides 16; (2) this code"),
    ],
)
def test_a_refusal_names_commits_that_would_work(accepts: str, job: int | None, way: str) -> None:
    expand = a_job("expand", job, 2) if job else a_job("expand", 14)
    daemon = at_fourteen().commit(state(2, accepts, expand), expand=GOOD).settle()
    assert daemon.moves() == []
    assert way in daemon.reason()


def test_a_return_across_an_expand_leaves_old_code_with_the_new_schema() -> None:
    daemon = at_fourteen().commit(state(2, "16-17", a_job("expand", 16, 2)), expand=GOOD, web=SICK).settle()
    assert daemon.outcome() == "rolled-back"
    assert at(daemon) == "16"
    assert daemon.world.running() == ["shop-web-1 web:1"]


def test_a_database_that_a_failed_job_left_anywhere_between_is_taken_for_that() -> None:
    daemon = at_fourteen().commit(state(2, "15-17", a_job("expand", 16, 2)), expand=BAD).settle()
    assert at(daemon) == "somewhere from 14 to 16"
    daemon.commit(state(3, "16-17", a_job("expand", 14))).settle()
    assert "shop is at somewhere from 14 to 16, but the new web accepts 16-17" in daemon.reason()


def test_a_job_that_failed_half_way_may_do_the_rest_later() -> None:
    daemon = at_fourteen().commit(state(2, "15-17", a_job("expand", 16, 2)), expand=BAD).settle()
    daemon.commit(state(2, "15-17", a_job("expand", 16, 3)), expand=GOOD).settle()
    assert daemon.outcome() == "succeeded"
    assert at(daemon) == "16"


def contracted(after: float) -> Daemon:
    """web:2 serves at 16, and a contract job waits."""
    drop = a_job("contract", 17, after=seconds(after))
    wanted = state(2, "16-17", a_job("expand", 16, 2), drop)
    return at_fourteen().commit(wanted, expand=GOOD, contract=GOOD).settle()


def test_a_contract_job_waits_for_its_time_once_nothing_needs_the_old_shape() -> None:
    """27: nor while a release that could be returned to does."""
    daemon = contracted(3600)
    assert daemon.outcome() == "succeeded"
    daemon.wait(3500).run()
    assert at(daemon) == "16"
    daemon.wait(200).settle()
    assert at(daemon) == "17"
    assert [release.number for release in daemon.ended] == [1, 2, 3]


def test_a_contract_job_runs_once() -> None:
    daemon = contracted(60)
    daemon.wait(100).settle()
    daemon.done.clear()
    assert daemon.wait(10000).settle().moves() == []


def test_releases_behind_a_contract_cannot_be_returned_to_and_say_why() -> None:
    daemon = contracted(60)
    assert cannot_return(daemon.journal, daemon.ended[0]) == ""
    daemon.wait(100).settle()
    gone = "shop is at 17 (contract of release 3), and its web accepts 14-16"
    assert cannot_return(daemon.journal, daemon.ended[0]) == gone
    assert daemon.pin(1, 600) == f"not pinned: release 1 cannot be returned to: {gone}"


def test_old_code_is_refused_once_its_shape_is_gone() -> None:
    daemon = contracted(60)
    daemon.wait(100).settle()
    daemon.commit(state(1, "14-16", a_job("expand", 14))).settle()
    assert "shop is at 17, but the new web accepts 14-16" in daemon.reason()


def test_a_contract_job_does_not_run_while_an_instance_needs_the_old_shape() -> None:
    """27: not while a container needs the old shape."""
    daemon = contracted(60)
    daemon.commit(state(1, "14-16", a_job("expand", 14), a_job("contract", 17))).settle()
    assert "contract brings shop to 17 in the end, but the new web accepts 14-16" in daemon.reason()
    daemon.commit(state(1, "14-16", a_job("expand", 14))).settle()
    assert daemon.wait(10000).settle().outcome() == "succeeded"
    assert at(daemon) == "16"


def test_without_a_word_on_the_version_nothing_is_released_that_needs_one() -> None:
    daemon = Daemon().commit(state(1, "14-16")).settle()
    assert daemon.moves() == []
    assert daemon.reason() == (
        "nobody knows at which version shop is; write a job of phase probe that prints it, with database: shop"
    )


def test_a_probe_says_at_which_version_a_database_is() -> None:
    daemon = Daemon(printed={"probe": "15"}).commit(state(1, "14-16", a_job("probe")), probe=GOOD).settle()
    assert daemon.outcome() == "succeeded"
    assert at(daemon) == "15"


def test_a_probe_that_disagrees_with_the_ledger_stops_the_release_before_anything_moved() -> None:
    daemon = Daemon(printed={"probe": "15"}).commit(state(1, "14-16", a_job("probe")), probe=GOOD).settle()
    daemon.printed, before = {"probe": "18"}, len(daemon.done)
    daemon.commit(state(2, "14-16", a_job("probe"))).settle()
    assert daemon.outcome() == "rolled-back"
    assert "probe: shop is at 18, but was taken to be at 15 (probe of release 1 read it)" in daemon.reason()
    assert not [move for move in daemon.moves()[before:] if "web" in move]


def test_a_probe_that_prints_no_version_stops_the_release() -> None:
    daemon = Daemon(printed={"probe": "ready"}).commit(state(1, "14-16", a_job("probe")), probe=GOOD).settle()
    assert "its last line is to be the version of shop, but it is 'ready'" in daemon.reason()


def test_with_a_probe_the_refusal_is_foreseen_and_names_the_commits_that_would_work() -> None:
    first = state(1, "14-16", a_job("probe"))
    daemon = Daemon(printed={"probe": "16"}).commit(first, probe=GOOD).settle()
    wanted = state(2, "14-17", a_job("probe"), a_job("expand", 17))
    refused = (
        "brings shop to 17, but web accepts 14-16, and may serve then; commits that would work, each once the one "
        "before has succeeded: (1) this code without expand; (2) expand, which brings shop to 17"
    )
    assert foreseen(daemon.journal, wanted, daemon.plan(wanted)) == f"expand {refused}"
    daemon.commit(wanted, expand=GOOD).settle()
    assert f"expand: not begun: it {refused}" in daemon.reason()
    assert at(daemon) == "16"


def test_nothing_is_foreseen_of_a_database_that_only_a_probe_will_know() -> None:
    wanted = state(1, "14-16", a_job("probe"))
    assert foreseen(Daemon().journal, wanted, Daemon().plan(wanted)) == ""


def test_what_a_probe_read_is_held_against_the_new_code() -> None:
    daemon = Daemon(printed={"probe": "13"}).commit(state(1, "14-16", a_job("probe")), probe=GOOD).settle()
    assert "shop is at 13 (probe of release 1 read it), and web accepts 14-16" in daemon.reason()
    assert not [move for move in daemon.moves() if "web" in move]


def test_a_job_that_succeeded_before_anybody_named_its_version_counts() -> None:
    plain = a_state(a_service("web"), a_service("expand", job=True))
    daemon = Daemon().commit(plain, expand=GOOD).settle()
    daemon.commit(state(2, "14-16", a_job("expand", 14))).settle()
    assert daemon.outcome() == "succeeded"
    assert at(daemon) == "14"


def test_after_a_lost_journal_the_jobs_that_are_there_tell_the_version() -> None:
    daemon = at_fourteen()
    daemon.lose_journal()
    daemon.commit(state(2, "14-16", a_job("expand", 14))).settle()
    assert daemon.outcome() == "succeeded"
    assert at(daemon) == "14"
