"""`depends_on` between services: everything named must be there, in no circle; and the waves that follow from it."""

from collections.abc import Collection, Mapping
from typing import Protocol

from gitopsd.manifest.node import Fields, Problems
from gitopsd.model.canonical import Json
from gitopsd.model.desired import DesiredState
from gitopsd.model.errors import Place


class _Placed(Protocol):
    @property
    def node(self) -> Fields: ...
    @property
    def place(self) -> Place: ...


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


def check_dependencies(
    dependencies: Mapping[str, Mapping[str, Mapping[str, Json]]], services: Mapping[str, _Placed], problems: Problems
) -> None:
    """`dependencies` are those of the enabled services; `services` also has those that no active profile enables."""
    for name, needs in dependencies.items():
        for need, how in needs.items():
            place = _place(services[name], need)
            path = f"services.{name}.depends_on.{need}"
            if need not in services:
                problems.add(place, path, f"there is no service '{need}'; mend the name or remove the dependency")
            elif need not in dependencies and how.get("required", True):
                message = f"no active profile enables '{need}'; enable one, or write required: false"
                problems.add(place, path, message)
    circle = _circle({name: needs.keys() & dependencies.keys() for name, needs in dependencies.items()})
    if circle:
        way = " -> ".join((*circle, circle[0]))
        place = _place(services[circle[0]], circle[1 % len(circle)])
        message = f"services depend on each other in a circle ({way}); remove one of these dependencies"
        problems.add(place, f"services.{circle[0]}.depends_on", message)


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


def _place(service: _Placed, need: str) -> Place:
    node = service.node.fields.get("depends_on")
    if isinstance(node, Fields):
        return node.keys.get(need, node.place)
    if node is None:
        return service.place
    items = getattr(node, "items", ())
    return next((item.place for item in items if getattr(item, "value", None) == need), node.place)
