"""What the environments of each engine claim, kept by all passes together, so that two claims meet before any write."""

import threading
from collections.abc import Mapping

from gitopsd.model.desired import DesiredState
from gitopsd.plan.claims import Claim, claims, disputes


class Registry:
    """Claims by engine and environment. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, dict[str, frozenset[Claim]]] = {}
        self._held: dict[str, dict[str, frozenset[Claim]]] = {}

    def want(self, engine: str, environment: str, desired: DesiredState | None) -> None:
        """What the newest commit claims for the environment; None: nothing any more."""
        with self._lock:
            self._put(self._wanted, engine, environment, desired)

    def hold(self, engine: str, environment: str, desired: DesiredState | None) -> None:
        """What the environment serves with now."""
        with self._lock:
            self._put(self._held, engine, environment, desired)

    def disputes(self, engine: str, environment: str, desired: DesiredState) -> tuple[str, ...]:
        """What another environment of the engine claims too, in words."""
        with self._lock:
            held = dict(self._held.get(engine, {}))
            others = {name: each for name, each in self._wanted.get(engine, {}).items() if name != environment}
        return disputes(environment, claims(desired), held, {**_rest(held, environment), **others})

    @staticmethod
    def _put(
        where: dict[str, dict[str, frozenset[Claim]]], engine: str, environment: str, desired: DesiredState | None
    ) -> None:
        if desired is None:
            where.get(engine, {}).pop(environment, None)
        else:
            where.setdefault(engine, {})[environment] = claims(desired)


def _rest(held: Mapping[str, frozenset[Claim]], environment: str) -> dict[str, frozenset[Claim]]:
    return {name: each for name, each in held.items() if name != environment}
