"""`requires` across machines: others are asked what they serve, and who does not say so has proven nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gitopsd.controller import proofs
from gitopsd.controller.server_port import Member, Server
from gitopsd.model.errors import Place, Problem, ServerError, SettingsError
from gitopsd.model.guards import Guards, OperatorPolicy, Requirement
from gitopsd.release.guarding import Proof
from tests.controller.house import SETTINGS, House, compose
from tests.fakes.containers import Container
from tests.waiting import eventually

FILE = Path("/etc/gitopsd/servers.yaml")
TEN_MINUTES = timedelta(minutes=10)
CANARIES = Guards(requires=(Requirement("canary-hosts", TEN_MINUTES),))


@dataclass
class Canary:
    """The API of another daemon: what it proves, or why it does not answer. `asked` are the times when it was."""

    house: House
    proof: Proof = field(default_factory=Proof)
    trouble: str = ""
    asked: list[float] = field(default_factory=list)

    def get(self, path: str, **query: str | int) -> Any:
        assert path == "/environments/shop/proof"
        self.asked.append(self.house.clock.monotonic())
        if self.trouble:
            raise ServerError(self.trouble)
        return proofs.shape(self.proof, self.house.clock.now())

    def post(self, path: str, body: Any) -> Any:
        raise NotImplementedError

    def serve(self, image: str) -> None:
        """From now on it serves an image, and all is well."""
        held = self.house.engine().image(image)
        assert held is not None
        self.proof = Proof(7, frozenset({held.digest or held.id}), self.house.clock.now())


class Fleet:
    """A host that waits for two canaries."""

    def __init__(self, host: str = "web1") -> None:
        self.house, self.wrong = House(), ""
        self.canaries = {name: Canary(self.house) for name in ("canary1", "canary2")}
        self.named = {"canary-hosts": ("canary1", "canary2")}
        usual = self.house.application
        self.house.application = lambda *given: replace(usual(*given), open_groups=self.groups)  # type: ignore[method-assign]
        self.house.edit_before_start(replace(SETTINGS, host=host, policy=OperatorPolicy(CANARIES, servers_file=FILE)))

    def groups(self, file: Path) -> Mapping[str, tuple[Member, ...]]:
        if self.wrong:
            raise SettingsError([Problem(Place(str(file), 3, 1), "groups.canary-hosts", self.wrong)])
        return {group: tuple(map(self.member, names)) for group, names in self.named.items()}

    def member(self, name: str) -> Member:
        def connect() -> Server:
            return self.canaries[name]

        return Member(name, f"https://{name}", connect)

    def serve(self, image: str) -> None:
        for canary in self.canaries.values():
            canary.serve(image)

    def push(self, image: str = "web:1") -> str:
        self.house.start()
        return self.house.push({"shop/compose.yaml": compose(image)})

    def eventually(self, check: Callable[[], object]) -> None:
        """Wait, while the minutes fly."""

        def passing() -> object:
            self.house.timer.tick(10)
            return check()

        eventually(passing, within=120)

    def serves(self, image: str) -> None:
        """Wait until the host serves an image."""
        self.eventually(lambda: image in [each.image.image.reference for each in self.running()])

    def says(self, words: str) -> None:
        """Wait until this is the reason why it waits itself."""
        self.eventually(lambda: words in self.reason())

    def reason(self) -> str:
        status = self.house.status("shop")
        return next((each.reason for each in status.holds if each.guard == "requires"), "") if status else ""

    def running(self) -> list[Container]:
        return [each for each in self.house.engine().containers.values() if each.up]

    def asked(self) -> list[float]:
        return self.canaries["canary1"].asked


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    made = Fleet()
    yield made
    made.house.stop()


def test_a_host_begins_once_every_canary_has_been_well_for_long_enough(fleet: Fleet) -> None:
    fleet.serve("web:1")
    begun = fleet.house.clock.monotonic()
    fleet.push()
    fleet.says("has to be healthy for 10m, and is since")
    assert fleet.running() == []
    fleet.serves("web:1")
    assert fleet.house.clock.monotonic() - begun >= TEN_MINUTES.total_seconds()
    assert len(fleet.asked()) <= 4  # what time alone proves is not asked for meanwhile


def test_one_canary_with_other_images_is_enough_to_wait(fleet: Fleet) -> None:
    fleet.canaries["canary1"].serve("web:1")
    fleet.canaries["canary2"].serve("web:2")
    fleet.house.clock.advance(3600)
    fleet.push()
    fleet.says("canary-hosts (canary2) has to serve web:1 first, and its release 7 has other images")
    assert fleet.running() == []


def test_a_canary_that_gets_sick_after_it_was_well_keeps_the_others_waiting(fleet: Fleet) -> None:
    fleet.serve("web:1")
    fleet.push()
    fleet.says("is since")
    fleet.canaries["canary2"].proof = replace(fleet.canaries["canary2"].proof, well_since=None)
    fleet.says("canary-hosts (canary2) has to be healthy, and is not")
    assert fleet.running() == []


def test_a_canary_that_does_not_answer_has_proven_nothing_and_is_asked_ever_less_often(fleet: Fleet) -> None:
    fleet.serve("web:1")
    fleet.canaries["canary1"].trouble = "canary1:8080 cannot be asked: Connection refused"
    fleet.push()
    fleet.says("canary-hosts has to serve it first, and canary1 does not say: canary1:8080 cannot be asked")
    fleet.eventually(lambda: len(fleet.asked()) >= 6)
    waits = [after - before for before, after in zip(fleet.asked(), fleet.asked()[1:], strict=False)]
    assert waits[-1] > 200 > 100 > waits[0]
    assert fleet.running() == []


def test_what_was_proven_once_is_asked_for_again_before_the_next_release(fleet: Fleet) -> None:
    fleet.serve("web:1")
    fleet.push()
    fleet.serves("web:1")
    fleet.house.clock.advance(3600)
    asked = len(fleet.asked())
    fleet.push("web:2")
    fleet.says("web:2")
    fleet.serve("web:2")
    fleet.serves("web:2")
    assert len(fleet.asked()) > asked


def test_a_group_that_nobody_names_and_a_file_that_is_wrong_hold_with_the_reason(fleet: Fleet) -> None:
    fleet.wrong = "canary3 is none of the servers"
    fleet.push()
    fleet.says("canary3 is none of the servers")
    fleet.wrong, fleet.named = "", {}
    fleet.says("is neither an environment here nor one of the groups in /etc/gitopsd/servers.yaml")


def test_a_canary_that_is_taken_out_of_the_group_is_waited_for_no_longer(fleet: Fleet) -> None:
    fleet.serve("web:1")
    fleet.house.clock.advance(3600)
    fleet.canaries["canary1"].trouble = "it burns"
    fleet.push()
    fleet.eventually(lambda: len(fleet.asked()) >= 5)  # and is asked seldom by now
    fleet.named = {"canary-hosts": ("canary2",)}
    begun = fleet.house.clock.monotonic()
    fleet.serves("web:1")
    assert fleet.house.clock.monotonic() - begun <= 180


def test_a_host_of_the_group_waits_for_nobody() -> None:
    fleet = Fleet("canary2")
    fleet.house.synced(fleet.push(), "shop")
    assert fleet.asked() == []
    fleet.house.stop()


def test_an_environment_of_this_machine_is_looked_at_here(fleet: Fleet) -> None:
    policy = OperatorPolicy(Guards(requires=(Requirement("shop"),)), servers_file=FILE)
    fleet.house.edit_before_start(replace(SETTINGS, policy=OperatorPolicy(servers_file=FILE)))
    fleet.house.synced(fleet.push(), "shop")
    fleet.house.edit(replace(SETTINGS, policy=policy))
    fleet.house.synced(fleet.house.push({"blog/compose.yaml": compose()}), "blog")
    assert fleet.asked() == []
