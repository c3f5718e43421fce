"""A database, and code that works with some versions of its schema only: what is pushed, and what never comes of it.

The database of these worlds is moved by nothing but their jobs: from the start of one it may be anywhere up to what
that provides, and from its good end it is there.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as some

from gitopsd.model.action import Action, Start
from gitopsd.model.desired import SealedService, SealedState
from gitopsd.model.schema import Accepts, Schema, accepts_of
from gitopsd.release.schema import cannot_return
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

WELL = Behaviour(exits_after=3, restart="no")
BADLY = Behaviour(exits_after=3, exit_code=1, restart="no")
SICK = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
SLOW = Behaviour(check=True, healthy_after=4)
JOBS = ("expand", "contract")


@dataclass(frozen=True)
class Code:
    """Code that accepts the versions around the one that the database is at, and how it lives."""

    below: int
    above: int
    lives: Behaviour = SLOW

    def accepts(self, version: int) -> str:
        return f"{max(0, version - self.below)}-{max(0, version - self.below, version + self.above)}"


@dataclass(frozen=True)
class Commit:
    """What is pushed: the code of two services, maybe with a job that expands or one that contracts; and what follows.

    `worker`: None for a manifest without it, "same" for the one that was pushed last. `expand`, `contract`: by so many
    versions. `back`: what was pushed so many commits before is pushed once more, instead. A daemon dies after
    `dies_after` of its actions. `pin`: somebody pins to the release of that number. `forgets`: the ledger keeps the
    newest release only, and what is kept stopped for a way back is removed by hand. `late`: the expand job needs code
    to serve first. `within`: the next commit comes after so many seconds, whatever has become of this one.
    """

    web: Code
    worker: "Code | str | None" = None
    expand: int = 0
    contract: int = 0
    job: Behaviour = WELL
    back: int = 0
    dies_after: int = 0
    pin: int = 0
    forgets: bool = False
    late: bool = False
    within: float = 600


CODE = some.builds(
    Code,
    below=some.sampled_from((-1, 0, 0, 1, 1, 2)),
    above=some.sampled_from((-1, -1, 0, 1, 2, 3)),
    lives=some.sampled_from((SLOW, SLOW, SLOW, SICK)),
)
COMMITS = some.builds(
    Commit,
    web=CODE,
    worker=some.one_of(some.none(), some.just("same"), CODE),
    expand=some.sampled_from((0, 1, 1, 2, 3)),
    contract=some.sampled_from((0, 0, 1, 2, 3)),
    job=some.sampled_from((WELL, WELL, BADLY)),
    back=some.sampled_from((0, 0, 0, 0, 1, 2)),
    dies_after=some.integers(0, 6),
    pin=some.sampled_from((0, 0, 0, 1, 2)),
    forgets=some.sampled_from((False, False, True)),
    late=some.sampled_from((False, False, True)),
    within=some.sampled_from((600, 600, 600, 600, 3, 10)),
)


@dataclass
class Truth:
    """What the database may be at, and what each version of the code accepts; held against all that runs."""

    daemon: Daemon
    schema: Schema = field(default_factory=lambda: Schema(0, 0, ""))
    provides: dict[str, int] = field(default_factory=dict)
    accepts: dict[str, Accepts] = field(default_factory=dict)
    pushed: list[SealedState] = field(default_factory=list)
    dies_in: int = 0

    def __post_init__(self) -> None:
        self.daemon.watch, self.daemon.passed = self.watch, lambda daemon, _: self.holds()

    def push(self, commit: Commit) -> None:
        """A commit, and all that follows from it until it is calm again, or the next one comes."""
        self.dies_in = commit.dies_after
        old = self.pushed[-commit.back : len(self.pushed) - commit.back + 1] if commit.back else []
        state = old[0] if old else self.state(commit)
        self.pushed.append(state)
        lives = {name: commit.job for name in JOBS} | {"web": commit.web.lives}
        lives |= {"worker": commit.worker.lives} if isinstance(commit.worker, Code) else {}
        self.daemon.commit(state, **({} if old else lives)).settle(commit.within)
        if commit.within < 600:
            return
        if commit.forgets:
            self.forget()
        if commit.pin:
            self.daemon.pin(commit.pin, 60)
            self.daemon.settle(600).wait(90)
        self.daemon.settle(600).wait(120).settle(600)
        self.holds()

    def state(self, commit: Commit) -> SealedState:
        number, at = len(self.pushed), self.schema.high
        services = [self.service("web", number, commit.web)]
        if isinstance(commit.worker, Code):
            services.append(self.service("worker", number, commit.worker, volumes=["data:/data"], monitor=5))
        elif commit.worker and self.pushed and "worker" in self.pushed[-1].services:
            services.append(self.pushed[-1].services["worker"])
        for phase, more in (("expand", commit.expand), ("contract", commit.contract)):
            if more:
                version = at + more
                job = {"phase": phase, "database": "shop", "provides": version, "after": seconds(100)}
                first = services[-1].service.name
                needs = {first: "service_healthy"} if phase == "expand" and commit.late else {}
                services.append(a_service(phase, f"{phase}:{version}/{number}", job=job, depends_on=needs))
                self.provides[services[-1].fingerprint] = version
        return a_state(*services)

    def service(self, name: str, number: int, code: Code, **how: object) -> SealedService:
        made = a_service(name, f"{name}:{number}", accepts=code.accepts(self.schema.high), **how)
        self.accepts[made.fingerprint] = accepts_of("shop", code.accepts(self.schema.high))
        return made

    def forget(self) -> None:
        boxes = self.daemon.world.boxes
        for id in [id for id, box in boxes.items() if not box.up and box.service not in JOBS]:
            del boxes[id]
        del self.daemon.ended[:-1]

    def watch(self, daemon: Daemon, action: Action) -> None:
        if isinstance(action, Start) and action.service in JOBS:
            version = self.provides[daemon.world.named(action.name).fingerprint]
            if action.service == "contract":
                self.needless(version)
            self.schema = Schema(self.schema.low, max(version, self.schema.high), "")
        self.holds()
        self.dies_in -= 1
        if self.dies_in == 0:
            daemon.die()

    def needless(self, version: int) -> None:
        """A contract begins only when no container that is there, whether it runs or not, needs the old shape."""
        for box in self.daemon.world.boxes.values():
            if box.service not in JOBS and version > self.schema.high:
                assert self.accepts[box.fingerprint].high >= version, f"a contract begins under {box.name}"

    def holds(self) -> None:
        """Whatever serves now, and what a failure would return to, works with the database whatever that may be at."""
        daemon = self.daemon
        for box in daemon.world.boxes.values():
            ended = box.service in JOBS and box.state == "exited" and box.exit_code == 0
            if ended and self.provides[box.fingerprint] > self.schema.low:
                version = self.provides[box.fingerprint]
                self.schema = Schema(version, max(version, self.schema.high), "")
        up = {box.fingerprint: box.name for box in daemon.world.boxes.values() if box.up}
        back = (*daemon.journal.stable.items(), *daemon.journal.before.items())
        kept = {target.fingerprint: f"{name} to return to" for name, target in back}
        for fingerprint, who in {**kept, **up}.items():
            if fingerprint in self.accepts:
                accepts = self.accepts[fingerprint]
                assert self.schema.suits(accepts), f"{who} accepts {accepts.words}, at {self.schema.words}"

    def returns(self) -> None:
        """A release of which nothing says that it cannot be returned to can be."""
        for release in self.daemon.ended:
            if release.outcome == "succeeded" and not cannot_return(self.daemon.journal, release):
                for each in release.services:
                    assert each.schema is None or self.schema.suits(each.schema), f"release {release.number} is behind"
