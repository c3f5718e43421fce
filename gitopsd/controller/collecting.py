"""Images on disk: what gitopsd brought to an engine and nothing needs any more is removed, between releases."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from gitopsd.controller.ports import Clock, Engine, Store
from gitopsd.engine_json.live import shown_name
from gitopsd.model.errors import Conflict, GitopsdError, StoreError
from gitopsd.model.event import Event
from gitopsd.model.release import Release
from gitopsd.release.superseded import Superseded, last_good, superseded

SOME_RELEASES = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """What an engine's environments need at a time: their last good `releases`, and the references that Git names.

    What was pulled for `observed` ones is left alone.
    """

    environments: frozenset[str]
    releases: int
    wanted: frozenset[str]
    observed: frozenset[str]
    at: datetime


def collect_images(engine: Engine, store: Store, kept: Kept, clock: Clock) -> None:
    """Remove superseded images. What goes wrong is an event; the next release's end brings the next attempt."""
    try:
        for each in _superseded(engine, store, kept):
            _remove(each, engine, store, clock)
    except GitopsdError as error:
        with suppress(StoreError):
            store.append([Event(clock.now(), "ImagesNotCollected", str(error), "warning")])


def _superseded(engine: Engine, store: Store, kept: Kept) -> tuple[Superseded, ...]:
    pulled = store.pulled()
    if not pulled:
        return ()
    identity = engine.facts().id
    held = {each.id: each for each in engine.held_images()}
    ours = [each for each in pulled if each.engine == identity]
    for each in ours:
        if each.id not in held:
            store.forget_pulled(identity, each.id)
    # What came since may be for a release that begins just now.
    may_go = [each for each in ours if each.at <= kept.at and each.environment not in kept.observed]
    wanted = frozenset(map(shown_name, kept.wanted))
    if not superseded(held, may_go, frozenset(), wanted):
        return ()  # mostly so, and then no ledger need be read
    releases = [release for name in sorted(kept.environments) for release in _needed(name, store, kept)]
    needed = frozenset(identity for release in releases for identity in release_images(release, store))
    return superseded(held, may_go, needed, wanted)


def release_images(release: Release, store: Store) -> Mapping[str, str]:
    """The images that a release needs, each by what an engine knows it by, with the name that people know it by.

    Those that only give files are not in the ledger, but beside it.
    """
    recorded = store.inputs(release.environment, release.content_digest)
    images = recorded.images.values() if recorded is not None else ()
    return {
        **{each.identity: each.reference for each in images},
        **{each.digest.rpartition("@")[2]: each.image for each in release.services},
    }


def _needed(name: str, store: Store, kept: Kept) -> tuple[Release, ...]:
    """The releases that an environment may return to without a registry, and the one that it is being brought to."""
    limit = SOME_RELEASES
    while True:
        found = store.releases(name, limit)
        good = last_good(found, kept.releases)
        if len(good) == kept.releases or len(found) < limit:
            return (*good, *(release for release in found[:1] if release.finished_at is None))
        limit *= 4  # many failed ones lie between


def _remove(found: Superseded, engine: Engine, store: Store, clock: Clock) -> None:
    image = found.image
    name = min(image.references)
    try:
        for each in found.names:
            engine.remove_image(each)
    except Conflict:  # a container came to use it just now
        return
    store.forget_pulled(image.engine, image.id)
    message = f"image {name} ({image.id[:19]}) was superseded: neither a container nor a kept release needs it"
    store.append([Event(clock.now(), "ImageRemoved", message, environment=image.environment)])
