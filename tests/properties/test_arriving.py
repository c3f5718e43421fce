"""Laws of single rollouts: wherever they are disturbed, they arrive where they would have, and no later."""

from datetime import timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitopsd.model.action import Create, Start
from gitopsd.model.desired import Amount, SealedState
from gitopsd.model.image import HeldImage, PulledImage
from gitopsd.release.superseded import superseded
from tests.builders import NOON, a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

FEW = settings(max_examples=max(25, settings().max_examples // 8))  # as each is a whole life of a service
ORDERS = st.sampled_from(["start-first", "stop-first", "recreate"])
WORKS = Behaviour()
SLOW = Behaviour(check=True, healthy_after=6)
NEVER = Behaviour(check=True, healthy_after=None)
BAD = {
    "never ready": NEVER,
    "unhealthy": Behaviour(check=True, healthy_after=None, unhealthy_after=2),
    "exits": Behaviour(exits_after=1, exit_code=1, restart="no"),
    "crash loop": Behaviour(exits_after=1, exit_code=1),
    "cannot start": Behaviour(unstartable="exec: no such file"),
}
IDENTITIES = st.sampled_from([f"sha256:{number}" for number in range(6)])
NAMES = st.sampled_from([f"shop/{name}:{tag}" for name in ("web", "db") for tag in (1, 2)])


def shop(tag: int, replicas: int = 2, order: str = "start-first", db: int = 1, **how: Any) -> SealedState:
    """web, brought in the order that the test is about, needs db."""
    ways: dict[str, dict[str, Any]] = {
        "start-first": {},
        "stop-first": {"volumes": ["data:/data"]},
        "recreate": {"strategy": "recreate"},
    }
    web = a_service("web", f"web:{tag}", replicas=replicas, depends_on=["db"], **ways[order], **how)
    return a_state(web, a_service("db", f"db:{db}", volumes=["base:/data"], min_ready=1))


def served(state: SealedState, **behaviours: Behaviour) -> Daemon:
    daemon = Daemon().commit(state, **behaviours).settle()
    daemon.done.clear()
    return daemon


def there(daemon: Daemon) -> list[tuple[str, str, str]]:
    """Every container that there is: its name, what it runs, and how it stands."""
    return sorted((box.name, box.fingerprint, box.state) for box in daemon.world.boxes.values())


@given(
    needed=st.frozensets(IDENTITIES),
    wanted=st.frozensets(NAMES),
    used=st.frozensets(IDENTITIES),
    held=st.dictionaries(IDENTITIES, st.tuples(IDENTITIES, st.frozensets(NAMES))),
    pulled=st.dictionaries(IDENTITIES, st.frozensets(NAMES, min_size=1)),
)
def test_what_a_release_that_is_kept_needs_is_never_cleared_away(
    needed: frozenset[str],
    wanted: frozenset[str],
    used: frozenset[str],
    held: dict[str, tuple[str, frozenset[str]]],
    pulled: dict[str, frozenset[str]],
) -> None:
    """12: the images of the way back stay, whichever hash they are known by; so does what others brought."""
    images = {
        id: HeldImage(id, tuple(tags), (f"shop/web@{digest}",), used=id in used) for id, (digest, tags) in held.items()
    }
    brought = [PulledImage("engine", id, names, "shop", NOON) for id, names in pulled.items()]
    for each in superseded(images, brought, needed, wanted):
        gone = images[each.image.id]
        assert not gone.identities & needed
        assert gone.id not in used
        assert not wanted & set(each.names)
        assert set(gone.tags) <= pulled[gone.id]


@FEW
@given(
    order=ORDERS,
    change=st.sampled_from(["image", "more", "fewer", "bad", "both"]),
    effects=st.integers(0, 14),
    heard=st.booleans(),
    seconds=st.sampled_from([0, 1, 30]),
)
def test_killed_at_any_effect_it_leaves_what_it_would_have_left(
    order: str, change: str, effects: int, seconds: int, *, heard: bool
) -> None:
    """16: with the same containers in the end, none twice, and each slot made anew once more at most."""
    states = {
        "image": shop(2, order=order),
        "more": shop(1, 3, order=order),
        "fewer": shop(1, 1, order=order),
        "bad": shop(3, order=order, healthy_deadline=20),
        "both": shop(2, order=order, db=2),
    }
    ways = {"web": NEVER} if change == "bad" else {}
    calm = served(shop(1, order=order)).commit(states[change], **ways).settle()
    killed = served(shop(1, order=order)).commit(states[change], **ways)
    cut(killed, effects, heard=heard)
    killed.wait(seconds).settle()
    assert there(killed) == there(calm)
    assert killed.journal.stable == calm.journal.stable
    assert killed.outcome() == calm.outcome()
    creates = [sum(isinstance(action, Create) for action in each.done) for each in (killed, calm)]
    assert creates[0] <= creates[1] + 2


def cut(daemon: Daemon, effects: int, *, heard: bool) -> None:
    """Kill it right after so many effects; unless it `heard`, before it knew of the last one."""
    done = 0
    for _ in range(60):
        daemon.look()
        while daemon.pending and done < effects:
            done += 1
            daemon.world.once = {"": "silent"} if done == effects and not heard else {}
            daemon.step()
        if done == effects:
            break
        daemon.wait()
    daemon.world.once = {}
    daemon.die()


COMMITS = st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(1, 2), st.integers(0, 12))


@FEW
@given(order=ORDERS, commits=st.lists(COMMITS, min_size=1, max_size=4), last=COMMITS)
def test_commits_in_the_middle_of_others_end_as_if_the_last_had_come_alone(
    order: str, commits: list[tuple[int, int, int, int]], last: tuple[int, int, int, int]
) -> None:
    """18: those between are superseded, or failed on their own evidence, and leave nothing."""
    behaviours = {3: SLOW, 4: BAD["unhealthy"]}
    daemon = served(shop(1, order=order))
    for tag, replicas, db, seconds in commits:
        daemon.commit(shop(tag, replicas, order, db), web=behaviours.get(tag, WORKS))
        for _ in range(seconds):
            daemon.look()
            daemon.act()
            daemon.wait()
    final = shop(2, last[1], order, last[2])
    daemon.commit(final, web=WORKS).settle()
    assert there(daemon) == there(served(final))
    assert {each.outcome for each in daemon.ended} <= {"succeeded", "superseded", "rolled-back"}


@FEW
@example(order="start-first", replicas=3, seconds=40, delay=20)
@given(order=ORDERS, replicas=st.integers(1, 4), seconds=st.integers(0, 60), delay=st.sampled_from([0, 20]))
def test_going_back_to_what_serves_waits_for_nothing_but_its_instances(
    order: str, replicas: int, seconds: int, delay: int
) -> None:
    """19: exactly what served before is there again, without steps, and what had not begun is left alone."""
    before = shop(1, replicas, order, delay=delay)
    daemon = served(before).commit(shop(2, replicas, order, delay=delay))
    untouched = {box.id for box in daemon.world.boxes.values()}
    for _ in range(seconds):
        daemon.look()
        daemon.act()
        daemon.wait()
    if daemon.journal.release is None:
        return  # it was promoted before anybody changed his mind
    moved = replicas - len(untouched & {box.id for box in daemon.world.boxes.values() if box.service == "web"})
    daemon.done.clear()
    since = daemon.world.now
    daemon.commit(before).settle()
    assert there(daemon) == there(served(before))
    assert daemon.outcome() == "succeeded"
    taken = (daemon.ended[-1].finished_at or since) - since
    slots = replicas if order != "start-first" else moved
    assert taken <= timedelta(seconds=6 * slots + 6), f"{taken} for {slots} slots"
    if not moved and order == "start-first":
        assert not any(isinstance(action, Create | Start) for action in daemon.done)


@FEW
@given(deaths=st.frozensets(st.integers(0, 14)), deadline=st.sampled_from(["healthy", "progress"]))
def test_however_often_the_daemon_begins_anew_the_deadline_stays(deaths: frozenset[int], deadline: str) -> None:
    """20: content that never gets ready fails in the same second, whoever dies in between."""
    limits = {"healthy": {"healthy_deadline": 75}, "progress": {"healthy_deadline": 900, "progress_deadline": 75}}
    daemon = served(shop(1)).commit(shop(2, **limits[deadline]), web=NEVER)
    for turn in range(15):
        daemon.look()
        daemon.act()
        daemon.look()
        assert daemon.journal.release is not None
        assert daemon.journal.release.phase == "progressing", f"turned back after {5 * turn} s"
        if turn in deaths:
            daemon.die()
            daemon.look()
        daemon.wait(5)
    daemon.look()
    assert daemon.journal.release is not None
    assert daemon.journal.release.phase == "returning"


@FEW
@given(order=ORDERS, replicas=st.integers(1, 3), kind=st.sampled_from(sorted(BAD)), pause=st.integers(0, 30))
def test_whatever_is_no_good_is_given_up_in_time(order: str, replicas: int, kind: str, pause: int) -> None:
    """21: and what served before serves again; the time of a pause counts for nothing."""
    daemon = served(shop(1, replicas, order))
    before = there(daemon)
    daemon.commit(shop(2, replicas, order, healthy_deadline=40, progress_deadline=60), web=BAD[kind])
    begun = daemon.world.now
    if pause:
        daemon.run()
        daemon.ask("pause", "web")
        daemon.wait(pause)
        daemon.ask("resume", "web", rollout=True)
    daemon.settle()
    assert daemon.outcome() == "rolled-back"
    assert there(daemon) == before
    ended = daemon.ended[-1].finished_at
    assert ended is not None
    assert ended - begun <= timedelta(seconds=60 + pause + 60 * replicas)


@FEW
@given(
    order=ORDERS,
    replicas=st.integers(1, 3),
    room=st.sampled_from([{}, {"max_unavailable": Amount(1)}, {"max_surge": Amount(2)}, {"parallelism": 0}]),
    how=st.sampled_from(["crash loop", "unhealthy", "killed", "gone", "paused"]),
    healed=st.booleans(),
)
def test_however_bad_what_serves_has_become_good_content_succeeds(
    order: str, replicas: int, room: dict[str, Any], how: str, *, healed: bool
) -> None:
    """22: a broken stable never blocks its replacement."""
    daemon = served(shop(1, replicas, order, **room))
    daemon.repair = healed
    names = [f"shop-web-{slot}" for slot in range(1, replicas + 1)]
    if how in BAD:
        daemon.world.behaviours[daemon.journal.stable["web"].fingerprint] = BAD[how]
    for name in names:
        {"killed": daemon.world.kill, "gone": daemon.world.vanish, "paused": daemon.world.pause}.get(how, str)(name)
    daemon.wait(30).run()
    good = shop(2, replicas, order, **room)
    daemon.commit(good, web=WORKS).settle()
    assert daemon.outcome() == "succeeded"
    assert there(daemon) == there(served(good))
