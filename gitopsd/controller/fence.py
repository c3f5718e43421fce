"""Engines and routers that are written to only as long as this gitopsd is the one that acts."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, cast

from gitopsd.controller.ports import Engine
from gitopsd.controller.router_port import Router
from gitopsd.controller.swarm_port import Swarm
from gitopsd.model.errors import EngineUnavailable, GitopsdError, RouterUnavailable

ENGINE_WRITES = frozenset(name for name in vars(Engine) if not name.startswith("_"))  # what a view has not
SWARM_WRITES = frozenset(name for name in vars(Swarm) if not name.startswith("_"))
ROUTER_WRITES = frozenset(("apply", "renew", "cut"))
RELIEVED = "this gitopsd may not act now: its lease was not renewed in time, so that another may act"


def fenced_engine(engine: Engine, may_act: Callable[[], bool]) -> Engine:
    """The engine, whose writes raise EngineUnavailable when they may not be: that holds a release, and rejects none."""
    return cast(Engine, _Fenced(engine, ENGINE_WRITES, may_act, EngineUnavailable))


def fenced_swarm(swarm: Swarm, may_act: Callable[[], bool]) -> Swarm:
    """The same of a swarm."""
    return cast(Swarm, _Fenced(swarm, SWARM_WRITES, may_act, EngineUnavailable))


def fenced_router(open_router: Callable[[], Router], may_act: Callable[[], bool]) -> Router:
    """The router, which is opened, and written to, as long as that may be; else RouterUnavailable."""
    if not may_act():
        raise RouterUnavailable(RELIEVED)
    return cast(Router, _Fenced(open_router(), ROUTER_WRITES, may_act, RouterUnavailable))


class _Fenced:
    """Everything is the other one's but for its writes, which are asked for first."""

    def __init__(
        self, behind: object, writes: Collection[str], may_act: Callable[[], bool], refusal: type[GitopsdError]
    ) -> None:
        self._behind, self._writes, self._may_act, self._refusal = behind, writes, may_act, refusal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        return partial(self._write, found) if name in self._writes else found

    def _write(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        if not self._may_act():
            raise self._refusal(RELIEVED)
        return call(*given, **named)
