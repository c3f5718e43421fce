"""Secret values that come back from outside, in a log line or a check's output, are hidden before they are kept."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentMount, SealedState, Service
from gitopsd.model.live import LiveState

HIDDEN = "(hidden)"
SHORTEST = 4  # shorter values occur everywhere: hiding them would leave nothing to read, and tell what they are


def secret_values(states: Iterable[SealedState | None]) -> tuple[str, ...]:
    """Every secret value of the states' services, the longest first, as one may be part of another."""
    services = [sealed.service for state in states if state is not None for sealed in state.services.values()]
    found = {value.strip() for service in services for value in _values(service)}
    return tuple(sorted((value for value in found if len(value) >= SHORTEST), key=lambda value: (-len(value), value)))


def masked(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def masked_live(live: LiveState, secret: Callable[[], tuple[str, ...]]) -> LiveState:
    """The live state without secrets in what a health check or the engine said. `secret` is asked if either spoke."""
    if not any(each.check_output or each.error for each in live.instances):
        return live
    secrets = secret()
    instances = tuple(
        replace(each, check_output=masked(each.check_output, secrets), error=masked(each.error, secrets))
        for each in live.instances
    )
    return replace(live, instances=instances)


def _values(service: Service) -> Iterator[str]:
    for path in service.hidden:
        value: Json = service.options
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        yield from _strings(value)
    for mount in service.mounts:
        if isinstance(mount, ContentMount) and mount.content.secret:
            for file in mount.content.files:
                yield from file.data.decode(errors="replace").splitlines()


def _strings(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _strings(each)
        case list() | tuple():
            for each in value:
                yield from _strings(each)
