"""Carrying out actions: one `match`, one engine call a branch, no opinions. Chains run beside each other, bounded."""

import threading
import traceback
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gitopsd.controller.ports import Clock, Engine, EngineView
from gitopsd.engine_json.container import creation
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.cures import lift_body
from gitopsd.engine_json.limits import restart_policy, update_body
from gitopsd.engine_json.networking import endpoints
from gitopsd.engine_json.resource import network_body, volume_body
from gitopsd.engine_json.routed import NETWORK as ROUTED_NETWORK
from gitopsd.engine_json.routed import routed_endpoint
from gitopsd.model.action import (
    Action,
    Chain,
    Connect,
    Create,
    CreateNetwork,
    CreateVolume,
    Deliver,
    Disconnect,
    Exchange,
    Keep,
    Remove,
    RemoveNetwork,
    Rename,
    Restore,
    Start,
    Stop,
    Unpause,
    Update,
)
from gitopsd.model.canonical import Json
from gitopsd.model.desired import DesiredState, SealedService
from gitopsd.model.errors import EngineUnavailable, GitopsdError, ImageUnavailable, NotFound
from gitopsd.model.parted import differing
from gitopsd.plan.pull_policy import may_pull

WORKERS = 16
ASIDE = 8


@dataclass(frozen=True, slots=True)
class Specification:
    """What a fingerprint stands for, with the environment that it belongs to."""

    sealed: SealedService
    desired: DesiredState


Lookup = Callable[[str, str, str], Specification]
"""Service, fingerprint and `in_place` to specification; raises GitopsdError when it is no longer at hand."""


@dataclass(frozen=True, slots=True)
class Making:
    """What everything of an environment is made with: where its specifications are, and the key of what is secret.

    `bring` pulls an image for a platform ("": the engine's own). `address` gives one on the router's network, which it
    makes when it is missing: the one that an instance had, or a new one.
    """

    specification: Lookup
    desired: DesiredState
    key: bytes
    bring: Callable[[str, str], object]
    address: Callable[[str], str]


def perform(action: Action, engine: Engine, making: Making) -> str:
    """Carry one action out; doing it twice is harmless. Returns what is worth knowing, or ""."""
    match action:
        case CreateNetwork(network=key, name=name):
            engine.create_network(name, network_body(making.desired.networks[key], making.desired, making.key))
        case RemoveNetwork(id=network):
            engine.remove_network(network)
        case CreateVolume(volume=key, name=name):
            engine.create_volume(name, volume_body(making.desired.volumes[key], making.desired, making.key))
        case Create():
            return _create(action, engine, making)
        case Update(container=container, lift=lift):
            body = lift_body(lift) | update_body(_specification(action, making).sealed)
            return ", ".join(engine.update(container, body))
        case Deliver(container=container, name=name, slot=slot):
            engine.deliver(container, remade(_specification(action, making), slot, name, engine, making.key))
        case Exchange():
            _exchange(action, engine, making)
        case Connect(container=container, network=network):
            engine.connect(container, network, _endpoint(action, making, engine.api()))
        case Restore(container=container, restart=restart):
            options = {"restart": restart} if restart else _specification(action, making).sealed.service.options
            engine.update(container, {"RestartPolicy": restart_policy(options)})
        case _:
            _on_container(action, engine)
    return ""


def _on_container(action: Start | Unpause | Keep | Stop | Remove | Rename | Disconnect, engine: Engine) -> None:
    match action:
        case Start(container=container):
            engine.start(container)
        case Unpause(container=container):
            engine.unpause(container)
        case Keep(container=container):
            engine.update(container, {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}})
        case Stop(container=container):
            engine.stop(container)
        case Remove(container=container):
            engine.remove(container)
        case Rename(container=container, name=name):
            engine.rename(container, name)
        case Disconnect(container=container, network=network):
            engine.disconnect(container, network)


def _exchange(action: Exchange, engine: Engine, making: Making) -> None:
    found = _specification(action, making)
    if any(differing(found.sealed.in_place, action.in_place)):
        raise GitopsdError(
            f"the files of {action.service} as they were released are no longer at hand; "
            "push a commit that changes them, or that replaces the service"
        )
    engine.exchange(action.container, remade(found, action.slot, action.name, engine, making.key))
    for signal in action.signals:
        engine.signal(action.container, signal)


def _specification(action: Create | Update | Restore | Deliver | Exchange | Connect, making: Making) -> Specification:
    return making.specification(action.service, action.fingerprint, action.in_place)


def _endpoint(action: Connect, making: Making, api: tuple[int, int]) -> Mapping[str, Json]:
    if action.network == ROUTED_NETWORK:
        return routed_endpoint(making.address(action.address))
    found = _specification(action, making)
    return dict(endpoints(found.sealed.service, found.desired, action.slot, api))[action.network]


