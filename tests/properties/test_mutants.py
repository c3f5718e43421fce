"""The laws are sharp: gitopsd with one mistake in its text breaks them, so that they cannot hold by being empty."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from gitopsd.model.release import Journal
from tests.properties.mutants import HUNT, Mutant, mutated
from tests.properties.test_laws import BEHAVIOURS, GOOD, Worlds
from tests.properties.test_traffic import GOOD as GOOD_THERE
from tests.properties.test_traffic import Roads

pytestmark = pytest.mark.timeout(900)


class Narrow(Worlds):
    """Without other room than one more: mistakes that have nothing to do with it are found sooner."""

    @rule(
        web=st.sampled_from(sorted(BEHAVIOURS)),
        replicas=st.integers(0, 3),
        db=st.sampled_from(sorted(BEHAVIOURS)),
        job=st.sampled_from(["", "1", "2", "3"]),
        extra=st.booleans(),
        home=st.sampled_from(["", "db", "db", "web"]),
    )
    def commit(self, web: str, replicas: int, db: str, job: str, *, extra: bool, home: str) -> None:
        super().commit(web, replicas, db, job, extra=extra, home=home)


class Webs(Worlds):
    """Nothing but what surges changes, with all kinds of room."""

    @rule(web=st.sampled_from(GOOD), replicas=st.integers(2, 3), room=st.sampled_from([(1, 0), (1, 1), (0, 2)]))
    def commit(self, web: str, replicas: int, room: tuple[int, int]) -> None:
        super().commit(web, replicas, "1", "", extra=False, home="", room=room)

    @initialize()
    def first_release(self) -> None:
        self.commit("1", 3, (1, 0))
        self.calm()


class Hurried(Webs):
    """A person does not wait."""

    @rule(web=st.sampled_from(GOOD), seconds=st.integers(1, 4))
    def promote_in_the_middle(self, web: str, seconds: int) -> None:
        self.commit(web, 3, (1, 0))
        self.work(seconds)
        self.a_person_says("promote", "")
        self.work(1)


class Neighbours(Worlds):
    """Something always lives in another one's network, and what it lives in comes and goes."""

    @rule(web=st.sampled_from(GOOD), db=st.sampled_from(GOOD), home=st.sampled_from(["db", "web"]))
    def commit(self, web: str, db: str, home: str) -> None:
        super().commit(web, 1, db, "", extra=False, home=home)

    @initialize()
    def first_release(self) -> None:
        self.commit("1", "1", "db")
        self.calm()


class Databases(Worlds):
    """Nothing but what writes to a volume changes."""

    @rule(db=st.sampled_from(sorted(BEHAVIOURS)))
    def commit(self, db: str) -> None:
        super().commit("1", 1, db, "", extra=False, home="")

    @initialize()
    def first_release(self) -> None:
        self.commit("1")
        self.calm()


class Canaries(Roads):
    """Good content comes step by step, and somebody always has requests in flight."""

    @rule(web=st.sampled_from(GOOD_THERE), replicas=st.integers(2, 3), way=st.sampled_from(["canary", "asking"]))
    def commit(self, web: str, replicas: int, way: str) -> None:
        self.streets.slow = set(self.world.boxes)
        super().commit(web, replicas, way, 30)

    @initialize(replicas=st.integers(2, 3))
    def first_release(self, replicas: int) -> None:
        self.commit("1", replicas, "canary")
        self.calm()


class Judged(Roads):
    """A canary that errs, and a daemon that begins anew again and again."""

    @rule()
    def a_bad_canary_comes(self) -> None:
        self.streets.rate = 200.0
        self.upgrade("errs", "judged")
        for _ in range(15):
            self.work(1, 1)
            self.the_daemon_dies()

    @initialize()
    def first_release(self) -> None:
        super().commit("1", 1, "judged", 10)
        self.calm()


