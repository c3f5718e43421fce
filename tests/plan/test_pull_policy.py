"""When a registry is asked about an image again: each policy, before a release and beside what serves."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.model.desired import Service
from gitopsd.model.image import Asked
from gitopsd.plan.pull_policy import ask_beside, ask_first, asks_again, may_pull, next_question
from tests.builders import NOON, a_service

HOUR = timedelta(hours=1)


def web(policy: str = "", image: str = "shop/web:1") -> Service:
    service = a_service("web").service
    return replace(service, image=image, options={"pull_policy": policy} if policy else {})


def test_only_never_forbids_to_pull() -> None:
    assert [policy for policy in ("", "missing", "always", "never", "daily") if not may_pull(web(policy))] == ["never"]


@pytest.mark.parametrize("policy", ["", "missing", "never", "if_not_present"])
def test_without_a_policy_that_says_so_nobody_asks_again(policy: str) -> None:
    service = web(policy)

    assert not asks_again(service)
    assert not ask_first(service, Asked(), "new", NOON)
    assert not ask_beside(service, Asked(), "new", NOON)
    assert next_question(service, Asked(NOON)) is None


@pytest.mark.parametrize("policy", ["always", "daily"])
def test_a_digest_stands_for_itself(policy: str) -> None:
    assert not asks_again(web(policy, "shop/web@sha256:1"))
    assert not asks_again(web(policy, "shop/web:1@sha256:1"))


def test_always_asks_once_for_new_inputs() -> None:
    service = web("always")

    assert ask_first(service, Asked(), "new", NOON)
    assert ask_first(service, Asked(NOON, "old"), "new", NOON)
    assert not ask_first(service, Asked(NOON, "new"), "new", NOON + 1000 * HOUR)
    assert not ask_beside(service, Asked(NOON, "old"), "new", NOON)


def test_what_was_asked_in_vain_holds_nothing_and_is_asked_again_beside() -> None:
    in_vain = Asked(NOON, "old", tried_for="new")

    assert not ask_first(web("always"), in_vain, "new", NOON)
    assert ask_beside(web("always"), in_vain, "new", NOON)
    assert not ask_beside(web("always"), in_vain, "old", NOON)
    assert not ask_first(web("daily"), in_vain, "new", NOON + 48 * HOUR)
    assert ask_beside(web("daily"), in_vain, "new", NOON + 48 * HOUR)


@pytest.mark.parametrize(
    ("policy", "hours"),
    [("daily", 24), ("weekly", 168), ("every_12h", 12), ("every_1w2d", 216), ("every_90m", 1.5), ("every_0s", 1 / 60)],
)
def test_a_span_asks_when_it_has_passed_since_the_last_answer(policy: str, hours: float) -> None:
    service, asked = web(policy), Asked(NOON, "old")
    due = NOON + hours * HOUR

    assert next_question(service, asked) == due
    for ask in (ask_first, ask_beside):
        assert not ask(service, asked, "new", due - timedelta(seconds=1))
        assert ask(service, asked, "new", due)
        assert ask(service, Asked(), "new", NOON)
