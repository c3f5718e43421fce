"""Adoption: containers that somebody else started, held against what a manifest wants, and taken over as they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gitopsd.model.live import Instance
from gitopsd.model.plan import FieldChange

# A fingerprint that stands for a container as it was found; no manifest ever has it.
FOUND = "found:"


@dataclass(frozen=True, slots=True)
class Match:
    """How a container that bears no fingerprint compares with the service that it is for.

    `changes` are the fields that only a new container can change, `in_place` those that a live one can; `before` is
    what is there. `notes` tell what differs and cannot be helped.
    """

    changes: tuple[FieldChange, ...] = ()
    in_place: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adoptee:
    """A container to be taken over: the slot that it gets, and how it compares."""

    instance: Instance
    slot: int
    match: Match


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """What an adoption takes over, or would. `left` maps containers that stay alone to why; `refused` says why not.

    `missing` are services of the manifest that nothing was found for. `kind` is what is taken over: containers, or
    services of a swarm.
    """

    project: str
    environment: str
    revision: str
    adoptees: tuple[Adoptee, ...] = ()
    missing: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    refused: str = ""
    kind: Literal["container", "service"] = "container"

    @property
    def services(self) -> frozenset[str]:
        """The services that something was found for."""
        return frozenset(each.instance.service for each in self.adoptees)

    @property
    def unlike(self) -> Mapping[str, tuple[FieldChange, ...]]:
        """The fields that a new container is needed for, by service; each field once."""
        return _by_service((each.instance.service, each.match.changes) for each in self.adoptees)

    @property
    def in_place(self) -> Mapping[str, tuple[FieldChange, ...]]:
        """The fields that are changed in place, by service; each field once."""
        return _by_service((each.instance.service, each.match.in_place) for each in self.adoptees)


def _by_service(found: Iterable[tuple[str, tuple[FieldChange, ...]]]) -> Mapping[str, tuple[FieldChange, ...]]:
    changes: dict[str, dict[str, FieldChange]] = {}
    for service, fields in found:
        for each in fields:
            changes.setdefault(service, {}).setdefault(each.path, each)
    return {service: tuple(fields.values()) for service, fields in sorted(changes.items())}
