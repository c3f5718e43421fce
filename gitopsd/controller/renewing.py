"""After an upgrade: what was released is sealed again by this version, so that the upgrade itself changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gitopsd.controller.ports import Inputs, Store
from gitopsd.controller.states import Named
from gitopsd.model.desired import SealedState
from gitopsd.model.release import Hold, Journal, Release
from gitopsd.release.renewal import Renewal, is_of, outdated, renew, renewed_release, unknown

SealedAgain = Callable[[Named], tuple[SealedState, tuple[Inputs, ...]] | None]
"""What was released to the state as this version seals it; None when its inputs are not to be had now."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """The journal in this version's fingerprints, and what goes into the store with it."""

    journal: Journal
    releases: tuple[Release, ...] = ()
    inputs: tuple[Inputs, ...] = ()


def renewed(journal: Journal, version: str, sealed_again: SealedAgain, store: Store) -> Renewed:
    """The journal as it is, where nothing in it is of another version."""
    if not outdated(journal, version):
        return Renewed(journal)
    found = tuple(_found(journal, version, sealed_again, store))
    rows = {renewal.release.number: renewed_release(renewal) for renewal, _ in found}
    inputs = tuple(each for _, inputs in found for each in inputs)
    return Renewed(renew(journal, tuple(renewal for renewal, _ in found)), tuple(rows.values()), inputs)


def version_hold(journal: Journal, version: str) -> tuple[Hold, ...]:
    """Where it cannot be told whether what serves is what Git wants, nothing is replaced on a suspicion."""
    services = unknown(journal, version)
    if not services:
        return ()
    reason = (
        f"{', '.join(services)} {'was' if len(services) == 1 else 'were'} released by another version of gitopsd, from "
        "files or variables that are not to be had any more, so it cannot be told what has changed; "
        f"`gitopsd sync {journal.environment}` replaces what serves"
    )
    return (Hold("version", reason),)


def _found(
    journal: Journal, version: str, sealed_again: SealedAgain, store: Store
) -> Iterator[tuple[Renewal, tuple[Inputs, ...]]]:
    """What failed first and what serves after it: where both tell of one thing, the one that serves is right."""
    serving = journal.serving
    row = store.release(serving.release) if serving is not None else None
    failed = [store.release(each.release) for each in journal.rejected.values()]
    wanted: list[tuple[Release | None, Named | None]] = [(each, each) for each in (*failed, row)]
    wanted += [(row, serving), (journal.release, journal.release)]
    for release, named in wanted:
        if release is None or named is None or all(is_of(each.fingerprint, version) for each in release.services):
            continue
        again = sealed_again(named)
        if again is not None:
            yield Renewal(release, again[0]), again[1]