MUTANTS = {
    "early admission": (
        Mutant("gitopsd.rollout.member", "self.now - since >= self.policy.min_ready", "self.now >= since"),
        "takes the place of|was never good",
        Narrow,
    ),
    "draining not counted": (
        Mutant(
            "gitopsd.rollout.survey",
            "under_way = {slot for slot, step in steps.items() if step.open or slot in busy}",
            "under_way = {slot for slot, step in steps.items() if step.open and not step.serving}; by_slot = {}",
        ),
        "allowed",
        Webs,
    ),
    "non-idempotent create": (
        Mutant(
            "gitopsd.release.machine",
            "after = intend(replace(after, routes=routes), chains, now)",
            "after = replace(after, routes=routes)",
        ),
        "allowed|twice|were promised",
        Narrow,
    ),
    "availability off by one": (
        Mutant(
            "gitopsd.rollout.fence",
            "return Fence(surge, min(unavailable, replicas)",
            "return Fence(surge, 1 + min(unavailable, replicas)",
        ),
        "were promised",
        Webs,
    ),
    "eager cleanup": (
        Mutant(
            "gitopsd.rollout.slots",
            """if other.instance.state == "created")
    if unborn:
        return Step("acting", tuple(remove(other, "never started") for other in unborn), open=True)""",
            """if not ready_now(other))
    if unborn:
        return Step("acting", tuple(action for other in unborn for action in clear(other, "eager")), open=True)""",
        ),
        "may recover|takes the place of",
        Webs,
    ),
    "answers not asked for": (
        Mutant("gitopsd.rollout.member", 'readiness is None or readiness.state == "ready"', "True"),
        "takes the place of|was never good|promised",
        Webs,
    ),
    "promote for good": (
        Mutant(
            "gitopsd.release.steering",
            "return replace(rollout, seen=seen, shift=shift)",
            "return replace(rollout, seen=seen, shift=shift, policy=replace(rollout.policy, min_ready=now - now))",
        ),
        "takes the place of",
        Hurried,
    ),
    "never keeps": (
        Mutant("gitopsd.rollout.steps", 'member.instance.restart_policy not in ("", "no")', "False"),
        "two writers|allowed",
        Databases,
    ),
    "forgets what failed": (
        Mutant(
            "gitopsd.release.returning",
            "rejected = {**journal.rejected, release.content_digest: rejection}",
            "rejected = {}",
        ),
        "was rejected before",
        Narrow,
    ),
    "takes for granted who lives where": (
        Mutant("gitopsd.rollout.sharing", 'return min(moved, default="")', 'return ""'),
        "network that is gone|allowed|shop-web-1 web:1|shop-side",
        Neighbours,
    ),
    "a restart moves deadlines": (
        Mutant("gitopsd.rollout.machine", "if said.returned and now >= rollout.deadline:", "if said.returned:"),
        "moved without progress",
        Narrow,
    ),
    "traffic before ready": (
        Mutant(
            "gitopsd.release.routing",
            "return ready_now(member) and Judge(rollout.policy, rollout.seen, service.now).proven(member)",
            "return True",
        ),
        "is let in after being ready",
        Canaries,
    ),
    "stopped before it was read back": (
        Mutant("gitopsd.release.routing", "if router.inside(action.container):", "if False:"),
        "is stopped while it is in the router",
        Canaries,
    ),
    "removed before drained": (
        Mutant("gitopsd.release.routing", "if not (drained or late):", "if id not in service.told:"),
        "requests in flight",
        Canaries,
    ),
    "more than it can bear": (
        Mutant(
            "gitopsd.release.routing",
            "return min(able, rollout.shift.share if isinstance(rollout.phase, Progressing) else 0)",
            "return rollout.shift.share",
        ),
        "more than newer content can bear|is asked for",
        Canaries,
    ),
    "old ones removed before all of the traffic has left them": (
        Mutant(
            "gitopsd.rollout.slots",
            'return look.beside and of_stable(look, other) and other.instance.state not in ("dead", "removing")',
            "return False",
        ),
        "before newer content has everything",
        Canaries,
    ),
    "a failure is overlooked by a daemon that begins": (
        Mutant(
            "gitopsd.rollout.machine",
            """not survey.moving else ""
    if bad := against(rollout) or unreached(rollout, said.visits):""",
            """not survey.moving else ""
    if (bad := against(rollout)) and not said.returned:""",
        ),
        "goes on after a failure",
        Judged,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    mutant, law, worlds = MUTANTS[name]
    decides, hears = mutated(mutant)

    class Mistaken(worlds):  # type: ignore[misc, valid-type]
        advance = staticmethod(decides)
        apply = staticmethod(hears)

    with pytest.raises(AssertionError, match=law):
        run_state_machine_as_test(Mistaken, settings=HUNT)


def test_a_daemon_that_writes_down_only_after_acting_is_caught() -> None:
    class Forgetful(Narrow):
        saved = Journal("production")

        @rule()
        def the_daemon_dies(self) -> None:
            """What it had acted on was not saved yet."""
            self.daemon.journal = self.saved
            self.daemon.die()

        @rule(seconds=st.sampled_from([1, 5]))
        def work(self, seconds: int) -> None:
            self.saved = self.daemon.journal
            super().work(seconds)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Forgetful, settings=HUNT)