def remade(found: Specification, slot: int, name: str, engine: EngineView, key: bytes, routed: str = "") -> Creation:
    """What a container of a specification is made from, but for what it carries over and lives in.

    `routed` is its address for the router. ManifestError: it cannot be made.
    """
    joins = {each: each for each in found.sealed.service.shares}
    return creation(
        *(found.sealed, found.desired),
        slot=slot,
        name=name,
        release=0,
        carry={},
        joins=joins,
        routed=routed,
        api=engine.api(),
        key=key,
    )


def _create(action: Create, engine: Engine, making: Making) -> str:
    specification = _specification(action, making)
    made = creation(
        specification.sealed,
        specification.desired,
        slot=action.slot,
        name=action.name,
        release=action.release,
        carry=action.carry,
        joins=action.joins,
        routed=making.address("") if specification.sealed.service.traffic is not None else "",
        api=engine.api(),
        key=making.key,
    )
    try:
        return engine.create(made)
    except NotFound as gone:
        # The image was removed from the engine since it was recorded; its digest brings the same one back.
        image = specification.sealed.image
        if not may_pull(specification.sealed.service):
            raise ImageUnavailable(f"{gone}; `pull_policy: never` forbids to pull it, so load it there") from gone
        making.bring(image.digest or image.reference, made.platform)
        return engine.create(made)


@dataclass(frozen=True, slots=True)
class Performed:
    """An action that was carried out, how many seconds it took, and what is worth knowing."""

    action: Action
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a chain ended. `error` stopped it, at `failed`; what came before it was done.

    `trace` is for whoever mends gitopsd, where the error is a defect of its own; it may hold whatever values do.
    """

    key: str
    performed: tuple[Performed, ...]
    failed: Action | None = None
    error: GitopsdError | None = None
    trace: str = ""


class Executor:
    """Runs chains of actions in a bounded pool of threads, one engine's. A key's chains never overlap.

    What waits for a registry goes `aside`, in threads of its own: one that hangs keeps no repair waiting, nor the end.
    """

    def __init__(self, clock: Clock, workers: int = WORKERS) -> None:
        self._clock = clock
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="executor")
        self._aside = threading.BoundedSemaphore(ASIDE)
        self._stopped = threading.Event()
        self._busy: dict[tuple[str, str], frozenset[str]] = {}  # with the containers that are acted on
        self._lock = threading.Lock()

    def submit(
        self,
        environment: str,
        key: str,
        work: Callable[[], Outcome],
        done: Callable[[Outcome], None],
        *,
        containers: frozenset[str] = frozenset(),
        aside: bool = False,
    ) -> None:
        """Run `work` unless the key is under way already, and hand its outcome to `done`.

        `containers` are those that it acts on, by id or name.
        """
        with self._lock:
            if (environment, key) in self._busy:
                return
            self._busy[environment, key] = containers
        if aside:
            threading.Thread(
                target=self._run_aside, args=(environment, key, work, done), name="executor-aside", daemon=True
            ).start()
        else:
            self._pool.submit(self._run, environment, key, work, done)

    def busy(self, environment: str) -> frozenset[str]:
        """Keys of the environment that are under way."""
        with self._lock:
            return frozenset(key for name, key in self._busy if name == environment)

    def acts_on(self, names: Collection[str]) -> bool:
        """Whether something is under way on a container that is called one of these; its end is told to `done`."""
        with self._lock:
            return any(not containers.isdisjoint(names) for containers in self._busy.values())

    def stop(self) -> None:
        """Wait for the actions that are under way; start no more. What is aside is left, as it may be done again."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run_aside(
        self, environment: str, key: str, work: Callable[[], Outcome], done: Callable[[Outcome], None]
    ) -> None:
        with self._aside:
            if not self._stopped.is_set():
                self._run(environment, key, work, done)

    def _run(self, environment: str, key: str, work: Callable[[], Outcome], done: Callable[[Outcome], None]) -> None:
        try:
            outcome = work()
        except Exception as error:  # noqa: BLE001  whatever goes wrong in here, the loop hears of it
            unexpected = EngineUnavailable(f"unexpected {type(error).__name__}: {error}")
            outcome = Outcome(key, (), error=unexpected, trace=traceback.format_exc())
        with self._lock:
            del self._busy[environment, key]
        done(outcome)

    def chain(self, chain: Chain, engine: Engine, making: Making) -> Outcome:
        """Carry a chain out, action by action, until one fails."""
        performed: list[Performed] = []
        for action in chain.actions:
            begun = self._clock.monotonic()
            try:
                note = perform(action, engine, making)
            except GitopsdError as error:
                return Outcome(chain.key, tuple(performed), action, error)
            performed.append(Performed(action, self._clock.monotonic() - begun, note))
        return Outcome(chain.key, tuple(performed))
