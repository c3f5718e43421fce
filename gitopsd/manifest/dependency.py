"""Services that need others, by `depends_on` or by what they share: all must be there, in no circle; and the waves."""

from collections.abc import Collection, Mapping
from typing import Protocol

from gitopsd.manifest.keys.sharing import named
from gitopsd.manifest.node import Fields, Problems
from gitopsd.model.canonical import Json
from gitopsd.model.desired import DesiredState
from gitopsd.model.errors import Place

_DEPENDS_ON = "depends_on"


class _Composed(Protocol):
    @property
    def node(self) -> Fields: ...
    @property
    def place(self) -> Place: ...
    @property
    def canonical(self) -> Mapping[str, Json]: ...
    @property
    def dependencies(self) -> Mapping[str, Mapping[str, Json]]: ...
    @property
    def hidden(self) -> frozenset[tuple[str, ...]]: ...


def waves(desired: DesiredState) -> tuple[tuple[str, ...], ...]:
    """Service names in waves: each depends only on services of earlier waves. Names within a wave are sorted."""
    left = {
        name: {dependency.service for dependency in service.depends_on if dependency.service in desired.services}
        for name, service in desired.services.items()
    }
    found: list[tuple[str, ...]] = []
    while left:
        ready = tuple(sorted(name for name, needs in left.items() if needs.isdisjoint(left)))
        if not ready:
            raise ValueError(f"services depend on each other in a circle: {', '.join(sorted(left))}")
        found.append(ready)
        for name in ready:
            del left[name]
    return tuple(found)


def check_dependencies(enabled: Mapping[str, _Composed], services: Mapping[str, _Composed], problems: Problems) -> None:
    """`enabled` are the services that an active profile enables, or that need none; `services` are all."""
    for name, service in enabled.items():
        for need, how in service.dependencies.items():
            place, key = _named_by(service, need)
            hidden = (key,) in service.hidden
            path = f"services.{name}.{key}" + (f".{need}" if key == _DEPENDS_ON and not hidden else "")
            shown = "of a hidden value" if hidden else f"'{need}'"
            remove = "the dependency" if key == _DEPENDS_ON else "the key"
            if need not in services:
                problems.add(place, path, f"there is no service {shown}; mend the name or remove {remove}")
            elif need not in enabled and how.get("required", True):
                other = "write required: false" if key == _DEPENDS_ON else f"remove {remove}"
                problems.add(place, path, f"no active profile enables {shown}; enable one, or {other}")
    circle = _circle({name: service.dependencies.keys() & enabled.keys() for name, service in enabled.items()})
    if circle:
        way = " -> ".join((*circle, circle[0]))
        place, key = _named_by(services[circle[0]], circle[1 % len(circle)])
        message = f"services depend on each other in a circle ({way}); remove one of these dependencies"
        problems.add(place, f"services.{circle[0]}.{key}", message)


def _circle(needs: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """The first circle, or nothing. Without recursion: a chain may be as long as there are services."""
    done: set[str] = set()
    for start in needs:
        way: list[str] = [start]
        choices = [iter(sorted(needs[start]))]
        while choices:
            step = next((need for need in choices[-1] if need not in done), None)
            if step is None:
                done.add(way.pop())
                choices.pop()
            elif step in way:
                return tuple(way[way.index(step) :])
            else:
                way.append(step)
                choices.append(iter(sorted(needs[step])))
    return ()


def _named_by(service: _Composed, need: str) -> tuple[Place, str]:
    """Where the service says that it needs the other one, and the key under which."""
    node = service.node.fields.get(_DEPENDS_ON)
    if isinstance(node, Fields) and need in node.keys:
        return node.keys[need], _DEPENDS_ON
    for item in getattr(node, "items", ()) if not isinstance(node, Fields) else ():
        if getattr(item, "value", None) == need:
            return item.place, _DEPENDS_ON
    key = next((key for key, other, _ in named(service.canonical) if other == need), _DEPENDS_ON)
    return service.node.keys.get(key, service.place), key
