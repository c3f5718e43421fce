"""Fills in the configs and secrets whose values the host has, once the controller has asked it for them."""

from collections.abc import Mapping
from dataclasses import replace

from gitopsd.manifest.compose import Composition
from gitopsd.model.desired import ContentMount, DesiredState, External, Mount, Service
from gitopsd.model.errors import Problem


def externals(composition: Composition) -> tuple[External, ...]:
    """What the enabled services need of the host."""
    return tuple(
        External(str(entry["name"]), entry.place, entry.path)
        for entries in (composition.configs, composition.secrets)
        for entry in entries.values()
        if entry.get("external")
    )


def with_secrets(desired: DesiredState, values: Mapping[str, bytes], reasons: Mapping[str, str]) -> DesiredState:
    """The state with the host's `values` in it, by name; `reasons` say why the host does not have the others."""
    if not desired.external:
        return desired
    missing = [each for each in desired.external if each.name not in values]
    return replace(
        desired,
        services={name: _filled(service, values) for name, service in desired.services.items()},
        missing=tuple(Problem(each.place, each.path, reasons[each.name]) for each in missing),
    )


def _filled(service: Service, values: Mapping[str, bytes]) -> Service:
    if not any(isinstance(mount, ContentMount) and mount.external for mount in service.mounts):
        return service
    return replace(service, mounts=tuple(_with_value(mount, values) for mount in service.mounts))


def _with_value(mount: Mount, values: Mapping[str, bytes]) -> Mount:
    if not isinstance(mount, ContentMount) or mount.external not in values:
        return mount
    files = tuple(replace(file, data=values[mount.external]) for file in mount.content.files)
    return replace(mount, content=replace(mount.content, files=files))
