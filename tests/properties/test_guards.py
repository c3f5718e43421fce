"""No sequence of commits lets a release begin past a guard that the last good one had."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.model.desired import SealedState
from gitopsd.model.guards import ApprovalRule, Guards, RateLimit, Ruling, Window
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising
from gitopsd.model.strategy import Approve, SetWeight
from gitopsd.plan.planning import Applied, plan
from gitopsd.release.guarding import Case, kept, standing
from gitopsd.release.opening import Candidate, begin, follow, prospect, verdict
from gitopsd.release.queue import approve, deny, enqueue, let_go, ruled_out
from gitopsd.release.returning import conclude
from tests.builders import NOON, a_service, a_state, waves_of
from tests.world import World

NEVER = (Window("0 0 29 2 *", timedelta(minutes=1)),)
KINDS = {
    "approval": Guards(approval=ApprovalRule(timedelta(hours=1))),
    "closed": Guards(calendars=(NEVER,)),
    "apart": Guards(rate_limit=RateLimit(distance=timedelta(hours=2))),
    "few": Guards(rate_limit=RateLimit(releases_per_hour=1)),
    "step": Guards(),  # an approval at a tenth of the traffic
}
STEPS = (SetWeight(1_000), Approve())
Said = frozenset[str]


@dataclass
class Life:
    """An environment whose commits, people and releases come as they like. `had` is what the last good one asked."""

    journal: Journal = field(default_factory=lambda: Journal("production"))
    now: datetime = NOON
    number: int = 0
    said: Said = frozenset()  # by the newest commit
    under_way: Said = frozenset()  # by the commits of the open release
    had: Said = frozenset()
    approved: dict[str, datetime] = field(default_factory=dict)
    begun: list[datetime] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    state: SealedState | None = None

    def commit(self, content: int, said: Said) -> None:
        guards = Guards()
        for kind in said:
            chosen = KINDS[kind]
            guards = replace(
                guards,
                approval=guards.approval or chosen.approval,
                calendars=guards.calendars + chosen.calendars,
                rate_limit=RateLimit(
                    guards.rate_limit.releases_per_hour or chosen.rate_limit.releases_per_hour,
                    max(guards.rate_limit.distance, chosen.rate_limit.distance),
                ),
            )
        self.said = said
        steps = STEPS if "step" in said else STEPS[:1]
        web = a_service("web", f"web:{content}", traffic="80:8080", strategy="canary", steps=steps)
        self.state = a_state(web, guards=guards, revision=f"{len(self.begun)}{content}")
        self.look()

    def look(self) -> None:
        """A pass: what the newest commit says begins, follows, or waits."""
        state = self.state
        if state is None:
            return
        if verdict(self.journal, state) != "begin":
            self.journal = let_go(follow(self.journal, state), "", self.now).journal
            if self.journal.release is not None:
                self.under_way |= self.said if self.journal.release.content_digest == state.content_digest else set()
            elif self.journal.serving is not None:
                self.had |= self.said if self.journal.serving.content_digest == state.content_digest else set()
            return
        lane = "good before" if state.content_digest in self.good else ""
        made = plan(state, Applied(self.journal.stable), self.journal, World().look(), waves_of(state))
        holds = standing(self.journal, Case(state, made, Guards(), lane=lane), self.now)
        stay = kept(self.journal, back=bool(lane))
        candidate = Candidate(state, made, waves_of(state), "ada", "", "newer content", kept=stay)
        self.number += 1
        if holds:
            out = ruled_out(self.journal, state.content_digest, holds, self.now)
            rule = ApprovalRule(timedelta(hours=1))
            release = prospect("production", candidate, self.number, self.now)
            self.journal = (out or enqueue(self.journal, release, holds, rule, self.now)).journal
            return
        self.check(state.content_digest, lane)
        self.journal, _, _ = begin(replace(self.journal, queued=None), candidate, self.number, self.now)
        self.begun.append(self.now)
        self.under_way = self.said | (self.had if lane else set())  # going back lets go of nothing

    def check(self, content: str, lane: str) -> None:
        """The law."""
        if lane or self.journal.serving is None:
            return
        asked = self.had | self.said
        assert "closed" not in asked
        approved = self.now < self.approved.get(content, self.now)
        assert "approval" not in asked or approved
        assert "step" not in self.had - self.said or approved
        assert "apart" not in asked or all(self.now - each >= timedelta(hours=2) for each in self.begun)
        assert "few" not in asked or all(self.now - each >= timedelta(hours=1) for each in self.begun)

    def ends(self, well: bool) -> None:
        """The open release serves, or is given up without a way back of its own."""
        release = self.journal.release
        if release is None:
            return
        if well:
            phases = {name: replace(each, phase=Finalising()) for name, each in self.journal.rollouts.items()}
            self.journal, _ = conclude(replace(self.journal, rollouts=phases), self.state, self.now)
            self.journal = replace(self.journal, rollouts={})
            self.had = self.under_way
            self.good.add(release.content_digest)
        else:
            self.journal = replace(self.journal, release=None, rollouts={})

    def person(self, yes: bool) -> None:
        ruling = Ruling("approved" if yes else "denied", "ada", "", self.now, self.now, 0)
        queued = self.journal.queued
        if queued is not None and queued.asks and yes:
            self.approved[queued.release.content_digest] = self.now + timedelta(hours=1)
        self.journal = approve(self.journal, "", ruling)[0] if yes else deny(self.journal, "", ruling)[0].journal


@dataclass(frozen=True, slots=True)
class Round:
    """A commit, and what people and time do after it; None: nothing."""

    content: int
    said: Said
    yes: bool | None
    wait: int
    well: bool | None


ROUNDS = st.builds(
    Round,
    content=st.integers(1, 9),
    said=st.frozensets(st.sampled_from(sorted(KINDS)), max_size=1),
    yes=st.sampled_from([True, True, False, None]),
    wait=st.sampled_from([0, 1800, 3600, 7200]),
    well=st.sampled_from([True, True, False, None]),
)


@given(st.lists(ROUNDS, min_size=3, max_size=12))
@settings(deadline=None)
def test_no_release_escapes_a_guard_that_the_last_good_one_had(rounds: list[Round]) -> None:
    life = Life()
    for each in rounds:
        life.commit(each.content, each.said)
        if each.yes is not None:
            life.person(each.yes)
        life.look()
        if each.well is not None:
            life.ends(each.well)
        life.now += timedelta(seconds=each.wait)
        life.look()
