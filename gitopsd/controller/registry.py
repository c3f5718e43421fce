"""What the environments of each engine claim, kept by all passes together, so that two claims meet before any write."""

import threading

from gitopsd.model.desired import DesiredState
from gitopsd.plan.claims import Claim, claims, disputes


class Registry:
    """Claims by engine and environment. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, dict[str, frozenset[Claim]]] = {}
        self._held: dict[str, dict[str, frozenset[Claim]]] = {}
        self._gone: set[str] = set()

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
            held = dict(self._held.get(engine, {}))
            wanted = dict(self._wanted.get(engine, {}))
            gone = frozenset(self._gone)
        others = {name: wanted.get(name, frozenset()) for name in {*wanted, *held} - {environment}}
        return disputes(environment, claims(desired), held, others, gone)
