"""The files of a revision -> the desired state of one environment, or every problem in them at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from gitopsd.engine_json.routed import OWN as OF_ROUTERS
from gitopsd.manifest import security
from gitopsd.manifest.choose import PROJECT_VARIABLE, choose, project_name
from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService, Composition, compose
from gitopsd.manifest.config_change import exchanged
from gitopsd.manifest.conflicts import first_network
from gitopsd.manifest.content import Ground, mounts
from gitopsd.manifest.extension import environment_policy, handling
from gitopsd.manifest.external import externals
from gitopsd.manifest.gather import gather
from gitopsd.manifest.interpolate import Variable
from gitopsd.manifest.keys.deploy import restart_in_force
from gitopsd.manifest.keys.shapes import Entry
from gitopsd.manifest.keys.sharing import shares
from gitopsd.manifest.moved import told_move
from gitopsd.manifest.node import Fields, Problems, Scalar
from gitopsd.manifest.source import Scope, Source, TooMuch
from gitopsd.manifest.swarm import refuse_networks_on_swarm, refuse_on_swarm
from gitopsd.model.canonical import Json
from gitopsd.model.desired import (
    Attachment,
    Condition,
    Dependency,
    DesiredState,
    Network,
    Port,
    Service,
    Volume,
)
from gitopsd.model.errors import ManifestError, Place, Problem
from gitopsd.model.files import Files

HOST_DATA = "/srv/gitopsd"
HIDDEN = "(hidden)"
MOST_NAMED = 3
MOST_UNSET = 20  # variables without a value that are told beside other errors
_LONG_ENOUGH = 4  # shorter values would be found everywhere
_APART = frozenset(("depends_on", "profiles", "build", "develop", "attach", "scale"))
_APART_OF_DEPLOY = frozenset(("replicas", "update_config", "rollback_config", "restart_policy"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """An environment in both forms: the composition as Compose prints it, and the desired state."""

    composition: Composition
    desired: DesiredState
    directory: str
    chosen: Mapping[str, Chosen]  # by service; "" is the environment


def load(  # noqa: PLR0913 - as `load_all`
    files: Files,
    directory_or_file: str,
    environment: str,
    *,
    variables: Mapping[str, str] | None = None,
    project: str = "",
    host_dir: str = "",
    first_name: str = "",
    swarm: bool = False,
) -> DesiredState:
    """The desired state of an environment. ManifestError tells every problem at once.

    `directory_or_file` is a repository path, "" its root. `variables` come from the environment's vars_file; what they
    flow into is hidden. `project` is what gitopsd.yaml says. `host_dir` (default `/srv/gitopsd/ENVIRONMENT`) is where
    relative binds lie that the revision does not hold. `first_name` is the one that the environment began under, where
    that is known; else its `moved_from` counts. `swarm`: a swarm is to carry it out.
    """
    loaded = load_all(
        files,
        directory_or_file,
        environment,
        variables=variables or {},
        project=project,
        host_dir=host_dir,
        first_name=first_name,
        swarm=swarm,
    )
    return loaded.desired


def load_all(  # noqa: PLR0913 - the files, and everything that a host may say about them
    files: Files,
    directory_or_file: str,
    environment: str,
    *,
    variables: Mapping[str, str],
    project: str = "",
    host_dir: str = "",
    first_name: str = "",
    for_config: bool = False,
    swarm: bool = False,
) -> Loaded:
    """As `load`, with the composition. `for_config`: a service that has only `build` is no problem."""
    source = Source(files, secrets=bool(variables), problems=Problems(swarm=swarm))
    known = _Known(environment, variables, project, host_dir, first_name, for_config)
    loaded: Loaded | None = None
    with suppress(TooMuch):
        loaded = _load(source, directory_or_file, known)
    if loaded is None or source.problems.found:
        # A variable without a value is often what the others come from.
        unset = source.unset if loaded is None else _of_enabled(loaded.composition, source.unset)
        told = [*source.problems.found, *islice(unset, MOST_UNSET)]
        raise ManifestError(_without(variables.values(), told))
    return loaded


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an environment besides its files, as `load_all` takes it."""

    name: str
    variables: Mapping[str, str]
    project: str
    host_dir: str
    first_name: str
    for_config: bool


