"""Host ports that go from one service to another in one release: one must let go before the other can have it."""

from collections.abc import Iterator, Mapping, Sequence

from gitopsd.model.plan import Change
from gitopsd.model.release import Hold
from gitopsd.plan.claims import Claim

Claims = Mapping[str, frozenset[Claim]]


def handover_holds(changes: Sequence[Change], before: Claims, after: Claims) -> tuple[Hold, ...]:
    """A hold named `ports` where services would wait for each other, or for one whose turn comes later.

    `before` are what services serve with, `after` what they are to have. A service that cannot get its port is down
    until it can, so that nothing of such a release may begin.
    """
    waves = {change.service: change.wave for change in changes if change.change in ("create", "replace")}
    taken = {(taker, giver): port for taker, giver, port in _taken(waves, before, after)}
    stuck = set(waves)
    while free := {
        name
        for name in stuck
        if not any(taker == name and (giver in stuck or waves[giver] > waves[name]) for taker, giver in taken)
    }:
        stuck -= free
    found = [(taker, giver, port) for (taker, giver), port in sorted(taken.items()) if taker in stuck]
    if not found:
        return ()
    told = "; ".join(f"{taker} takes {port} from {giver}" for taker, giver, port in found)
    mend = f"give {found[0][1]} another port in a commit of its own first"
    return (Hold("ports", f"{told}, which has not let go of it by then; {mend}"),)


def _taken(waves: Mapping[str, int], before: Claims, after: Claims) -> Iterator[tuple[str, str, Claim]]:
    """Who takes which port from whom, of those that let go of it."""
    for taker in sorted(waves):
        for port in sorted(after.get(taker, frozenset())):
            for giver in sorted(waves.keys() - {taker}):
                if port.kind == "host port" and port.clashes(before.get(giver, frozenset())):
                    yield taker, giver, port
