"""Whose the router of an engine is: that of the first gitopsd which routes something there, until it routes nothing."""

import logging
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from gitopsd.controller.ports import Store
from gitopsd.model.errors import EngineError, RouterUnavailable

CLAIMED: Final = "gitopsd-router"
"""As a project is claimed: by the volume `gitopsd-owner-gitopsd-router`."""

_log = logging.getLogger(__name__)


class Claims(Protocol):
    """An engine, or a swarm, on which somebody may be the first to claim something."""

    def claim(self, project: str, owner: str) -> str: ...

    def disclaim(self, project: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RouterOwner:
    """The claim of one gitopsd on the router of one engine, or of one swarm; `stands` is what bears it there."""

    engine: Claims
    store: Store
    stands: Literal["volume", "config"] = "volume"

    def hold(self) -> None:
        """Claim it, or see that it is ours still. RouterUnavailable: it is another one's, or nobody can tell."""
        me = self.store.instance_id()
        try:
            owner = self.engine.claim(CLAIMED, me)
        except EngineError as error:
            raise RouterUnavailable(f"nobody can tell whose the router is: {error}") from error
        if owner != me:
            raise RouterUnavailable(
                f"it belongs to another gitopsd ({owner[:8]}), whose routes would go; "
                f"if that one is gone for good, remove the {self.stands} gitopsd-owner-{CLAIMED}"
            )

    def give_up(self) -> None:
        """Nothing is routed any more: another one may have it, unless one has it already."""
        me = self.store.instance_id()
        try:
            if self.engine.claim(CLAIMED, me) == me:
                self.engine.disclaim(CLAIMED)
        except EngineError as error:
            _log.warning("the router is not given up: %s", error)