def _load(source: Source, directory_or_file: str, environment: _Known) -> Loaded | None:
    """The environment as far as it could be read; None: there is none."""
    choice = choose(source, directory_or_file, environment.variables)
    if choice is None:
        return None
    moved = told_move(source, choice.paths, choice.place)
    if moved is not None and moved.name == environment.name:
        source.problems.add(moved.place, f"{EXTENSION}.moved_from", "names the environment itself; remove it")
    first = environment.first_name or (moved.name if moved is not None else environment.name)
    name = project_name(source, choice, environment.project, first)
    known = {**choice.variables, PROJECT_VARIABLE: Variable(name)}
    gathered = gather(source, choice.paths, Scope(choice.directory, known), choice.place)
    composition = compose(source, gathered, name, choice.directory, known, choice.profiles)
    _check_builds(composition, source.problems, environment.for_config)
    ground = Ground(source, choice.directory, environment.host_dir or f"{HOST_DATA}/{first}")
    given = None if environment.project else choice.variables.get(PROJECT_VARIABLE)
    _warn_of_names(composition, given, source.problems)
    _check_router_network(composition, source.problems)
    if source.problems.swarm:
        refuse_networks_on_swarm(composition, source.problems)
    return _loaded(ground, composition, environment.name, environment.variables.values())


def _check_router_network(composition: Composition, problems: Problems) -> None:
    """No service joins it by itself: the addresses there are gitopsd's to give."""
    for entry in composition.networks.values():
        if (named := entry.get("name")) in OF_ROUTERS:
            message = f"{named} is the router's own network; give this one another name, or remove it"
            problems.add(entry.place, entry.path, message)


def _warn_of_names(composition: Composition, project: Variable | None, problems: Problems) -> None:
    """What things are called is how engine, Compose and gitopsd tell them apart, so it cannot be hidden."""
    found = list(_secret_names(composition))
    if project is not None and project.hidden:
        found.append((composition.document.place, PROJECT_VARIABLE))
    if found:
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        listed = ", ".join(path for _, path in found[:MOST_NAMED]) + more
        message = f"values of the host stand in names ({listed}); names are shown as they are, so put no secret there"
        problems.warn(found[0][0], "", message)


def _secret_names(composition: Composition) -> Iterator[tuple[Place, str]]:
    name = composition.document.fields.get("name")
    if isinstance(name, Scalar) and name.hidden:
        yield name.place, "name"
    for service in composition.services.values():
        for key in ("image", "container_name"):
            if (key,) in service.hidden:
                yield service.place, f"{service.path}.{key}"
    for kind in ("networks", "volumes", "configs", "secrets"):
        for key, entry in getattr(composition, kind).items():
            if ("name",) in composition.hidden(kind, key):
                yield entry.place, f"{kind}.{key}.name"


