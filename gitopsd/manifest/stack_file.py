"""A plain Compose file -> what `docker stack deploy` reads: an older schema, configs and secrets that are there."""

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gitopsd.manifest.plain import Plain
from gitopsd.model.canonical import Json

VERSION: Final = "3.8"
_BASES: Final = {"configs": "/", "secrets": "/run/secrets"}


def stack_file(made: Plain, given: Mapping[str, Mapping[str, str]]) -> Plain:
    """The file with each config and secret by the name that Swarm has for it, so that no value has to stand in it.

    `given` is what each service has, by kind and target (`config /etc/page`).
    """
    shown = made.document
    document: dict[str, Json] = {
        "version": VERSION,
        **{key: value for key, value in shown.items() if key != "name"},
        "services": {name: _service(_mapping(each)) for name, each in _mapping(shown["services"]).items()},
    }
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
