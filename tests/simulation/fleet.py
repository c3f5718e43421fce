"""A fleet of single hosts that pull from one repository, of which some go first."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gitopsd.controller import proofs
from gitopsd.controller.guarding import proof
from gitopsd.controller.server_port import Member, Server
from gitopsd.controller.states import Asking
from gitopsd.model.guards import NO_POLICY, Guards, OperatorPolicy, Requirement
from gitopsd.model.settings import Settings
from tests.controller.house import SETTINGS
from tests.simulation.hosts import BROKEN, SERVICES, Course, Host, Light, Whole
from tests.simulation.server import GitServer
from tests.simulation.wheel import Wheel

FILE = Path("/etc/gitopsd/servers.yaml")
GROUP = "canary-hosts"
ALONE = "model"


def compose(version: int) -> str:
    """Ten services of a version; of a broken one, the first."""
    text = "services:\n"
    for number in range(SERVICES):
        image = version if version != BROKEN or number == 0 else 1
        text += f"  app{number}: {{image: 'app{number}:{image}', restart: always}}\n"
    return text


class Fleet:
    """`whole`: all hosts are whole ones, else only those that go first are. `kinds` of hosts pull at different speeds.

    `passes` are all that were made, and `pass_s` is how much of one core they took.
    """

    def __init__(self, hosts: int, canaries: int = 0, *, whole: bool = False, kinds: int = 4, seed: int = 1) -> None:
        self.passes, self.pass_s = 0, 0.0
        self.wheel, self.seed, self._policy = Wheel(), seed, NO_POLICY
        self.server, self.asked = GitServer(self.wheel), Counter[int]()
        self._courses: dict[tuple[int, int, int], Course] = {}
        self._alone: dict[int, Alone] = {}  # by kind of host
        self._versions: dict[str, int] = {}
        self.names = [f"host{number:05}" for number in range(hosts)]
        self.first = self.push(1)
        self.hosts: dict[str, Host] = {}
        for number, name in enumerate(self.names):
            kind = Whole if whole or number < canaries else Light
            self.hosts[name] = kind(self, name, number % kinds)
        self.canaries = self.names[:canaries]
        self._begin()

    def _begin(self) -> None:
        """All serve the first commit, and no daemon polls yet."""
        for host in self.hosts.values():
            if isinstance(host, Whole):
                host.moved()
            elif isinstance(host, Light):
                host.serving = self.first
        self.wheel.run(200)
        assert all(self.first in host.converged for host in self.hosts.values() if isinstance(host, Whole))

    def start(self) -> None:
        for host in self.hosts.values():
            host.start()

    def require(self, canaries: Requirement) -> None:
        """From now on all but the canaries come after these."""
        self._policy = OperatorPolicy(Guards(requires=(canaries,)), servers_file=FILE)

    def push(self, version: int) -> str:
        text = compose(version)
        commit = self.server.push({f"hosts/{name}/shop/compose.yaml": text for name in (ALONE, *self.names)})
        self._versions[commit] = version
        return commit

    def settings_of(self, host: str) -> Settings:
        return replace(SETTINGS, host=host, discover=("hosts/$HOST/*",), policy=self._policy)

    def groups(self, file: Path) -> Mapping[str, tuple[Member, ...]]:
        return {
            GROUP: tuple(Member(name, f"https://{name}", lambda name=name: Api(self, name)) for name in self.canaries)
        }

    def course(self, kind: int, before: str, after: str) -> Course:
        """How a release from one commit to another goes on a host of a kind."""
        key = (kind, self._versions[before], self._versions[after])
        if key not in self._courses:
            if kind not in self._alone or self._alone[kind].version != key[1]:
                self._alone[kind] = Alone(kind, key[1])
            self._courses[key] = self._alone[kind].goes_to(key[2])
        return self._courses[key]

    def reached(self, commit: str) -> int:
        """On how many hosts the release of a commit has begun."""
        return sum(commit in host.begun for host in self.hosts.values())


@dataclass(frozen=True, slots=True)
class Api:
    """The API of a host that goes first, answered from its store by the code that answers HTTP."""

    fleet: Fleet
    host: str

    def get(self, path: str, **query: str | int) -> Any:
        assert path == "/environments/shop/proof"
        self.fleet.asked[int(self.fleet.wheel.seconds)] += 1
        return proofs.shape(proof("shop", self.fleet.hosts[self.host].store), self.fleet.wheel.clock.now())

    def post(self, path: str, body: Any) -> Any:
        raise NotImplementedError


class Alone(Fleet):
    """One whole host, which waits for one that never answers until `free`."""

    def __init__(self, kind: int, before: int) -> None:
        self.free, self.version = False, before
        super().__init__(0)
        self.first = self.push(before)
        self.host = Whole(self, ALONE, kind)
        self.hosts = {ALONE: self.host}
        self._begin()
        self.require(Requirement(GROUP))

    def groups(self, file: Path) -> Mapping[str, tuple[Member, ...]]:
        def connect() -> Server:
            return Api(self, ALONE)

        return {GROUP: (Member(ALONE if self.free else "another", "https://another", connect),)}

    def goes_to(self, version: int) -> Course:
        """Bring it from the version that it serves to another one, and watch."""
        host, self.free = self.host, False
        commit = self.push(version)
        host.repositories.poll("default")
        host.moved()
        ready_s = self._until(lambda: host.held)
        environment, journal, passes = host.environment(), host.journal, host.passes
        desire = host.desires.of(environment, journal, host.engine, Asking({}, self.wheel.clock.now()))
        assert desire.state is not None
        self.free = True
        host.moved()
        takes_s = self._until(lambda: commit in host.converged)
        served = commit in host.converged
        self.version = version if served else self.version
        return Course(environment, journal, desire.state, ready_s, takes_s if served else None, host.passes - passes)

    def _until(self, check: Callable[[], bool]) -> float:
        """How long it took until that was so; no longer than ten minutes are waited for it."""
        begun = self.wheel.seconds
        while not check() and self.wheel.seconds < begun + 600:
            self.wheel.run(0.1)
        return self.wheel.seconds - begun
