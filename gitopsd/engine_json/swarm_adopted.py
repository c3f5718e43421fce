"""A service that `docker stack deploy` made and gitopsd took over: its Spec as it is, where that means what is wanted.

A label of a task cannot change without another task in its place. So such a service keeps the template that it was made
with, and says in its own labels, which make no task anew, for which content that stands.
"""

import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gitopsd.engine_json.fields import mapping, text
from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT, SECRETS, SERVICE
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.canonical import Json, canonical, digest
from gitopsd.model.swarm import ObjectKind, SwarmSpec

ADOPTED: Final = "gitopsd.adopted"
_PARTS: Final = ("TaskTemplate", "EndpointSpec")
_OURS: Final = frozenset((ENVIRONMENT, SERVICE, FINGERPRINT, SECRETS))
_KINDS: Final[Mapping[ObjectKind, tuple[str, str, str]]] = {
    "config": ("Configs", "ConfigName", "/"),
    "secret": ("Secrets", "SecretName", "/run/secrets"),
}
# What is meant where nothing is written.
_DEFAULTS: Final[Mapping[tuple[str, ...], Json]] = {
    ("TaskTemplate", "RestartPolicy", "Condition"): "any",
    ("TaskTemplate", "ContainerSpec", "Isolation"): "default",
    ("TaskTemplate", "Runtime"): "container",
    ("EndpointSpec", "Mode"): "vip",
}
# `docker stack deploy` adds them where it asked a registry about the image.
_PLATFORMS: Final = ("TaskTemplate", "Placement", "Platforms")
_FORCED: Final = ("TaskTemplate", "ForceUpdate")
_IMAGE: Final = ("TaskTemplate", "ContainerSpec", "Image")
_LABELS: Final = ("TaskTemplate", "ContainerSpec", "Labels")

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adopted:
    """For which content a service stands as it was found. `objects` is what it has in the place of what gitopsd would
    make, by kind and target (`config /etc/page`); `forced` is how often its tasks had been made anew by then; `bears`
    is the fingerprint in their labels, which another gitopsd may have left there.
    """

    fingerprint: str
    objects: Mapping[str, str] = field(default_factory=dict)
    forced: int = 0
    bears: str = ""

    def __str__(self) -> str:
        told: dict[str, Json] = {
            "fingerprint": self.fingerprint,
            "objects": dict(self.objects),
            "forced": self.forced,
            "bears": self.bears,
        }
        return canonical(told).decode()


