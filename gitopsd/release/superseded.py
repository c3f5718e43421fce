"""Which images an engine can do without: those that gitopsd brought there, and neither container nor release needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitopsd.engine_json.live import repository
from gitopsd.model.image import HeldImage, PulledImage
from gitopsd.model.release import Release


@dataclass(frozen=True, slots=True)
class Superseded:
    """An image that may go, with its names; one that has none goes by its id."""

    image: PulledImage
    names: tuple[str, ...]


def superseded(
    held: Mapping[str, HeldImage], pulled: Iterable[PulledImage], needed: frozenset[str], wanted: frozenset[str]
) -> tuple[Superseded, ...]:
    """`held` is by id; `needed` are the identities of kept releases' images, `wanted` the names that Git says now.

    An image with a name that gitopsd did not pull was given it by somebody, and stays.
    """
    found = []
    for each in pulled:
        image = held.get(each.id)
        if image is None or image.used or image.identities & needed or not _only_ours(image, each):
            continue
        names = (*image.tags, *image.digests)
        if not wanted.intersection(names):
            found.append(Superseded(each, names or (image.id,)))
    return tuple(found)


def last_good(releases: Iterable[Release], count: int) -> tuple[Release, ...]:
    """The newest `count` releases that succeeded, of releases that come newest first."""
    return tuple(release for release in releases if release.outcome == "succeeded")[:count]


def _only_ours(image: HeldImage, pulled: PulledImage) -> bool:
    repositories = {repository(reference) for reference in pulled.references}
    return pulled.references.issuperset(image.tags) and repositories.issuperset(map(repository, image.digests))
