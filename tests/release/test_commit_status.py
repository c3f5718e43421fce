"""What a forge is told of a commit as it waits, serves, fails or is overtaken."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitopsd.model.notice import CommitStatus, Reported, Standing
from gitopsd.model.release import Hold
from gitopsd.model.status import EnvironmentStatus
from gitopsd.release.commit_status import reported

OLD, NEW = "a" * 40, "b" * 40
SERVES = EnvironmentStatus(
    *("shop", "shop", "auto", OLD, OLD, "Synced", "Healthy", "", datetime(2026, 3, 1, tzinfo=UTC), OLD), 1
)
PUSHED = replace(SERVES, desired_revision=NEW, sync="OutOfSync")
GOOD = Reported(OLD, "success", "")


def told(
    status: EnvironmentStatus, before: Reported | None = GOOD, release: int | None = None
) -> list[tuple[str, ...]]:
    _, found = reported(Standing(release, {}, before), status, "default")
    return [(each.revision[0], each.state, each.description) for each in found]


def held(guard: str, reason: str) -> EnvironmentStatus:
    return replace(PUSHED, holds=(Hold(guard, reason, 2),))


def test_a_release_under_way_is_pending() -> None:
    assert told(PUSHED, release=2) == [("b", "pending", "release 2 is under way")]


@pytest.mark.parametrize("guard", ["approval", "window", "image", "suspended", "host"])
def test_what_holds_a_commit_leaves_it_pending_with_the_reason(guard: str) -> None:
    assert told(held(guard, "it waits")) == [("b", "pending", "it waits")]


@pytest.mark.parametrize("guard", ["rejected", "manifest", "policy", "signature"])
def test_what_only_another_commit_mends_is_a_failure_with_the_reason(guard: str) -> None:
    assert told(held(guard, "it is broken")) == [("b", "failure", "it is broken")]


def test_the_same_is_told_once() -> None:
    standing, first = reported(Standing(2, {}, GOOD), PUSHED, "default")
    assert len(first) == 1
    assert reported(standing, replace(PUSHED, reason="another moment"), "default") == (standing, ())


def test_a_commit_that_newer_content_overtook_does_not_stay_pending() -> None:
    assert told(replace(PUSHED, desired_revision="c" * 40), Reported(NEW, "pending", "release 2"), 3) == [
        ("b", "superseded", "superseded by cccccccccccc"),
        ("c", "pending", "release 3 is under way"),
    ]


def test_a_commit_that_changes_nothing_here_is_told_of_only_after_one_that_was_left_unwell() -> None:
    same = replace(SERVES, revision=NEW, desired_revision=NEW)
    assert told(same) == []
    assert told(same, None) == []
    assert told(same, Reported(OLD, "failure", "manifest")) == [("b", "success", "release 1 serves it")]


def test_nothing_is_said_while_nothing_is_known_or_nobody_acts() -> None:
    assert told(replace(PUSHED, sync="Unknown")) == []
    assert told(replace(PUSHED, mode="observe")) == []
    assert told(replace(PUSHED, desired_revision="")) == []


def test_a_status_names_its_environment_and_the_page_that_shows_it() -> None:
    _, (found,) = reported(Standing(2, {}, GOOD), PUSHED, "default")
    assert found == CommitStatus("default", NEW, "pending", "gitopsd/shop", "release 2 is under way", "/releases/2")
