"""What every router keeps to: over the fake, and over HAProxy, those of a swarm, and Traefik as local processes.

What one of them cannot do its capabilities say, and then what happens instead is asked for.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest

from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.health import Fail, Pass, Unknown
from gitopsd.model.route import ALL, OnPurpose, RoutingTable, differences
from tests.contract.routing_grounds import RouterGround, fake_ground, haproxy_ground, traefik_ground
from tests.contract.swarm_ground import swarm_ground
from tests.haproxy import HaproxyProcess, haproxy_directory, program
from tests.traefik import started

PATIENT = timedelta(seconds=20)


@pytest.fixture(params=["fake", "haproxy", "swarm", "traefik"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RouterGround]:
    match request.param:
        case "fake":
            yield fake_ground()
        case "traefik":
            traefik, servers = traefik_ground(started(tmp_path))
            yield traefik
            servers.close()
        case "swarm":
            with haproxy_directory() as root:
                swarm, routers = swarm_ground(root, program())
                yield swarm
                routers.close()
        case _:
            with haproxy_directory() as root:
                haproxy, hands = haproxy_ground(root, HaproxyProcess(root, program()))
                yield haproxy
                hands.close()


def is_about(share: float, found: int, of: int) -> bool:
    """Within four sigma of what so many draws give: at three, one run in a hundred fails by chance."""
    return abs(found - share * of) <= 4 * sqrt(of * share * (1 - share))


def test_a_table_that_was_applied_is_what_the_router_shows(ground: RouterGround) -> None:
    old, new, going = (ground.instance(id) for id in ("old", "new", "going"))
    table = RoutingTable((ground.route((old, replace(going, state="draining")), (replace(new, weight=64),), 500),))

    ground.router.apply(table)

    shown = ground.observed()
    assert differences(table, shown) == ()
    if not ground.router.capabilities.finds:
        assert (ground.shown("new").weight, ground.shown("going").weight) == (64, 0)


def test_to_apply_a_table_again_changes_nothing(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,), 500)
    before = ground.router.observe()

    ground.serve((old,), (new,), 500)

    assert ground.router.observe() == before


def test_an_instance_gets_nothing_before_its_first_good_check(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new", healthy=False)
    ground.serve((old,))
    ground.apply((old, new))

    if ground.router.capabilities.finds:
        ground.eventually(lambda: not ground.shown("new").ready)
        ground.rest("new")  # it may have had something until then
    answered = ground.hands.many(200)

    assert answered == {"old": 200}
    assert not ground.shown("new").ready
    ground.hands.checks("new", good=True)
    ground.ready("new")
    assert ground.hands.many(200)["new"] > 0


def test_an_instance_that_fails_its_checks_gets_nothing_until_they_are_good_again(ground: RouterGround) -> None:
    ground.serve((ground.instance("one"), ground.instance("two")))
    ground.hands.checks("two", good=False)
    ground.rest("two")

    answered = ground.hands.many(100)

    assert answered == {"one": 100}
    ground.hands.checks("two", good=True)
    ground.ready("two")
    assert ground.hands.many(100)["two"] > 0


@pytest.mark.parametrize("down", [False, True], ids=["all up", "one of two canaries down"])
def test_a_slot_gets_its_share_however_many_instances_it_has(ground: RouterGround, down: bool) -> None:
    old, canaries = ground.instance("old"), (ground.instance("one"), ground.instance("two"))
    ground.serve((old,), canaries, 2_000)
    if down:
        ground.hands.checks("two", good=False)
        ground.rest("two")

    answered = ground.hands.many(3_000)

    assert is_about(0.2, answered["one"] + answered["two"], 3_000), answered
    assert (answered["two"] == 0) == down


def test_an_instance_that_warms_up_gets_as_much_as_its_weight_has_of_its_slot(ground: RouterGround) -> None:
    ground.serve((ground.instance("old"), replace(ground.instance("new"), weight=64)))

    answered = ground.hands.many(1_000)

    assert is_about(0.5 if ground.router.capabilities.finds else 0.2, answered["new"], 1_000), answered


def test_an_instance_of_no_weight_is_checked_and_gets_nothing(ground: RouterGround) -> None:
    ground.serve((ground.instance("old"), replace(ground.instance("new"), weight=0)))

    answered = ground.hands.many(100)

    assert answered == ({"old": 50, "new": 50} if ground.router.capabilities.finds else {"old": 100})


def test_all_traffic_moves_at_once(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,))
    before = ground.hands.many(50)

    ground.apply((old,), (new,), ALL)

    assert (before, ground.hands.many(50)) == ({"old": 50}, {"new": 50})


def test_a_slot_without_a_ready_instance_leaves_its_traffic_to_the_other(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,), 5_000)
    ground.hands.checks("new", good=False)
    ground.rest("new")

    answered = ground.hands.many(100)

    assert answered == {"old": 100}


def test_a_probe_reaches_a_slot_that_has_no_share(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    route = ground.serve((old,), (new,))
    ground.hands.answer("new", 500)

    assert ground.router.probe(route, "a", PATIENT) == Pass()
    failed = ground.router.probe(route, "b", PATIENT, "/")
    assert isinstance(failed, Fail)
    assert "answered 500" in failed.reason


def test_a_probe_of_a_dead_canary_fails_though_users_are_answered_by_the_other_slot(ground: RouterGround) -> None:
    route = ground.serve((ground.instance("old"),), (ground.instance("new"),), 5_000)
    ground.hands.checks("new", good=False)
    ground.rest("new")

    answer = ground.router.probe(route, "b", PATIENT)

    assert isinstance(answer, Fail)
    assert "503 (no ready instance)" in answer.reason
    assert ground.get().by == "old"


def test_an_instance_that_drains_ends_what_it_has_and_gets_nothing_new(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,))
    release = ground.hands.hold()
    ground.serve((old, new))

    ground.apply((replace(old, state="draining"), new))
    ground.rest("old")

    assert ground.hands.many(50) == {"new": 50}
    if not ground.router.capabilities.finds:
        assert ground.shown("old").in_flight == 1
    assert release() == 200
    if ground.router.capabilities.in_flight:
        ground.eventually(lambda: ground.in_flight("old") == 0)
    ground.apply((new,))
    assert ground.seen().target("old") is None


def test_an_instance_that_is_answering_is_not_forgotten(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,))
    release = ground.hands.hold()
    ground.serve((old, new))

    if ground.router.capabilities.finds or not ground.router.capabilities.in_flight:
        ground.apply((new,))  # what it was answering it still answers
        assert release() == 200
        return
    with pytest.raises(RouterError, match=r"old cannot be forgotten yet .*: drain or cut it first"):
        ground.apply((new,))

    assert ground.shown("old").in_flight == 1
    assert release() == 200
    ground.apply((new,))
    assert ground.seen().target("old") is None


def test_what_is_left_at_the_deadline_is_cut_and_counted(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,), ALL)
    release = ground.hands.hold()
    route = ground.serve((old,), (replace(new, state="draining"),))
    shown = ground.in_flight("new")

    cut = ground.router.cut(route.name, "b", ["new"])

    if not ground.router.capabilities.in_flight:
        assert (cut, release()) == (0, 200)
        return
    assert (shown, cut) == (1, 1)
    ground.eventually(lambda: ground.in_flight("new") == 0)
    assert release() == 0
    ground.apply((old,))
    assert ground.router.cut(route.name, "b", ["old", "new"]) == 0


def test_what_leaves_slot_a_is_cut_unless_the_router_finds_by_itself_who_is_there(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,))
    release = ground.hands.hold()
    ground.serve((old, new))
    route = ground.apply((replace(old, state="draining"), new))

    cut = ground.router.cut(route.name, "a", ["old"])

    can = ground.router.capabilities
    assert (cut, release()) == ((1, 0) if can.in_flight and not can.finds else (0, 200))


def test_a_router_that_crashes_comes_back_with_its_table_by_itself(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    table = RoutingTable((ground.serve((replace(old, weight=64),), (new,), 4_000),))
    before = ground.router.observe()

    ground.hands.restart()

    after = ground.router.observe()
    assert before is not None
    assert after is not None
    if not ground.router.capabilities.remembers:
        assert differences(table, after) == ("shop/web: the share of slot b is 0 %, should be 40 %",)
        ground.router.apply(table)
        after = ground.observed()
    assert differences(table, after) == ()
    assert after.epoch != before.epoch
    ground.ready("old", "new")


def test_a_share_that_was_changed_by_hand_is_seen_and_healed(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    table = RoutingTable((ground.serve((old,), (new,), 500),))

    ground.hands.share_by_hand(9_000)

    shown = ground.observed()
    assert differences(table, shown) == ("shop/web: the share of slot b is 90 %, should be 5 %",)
    ground.router.apply(table)
    assert ground.seen().share == 500


def test_what_was_asked_is_what_is_counted_and_probes_are_not(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    route = ground.serve((old,), (new,))
    ground.hands.many(30)
    ground.apply((old,), (new,), ALL)
    ground.router.probe(route, "b", PATIENT, "/")
    ground.hands.answer("new", 500)
    ground.hands.many(20)

    ground.counts("a", 30)
    ground.counts("b", 20, errors=20)
    sample = ground.router.samples()[route.name, "a"]
    assert len(sample.within) == len(ground.router.capabilities.latency_bounds) + 1
    assert sample.within[-1] == 30
    assert list(sample.within) == sorted(sample.within)


def test_errors_that_the_router_makes_itself_are_counted(ground: RouterGround) -> None:
    ground.serve((ground.instance("old"),))
    ground.hands.checks("old", good=False)
    ground.rest("old")

    answers = [ground.get().status for _ in range(5)]

    assert answers == [503] * 5
    ground.counts("a", 5, errors=5)


def test_what_is_counted_in_one_epoch_only_grows_and_a_share_begins_no_other(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,))
    ground.hands.many(10)
    first = ground.router.samples()[ground.route().name, "a"]

    ground.apply((old,), (new,), 100)
    same = ground.router.samples()[ground.route().name, "a"]
    ground.apply((old,), (new,), 100, on_purpose=(OnPurpose("header", "x-canary", "yes", "b"),))
    other = ground.router.samples()[ground.route().name, "a"]

    assert (first.requests, same) == (10, first)
    assert other.requests == (first.requests if other.epoch == first.epoch else 0)
    assert (other.epoch == first.epoch) == (not ground.router.capabilities.new_route_needs_reload)


def test_a_table_that_nobody_can_have_is_refused_and_the_old_one_stays(ground: RouterGround) -> None:
    old = ground.instance("old")
    table = RoutingTable((ground.serve((old,)),))
    twice = (*table.routes, replace(ground.route(), service="admin"))

    with pytest.raises(RouterError, match=r"shop/admin and shop/web both want shop.example.com/ on port"):
        ground.router.apply(RoutingTable(twice))

    shown = ground.observed()
    assert differences(table, shown) == ()
    assert ground.get().by == "old"


def test_a_table_for_a_router_that_is_away_is_there_when_it_comes_back(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,))
    ground.hands.take_away()

    with pytest.raises(RouterUnavailable):
        ground.apply((old,), (new,), ALL)

    assert ground.router.observe() is None
    assert isinstance(ground.router.probe(ground.route(), "a", PATIENT), Unknown)
    with pytest.raises(RouterUnavailable):
        ground.router.samples()


def test_an_instance_that_moved_is_asked_where_it_is_now(ground: RouterGround) -> None:
    ground.serve((ground.instance("one"),))
    moved = replace(ground.instance("elsewhere"), id="one")

    ground.serve((moved,))

    assert (ground.shown("one").address, ground.shown("one").port) == (moved.address, moved.port)


def test_one_way_past_the_share_is_on_at_a_time_and_no_router_is_another_one_for_that(ground: RouterGround) -> None:
    if not ground.router.capabilities.switches:
        return
    old, new = ground.instance("old"), ground.instance("new")
    ways = (OnPurpose("header", "x-friend", "yes", "b"), OnPurpose("header", "x-staff", "", "b"))
    ground.serve((old,), (new,), switched=ways)
    before = ground.router.observe()

    def reached(on: int) -> list[str]:
        ground.apply((old,), (new,), switched=ways, on=on)
        assert ground.seen().on == on
        return [ground.get(headers={name: "yes"}).by for name in ("x-friend", "x-staff", "x-else")]

    assert [reached(0), reached(1)] == [["old", "old", "old"], ["new", "old", "old"]]
    assert [reached(2), reached(0)] == [["old", "new", "old"], ["old", "old", "old"]]
    after = ground.router.observe()
    assert before is not None
    assert after is not None
    assert (before.epoch, before.ways) == (after.epoch, after.ways)


def test_a_header_reaches_the_canary_on_purpose_and_no_other_does(ground: RouterGround) -> None:
    on_purpose = (OnPurpose("header", "x-canary", "yes", "b"),)
    ground.serve((ground.instance("old"),), (ground.instance("new"),), on_purpose=on_purpose)

    reached = [ground.get(headers={name: "yes"}).by for name in ("x-canary", "x-gitopsd-slot", "x-gitopsd-route")]

    assert reached == ["new", "old", "old"]


def test_users_with_a_cookie_never_go_back_while_the_share_grows(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,), sticky="user")
    users = [ground.get().cookie for _ in range(60)]
    sides = []
    for share in (1_000, 3_000, 6_000, ALL):
        ground.apply((old,), (new,), share, sticky="user")
        sides.append([ground.get(user).by == "new" for user in users])

    moves = ground.router.capabilities.sticky_moves
    assert all(users)
    assert len(set(users)) == 60 or not moves
    for earlier, later in pairwise(sides):
        assert [user for user, was, is_ in zip(users, earlier, later, strict=True) if was and not is_] == []
    assert [any(side) for side in sides[:-1]] == [moves] * 3
    assert all(sides[-1])
    assert (ground.get(users[0]).cookie == "") == moves


def test_a_newer_router_takes_over_with_all_that_the_old_one_routed(ground: RouterGround) -> None:
    old, new = ground.instance("old"), ground.instance("new")
    table = RoutingTable((ground.serve((old,), (new,), 4_000),))
    before = ground.router.observe()
    ground.hands.outdate()

    renewed = [ground.router.renew(table) for _ in range(2)]

    after = ground.router.observe()
    kept = ground.router.capabilities.kept
    assert renewed == [kept, False]
    assert before is not None
    assert after is not None
    assert (after.epoch != before.epoch) == kept
    assert differences(table, after) == ()
    assert ground.hands.many(50).total() == 50
