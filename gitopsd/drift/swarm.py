"""Drift on a swarm: the raw Spec of each service against the one that it was told. Pure.

Swarm shows a Spec as it was sent, so what differs was changed by somebody, or goes back to an earlier one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.engine_json.swarm_spec import NO_PRIVILEGES, SPEC
from gitopsd.engine_json.swarm_words import is_ignored
from gitopsd.model.canonical import Json, keyed_digest
from gitopsd.model.drift import DriftItem, FieldDrift
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmService, SwarmSpec, SwarmState

FORCED: Final = ("TaskTemplate", "ForceUpdate")
ENV: Final = ("TaskTemplate", "ContainerSpec", "Env")
_REPLICAS: Final = ("Mode", "Replicated", "Replicas")
# What Swarm adds to a Spec that it was sent; it means what is not written.
_ADDED: Final[Mapping[tuple[str, ...], Json]] = {
    ("TaskTemplate", "ContainerSpec", "Isolation"): "default",
    ("TaskTemplate", "Runtime"): "container",
}
_NOTHING: Final = (None, "", 0, False)

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a Spec: as it was told, and as it is."""

    at: Path
    told: Json
    live: Json


@dataclass(frozen=True, slots=True)
class Hiding:
    """How values are shown: `masked` takes secrets out of a text, and `key` makes the digests for variables."""

    key: bytes
    masked: Callable[[str], str]

    def shown(self, value: Json) -> Json:
        match value:
            case str():
                return self.masked(value)
            case Mapping():
                return {key: self.shown(each) for key, each in value.items()}
            case list() | tuple():
                return [self.shown(each) for each in value]
        return value

    def hidden(self, value: Json) -> Json:
        """What a variable holds may be secret, whoever set it."""
        return None if value is None else {"hidden": keyed_digest(self.key, value)}


def differences(told: SwarmSpec, live: SwarmService) -> tuple[Difference, ...]:
    """All that is otherwise than it was told, and not ignored, in the order of their paths."""
    if told.body == _without_added(live.body):
        return ()  # as it is in nearly every look at nearly every service
    return differing(told.body, live.body, told.ignored)


def differing(
    told: Mapping[str, Json], live: Mapping[str, Json], ignored: tuple[str, ...] = ()
) -> tuple[Difference, ...]:
    """The fields of a Spec, or of a part of one, that say something else in the other."""
    one, other = dict(_leaves(told)), dict(_leaves(live))
    return tuple(
        Difference(path, one.get(path), other.get(path))
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path) and not is_ignored(path, ignored)
    )


