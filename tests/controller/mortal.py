"""A routed house whose daemon can be killed before or after any call that has an effect, and laws that hold throughout.

A call that only looks is no moment of its own: a daemon that dies in it leaves the same world and the same store as one
that dies right after the effect before it.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from gitopsd.controller.application import Application
from gitopsd.engine_json import labels
from gitopsd.model.rollout import Finalising
from gitopsd.model.route import ALL, SLOTS, RouteName, SlotName
from gitopsd.rollout.shifting import gradual
from tests.controller.routed import RoutedHouse
from tests.fakes.containers import Container

WEB = RouteName("shop", "web")
EFFECTS = {
    "engine": frozenset(
        ("claim", "disclaim", "pull", "remove_image", "create", "start", "unpause", "stop", "remove", "rename",
         "update", "deliver", "connect", "disconnect", "create_network", "remove_network", "create_volume",
         "collect_content")
    ),
    "router": frozenset(("apply", "cut", "renew")),
    "store": frozenset(("save",)),
}  # fmt: skip


class Death(SystemExit):
    """The end of a daemon in the middle of its work: no thread of it gets further than its next call."""


@dataclass
class Life:
    """What one daemon does to the world, call by call. It dies `before` or after the call `dies_at` takes effect."""

    house: "MortalHouse"
    dies_at: int = 0
    before: bool = False
    dead: bool = False
    calls: list[str] = field(default_factory=list)

    def call(self, name: str, method: Any, args: Any, more: Any) -> Any:
        with self.house.one_at_a_time:
            if self.dead:
                raise Death
            self.calls.append(name)
            now = len(self.calls) == self.dies_at
            self._die(now and self.before)
            found = method(*args, **more)
            self.house.look(name)
            self._die(now)
            return found

    def _die(self, now: bool) -> None:
        if now:
            self.dead = True
            raise Death


class Port:
    """A port of the house as one life has it."""

    def __init__(self, life: Life, kind: str, port: Any) -> None:
        self._life, self._kind, self._port = life, kind, port

    def __getattr__(self, name: str) -> Any:
        found, life = getattr(self._port, name), self._life
        if name == "close_events" or not callable(found):
            return found
        if name in EFFECTS[self._kind]:
            return lambda *args, **more: life.call(f"{self._kind} {name}", found, args, more)
        if life.dead:
            raise Death
        return found


class MortalHouse(RoutedHouse):
    """`broken` is what was ever against the laws, in words."""

    def __init__(self) -> None:
        self.one_at_a_time = threading.RLock()
        self.broken: list[str] = []
        self.life = Life(self)
        super().__init__()

    def application(self, fingerprints: str = "") -> Application:
        life = self.life = Life(self)
        return replace(
            super().application(),
            store=Port(life, "store", self.store),  # type: ignore[arg-type]
            connect=lambda target: Port(life, "engine", self.engine(target.url)),  # type: ignore[arg-type,return-value]
            open_router=lambda target, settings: Port(life, "router", self.router),  # type: ignore[arg-type,return-value]
        )

    def dies(self, at: int, *, before: bool) -> None:
        """The daemon's end is so many of its effects away."""
        with self.one_at_a_time:
            self.life.calls.clear()
            self.life.dies_at, self.life.before = at, before

    def wait(self, seconds: float) -> None:
        """Let time pass. Who has died, perhaps in the midst of a poll, is followed by another daemon."""
        try:
            super().wait(seconds)
        except Death:
            assert self.life.dead
        if self.life.dead:
            self.timer.jobs.clear()
            self.again()

    def look(self, call: str) -> None:
        """Hold the world against the laws."""
        found = (*self._twice(), *self._gap(), *self._stranger(), *self._too_much(), *self.engine().early)
        self.broken += [f"{each} (after {call} number {len(self.life.calls)})" for each in found]

    def _up(self) -> dict[str, Container]:
        mine = self.engine().containers.items()
        return {id: each for id, each in mine if each.up and each.labels.get(labels.ENVIRONMENT) == "shop"}

    def _twice(self) -> list[str]:
        """16: no slot has two instances of the same content."""
        there = Counter((each.labels[labels.SLOT], each.image.image.reference) for each in self._up().values())
        return [f"slot {slot} has {count} of {image}" for (slot, image), count in there.items() if count > 1]

    def _gap(self) -> list[str]:
        """2, 7: once somebody serves, somebody answers at every moment."""
        serves = self.store.journal("shop").stable
        return ["nobody answers"] if serves and self.router.request(WEB).status != 200 else []

    def _stranger(self) -> list[str]:
        """Where the router sends requests is the instance that it means, and nobody else."""
        route, up = self.router.table.route(WEB), self._up()
        targets = [each for slot in SLOTS for each in route.slot(slot).targets] if route is not None else []
        at = {address: each.id for each in self.engine().containers.values() if each.up for address in each.addresses()}
        wrong = [each for each in targets if at.get(("gitopsd", each.address), each.id) != each.id]
        return [f"a stranger is at {each.address}" for each in wrong] + [
            f"{each.id[:6]} is in the router and gone" for each in targets if each.id not in up
        ]

    def _too_much(self) -> list[str]:
        """8, 9: newer content has no more than the ledger says that it may have: by its step, or by the table there."""
        route, journal = self.router.table.route(WEB), self.store.journal("shop")
        rollout, routed = journal.rollouts.get("web"), journal.routes.get("web")
        if route is None or routed is None or rollout is None or rollout.stable is None:
            return []
        ids = {id for id, each in journal.inventory.items() if each.fingerprint == rollout.target.fingerprint}
        new = [slot for slot in SLOTS if any(each.id in ids for each in route.slot(slot).targets)]
        has = max((_part(slot, self.router.share()) for slot in new), default=0)
        may = max((_part(slot, routed.share) for slot in new), default=0)
        if gradual(rollout) and not isinstance(rollout.phase, Finalising):
            may = min(may, rollout.shift.share)
        return [f"newer content has {has}, {may} is in the ledger"] if has > may else []


def _part(slot: SlotName, share: int) -> int:
    return share if slot == "b" else ALL - share
