"""What the environments of each engine claim, kept by all passes together, so that two claims meet before any write."""

import threading
from collections.abc import Mapping

from gitopsd.model.desired import DesiredState
from gitopsd.plan.claims import Claim, claims, disputes


class Registry:
    """Claims by engine and environment. Any thread may call it. Engines are URLs; two of them may lead to one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, dict[str, frozenset[Claim]]] = {}
        self._held: dict[str, dict[str, frozenset[Claim]]] = {}
        self._gone: set[str] = set()
        self._ids: dict[str, str] = {}

    def identify(self, engine: str, id: str) -> None:
        """What the engine says that it is: what has its id under another URL is the same one."""
        with self._lock:
            self._ids[engine] = id

    def want(self, engine: str, environment: str, desired: DesiredState | None, *, gone: bool = True) -> None:
        """What the newest commit claims for the environment; None: nothing, as it is `gone`, or not known yet."""
        with self._lock:
            if desired is None:
                self._wanted.get(engine, {}).pop(environment, None)
                if gone:
                    self._gone.add(environment)
            else:
                self._wanted.setdefault(engine, {})[environment] = claims(desired)
                self._gone.discard(environment)

    def hold(self, engine: str, environment: str, *states: DesiredState) -> None:
        """What the environment serves with now, and what it is being brought to."""
        with self._lock:
            held = frozenset(claim for state in states for claim in claims(state))
            self._held.setdefault(engine, {})[environment] = held

    def let_go(self, environment: str) -> None:
        """The environment claims nothing any more, on any engine."""
        with self._lock:
            for claimed in (*self._wanted.values(), *self._held.values()):
                claimed.pop(environment, None)
            self._gone.discard(environment)

    def disputes(self, engine: str, environment: str, desired: DesiredState) -> tuple[str, ...]:
        """What another environment of the engine claims too, in words."""
        with self._lock:
            held = self._of(self._held, engine)
            wanted = self._of(self._wanted, engine)
            gone = frozenset(self._gone)
        others = {name: wanted.get(name, frozenset()) for name in {*wanted, *held} - {environment}}
        return disputes(environment, claims(desired), held, others, gone)

    def elsewhere(self, engine: str) -> frozenset[str]:
        """The environments that are on another engine for certain."""
        with self._lock:
            urls = {*self._wanted, *self._held}
            others = {url for url in urls if self._differ(url, engine)}
            found = [{*self._wanted.get(url, {}), *self._held.get(url, {})} for url in sorted(others)]
            here = [{*self._wanted.get(url, {}), *self._held.get(url, {})} for url in sorted(urls - others)]
            return frozenset().union(*found) - frozenset().union(*here)

    def _differ(self, one: str, other: str) -> bool:
        ids = self._ids.get(one), self._ids.get(other)
        return one != other and None not in ids and ids[0] != ids[1]

    def _of(self, claimed: Mapping[str, Mapping[str, frozenset[Claim]]], engine: str) -> dict[str, frozenset[Claim]]:
        """The claims on an engine, by environment, through whatever URL it is reached."""
        id = self._ids.get(engine)
        urls = [url for url in claimed if url == engine or (id is not None and self._ids.get(url) == id)]
        return {name: each for url in urls for name, each in claimed[url].items()}
