"""Releases, returns, pins, expands and contracts in any order: no version ever serves outside what it accepts.

The database of these worlds is moved by nothing but their jobs: from the start of one it may be anywhere up to what
that provides, and from its good end it is there.
"""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as some

from gitopsd.model.action import Action, Start
from gitopsd.model.desired import SealedState
from gitopsd.model.schema import Accepts, Schema, accepts_of
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

FEW = settings(max_examples=max(60, settings().max_examples // 8))
WELL = Behaviour(exits_after=3, restart="no")
EMPTY = Schema(0, 0, "")
BADLY = Behaviour(exits_after=3, exit_code=1, restart="no")
SICK = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
SLOW = Behaviour(check=True, healthy_after=4)


@dataclass(frozen=True)
class Commit:
    """What is pushed: code that accepts a range, maybe with a job that expands or one that contracts; how it goes on.

    `look`: a daemon dies after so many of its actions.
    """

    low: int
    span: int
    expand: int = 0
    contract: int = 0
    web: Behaviour = SLOW
    job: Behaviour = WELL
    dies_after: int = 0
    pin: int = 0


commits = some.builds(
    Commit,
    low=some.integers(1, 6),
    span=some.integers(0, 3),
    expand=some.integers(0, 8),
    contract=some.sampled_from((0, 0, 3, 5, 7)),
    web=some.sampled_from((SLOW, SLOW, SICK)),
    job=some.sampled_from((WELL, WELL, BADLY)),
    dies_after=some.integers(0, 6),
    pin=some.sampled_from((0, 0, 0, 1, 2)),
)


@dataclass
class Truth:
    """What the database may be at, and what each version of the code accepts; held against all that runs."""

    schema: Schema = EMPTY
    provides: dict[str, int] = field(default_factory=dict)
    accepts: dict[str, Accepts] = field(default_factory=dict)
    dies_in: int = 0

    def state(self, number: int, commit: Commit) -> SealedState:
        high = commit.low + commit.span
        services = [a_service("web", f"web:{number}", accepts=f"{commit.low}-{high}", monitor=5)]
        self.accepts[f"web:{number}"] = accepts_of("shop", f"{commit.low}-{high}")
        for phase, version in (("expand", commit.expand), ("contract", commit.contract)):
            if version:
                job = {"phase": phase, "database": "shop", "provides": version, "after": seconds(100)}
                self.provides[f"{phase}:{version}/{number}"] = version
                services.append(a_service(phase, f"{phase}:{version}/{number}", job=job))
        return a_state(*services)

    def holds(self, daemon: Daemon) -> None:
        for box in daemon.world.boxes.values():
            ended = box.service != "web" and box.state == "exited" and box.exit_code == 0
            if ended and self.provides[box.fingerprint] > self.schema.low:
                version = self.provides[box.fingerprint]
                self.schema = Schema(version, max(version, self.schema.high), "")
        for box in daemon.world.boxes.values():
            if box.service == "web" and box.up:
                assert self.schema.suits(self.accepts[box.fingerprint]), daemon.lines()[-12:]

    def watch(self, daemon: Daemon, action: Action) -> None:
        if isinstance(action, Start) and action.service != "web":
            version = self.provides[daemon.world.named(action.name).fingerprint]
            self.schema = Schema(self.schema.low, max(version, self.schema.high), "")
        self.holds(daemon)
        self.dies_in -= 1
        if self.dies_in == 0:
            daemon.die()


@FEW
@given(some.lists(commits, min_size=2, max_size=7))
def test_no_version_serves_with_a_schema_that_it_does_not_accept(pushed: list[Commit]) -> None:
    """27: whatever is released, returned to, expanded and contracted, in whatever order and with deaths in between."""
    truth, daemon = Truth(), Daemon()
    daemon.watch, daemon.passed = truth.watch, lambda daemon, _: truth.holds(daemon)
    for number, commit in enumerate((Commit(1, 2, expand=1), *pushed), 1):
        truth.dies_in = commit.dies_after
        state = truth.state(number, commit)
        behaviours = {name: commit.web if name == "web" else commit.job for name in state.services}
        daemon.commit(state, **behaviours).settle(600)
        if commit.pin:
            daemon.pin(commit.pin, 60)
            daemon.settle(600).wait(90)
        daemon.settle(600).wait(120).settle(600)
    truth.holds(daemon)


def test_these_sequences_expand_contract_and_serve() -> None:
    """Were everything refused, nothing would ever be out of range either."""
    truth, daemon = Truth(), Daemon()
    daemon.watch = truth.watch
    pushed = (Commit(1, 2, expand=1), Commit(2, 3, expand=3), Commit(2, 3, contract=4))
    for number, commit in enumerate(pushed, 1):
        state = truth.state(number, commit)
        daemon.commit(state, **{name: SLOW if name == "web" else WELL for name in state.services})
        daemon.settle(600).wait(120).settle(600)
    assert [release.outcome for release in daemon.ended] == ["succeeded"] * 4
    assert daemon.journal.schemas["shop"].words == "4"