def _without(secrets: Iterable[str], problems: Iterable[Problem]) -> list[Problem]:
    """The problems without values of secret origin, wherever in a text they may have got."""
    pieces = {piece.strip() for secret in secrets for piece in (secret, *secret.splitlines())}
    hidden = sorted((piece for piece in pieces if len(piece) >= _LONG_ENOUGH), key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in hidden:
            text = text.replace(secret, HIDDEN)
        return text

    return [replace(problem, path=masked(problem.path), message=masked(problem.message)) for problem in problems]


def _loaded(ground: Ground, composition: Composition, environment: str, secrets: Collection[str]) -> Loaded:
    problems = ground.source.problems
    policy, chosen = environment_policy(composition.document, problems)
    awaited = {
        need
        for service in composition.services.values()
        for need, how in service.dependencies.items()
        if how.get("condition") == "service_completed_successfully"
    }
    services: dict[str, Service] = {}
    origins = {"": chosen}
    for name, service in composition.services.items():
        services[name], origins[name] = _service(ground, service, composition, chosen, name in awaited)
    desired = DesiredState(
        environment=environment,
        project=composition.project,
        services=services,
        networks={
            key: Network(key, *_resource(entry), composition.hidden("networks", key))
            for key, entry in composition.networks.items()
        },
        volumes={
            key: Volume(key, *_resource(entry), composition.hidden("volumes", key))
            for key, entry in composition.volumes.items()
        },
        policy=policy,
        warnings=tuple(sorted(set(_without(secrets, problems.warnings)))),
        unset=tuple(sorted(set(_without(secrets, _of_enabled(composition, ground.source.unset))))),
        external=externals(composition),
    )
    return Loaded(composition, desired, ground.directory, origins)


def _of_enabled(composition: Composition, unset: Iterable[Problem]) -> Iterator[Problem]:
    """Only those that concern a service which a profile enables, or no service."""
    for problem in unset:
        kind, _, rest = problem.path.partition(".")
        written = composition.document.fields.get("services") if kind == "services" else None
        names = written.fields.keys() - composition.services.keys() if isinstance(written, Fields) else ()
        if not any(rest == name or rest.startswith(f"{name}.") for name in names):
            yield problem


def _resource(entry: Entry) -> tuple[str, bool, Mapping[str, Json]]:
    return str(entry["name"]), entry.get("external") is True, dict(entry)


def _service(
    ground: Ground, service: ComposedService, composition: Composition, environment: Chosen, awaited: bool
) -> tuple[Service, Chosen]:
    found = handling(service, environment, ground.source.problems, awaited=awaited)
    found_mounts = mounts(ground, service, composition)
    canonical = service.canonical
    deploy = canonical.get("deploy")
    written = deploy.get("replicas") if isinstance(deploy, dict) else None
    replicas = written if written is not None else canonical.get("scale", 1)
    built = Service(
        name=service.name,
        image=str(canonical.get("image", "")),
        options=_options(ground, service),
        place=service.place,
        replicas=replicas if isinstance(replicas, int) else 1,
        depends_on=_dependencies(service),
        mounts=exchanged(ground, service, found_mounts, found.chosen.values, found.places),
        ports=_ports(canonical),
        networks=_attachments(canonical),
        policy=found.policy,
        job=found.job,
        hidden=_hidden(service),
        shares=shares(canonical),
        ignore_drift=_names(found.chosen.values["ignore_drift"]),
        traffic=found.traffic,
        places=service.node.keys,
        schema=found.schema,
        deploy=_deploy(canonical) if ground.source.problems.swarm else None,
    )
    if ground.source.problems.swarm:
        refuse_on_swarm(composition.project, service, built, found.places, ground.source.problems)
    return built, found.chosen


def _deploy(canonical: Mapping[str, Json]) -> dict[str, Json]:
    """What Swarm is told besides, as it is written; how many there are of it is known already."""
    return {key: value for key, value in _mapping(canonical.get("deploy")).items() if key != "replicas" and value}


def _names(value: Json) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _options(ground: Ground, service: ComposedService) -> dict[str, Json]:
    options = {key: value for key, value in service.canonical.items() if key not in _APART}
    deploy = options.get("deploy")
    if isinstance(deploy, dict):
        options["deploy"] = {key: value for key, value in deploy.items() if key not in _APART_OF_DEPLOY}
        if "restart_policy" in deploy:
            options["restart"] = restart_in_force(service.canonical) or "no"
    if "security_opt" in options:
        options["security_opt"] = security.options(ground.source, ground.directory, service)
    return options


def _hidden(service: ComposedService) -> frozenset[tuple[str, ...]]:
    """The hidden paths, also of what stands elsewhere in the options than it was written."""
    policy = any(path[:2] == ("deploy", "restart_policy") for path in service.hidden)
    return service.hidden | {("restart",)} if policy else service.hidden


def _dependencies(service: ComposedService) -> tuple[Dependency, ...]:
    found = []
    for name, how in service.dependencies.items():
        condition: Condition = how.get("condition", "service_started")  # type: ignore[assignment]
        found.append(Dependency(name, condition, how.get("required", True) is True, how.get("restart") is True))
    return tuple(found)


def _ports(canonical: Mapping[str, Json]) -> tuple[Port, ...]:
    entries = canonical.get("ports")
    return tuple(
        Port(
            target=int(str(entry.get("target", 0))),
            published=str(entry.get("published", "")),
            protocol=str(entry["protocol"]),
            host_ip=str(entry.get("host_ip", "")),
            mode=str(entry["mode"]),
        )
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Entry)
    )


def _attachments(canonical: Mapping[str, Json]) -> tuple[Attachment, ...]:
    networks = canonical.get("networks")
    first = first_network(canonical)
    found = []
    for name, how in networks.items() if isinstance(networks, dict) else ():
        options = how if isinstance(how, dict) else {}
        found.append(
            Attachment(
                network=name,
                aliases=_strings(options.get("aliases")),
                ipv4_address=str(options.get("ipv4_address", "")),
                ipv6_address=str(options.get("ipv6_address", "")),
                priority=int(str(options.get("priority", 0))),
                link_local_ips=_strings(options.get("link_local_ips")),
                mac_address=str(options.get("mac_address") or (name == first and canonical.get("mac_address")) or ""),
                driver_opts={key: str(value) for key, value in _mapping(options.get("driver_opts")).items()},
                gw_priority=int(str(options.get("gw_priority", 0))),
                interface_name=str(options.get("interface_name", "")),
            )
        )
    return tuple(found)


def _strings(value: Json) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _check_builds(composition: Composition, problems: Problems, for_config: bool) -> None:
    for service in composition.services.values():
        if "build" not in service.canonical:
            continue
        place = service.node.keys.get("build", service.place)
        if "image" in service.canonical:
            problems.warn(place, f"{service.path}.build", "ignored: images are not built here, `image` is used")
        elif not for_config:
            message = "images are not built here; build and push the image elsewhere and name it under image"
            problems.add(place, f"{service.path}.build", message)
