"""Turns the gathered document into canonical Compose JSON, service by service, and checks that it fits together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gitopsd.manifest.conflicts import check_conflicts
from gitopsd.manifest.dependency import check_dependencies
from gitopsd.manifest.environment import check_written, environment, labels_of_files, with_arguments
from gitopsd.manifest.gather import Gathered
from gitopsd.manifest.interpolate import Variable, Variables
from gitopsd.manifest.keys import resources
from gitopsd.manifest.keys.service import ELSEWHERE, REFUSED, SERVICE
from gitopsd.manifest.keys.shapes import Entry, refuse_key, text, wrong
from gitopsd.manifest.keys.sharing import implied
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.source import Source
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place

TOP_LEVEL = ("name", "services", "networks", "volumes", "configs", "secrets", "include", "version")
TOP_LEVEL_REFUSED = {"models": REFUSED["models"]}
EXTENSION = "x-gitopsd"


@dataclass(frozen=True, slots=True)
class ComposedService:
    """A service. `canonical` is what Compose prints, with relative paths as seen from the project directory."""

    name: str
    canonical: dict[str, Json]
    place: Place
    path: str
    node: Fields
    hidden: frozenset[tuple[str, ...]] = frozenset()

    @property
    def profiles(self) -> tuple[str, ...]:
        found = self.canonical.get("profiles")
        return tuple(str(profile) for profile in found) if isinstance(found, list) else ()

    @property
    def dependencies(self) -> Mapping[str, Mapping[str, Json]]:
        found = self.canonical.get("depends_on")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Composition:
    """A project in canonical form: only enabled services, and only what they use."""

    project: str
    services: dict[str, ComposedService]
    networks: dict[str, Entry]
    volumes: dict[str, Entry]
    configs: dict[str, Entry]
    secrets: dict[str, Entry]
    document: Fields
    variables: Variables
    included: Mapping[tuple[str, str], Variables]

    def variable(self, kind: str, name: str, variable: str) -> Variable | None:
        """A variable as it counts for a config or secret."""
        return self.included.get((kind, name), self.variables).get(variable)

    def hidden(self, kind: str, name: str) -> frozenset[tuple[str, ...]]:
        """The paths within a top-level definition whose values are of secret origin."""
        node = self.document.fields.get(kind)
        definition = node.fields.get(name) if isinstance(node, Fields) else None
        return frozenset(hidden_paths(definition)) if definition is not None else frozenset()

    def extensions(self) -> dict[str, Node]:
        """The top-level `x-` keys."""
        return {key: node for key, node in self.document.fields.items() if key.startswith("x-")}


def compose(
    source: Source, gathered: Gathered, project: str, directory: str, variables: Variables, profiles: frozenset[str]
) -> Composition:
    """The composition; what is wrong in the document, services that are not enabled included, goes to the problems."""
    document, problems = _with_arguments(gathered.document, variables), source.problems
    _check_top_level(document, problems)
    if not document.fields and not problems.found:
        problems.add(document.place, "", "the Compose file is empty; write `services:` first")
    definitions = {
        kind: read(document.fields[kind], kind, problems, project) if kind in document.fields else {}
        for kind, read in _DEFINITIONS.items()
    }
    definitions["networks"].setdefault("default", _default_network(project, document.place))
    for layer in gathered.layers:
        _check_layer(layer, problems, project)
    services = {service.name: service for service in _services(document, problems)}
    enabled = {
        name: _with_files(source, service, directory, variables)
        for name, service in services.items()
        if _enabled(service, profiles)
    }
    for service in services.values():
        if service.name in enabled:
            _check(service, definitions, problems)
        else:
            check_written(service.node, service.path, problems)
    _check_names(enabled, problems)
    check_dependencies(enabled, services, problems)
    names = {(kind, name) for service in enabled.values() for kind, name, _, _ in _references(service)}
    used = {
        kind: {name: entry for name, entry in found.items() if (kind, name) in names}
        for kind, found in definitions.items()
    }
    return Composition(project, enabled, **used, document=document, variables=variables, included=gathered.variables)


def _with_arguments(document: Fields, variables: Variables) -> Fields:
    """The document in which the arguments of a `build` that have no value have it from the variables."""
    services = document.fields.get("services")
    if not isinstance(services, Fields):
        return document
    built = {
        name: replace(service, fields={**service.fields, "build": with_arguments(service.fields["build"], variables)})
        for name, service in services.fields.items()
        if isinstance(service, Fields) and "build" in service.fields
    }
    if not built:
        return document
    return replace(
        document, fields={**document.fields, "services": replace(services, fields={**services.fields, **built})}
    )


def _check_layer(layer: Fields, problems: Problems, project: str) -> None:
    """What is wrong in a document that another one is merged over, whatever that one makes of it."""
    alone = Problems(swarm=problems.swarm)
    _check_top_level(layer, alone)
    for kind, read in _DEFINITIONS.items():
        if kind in layer.fields:
            read(layer.fields[kind], kind, alone, project)
    for service in _services(layer, alone):
        check_written(service.node, service.path, alone)
    problems.found.extend(alone.found)


def _default_network(project: str, place: Place) -> Entry:
    return Entry({"name": f"{project}_default", "ipam": {}}, place, "networks.default")


def _check_top_level(document: Fields, problems: Problems) -> None:
    for key, node in document.fields.items():
        if key in ("name", "version"):
            text(node, key, problems)
        if key == "version":
            problems.warn(node.place, key, "ignored, as Compose does; remove it")
        elif key not in TOP_LEVEL and not key.startswith("x-"):
            refuse_key(document, key, "", problems, TOP_LEVEL, TOP_LEVEL_REFUSED)


def _services(document: Fields, problems: Problems) -> Iterator[ComposedService]:
    node = document.fields.get("services")
    if node is None:
        return
    if not isinstance(node, Fields):
        wrong(node, "services", problems, "a mapping of services")
        return
    for name, child in node.fields.items():
        path = f"services.{name}"
        place = node.keys.get(name, child.place)
        if not resources.NAME.fullmatch(name):
            problems.add(place, path, "expected a name of letters, digits, '.', '_' and '-'")
        elif isinstance(child, Fields):
            yield _service(name, child, place, problems)
        else:
            wrong(child, path, problems, "a mapping")


def _service(name: str, node: Fields, place: Place, problems: Problems) -> ComposedService:
    """The service without what its files say, which need be there only for an enabled one."""
    path = f"services.{name}"
    canonical: dict[str, Json] = {"command": None, "entrypoint": None}
    for key, child in node.fields.items():
        read = SERVICE.get(key)
        if read is not None:
            value = read(child, f"{path}.{key}", problems)
            if value is not None:
                canonical[key] = value
        elif key not in ELSEWHERE and not key.startswith("x-"):
            refuse_key(node, key, path, problems, SERVICE.keys() | ELSEWHERE, REFUSED)
    if "network_mode" not in canonical:
        canonical.setdefault("networks", {"default": None})
    _add_what_follows(canonical)
    return ComposedService(name, canonical, place, path, node)


def _add_what_follows(canonical: dict[str, Json]) -> None:
    """What Compose derives from other keys: dependencies, and replicas from `scale`."""
    dependencies = canonical.get("depends_on")
    if follow := implied(canonical):
        canonical["depends_on"] = {**follow, **(dependencies if isinstance(dependencies, dict) else {})}
    deploy = canonical.get("deploy")
    if "scale" in canonical and isinstance(deploy, dict):
        deploy.setdefault("replicas", canonical["scale"])


def _with_files(source: Source, service: ComposedService, directory: str, variables: Variables) -> ComposedService:
    """The service with its environment and the labels of its files."""
    found = environment(source, service.node, service.path, directory, variables)
    labels = labels_of_files(source, service.node, service.path, directory)
    own = service.canonical.get("labels")
    own = own if isinstance(own, dict) else {}
    added: dict[str, Json] = {"environment": found.values, "labels": {**labels.values, **own}}
    canonical = {**service.canonical, **{key: values for key, values in added.items() if values}}
    hidden = _hidden(service.node) | {("environment", key) for key in found.hidden}
    hidden |= {("labels", key) for key in labels.hidden - own.keys()}
    secretive = source.secrets or source.opened
    return replace(service, canonical=canonical, hidden=frozenset(hidden) if secretive else frozenset())


def _hidden(node: Fields) -> set[tuple[str, ...]]:
    return {
        path
        for key, child in node.fields.items()
        if key not in ELSEWHERE and not key.startswith("x-")
        for path in hidden_paths(child, (key,))
    }


def hidden_paths(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where values of secret origin stand. One within a list hides the list, as canonical lists have other indexes."""
    match node:
        case Scalar(hidden=True):
            yield path
        case Fields(fields=fields):
            for key, child in fields.items():
                yield from hidden_paths(child, (*path, key))
        case Items(items=items):
            if any(True for item in items for _ in hidden_paths(item, path)):
                yield path


