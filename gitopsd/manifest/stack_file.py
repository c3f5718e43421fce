"""A plain Compose file -> what `docker stack deploy` reads: an older schema, configs and secrets that are there.

What is made from it is what runs: whatever moves a task is said as the service was told it, so that nothing restarts.
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from gitopsd.engine_json.fields import strings
from gitopsd.engine_json.swarm_adopted import given as given_to
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.engine_json.swarm_reconstruction import resources_of, restart_policy_of
from gitopsd.manifest.plain import Plain
from gitopsd.model.canonical import Json

VERSION: Final = "3.8"
_BASES: Final = {"configs": "/", "secrets": "/run/secrets"}
_OURS: Final = "gitopsd."
# What that schema has no word for, and what deploy says in the place of it, if anything.
_SAID_BY_DEPLOY: Final = ("restart", "mem_limit", "mem_reservation", "cpus", "pids_limit", "scale")
_UNSAID: Final = ("group_add", "dns_opt", "platform", "attach", "label_file", "profiles")
_MOVING: Final = ("group_add", "dns_opt")


def stack_file(made: Plain, bodies: Mapping[str, Mapping[str, Json]]) -> Plain:
    """The file with each config and secret by the name that Swarm has for it, so that no value has to stand in it.

    `bodies` are the Specs of the services that are there, with networks, configs and secrets by their names.
    """
    shown = made.document
    given = {name: {**given_to(body, "config"), **given_to(body, "secret")} for name, body in bodies.items()}
    services = {
        name: _as_told(_service(_mapping(each)), bodies.get(name, {}))
        for name, each in _mapping(shown["services"]).items()
    }
    document: dict[str, Json] = {
        "version": VERSION,
        **{key: value for key, value in shown.items() if key != "name"},
        "services": services,
    }
    if "volumes" in shown:
        document["volumes"] = dict(_volumes(_mapping(shown["volumes"]), bodies))
    held = {kind: _held(kind, shown, given) for kind in _BASES}
    for kind, names in held.items():
        if kind in shown:
            document[kind] = {
                name: {"external": True, "name": names[name]} if name in names else each
                for name, each in _mapping(shown[kind]).items()
            }
    files = {str(_mapping(_mapping(shown[kind])[name]).get("file", "")) for kind in held for name in held[kind]}
    named = {str(_mapping(_mapping(shown[kind])[name]).get("environment", "")) for kind in held for name in held[kind]}
    secrets = tuple(each for each in made.secrets if each not in named)
    return replace(made, document=document, secrets=secrets, content=tuple(p for p in made.content if p not in files))


def _service(shown: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {key: value for key, value in shown.items() if value is not None}
    if isinstance(found.get("depends_on"), Mapping):
        found["depends_on"] = sorted(_mapping(found["depends_on"]))
    if ports := found.get("ports"):
        found["ports"] = [_port(_mapping(each)) for each in ports] if isinstance(ports, list | tuple) else ports
    deploy = _mapping(found.get("deploy"))
    if resources := _mapping(deploy.get("resources")):
        found["deploy"] = {**deploy, "resources": {kind: _amounts(_mapping(each)) for kind, each in resources.items()}}
    return found


def made_anew(made: Plain, bodies: Mapping[str, Mapping[str, Json]]) -> Iterator[tuple[str, str]]:
    """The services whose tasks `docker stack deploy` makes anew from a `stack_file` all the same, once, and why: it has
    no words for what they were told.
    """
    named = {str(_mapping(each).get("name")) for each in _mapping(made.document.get("networks")).values()}
    for name, body in sorted(bodies.items()):
        template = _mapping(body.get("TaskTemplate"))
        container, joined = _mapping(template.get("ContainerSpec")), list(_entries(template.get("Networks")))
        dns, ports = _mapping(container.get("DNSConfig")), _mapping(body.get("EndpointSpec")).get("Ports")
        targets = [str(each.get("Target")) for each in joined]
        last = [strings(each.get("Aliases"))[-1:] for each in joined]
        reasons = (
            ("it is a job, which runs again whatever it is told", runs_to_end(body)),
            ("it is on the router's network", not set(targets) <= named),
            ("it joins its networks in an order of its own", targets != sorted(targets)),
            ("its own name is not the last of its aliases", any(each != [name] for each in last)),
            ("it publishes ports in an order of its own", not _ascending(_entries(ports))),
            ("it has group_add", bool(container.get("Groups"))),
            ("it has dns_opt", bool(dns.get("Options"))),
            ("it limits its processes", bool(_limits(template).get("Pids"))),
            ("a tmpfs of it has a mode", any(_tmpfs_mode(each) for each in _entries(container.get("Mounts")))),
            ("it was told without privileges, by another hand", "Privileges" not in container),
        )
        if why := next((why for why, so in reasons if so), ""):
            yield name, why


def _ascending(ports: Iterable[Mapping[str, Json]]) -> bool:
    published = [int(str(each.get("PublishedPort") or 0)) for each in ports]
    return published == sorted(published)


def _limits(template: Mapping[str, Json]) -> Mapping[str, Json]:
    return _mapping(_mapping(template.get("Resources")).get("Limits"))


def _tmpfs_mode(mount: Mapping[str, Json]) -> Json:
    return _mapping(mount.get("TmpfsOptions")).get("Mode")


def _as_told(found: dict[str, Json], body: Mapping[str, Json]) -> dict[str, Json]:
    """The service in the words of the older schema, with what it was told in the place of what means that."""
    if not body:
        return found
    template = _mapping(body.get("TaskTemplate"))
    container = _mapping(template.get("ContainerSpec"))
    ours = {key: value for key, value in _mapping(container.get("Labels")).items() if key.startswith(_OURS)}
    kept = {key: value for key, value in found.items() if key not in (*_SAID_BY_DEPLOY, *_UNSAID)}
    if ours:
        kept["labels"] = {**_mapping(found.get("labels")), **ours}
    deploy = {**_mapping(found.get("deploy")), "resources": resources_of(template)}
    deploy["restart_policy"] = restart_policy_of(template)
    deploy["resources"] = {kind: _without_pids(_mapping(each)) for kind, each in _mapping(deploy["resources"]).items()}
    kept["deploy"] = {key: value for key, value in deploy.items() if value or value == 0}
    for kind in _BASES:
        if kind in kept:
            kept[kind] = list(_granted(kind, kept[kind], container))
    mounts = found.get("volumes")
    if isinstance(mounts, list | tuple):
        kept["volumes"] = [_mount(_mapping(each)) for each in mounts]
    return kept


def _granted(kind: str, entries: Json, container: Mapping[str, Json]) -> Iterator[Json]:
    """Each by the word for its place that it was told: `token` is `/run/secrets/token`, and makes another Spec.

    The older schema has modes as numbers.
    """
    told = [_mapping(each.get("File")) for each in _entries(container.get(kind.capitalize()))]
    places = {posixpath.join(_BASES[kind], str(each.get("Name"))): each for each in told}
    for each in _entries(entries):
        target = posixpath.join(_BASES[kind], str(each.get("target") or each.get("source")))
        file = places.get(target, {})
        mode = {"mode": file["Mode"]} if "mode" in each and "Mode" in file else {}
        yield {**each, "target": file.get("Name", target), **mode}


def _without_pids(shown: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in shown.items() if key != "pids"}


def _mount(shown: Mapping[str, Json]) -> dict[str, Json]:
    """Without options that say nothing: to Swarm an empty one is another one than none."""
    found = {key: value for key, value in shown.items() if key != "bind"}
    propagation = _mapping(shown.get("bind")).get("propagation")
    return {**found, "bind": {"propagation": propagation}} if propagation else found


def _volumes(shown: Mapping[str, Json], bodies: Mapping[str, Mapping[str, Json]]) -> Iterator[tuple[str, Json]]:
    """With the labels by which gitopsd knows its own, as the mounts of what runs have them."""
    labels: dict[str, dict[str, Json]] = {}
    for body in bodies.values():
        container = _mapping(_mapping(body.get("TaskTemplate")).get("ContainerSpec"))
        for mount in _entries(container.get("Mounts")):
            told = _mapping(_mapping(mount.get("VolumeOptions")).get("Labels"))
            labels[str(mount.get("Source"))] = {key: value for key, value in told.items() if key.startswith(_OURS)}
    for key, each in shown.items():
        ours = labels.get(str(_mapping(each).get("name")), {})
        yield key, {**_mapping(each), "labels": {**_mapping(_mapping(each).get("labels")), **ours}} if ours else each


def _entries(value: Json) -> Iterator[Mapping[str, Json]]:
    yield from map(_mapping, value if isinstance(value, list | tuple) else ())


def _amounts(shown: Mapping[str, Json]) -> dict[str, Json]:
    return {**shown, "cpus": str(shown["cpus"])} if "cpus" in shown else dict(shown)


def _port(shown: Mapping[str, Json]) -> dict[str, Json]:
    published = str(shown.get("published", ""))
    return {**shown, "published": int(published)} if published.isdigit() else dict(shown)


def _held(kind: str, shown: Mapping[str, Json], given: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What Swarm has for each config or secret of the file that a service uses, by its key."""
    found: dict[str, str] = {}
    for name, service in _mapping(shown["services"]).items():
        entries = _mapping(service).get(kind)
        for entry in map(_mapping, entries if isinstance(entries, list | tuple) else ()):
            source = str(entry.get("source", ""))
            target = posixpath.join(_BASES[kind], str(entry.get("target") or source))
            if held := given.get(name, {}).get(f"{kind[:-1]} {target}"):
                found[source] = held
    return {key: held for key, held in found.items() if key in _mapping(shown.get(kind))}


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
