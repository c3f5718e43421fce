"""Which images may go from an engine: only what gitopsd brought, and only when nobody needs it any more."""

from dataclasses import replace

import pytest

from gitopsd.model.image import HeldImage, PulledImage
from gitopsd.model.release import Outcome, Release, ReleasedService
from gitopsd.release.superseded import last_good, superseded
from tests.builders import NOON

OLD = HeldImage("sha256:id", ("shop/web:1",), ("shop/web@sha256:digest",))
PULLED = PulledImage("engine", "sha256:id", frozenset({"shop/web:1"}), "shop", NOON)
NOBODY: frozenset[str] = frozenset()


def names(
    held: HeldImage | None,
    pulled: PulledImage = PULLED,
    needed: frozenset[str] = NOBODY,
    wanted: frozenset[str] = NOBODY,
) -> list[tuple[str, ...]]:
    """The names by which the image may go; nothing when it stays."""
    found = superseded({held.id: held} if held else {}, [pulled], needed, wanted)
    return [each.names for each in found]


def released(number: int, digest: str, outcome: Outcome | None = "succeeded") -> Release:
    service = ReleasedService("web", "shop/web:1", digest, "v1:a", "c")
    ended = NOON if outcome else None
    return Release(number, "shop", "r", "i", "c", "Ada", "s", "c", NOON, (service,), finished_at=ended, outcome=outcome)


def test_what_was_pulled_and_nobody_needs_goes_by_all_its_names() -> None:
    assert names(OLD) == [("shop/web:1", "shop/web@sha256:digest")]


def test_an_image_whose_tag_moved_on_goes_by_its_digest_and_a_nameless_one_by_its_id() -> None:
    assert names(replace(OLD, tags=())) == [("shop/web@sha256:digest",)]
    assert names(HeldImage("sha256:id")) == [("sha256:id",)]


@pytest.mark.parametrize("identity", ["sha256:id", "sha256:digest"])
def test_what_a_kept_release_needs_stays_by_whichever_hash_it_is_on_record(identity: str) -> None:
    assert names(OLD, needed=frozenset({identity})) == []


def test_what_a_container_was_made_from_stays() -> None:
    assert names(replace(OLD, used=True)) == []


def test_what_git_names_now_stays() -> None:
    assert names(OLD, wanted=frozenset({"shop/web:1"})) == []
    assert names(OLD, wanted=frozenset({"shop/web@sha256:digest"})) == []


def test_what_somebody_gave_another_name_stays() -> None:
    assert names(replace(OLD, tags=("mine:keep", "shop/web:1"))) == []
    assert names(replace(OLD, digests=(*OLD.digests, "backup/web@sha256:digest"))) == []


def test_a_name_by_which_gitopsd_pulled_it_too_is_nobody_elses() -> None:
    both = replace(PULLED, references=frozenset({"shop/web:1", "shop/web:latest"}))
    assert names(replace(OLD, tags=("shop/web:1", "shop/web:latest")), both) != []


def test_what_is_gone_already_need_not_go() -> None:
    assert names(None) == []


def test_the_last_good_releases_are_those_that_succeeded_whatever_failed_between_them() -> None:
    ledger = [released(5, "five", None), released(4, "four", "failed"), released(3, "web@three"), released(2, "two"),
              released(1, "one")]  # fmt: skip

    assert [each.number for each in last_good(ledger, 2)] == [3, 2]
