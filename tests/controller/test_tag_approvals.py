"""Approvals by tags in Git: looked for while something waits, taken once, signed where that is asked for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.manifest.seal import VERSION
from gitopsd.model.guards import ApprovalRule, Guards, OperatorPolicy, Window
from tests.controller.house import SETTINGS, NearHouse, compose

POLL_S = SETTINGS.repositories["default"].interval.total_seconds()


def house(*, signed: bool = False) -> NearHouse:
    rule = ApprovalRule(signed=signed)
    made = NearHouse(replace(SETTINGS, policy=OperatorPolicy(Guards(approval=rule))))
    made.start()
    return made


@pytest.fixture
def waiting() -> Iterator[tuple[NearHouse, str]]:
    made = house()
    commit = made.push({"shop/compose.yaml": compose()})
    made.eventually(lambda: "approval" in made.guards("shop"))
    yield made, commit
    made.stop()


def test_a_tag_that_names_what_waits_lets_it_begin(waiting: tuple[NearHouse, str]) -> None:
    made, commit = waiting
    made.source().tag(f"approve/shop/{commit}", commit)
    made.synced(commit, "shop")
    (told,) = made.told("OperationApprove")
    assert told.startswith(f"Ada asked to approve (tag approve/shop/{commit}: A tag)")


@pytest.mark.parametrize("name", ["approve/other/{}", "approve/shop/x{}", "approved/shop/{}"])
def test_any_other_tag_approves_of_nothing(waiting: tuple[NearHouse, str], name: str) -> None:
    made, commit = waiting
    made.source().tag(name.format(commit), commit)
    looks = made.source().tag_looks
    made.eventually(lambda: made.source().tag_looks > looks + 1)
    assert made.guards("shop") == {"approval"}


def test_all_that_wait_are_asked_for_at_once(waiting: tuple[NearHouse, str]) -> None:
    made, _ = waiting
    commit = made.push({"shop/compose.yaml": compose("web:2"), "blog/compose.yaml": compose()})
    made.eventually(lambda: all("approval" in made.guards(name) for name in ("shop", "blog")))
    looks, polls = made.source().tag_looks, made.source().polls
    for _ in range(4):
        made.timer.tick(POLL_S)
    assert made.source().tag_looks - looks == made.source().polls - polls == 4
    for name in ("shop", "blog"):
        made.source().tag(f"approve/{name}/{commit}", commit)
    made.synced(commit, "shop", "blog")


def test_tags_are_looked_for_only_while_something_waits(waiting: tuple[NearHouse, str]) -> None:
    made, commit = waiting
    made.source().tag(f"approve/shop/{commit}", commit)
    made.synced(commit, "shop")
    looks, polls = made.source().tag_looks, made.source().polls
    made.eventually(lambda: made.source().polls > polls + 2)
    assert made.source().tag_looks == looks


def test_a_tag_whose_approval_ran_out_does_not_approve_again_where_the_daemon_begins_anew() -> None:
    never = Window("0 0 29 2 *", timedelta(minutes=1))
    guards = Guards(approval=ApprovalRule(timedelta(seconds=100)), calendars=((never,),))
    made = NearHouse(replace(SETTINGS, policy=OperatorPolicy(guards))).start()
    try:
        commit = made.push({"shop/compose.yaml": compose()})
        made.eventually(lambda: "approval" in made.guards("shop"))
        made.source().tag(f"approve/shop/{commit}", commit)
        made.eventually(lambda: made.guards("shop") == {"window"})
        made.eventually(lambda: "approval" in made.guards("shop"))
        made.upgrade(VERSION)
        (used,) = made.eventually(lambda: made.told("ApprovalUsedUp"))
        assert used.endswith("has approved once, and that ran out; set it anew with `git tag -f -a`")
        assert len(made.told("OperationApprove")) == 1
    finally:
        made.stop()


def test_where_tags_have_to_be_signed_one_that_is_not_approves_of_nothing() -> None:
    made = house(signed=True)
    try:
        commit = made.push({"shop/compose.yaml": compose()})
        made.eventually(lambda: "approval" in made.guards("shop"))
        made.source().distrusted[f"approve/shop/{commit}"] = "it is not signed"
        made.source().tag(f"approve/shop/{commit}", commit)
        made.eventually(lambda: made.told("ApprovalNotTrusted"))
        assert made.guards("shop") == {"approval"}
    finally:
        made.stop()
