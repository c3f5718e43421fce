"""How a drift came about, as far as the engine's own events tell. Pure."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from gitopsd.engine_json.fields import mapping, strings
from gitopsd.model.live import EngineEvent, Instance

MOST = 4
_SIGNALS: Mapping[str, str] = {"2": "SIGINT", "9": "SIGKILL", "15": "SIGTERM"}
_TELLING = frozenset(
    [
        *("update", "rename", "pause", "unpause", "kill", "stop", "restart", "start", "die", "oom", "destroy"),
        *("connect", "disconnect", "exec_start"),
    ]
)


def story(events: Iterable[EngineEvent], instance: Instance | None = None) -> str:
    """`exec of sh at 20:36:58, then update at 20:37:02`; "" for events that tell nothing. A healthcheck is no exec."""
    check = check_of(instance)
    told = [(_deed(event), event) for event in events if _tells(event, check)]
    runs = [(deed, [event for _, event in run]) for deed, run in groupby(told, key=lambda pair: pair[0])]
    return ", then ".join(_run(deed, found) for deed, found in runs[-MOST:])


def _tells(event: EngineEvent, check: str) -> bool:
    action, _, detail = event.action.partition(":")
    return action in _TELLING and not (action == "exec_start" and check and check in detail)


def check_of(instance: Instance | None) -> str:
    """The command that its healthcheck runs, as events show it; "" for none."""
    test = strings(mapping(instance.fields.get("healthcheck")).get("test")) if instance is not None else []
    return " ".join(test[1:])


def _run(deed: str, events: list[EngineEvent]) -> str:
    times = f" ({len(events)} times)" if len(events) > 1 else ""
    return f"{deed} at {events[-1].at:%H:%M:%S}{times}"


def _deed(event: EngineEvent) -> str:
    action, _, detail = event.action.partition(":")
    match action:
        case "exec_start":
            return f"exec of {detail.strip()[:60]}"
        case "kill":
            signal = event.attributes.get("signal", "")
            return f"kill with {_SIGNALS.get(signal, f'signal {signal}')}"
        case "die":
            return f"end with code {event.attributes.get('exitCode', '?')}"
        case "connect" | "disconnect":
            return f"network {action} ({event.attributes.get('name', '?')})"
        case _:
            return action
