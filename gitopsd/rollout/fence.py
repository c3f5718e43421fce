"""How many instances a rollout may add to, and take from, those that a service has."""

from dataclasses import dataclass, replace

from gitopsd.model.desired import Order, Policy


@dataclass(frozen=True, slots=True)
class Fence:
    """`surge`: slots that may hold two instances at once. `unavailable`: slots that may be without a good one."""

    surge: int
    unavailable: int


def fence(policy: Policy, order: Order, replicas: int) -> Fence:
    """The room of a rollout, in slots: shares of surge round up, of unavailability down, as in Kubernetes.

    Compose's `parallelism` is the surge of start-first and the unavailability of stop-first; 0 is all slots at once. A
    share that comes to nothing on both sides leaves one slot, or nothing would ever move. Recreate has all slots
    wait until everything old has stopped, so it takes all of them at once.
    """
    if policy.recreate:
        return Fence(0, max(1, replicas))
    at_once = policy.parallelism or max(replicas, 1)
    if order == "stop-first":
        written = policy.max_unavailable
        return Fence(0, max(1, at_once if written is None else written.of(replicas, up=False)))
    surge = at_once if policy.max_surge is None else policy.max_surge.of(replicas, up=True)
    unavailable = 0 if policy.max_unavailable is None else policy.max_unavailable.of(replicas, up=False)
    return Fence(surge, min(unavailable, replicas) if surge or unavailable else 1)


def going_back(policy: Policy) -> Policy:
    """The policy of the way back, as `rollback_config` says; else it has the room of the way forth, and never rests."""
    back = replace(policy, delay=policy.back.delay)
    if policy.back.parallelism is None:
        return back
    return replace(back, parallelism=policy.back.parallelism, max_surge=None, max_unavailable=None)
