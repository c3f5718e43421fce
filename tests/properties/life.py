"""A simulated life: a daemon over a fake engine and clock, to which things happen for days, and who watches it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from gitopsd.controller.daemon import Daemon
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from tests.controller.house import House
from tests.fakes.store import FakeStore

DAY = 86_400.0
SHOP = """
services:
  web:
    image: web:{image}
    mem_limit: {memory}m
    restart: always
    networks: {{back: {{aliases: [shop]}}, front: }}
    deploy: {{replicas: {replicas}}}
    x-gitopsd: {{min_ready: 0s}}
  db:
    image: web:1
    restart: unless-stopped
    volumes: [data:/data]
    networks: [back]
    x-gitopsd: {{min_ready: 0s}}
networks: {{back: , front: }}
volumes: {{data: }}
"""
Sight = Mapping[str, tuple[str, Mapping[str, Any]]]


@dataclass
class Life:
    """One house in which things happen, one after the other; after each of them all has to be well again.

    `explained` are the causes, by container name, that the ledger gave for what was made anew, over all stores.
    """

    random: Random
    house: House = field(default_factory=House)
    image: int = 1
    memory: int = 64
    replicas: int = 2
    versions: int = 0
    lost: list[FakeStore] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.house.start()
        self.released()

    # What may happen. Each says whether containers may be other ones afterwards.

    def hand(self) -> bool:
        """Somebody lays hands on one container. What only a new one mends makes that one new."""
        name = self.random.choice(self.house.engine().names())
        deeds: dict[str, tuple[Callable[[], object], bool]] = self._deeds(name)
        deed = self.random.choice(sorted(deeds))
        self.happened.append(f"{deed} {name}")
        act, anew = deeds[deed]
        if self.random.random() < 0.3:
            self.house.engine().close_events()  # and nobody hears of it
        act()
        return anew

    def _deeds(self, name: str) -> dict[str, tuple[Callable[[], object], bool]]:
        engine = self.house.engine()
        return {
            "stop": (lambda: engine.stop_by_hand(name), False),
            "kill": (lambda: engine.kill(name), False),
            "crash": (lambda: engine.crash(name), False),
            "pause": (lambda: engine.pause_by_hand(name), False),
            "rename": (lambda: engine.rename_by_hand(name, "precious"), False),
            "disconnect": (lambda: engine.disconnect_by_hand(name, "shop_back"), False),
            "lose its aliases": (lambda: self._without_aliases(name), False),
            "restart never": (lambda: engine.update_by_hand(name, RestartPolicy={"Name": "no"}), False),
            "less memory": (lambda: engine.update_by_hand(name, Memory=32 << 20), "web" not in name),
            "limit": (lambda: engine.update_by_hand(name, NanoCpus=10**9), True),
            "remove": (lambda: engine.remove_by_hand(name), True),
        }

    def _without_aliases(self, name: str) -> None:
        self.house.engine().disconnect_by_hand(name, "shop_back")
        self.house.engine().connect_by_hand(name, "shop_back", Aliases=["elsewhere"])

    def stranger(self) -> bool:
        """Somebody runs a container of the project, has a look at it, and removes it."""
        self.happened.append("stranger")
        self.house.engine().run_by_hand("stranger", "shop", "web")
        self.settle()
        assert "stranger" in self.house.engine().names(running=True)
        self.house.engine().remove_by_hand("stranger")
        return False

    def push(self) -> bool:
        """Somebody releases something else: another image, another limit, more or fewer."""
        self.image, self.memory, self.replicas = (
            self.random.choice((1, 2)),
            self.random.choice((64, 128)),
            self.random.choice((1, 2, 3)),
        )
        self.happened.append(f"push web:{self.image} {self.memory}m x{self.replicas}")
        self.released()
        return True

    def restart_engine(self) -> bool:
        self.happened.append("engine restart")
        self.house.engine().restart_engine()
        return False

    def restart_daemon(self) -> bool:
        self.happened.append("daemon restart")
        self._anew()
        return False

    def lose_store(self) -> bool:
        """The database is gone; whose the project is, and the key, are kept apart from it."""
        self.happened.append("store lost")
        self.house.daemon.stop()
        self.lost.append(self.house.store)
        self.house.store = FakeStore(self.house.store.instance_id())
        self._anew()
        return False

    def upgrade(self) -> bool:
        """Another version of the engine, or of gitopsd, which makes other fingerprints, in turns."""
        self.versions += 1
        self.happened.append(f"upgrade {self.versions}")
        if self.versions % 2:
            self.house.engine().version = f"Docker/{26 + self.versions}.0.0 (memory)"
        else:
            self.house.upgrade(f"v{10 + self.versions}")
        return False

    def _anew(self) -> None:
        self.house.daemon.stop()
        self.house.daemon = Daemon(self.house.application())
        self.house.daemon.start()

    # How it is watched.

    def released(self) -> None:
        text = SHOP.format(image=self.image, memory=self.memory, replicas=self.replicas)
        commit = self.house.push({"shop/compose.yaml": text})
        self.house.synced(commit, "shop")

    def settle(self) -> None:
        """Nothing is left to do, and whoever looks again finds nothing."""
        for _ in range(2):
            self.looked()
            self.house.eventually(self.quiet)

    def looked(self) -> None:
        """Two whole passes: what is asked for is answered at the begin of one."""
        for _ in range(2):
            number = self.house.store.submit(Operation("resume", "shop", "ada", self.house.clock.now()))
            self.house.watcher.changed("operations")
            self.house.eventually(partial(self._answered, number))

    def _answered(self, number: int) -> bool:
        found = self.house.store.operation(number)
        return found is not None and found.done_at is not None

    def quiet(self) -> bool:
        journal, status = self.house.store.journal("shop"), self.house.status("shop")
        under_way = journal.release is not None or journal.rollouts
        well = status is not None and (status.sync, status.health) == ("Synced", "Healthy")
        ours = [each for each in self.house.store.drift("shop").items if each.name != "stranger"]
        return not under_way and well and not ours and self.complete()

    def complete(self) -> bool:
        """By the test's own eyes: nothing is missing, nothing is left over, all of it runs."""
        wanted = {"shop-db-1", *(f"shop-web-{slot}" for slot in range(1, self.replicas + 1))}
        return (
            set(self.house.engine().names(running=True)) - {"stranger"}
            == wanted
            == (set(self.house.engine().names()) - {"stranger"})
        )

    def sight(self) -> Sight:
        """Every container by name: its state, and all that an engine shows of it."""
        found = self.house.engine().observe("shop").instances
        return {each.name: (each.state, dict(each.fields)) for each in found}

    def ids(self) -> dict[str, str]:
        return {each.name: each.id for each in self.house.engine().observe("shop").instances}

    def ledger(self) -> list[Event]:
        """Everything that was ever noted, also in stores that are lost."""
        return [event for store in (*self.lost, self.house.store) for event in store.events(limit=1_000_000)]