def adopted(labels: Mapping[str, Any]) -> Adopted | None:
    """What a service's labels say of its adoption; None: it was none, or somebody has written there."""
    try:
        said = json.loads(labels[ADOPTED])
        objects = {str(place): str(name) for place, name in said["objects"].items()}
        return Adopted(str(said["fingerprint"]), objects, int(said["forced"]), str(said["bears"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def as_adopted(spec: SwarmSpec, taken: Adopted, live: Mapping[str, Json]) -> SwarmSpec:
    """What the service is told to stay as it was found: whatever means the same keeps the words that it has.

    Its digest does not depend on what is there, so that a change by hand does not look like another telling.
    """
    parts = {each: _merged(spec.body.get(each), live.get(each), (each,), taken) for each in _PARTS}
    labels = {**mapping(spec.body["Labels"]), ADOPTED: str(taken)}
    found = digest([spec.digest, str(taken)])
    return replace(spec, body={**spec.body, **parts, "Labels": {**labels, SPEC: found}}, digest=found, objects=())


def image_of(body: Mapping[str, Json]) -> str:
    """The image in a Spec, as it is written there."""
    return text(_container(body).get("Image"))


def fingerprint_of_tasks(body: Mapping[str, Json]) -> str:
    """What a Spec has in the labels of its tasks; "" where no gitopsd made them."""
    return text(mapping(_container(body).get("Labels")).get(FINGERPRINT))


def given(body: Mapping[str, Json], kind: ObjectKind) -> Mapping[str, str]:
    """The names of the configs or secrets that a Spec has, by kind and target."""
    key, name, base = _KINDS[kind]
    return {f"{kind} {_target(each, base)}": text(each.get(name)) for each in _entries(_container(body).get(key))}


def _container(body: Mapping[str, Json]) -> Mapping[str, Json]:
    return mapping(mapping(body["TaskTemplate"]).get("ContainerSpec"))


def _merged(told: Json, live: Json, at: Path, taken: Adopted) -> Json:
    if not isinstance(told or live, Mapping):
        return live if _same(told, live, at, taken) else told
    one, other = mapping(told), mapping(live)
    keys = (*other, *(key for key in one if key not in other))
    found = {key: _merged(one.get(key), other.get(key), (*at, key), taken) for key in keys}
    kept = {key: value for key, value in found.items() if value is not None or key in other}
    return kept if kept or live is not None else None  # also an empty part that was not there makes tasks anew


def _same(told: Json, live: Json, at: Path, taken: Adopted) -> bool:
    if at[:-1] == _LABELS and at[-1] in _OURS:
        return at[-1] != FINGERPRINT or text(live) == taken.bears
    if at == _FORCED:
        return (live or 0) == taken.forced
    if at == _PLATFORMS and not told:
        return True
    if at == _IMAGE:
        return told == live or text(told).startswith(f"{text(live)}@")
    meaning = _MEANINGS.get(at)
    if meaning is not None:
        return meaning(told, taken.objects) == meaning(live, {})
    default = _DEFAULTS.get(at)
    return (told or default or None) == (live or default or None)


def _anyhow(value: Json, _: Mapping[str, str]) -> Json:
    """Entries whose order says nothing."""
    return sorted(canonical(_pruned(each)).decode() for each in value) if isinstance(value, list | tuple) else []


def _mounts(value: Json, _: Mapping[str, str]) -> Json:
    """Without the label by which gitopsd would know a volume again: those that are there keep what they have."""
    return _anyhow([_unlabelled(each) for each in _entries(value)], {})


def _unlabelled(mount: Mapping[str, Json]) -> Json:
    options = mapping(mount.get("VolumeOptions"))
    labels = {key: each for key, each in mapping(options.get("Labels")).items() if key != ENVIRONMENT}
    return {**mount, "VolumeOptions": {**options, "Labels": labels}}


def _networks(value: Json, _: Mapping[str, str]) -> Json:
    return _anyhow([{**each, "Aliases": _anyhow(each.get("Aliases"), {})} for each in _entries(value)], {})


def _ports(value: Json, _: Mapping[str, str]) -> Json:
    usual: dict[str, Json] = {"Protocol": "tcp", "PublishMode": "ingress"}
    return _anyhow([usual | dict(each) for each in _entries(value)], {})


def _objects(kind: ObjectKind) -> Callable[[Json, Mapping[str, str]], Json]:
    _, name, base = _KINDS[kind]

    def meaning(value: Json, objects: Mapping[str, str]) -> Json:
        found: list[Json] = []
        for each in _entries(value):
            target = _target(each, base)
            held = objects.get(f"{kind} {target}") or text(each.get(name))
            found.append({"File": {**mapping(each.get("File")), "Name": target}, name: held})
        return _anyhow(found, {})

    return meaning


_MEANINGS: Final[Mapping[Path, Callable[[Json, Mapping[str, str]], Json]]] = {
    ("TaskTemplate", "Networks"): _networks,
    ("TaskTemplate", "ContainerSpec", "Mounts"): _mounts,
    ("TaskTemplate", "ContainerSpec", "Env"): _anyhow,
    ("TaskTemplate", "ContainerSpec", "CapabilityAdd"): _anyhow,
    ("TaskTemplate", "ContainerSpec", "CapabilityDrop"): _anyhow,
    ("TaskTemplate", "ContainerSpec", "Hosts"): _anyhow,
    ("TaskTemplate", "ContainerSpec", "Configs"): _objects("config"),
    ("TaskTemplate", "ContainerSpec", "Secrets"): _objects("secret"),
    ("EndpointSpec", "Ports"): _ports,
}


def _target(entry: Mapping[str, Json], base: str) -> str:
    """Where a config or secret lies: what is not absolute lies where Docker puts it."""
    return posixpath.join(base, text(mapping(entry.get("File")).get("Name")))


def _entries(value: Json) -> Iterator[Mapping[str, Json]]:
    yield from map(mapping, value if isinstance(value, list | tuple) else ())


def _pruned(value: Json) -> Json:
    """Without what says nothing, at any depth."""
    if isinstance(value, Mapping):
        return {key: kept for key, each in value.items() if (kept := _pruned(each))}
    return value