def _enabled(service: ComposedService, profiles: frozenset[str]) -> bool:
    return not service.profiles or "*" in profiles or not profiles.isdisjoint(service.profiles)


def _check(service: ComposedService, definitions: Mapping[str, Mapping[str, Entry]], problems: Problems) -> None:
    canonical = service.canonical
    if _has_no_image(service):
        problems.add(service.place, service.path, "has no image; add one")
    for kind, name, place, path in _references(service):
        if name not in definitions[kind]:
            problems.add(place, path, f"'{name}' is not defined; add it under the top-level {kind}, or mend the name")
    check_conflicts(canonical, service.node, service.path, problems)


def _has_no_image(service: ComposedService) -> bool:
    """Whether an image is missing for no other reason: what is mistyped, refused or not extended has been told."""
    written = service.node.fields.get("image")
    mistyped = written is not None and not (isinstance(written, Scalar) and written.value == "")
    return (
        service.canonical.keys().isdisjoint(("image", "build"))
        and not mistyped
        and service.node.fields.keys().isdisjoint(("extends", "provider"))
    )


def _references(service: ComposedService) -> Iterator[tuple[str, str, Place, str]]:
    """Kind and name of every definition that the service uses, and where it says so."""
    networks = service.canonical.get("networks")
    place = service.node.keys.get("networks", service.place)
    for name in networks if isinstance(networks, dict) else ():
        yield "networks", name, place, f"{service.path}.networks"
    build = service.canonical.get("build")
    of_build = build.get("secrets") if isinstance(build, dict) else None
    lists = [(kind, service.canonical.get(kind)) for kind in ("volumes", "configs", "secrets")]
    for kind, entries in (*lists, ("secrets", of_build)):
        for entry in entries if isinstance(entries, list) else ():
            source = entry.get("source") if isinstance(entry, Entry) else None
            if isinstance(entry, Entry) and source and (kind != "volumes" or entry.get("type") == "volume"):
                yield kind, str(source), entry.place, entry.path


def _check_names(services: Mapping[str, ComposedService], problems: Problems) -> None:
    taken: dict[Json, str] = {}
    for name, service in services.items():
        container = service.canonical.get("container_name")
        if container is None:
            continue
        if container in taken:
            message = f"'{container}' is the container_name of {taken[container]}, too; names are unique on an engine"
            problems.add(service.node.keys["container_name"], f"{service.path}.container_name", message)
        taken[container] = name


_DEFINITIONS = {
    "networks": resources.networks,
    "volumes": resources.volumes,
    "configs": resources.configs,
    "secrets": resources.secrets,
}