def _without_added(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """A Spec without what Swarm adds at once to each that it is sent."""
    template = dict(mapping(body.get("TaskTemplate")))
    container, policy = dict(mapping(template.get("ContainerSpec"))), dict(mapping(template.get("RestartPolicy")))
    if not any(mapping(container.get("Privileges")).values()):
        container["Privileges"] = NO_PRIVILEGES
    for holder, key, value in (
        (container, "Isolation", "default"),
        (template, "Runtime", "container"),
        (template, "ForceUpdate", 0),
        (policy, "MaxAttempts", 0),
    ):
        if holder.get(key) == value:
            del holder[key]
    return {**body, "TaskTemplate": {**template, "ContainerSpec": container, "RestartPolicy": policy}}


def healable(found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """Those that telling Swarm again mends. A forced update is over: its tasks were made anew, and are as told."""
    return tuple(each for each in found if each.at != FORCED)


def swarm_drift(
    journal: Journal, live: SwarmState, told: Mapping[str, SwarmSpec], hiding: Hiding, now: datetime
) -> tuple[DriftItem, ...]:
    """Everything that is not as we left it. `told` is what each service was told, by its name in the manifest.

    What an open rollout is changing is left out, and so is what runs to its end: that has done what it was for.
    """
    rolling = {name for name, rollout in journal.rollouts.items() if rollout.open}
    found: list[DriftItem] = []
    for name, spec in sorted(told.items()):
        if name in rolling or runs_to_end(spec.body):
            continue
        service = live.services.get(spec.name)
        if service is None:
            found.append(_item(spec.name, name, "missing", "removed by hand", now))
        elif unlike := differences(spec, service):
            found.append(_modified(name, spec, service, unlike, hiding, now))
    failed = any(each.paused for each in journal.rejected.values())  # what came of it stays for a person to look at
    if journal.project and journal.release is None and not failed:
        known = {spec.name for spec in told.values()}
        found += [
            _item(each.name, "", "extra", "no service of the manifest has this name", now)
            for each in live.services.values()
            if each.name not in known
        ]
    return tuple(found)


def _item(name: str, service: str, kind: str, cause: str, now: datetime) -> DriftItem:
    cure = "recreate" if kind == "missing" else "none"
    return DriftItem("service", name, service, "", kind, cause, now, now, cure=cure)  # type: ignore[arg-type]


def _modified(
    name: str, spec: SwarmSpec, live: SwarmService, unlike: tuple[Difference, ...], hiding: Hiding, now: datetime
) -> DriftItem:
    changes = field_drifts(unlike, hiding)
    cause = why(spec, live, unlike)
    cure = "in-place" if healable(unlike) else "none"
    return DriftItem("service", spec.name, name, live.id, "modified", cause, now, now, changes=changes, cure=cure)  # type: ignore[arg-type]


def field_drifts(unlike: Iterable[Difference], hiding: Hiding) -> tuple[FieldDrift, ...]:
    """As they are shown."""
    return tuple(_field(each, hiding) for each in unlike)


def _field(each: Difference, hiding: Hiding) -> FieldDrift:
    cure = "none" if each.at == FORCED else "in-place"
    show = hiding.hidden if each.at[: len(ENV)] == ENV else hiding.shown
    told, live = show(each.told), show(each.live)
    return FieldDrift(each.at, told, told, live, "declared", cure)  # type: ignore[arg-type]


def why(spec: SwarmSpec, live: SwarmService, unlike: tuple[Difference, ...]) -> str:
    """What somebody did, in words, as far as the Spec tells it."""
    paths = {each.at: each for each in unlike}
    if SPEC in live.labels and live.labels[SPEC] != spec.digest:
        return "rolled back by hand to what it was told before"
    if paths.keys() == {_REPLICAS}:
        each = paths[_REPLICAS]
        return f"scaled by hand from {each.told or 0} to {each.live or 0}"
    if paths.keys() == {FORCED}:
        return "made anew by a forced update"
    return f"changed by hand: {', '.join('.'.join(path) for path in sorted(paths))}"


def _leaves(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Every value that says something, by its path. Lists are values; variables and labels are told apart by name."""
    if path == ENV and isinstance(value, list):
        named = (str(each).partition("=") for each in value)
        yield from (((*path, name), f"{name}{mark}{rest}") for name, mark, rest in named)
    elif path == ("Mode", "Global"):
        yield path, True
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list | tuple):
        if value:
            yield path, [_pruned(each) for each in value]
    elif value not in _NOTHING and _ADDED.get(path) != value:
        yield path, value


def _pruned(value: Json) -> Json:
    """Without what says nothing, as an engine may add that to the entries of a list."""
    if isinstance(value, Mapping):
        return {key: _pruned(each) for key, each in value.items() if each}
    return value


def replicas(body: Mapping[str, Json]) -> int | None:
    """How many tasks a Spec asks for; None: one for each node that may have one."""
    mode = mapping(body.get("Mode"))
    found = mapping(mode.get("Replicated")).get("Replicas")
    return None if "Global" in mode else int(str(found or 0))


def forced(body: Mapping[str, Json]) -> int:
    """How often somebody had all tasks of a service made anew."""
    return int(str(mapping(body.get("TaskTemplate")).get("ForceUpdate") or 0))
