"""Guards: the operator, what serves and the commit are heard, the strictest counts, and people have their say."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitopsd.model.guards import ApprovalRule, Guards, OperatorPolicy, RateLimit, Window, Workload
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.release import Hold
from tests.cli.shop import Shop, compose, service, web
from tests.fakes.containers import exits, unhealthy

APPROVAL = "x-gitopsd: {approval: {timeout: 1h}}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """One release, under no guard; it serves."""
    made = Shop(tmp_path / "state")
    made.release(compose(web("web:1")), "First")
    return made


@pytest.fixture
def guarded(shop: Shop) -> Shop:
    """What serves wants an approval of what comes after it, and that waits."""
    shop.release(APPROVAL + compose(web("web:1")), "Guard")
    shop.release(APPROVAL + compose(web("web:2")), "Second")
    return shop


def ask(shop: Shop, verb: Verb, **arguments: Any) -> str:
    number = shop.store.submit(Operation(verb, "shop", "ada", shop.clock.now(), arguments))
    shop.work()
    operation = shop.store.operation(number)
    assert operation is not None
    return operation.result


def runs(shop: Shop) -> list[str]:
    return sorted(each.named for each in shop.engine.containers.values() if each.up)


def holds(shop: Shop) -> list[Hold]:
    return [hold for status in shop.store.statuses() for hold in status.holds]


def guards(shop: Shop) -> list[str]:
    return [hold.guard for hold in holds(shop)]


def ledger(shop: Shop) -> list[tuple[int, str | None]]:
    return [(each.number, each.outcome) for each in shop.store.releases("shop")]


def policy(**said: Any) -> OperatorPolicy:
    return OperatorPolicy(Guards(**said))


# Approval.


def test_a_release_waits_for_its_approval_and_says_how_to_give_it(guarded: Shop) -> None:
    (hold,) = holds(guarded)
    assert (hold.guard, hold.release, runs(guarded)) == ("approval", 2, ["web:1"])
    assert hold.until == guarded.clock.now() + timedelta(hours=1)
    assert "`gitopsd approve shop`" in hold.reason


def test_an_approved_release_begins_under_the_number_that_it_waited_under(guarded: Shop) -> None:
    assert ask(guarded, "approve", reason="looked at it").endswith("is approved")
    guarded.work()
    assert (runs(guarded), ledger(guarded)[0], guards(guarded)) == (["web:2"], (2, "succeeded"), [])
    (told,) = [each.message for each in guarded.store.events(limit=1000) if each.reason == "OperationApprove"]
    assert told.startswith("ada asked to approve (looked at it)")


def test_a_denied_release_leaves_everything_as_it_was_until_somebody_asks_again(guarded: Shop) -> None:
    """25: a denied approval leaves what serves untouched."""
    ask(guarded, "deny", reason="not today")
    guarded.work()
    assert (runs(guarded), ledger(guarded)[0]) == (["web:1"], (2, "cancelled"))
    assert "denied by ada: not today" in holds(guarded)[0].reason
    ask(guarded, "retry")
    guarded.work()
    assert [(each.guard, each.release) for each in holds(guarded)] == [("approval", 3)]


def test_an_approval_is_for_what_was_shown_and_for_nothing_that_comes_after_it(guarded: Shop) -> None:
    """25: an approval is bound to the content that was shown."""
    ask(guarded, "approve", what="2")
    guarded.release(APPROVAL + compose(web("web:3")), "Third")
    assert (guards(guarded), runs(guarded)) == (["approval"], ["web:2"])


def test_newer_content_takes_the_place_of_what_waits_and_that_never_runs(guarded: Shop) -> None:
    guarded.release(APPROVAL + compose(web("web:3")), "Third")
    assert ledger(guarded)[0] == (2, "superseded")
    assert "does not wait here" in ask(guarded, "approve", what="2")
    ask(guarded, "approve", what="3")
    guarded.work()
    assert runs(guarded) == ["web:3"]


def test_what_nobody_answers_runs_out_and_is_not_asked_for_again(guarded: Shop) -> None:
    """25: so does one that expired."""
    guarded.wait(3601)
    guarded.work()
    guarded.work()
    assert (runs(guarded), ledger(guarded)[0]) == (["web:1"], (2, "cancelled"))
    assert "nobody said yes" in holds(guarded)[0].reason
    assert "nothing waits" in ask(guarded, "approve")


def test_an_approval_runs_out_too_while_another_guard_still_holds(shop: Shop) -> None:
    night = Window("0 22 * * *", timedelta(hours=8))
    shop.policy = policy(approval=ApprovalRule(timedelta(hours=2)), calendars=((night,),))
    shop.release(compose(web("web:2")), "Second")
    ask(shop, "approve")
    assert guards(shop) == ["window"]
    shop.wait(10.5 * 3600)
    shop.work()
    assert (guards(shop), runs(shop)) == (["approval"], ["web:1"])


def test_a_commit_that_names_what_waits_may_be_approved_by_its_id(guarded: Shop) -> None:
    head = guarded.source.poll()
    assert "is approved" in ask(guarded, "approve", what=head)


def test_a_revert_to_what_serves_lets_go_of_what_waits(guarded: Shop) -> None:
    guarded.release(APPROVAL + compose(web("web:1")), "Revert")
    assert (guards(guarded), ledger(guarded)[0]) == ([], (2, "superseded"))


# No commit deletes the guard that would hold it.


def test_a_commit_that_removes_the_guard_is_held_by_it(guarded: Shop) -> None:
    guarded.release(compose(web("web:3")), "Without the guard")
    assert guards(guarded) == ["approval"]
    assert "as release 1, the last good one, wants" in holds(guarded)[0].reason
    assert "loosens: approval (counts from the release after this one)" in guarded.ask("plan").stdout


def test_two_commits_that_remove_the_guard_first_are_held_as_well(guarded: Shop) -> None:
    guarded.release(compose(web("web:1")), "Only the guard goes")
    guarded.release(compose(web("web:3")), "Now the content")
    assert guards(guarded) == ["approval"]


def test_what_a_release_loosened_counts_from_the_next_one(guarded: Shop) -> None:
    guarded.release(compose(web("web:3")), "Without the guard")
    ask(guarded, "approve")
    guarded.release(compose(web("web:2")), "Next")
    assert (runs(guarded), guards(guarded)) == (["web:2"], [])


# Windows and rate limits.


def test_a_release_waits_for_its_window_and_begins_when_it_opens(shop: Shop) -> None:
    shop.policy = policy(calendars=((Window("0 22 * * *", timedelta(hours=2)),),))
    shop.release(compose(web("web:2")), "Second")
    (hold,) = holds(shop)
    assert (hold.guard, hold.until) == ("window", at(shop, 22))
    assert "says the operator's policy" in hold.reason
    (status,) = shop.store.statuses()
    assert status.next is not None
    assert status.next.at == at(shop, 22)
    shop.clock.advance((at(shop, 22) - shop.clock.now()).total_seconds())
    shop.work()
    assert runs(shop) == ["web:2"]


def at(shop: Shop, hour: int) -> datetime:
    return shop.clock.now().replace(hour=hour, minute=0, second=0, microsecond=0)


def test_too_many_releases_within_an_hour_wait_and_collapse_to_the_newest(shop: Shop) -> None:
    """26: no release begins beyond the rate, and what queues collapses to the latest."""
    shop.policy = policy(rate_limit=RateLimit(releases_per_hour=2))
    shop.release(compose(web("web:2")), "Second")
    shop.release(compose(web("web:3")), "Third")
    shop.release(compose(web("web:3", "labels: {a: b}")), "Fourth")
    assert (guards(shop), ledger(shop)[0]) == (["rate-limit"], (3, "superseded"))
    shop.wait(3600)
    shop.work()
    assert ledger(shop)[0] == (4, "succeeded")


def test_releases_keep_their_distance(shop: Shop) -> None:
    shop.policy = policy(rate_limit=RateLimit(distance=timedelta(minutes=5)))
    shop.release(compose(web("web:2")), "Second")
    assert guards(shop) == ["rate-limit"]
    shop.wait(300)
    shop.work()
    assert runs(shop) == ["web:2"]


def test_a_clock_that_was_set_back_does_not_hold_releases_for_long(shop: Shop) -> None:
    shop.policy = policy(rate_limit=RateLimit(distance=timedelta(minutes=5)))
    journal = shop.store.journal("shop")
    shop.store.save(replace(journal, begun=(shop.clock.now() + timedelta(days=1),)))
    shop.release(compose(web("web:2")), "Second")
    assert holds(shop)[0].until == shop.clock.now() + timedelta(minutes=5)


# The emergency lane.


@pytest.mark.parametrize("how", ["revert", "pin"])
def test_going_back_to_what_was_good_passes_windows_approvals_and_limits(shop: Shop, how: str) -> None:
    shop.release(compose(web("web:2")), "Second")
    never = Window("0 0 29 2 *", timedelta(minutes=1))
    shop.policy = policy(calendars=((never,),), approval=ApprovalRule(), rate_limit=RateLimit(1, timedelta(days=1)))
    if how == "revert":
        shop.release(compose(web("web:1")), "Revert")
    else:
        ask(shop, "pin", release=1, for_s=60, reason="slow")
    assert runs(shop) == ["web:1"]


@pytest.mark.parametrize("how", ["revert", "pin"])
def test_going_back_past_a_guard_does_not_let_go_of_it(guarded: Shop, how: str) -> None:
    """Nobody said yes to the loosening, as everybody would have to with any other commit."""
    ask(guarded, "approve")
    if how == "revert":
        guarded.release(compose(web("web:1")), "Revert, also of the guard")
    else:
        ask(guarded, "pin", release=1, for_s=3600, reason="slow")
    assert runs(guarded) == ["web:1"]
    ask(guarded, "unpin")
    guarded.release(compose(web("web:3")), "Third")
    assert (guards(guarded), runs(guarded)) == (["approval"], ["web:1"])


# The time of a release, and its failed launches.


def test_a_release_has_the_least_of_what_anybody_allows_it(tmp_path: Path) -> None:
    operator = OperatorPolicy(Guards(timeout=timedelta(minutes=10), launches=5))
    shop = Shop(tmp_path / "state", policy=operator)

    shop.release("x-gitopsd: {release_timeout: 30m, circuit_breaker: {launches: 3}}\n" + compose(web("web:1")))

    (release,) = shop.store.releases("shop", limit=1)
    assert (release.timeout, release.launches) == (timedelta(minutes=10), 3)


# The circuit breaker.


def test_after_so_many_failures_in_a_row_nothing_new_begins_until_a_person_says_so(shop: Shop) -> None:
    shop.policy = policy(failures=2)
    for number in (4, 5):
        shop.image(f"web:{number}", unhealthy())
        shop.release(compose(web(f"web:{number}")), f"Bad {number}")
    shop.release(compose(web("web:2")), "Maybe good")
    assert guards(shop) == ["circuit-breaker"]
    ask(shop, "retry")
    shop.work()
    assert runs(shop) == ["web:2"]


# The deletion cap.


@pytest.fixture
def three(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    made.release(compose(web("web:1"), service("db"), service("cache")), "First")
    return made


def test_more_than_half_of_the_slots_are_deleted_only_after_a_confirmation(three: Shop) -> None:
    three.release(compose(web("web:1")), "Two go")
    assert (guards(three), runs(three)) == (["deletion"], ["db:1", "db:1", "web:1"])
    assert "2 of 3 slots would be deleted (cache, db)" in holds(three)[0].reason
    ask(three, "approve")
    three.work()
    assert runs(three) == ["web:1"]


def test_fewer_go_without_a_word_and_so_do_replaced_and_scaled_ones(three: Shop) -> None:
    three.release(compose(web("web:2"), service("db", "deploy: {replicas: 0}")), "One goes")
    assert (guards(three), runs(three)) == ([], ["web:2"])


def test_a_commit_that_only_raises_the_share_raises_it_for_nobody(three: Shop) -> None:
    more = "x-gitopsd: {deletion_cap: 90%}\n"
    three.release(more + compose(web("web:1"), service("db"), service("cache")), "No release, as no content changed")
    three.release(more + compose(web("web:1")), "Two go")
    assert guards(three) == ["deletion"]


def test_all_of_them_wait_whatever_the_share(three: Shop) -> None:
    three.release("x-gitopsd: {deletion_cap: 100%}\n" + compose(web("web:1"), service("db"), service("cache")), "Share")
    three.release("x-gitopsd: {deletion_cap: 100%}\n" + compose(service("new")), "All go")
    assert guards(three) == ["deletion"]


def test_a_commit_without_services_deletes_nothing_until_a_person_says_so(three: Shop) -> None:
    three.release("services: {}\n", "All gone")
    assert (guards(three), len(runs(three))) == (["deletion"], 3)
    assert "everything would be deleted (cache, db, web), as this commit has no services" in three.ask("plan").stdout
    ask(three, "approve")
    three.work()
    (status,) = three.store.statuses()
    assert (runs(three), status.sync, status.health, status.holds) == ([], "Synced", "Healthy", ())


def test_what_was_once_emptied_on_purpose_is_not_emptied_again_without_a_word(three: Shop) -> None:
    three.release("services: {}\n", "All gone")
    ask(three, "approve")
    three.release(compose(web("web:1")), "There again")
    three.release("services: {}\n", "Gone once more")
    assert (guards(three), runs(three)) == (["deletion"], ["web:1"])


def test_a_finished_job_has_no_slot_and_does_not_go_unasked_with_all_that_there_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    shop.image("job:1", exits(0))
    shop.release('services:\n  once:\n    image: job:1\n    restart: "no"\n', "A job alone")
    shop.release("services: {}\n", "Nothing")
    assert guards(shop) == ["deletion"]


def test_a_commit_cannot_raise_the_share_for_itself(three: Shop) -> None:
    three.release("x-gitopsd: {deletion_cap: 90%}\n" + compose(web("web:1")), "Two go")
    assert guards(three) == ["deletion"]
    assert "loosens: deletion_cap" in three.ask("plan").stdout


# The command line.


def test_approve_and_deny_answer_in_words_and_with_an_exit_code(guarded: Shop) -> None:
    assert guarded.ask("approve", "shop", "--reason", "fine").exit_code == 0
    assert guarded.ask("deny", "nowhere").exit_code == 1


def test_the_plan_shows_every_guard_that_would_hold(guarded: Shop) -> None:
    guarded.policy = policy(calendars=((Window("0 0 29 2 *", timedelta(minutes=1)),),), failures=3)
    guarded.release(APPROVAL + compose(web("web:3")), "Third")
    shown = guarded.text("plan", "shop")
    assert "held by approval" in shown
    assert "held by window" in shown


def test_the_plan_shows_that_others_on_the_engine_go_first(shop: Shop) -> None:
    shop.policy = OperatorPolicy(rollouts=1)
    shop.commit(compose(web("web:2")), "Second")
    shop.work(until=lambda: shop.store.journal("shop").release is not None)
    (status,) = shop.store.statuses()
    shop.store.save(replace(shop.store.journal("shop"), environment="other"))
    shop.store.save_status(replace(status, name="other", engine=shop.view().environments["shop"].engine.url))
    shop.commit(compose(web("web:3")), "Third")
    assert "held by concurrency: other under way on this engine now, and 1 at once may be" in shop.text("plan", "shop")


def test_the_plan_shows_no_guard_that_what_has_begun_is_past(shop: Shop) -> None:
    shop.policy = policy(rate_limit=RateLimit(distance=timedelta(minutes=5)))
    shop.wait(300)
    shop.commit(compose(web("web:2")), "Second")
    shop.work(until=lambda: shop.store.journal("shop").release is not None)
    shown = shop.text("plan", "shop")
    assert "web:1 -> web:2" in shown
    assert "held by" not in shown


@pytest.mark.parametrize("guard", ["manual", "suspended"])
def test_the_plan_shows_what_holds_every_release(shop: Shop, guard: str) -> None:
    if guard == "manual":
        shop.mode = "manual"
    else:
        ask(shop, "suspend", reason="holidays")
    shop.release(compose(web("web:2")), "Second")
    assert f"held by {guard}" in shop.text("plan", "shop")


# What no container may have.


@pytest.mark.parametrize("enforce", ["warn", "deny"])
def test_the_policy_says_the_same_in_validate_plan_and_run(shop: Shop, tmp_path: Path, enforce: str) -> None:
    shop.policy = OperatorPolicy(workload=Workload("deny" if enforce == "deny" else "warn", ("privileged",)))
    text = compose(web("web:2", "privileged: true"))
    shop.release(text, "Root")
    (tmp_path / "compose.yaml").write_text(text)
    said = "services.web.privileged: policy rule privileged: a privileged container is root on the host"
    assert f"environments/shop/compose.yaml:5:5: {said}" in shop.ask("plan").stdout
    checked = shop.ask("validate", str(tmp_path))
    assert f"compose.yaml:5:5: {said}" in checked.output
    (status,) = shop.store.statuses()
    if enforce == "deny":
        assert (guards(shop), runs(shop), checked.exit_code) == (["policy"], ["web:1"], 1)
        assert said in holds(shop)[0].reason
    else:
        assert (guards(shop), runs(shop), checked.exit_code) == ([], ["web:2"], 0)
        assert said in status.warnings[0]
