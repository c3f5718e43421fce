"""The laws are sharp: daemons with one mistake each break them, so that the laws cannot hold by being empty."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from gitopsd.model.action import Action, Chain, Create, Keep, Remove, Stop
from gitopsd.model.desired import Amount
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.release import Turn, advance
from tests.builders import seconds
from tests.properties.test_laws import BEHAVIOURS, GOOD, Worlds

FAST = settings(
    max_examples=300,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def changed(turn: Turn, change: Callable[[Chain], tuple[Action, ...]]) -> Turn:
    return replace(turn, chains=tuple(replace(chain, actions=change(chain)) for chain in turn.chains))


def clears_the_old_first(journal: Journal, wanted: Any, live: LiveState, *more: Any, **named: Any) -> Turn:
    def eager(chain: Chain) -> tuple[Action, ...]:
        first = chain.actions[0]
        beside = not any(isinstance(each, Keep | Stop) for each in chain.actions)
        if not (isinstance(first, Create) and beside):
            return chain.actions
        old = [each for each in live.instances if (each.service, each.slot) == (first.service, first.slot)]
        place = (first.service, first.slot)
        return (*(step(*place, o.id, "eager", name=o.name) for o in old for step in (Stop, Remove)), *chain.actions)

    return changed(advance(journal, wanted, live, *more, **named), eager)


def never_keeps(*given: Any, **named: Any) -> Turn:
    turn = advance(*given, **named)
    lax = changed(turn, lambda chain: tuple(each for each in chain.actions if not isinstance(each, Keep)))
    return replace(lax, chains=tuple(chain for chain in lax.chains if chain.actions))


def forgets_what_failed(*given: Any, **named: Any) -> Turn:
    turn = advance(*given, **named)
    return replace(turn, journal=replace(turn.journal, rejected={}))


def takes_for_granted_who_lives_where(journal: Journal, wanted: Any, live: LiveState, *more: Any, **named: Any) -> Turn:
    everywhere = tuple(each.id for each in live.instances)
    blind = tuple(replace(each, joined=everywhere if each.joined else (), started_at=None) for each in live.instances)
    return advance(journal, wanted, replace(live, instances=blind), *more, **named)


def with_policy(**fields: Any) -> Callable[..., Turn]:
    def other(journal: Journal, *more: Any, **named: Any) -> Turn:
        rollouts = {
            name: replace(each, policy=replace(each.policy, **fields)) for name, each in journal.rollouts.items()
        }
        return advance(replace(journal, rollouts=rollouts), *more, **named)

    return other


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


class Neighbours(Worlds):
    """Something always lives in another one's network, and what it lives in comes and goes."""

    @rule(web=st.sampled_from(GOOD), db=st.sampled_from(GOOD), home=st.sampled_from(["db", "web"]))
    def commit(self, web: str, db: str, home: str) -> None:
        super().commit(web, 1, db, "", extra=False, home=home)

    @initialize()
    def first_release(self) -> None:
        self.commit("1", "1", "db")
        self.daemon.settle()


class Databases(Worlds):
    """Nothing but what writes to a volume changes."""

    @rule(db=st.sampled_from(sorted(BEHAVIOURS)))
    def commit(self, db: str) -> None:
        super().commit("1", 1, db, "", extra=False, home="")

    @initialize()
    def first_release(self) -> None:
        self.commit("1")
        self.daemon.settle()


@pytest.mark.parametrize(
    ("mistake", "law", "worlds"),
    [
        (clears_the_old_first, "were promised", Narrow),
        (never_keeps, "two writers|allowed", Databases),
        (forgets_what_failed, "was rejected before", Narrow),
        (takes_for_granted_who_lives_where, "network that is gone|allowed|shop-web-1 web:1", Neighbours),
        (with_policy(parallelism=0, max_surge=None), "allowed", Worlds),
        (with_policy(max_unavailable=Amount(2)), "were promised", Worlds),
        (with_policy(min_ready=seconds(0)), "was never good", Narrow),
    ],
    ids=[
        "clears-the-old-first",
        "never-keeps",
        "forgets-what-failed",
        "takes-for-granted",
        "all-at-once",
        "one-too-few",
        "does-not-wait",
    ],
)
def test_a_daemon_with_a_mistake_is_caught(mistake: Callable[..., Turn], law: str, worlds: type[Worlds]) -> None:
    class Mistaken(worlds):  # type: ignore[misc, valid-type]
        advance = staticmethod(mistake)

    with pytest.raises(AssertionError, match=law):
        run_state_machine_as_test(Mistaken, settings=FAST)


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
        run_state_machine_as_test(Forgetful, settings=FAST)
