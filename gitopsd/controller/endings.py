"""How instances that run again ended last: the engine's inspection shows that no more, but its events told it."""

from dataclasses import replace

from gitopsd.controller.witness import Witness
from gitopsd.model.live import EngineEvent, Instance, LiveState


def with_endings(live: LiveState, witness: Witness) -> LiveState:
    """What is there, with the exit code of each last end that its restart policy made good."""
    instances = tuple(
        _ended(each, witness.of(each.id)) if each.state == "running" and each.restart_count else each
        for each in live.instances
    )
    return live if instances == live.instances else replace(live, instances=instances)


def _ended(instance: Instance, events: tuple[EngineEvent, ...]) -> Instance:
    last = next((index for index in reversed(range(len(events))) if events[index].action == "die"), None)
    code = events[last].attributes.get("exitCode", "") if last is not None else ""
    if last is None or not code.isdigit():
        return instance
    killed = any(each.action == "oom" for each in events[max(0, last - 2) : last])
    return replace(instance, exit_code=int(code), oom_killed=instance.oom_killed or killed)
