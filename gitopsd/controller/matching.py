"""Holds containers that bear no fingerprint of ours against a sealed state; what only their content tells is read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitopsd.controller.ports import EngineView
from gitopsd.drift.matching import content_changes, content_to_compare, match
from gitopsd.engine_json.container import creation
from gitopsd.engine_json.expectation import expected
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.networking import instance_name
from gitopsd.engine_json.projection import Projection
from gitopsd.model.adoption import Adoptee, AdoptionReport, Match
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile, ContentMount, SealedState
from gitopsd.model.errors import ManifestError, NotFound
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.plan import FieldChange
from gitopsd.model.release import Journal
from gitopsd.release.adoption import as_found, settle

MOST_CONTENT = 48 << 20  # more than any content of a revision may be


class Matching:
    """One comparison of several containers with one state. Files that several mount from one place are read once."""

    def __init__(self, state: SealedState, live: LiveState, engine: EngineView, key: bytes) -> None:
        self._state, self._engine, self._key = state, engine, key
        self._siblings = {key: each.service for each in live.instances for key in (each.id, each.name)}
        self._read: dict[str, tuple[ContentFile, ...] | None] = {}

    def match(self, instance: Instance, slot: int) -> Match:
        """How the instance compares with what its service wants of this slot. ManifestError: it cannot be created."""
        sealed = self._state.services[instance.service]
        found = match(sealed, self._wanted(instance, slot), instance, self._siblings)
        changes = [
            change
            for mount in content_to_compare(sealed, instance)
            for change in content_changes(mount, self._content(instance, mount))
        ]
        return replace(found, changes=(*found.changes, *changes))

    def _wanted(self, instance: Instance, slot: int) -> Projection:
        """Over the instance's own image: that it should be another is one difference, not all that comes of it."""
        sealed, desired = self._state.services[instance.service], self._state.desired
        called = instance_name(sealed.service, desired.project, slot)
        made = creation(
            *(sealed, desired),
            slot=slot,
            name=called,
            release=0,
            carry={},
            api=self._engine.api(),
            joins={service: service for service in desired.services},
            key=self._key,
        )
        return expected(sealed, made, called, self._defaults(instance.image_id))

    def _defaults(self, image: str) -> Mapping[str, Json]:
        try:
            return self._engine.image_defaults(image)
        except NotFound:  # removed by force below its container
            return {}

    def _content(self, instance: Instance, mount: ContentMount) -> tuple[ContentFile, ...] | None:
        there = mapping(mapping(instance.fields.get("volumes")).get(mount.target))
        source = str(there.get("source") or f"{instance.id}:{mount.target}")
        if source not in self._read:
            self._read[source] = self._engine.read(instance.id, mount.target, MOST_CONTENT)
        return self._read[source]


@dataclass(frozen=True, slots=True)
class Found:
    """A journal after another look at what was adopted unlike the manifest, and by service what still differs."""

    journal: Journal
    unlike: Mapping[str, tuple[FieldChange, ...]]


def look_again(journal: Journal, state: SealedState | None, live: LiveState, engine: EngineView, key: bytes) -> Found:
    """What was adopted as it was found is of the manifest's make once the manifest says just that."""
    found = as_found(journal)
    if state is None or not found or journal.release is not None:
        return Found(journal, {})
    matching = Matching(state, live, engine, key)
    there = [each for each in live.instances if each.id in found and each.service in state.services]
    try:
        adoptees = tuple(
            Adoptee(each, found[each.id].slot, matching.match(each, found[each.id].slot)) for each in there
        )
    except ManifestError:  # of a state that cannot be brought about, which the plan tells
        return Found(journal, {})
    report = AdoptionReport(state.desired.project, journal.environment, state.revision, adoptees)
    unlike = {name: (*report.unlike.get(name, ()), *report.in_place.get(name, ())) for name in report.services}
    return Found(settle(journal, state, report), unlike)
