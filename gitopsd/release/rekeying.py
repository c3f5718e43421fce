"""After a lost key: what was hashed with it is read, and then bears the name that it has by the present key.

Two keys never give one digest, so that without this every service with a secret would be replaced. What is known of a
fingerprint is the same by both; its secret part is made anew from what the container really has.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gitopsd.model.desired import SealedService, SealedState
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.parted import same_but_for_the_key, secret_part
from gitopsd.model.release import Journal, Serving
from gitopsd.model.rollout import Rollout, Target
from gitopsd.release.renewal import Names

Secrets = Mapping[tuple[str, str], Mapping[str, str]]
"""The keyed digests of what is secret, by service and fingerprint."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An instance of which only its secrets can tell whether it is of a wanted make, and the key to that is lost."""

    instance: Instance
    sealed: SealedService


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: the fingerprint that the instance has by the present key, and its secrets as `keyed`."""

    doubt: Doubt
    fingerprint: str
    secrets: Mapping[str, str]


def doubts(journal: Journal, live: LiveState, states: Sequence[SealedState | None]) -> tuple[Doubt, ...]:
    """Our instances that were made with another key, and are otherwise of a make that one of the states has."""
    return tuple(_doubts(journal, live, states))


def _doubts(journal: Journal, live: LiveState, states: Sequence[SealedState | None]) -> Iterator[Doubt]:
    secret = [each for state in states if state is not None for each in state.services.values() if each.secrets]
    for instance in live.instances if secret else ():
        placed = journal.inventory.get(instance.id)
        own = [each for each in secret if placed is not None and each.service.name == placed.service]
        for sealed in own:
            if placed is not None and same_but_for_the_key(placed.fingerprint, sealed.fingerprint):
                yield Doubt(instance, sealed)
                break


def by_another_key(journal: Journal, states: Sequence[SealedState | None]) -> bool:
    """Whether anything in the journal is called by a key that the states were not sealed with."""
    secret = [state for state in states if state is not None and secret_part(state.content_digest)]
    digests = [*journal.rejected, *([journal.serving.content_digest] if journal.serving is not None else ())]
    if any(same_but_for_the_key(digest, state.content_digest) for state in secret for digest in digests):
        return True
    return bool(secret) and any(True for _ in _unread(journal, secret))


def rekeyed(journal: Journal, readings: Sequence[Reading], states: Sequence[SealedState | None]) -> Journal:
    """The journal with the names by the present key, wherever one by another key stands.

    Of what has no instance to be read it is taken that nothing changed: a lost key is no reason to run anything again.
    """
    read = {each.doubt.instance.id: each for each in readings}
    present = [state for state in states if state is not None]
    names = _names(journal, readings, present)
    secrets = {(each.doubt.sealed.service.name, each.fingerprint): each.secrets for each in readings}
    secrets |= {(name, each.fingerprint): each.secrets for state in present for name, each in state.services.items()}
    renamed = names.over(journal)
    renamed = replace(
        renamed,
        stable=_with_secrets(renamed.stable, secrets),
        before=_with_secrets(renamed.before, secrets),
        rollouts={name: _rollout(rollout, secrets) for name, rollout in renamed.rollouts.items()},
        inventory={
            id: replace(placed, fingerprint=read[id].fingerprint) if id in read else placed
            for id, placed in renamed.inventory.items()
        },
    )
    return replace(renamed, serving=_serving(renamed, present))


def _names(journal: Journal, readings: Sequence[Reading], states: Sequence[SealedState]) -> Names:
    """Of instances that were made alike and read unlike, most decide what the service is."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for each in readings:
        placed = journal.inventory[each.doubt.instance.id]
        counted.setdefault((placed.service, placed.fingerprint), Counter())[each.fingerprint] += 1
    fingerprints = {where: min(found, key=lambda each: (-found[each], each)) for where, found in counted.items()}
    return Names(
        {**dict(_unread(journal, states)), **fingerprints},
        {pair: new for state in states for pair, new in _limits(journal, state)},
        {
            digest: state.content_digest
            for state in states
            for digest in journal.rejected
            if same_but_for_the_key(digest, state.content_digest)
        },
    )


def _unread(journal: Journal, states: Sequence[SealedState]) -> Iterator[tuple[tuple[str, str], str]]:
    """Every fingerprint by another key that the journal has, as if its secrets were those of the state."""
    named = [(name, target.fingerprint) for name, target in _targets(journal)]
    named += [(name, each) for name, done in journal.completed.items() for each in done]
    for service, old in named:
        for state in states:
            sealed = state.services.get(service)
            if sealed is not None and same_but_for_the_key(old, sealed.fingerprint):
                yield (service, old), sealed.fingerprint


def _limits(journal: Journal, state: SealedState) -> Iterator[tuple[tuple[str, str], str]]:
    named = {(name, target.in_place) for name, target in _targets(journal)}
    named |= {(placed.service, placed.in_place) for placed in journal.inventory.values()}
    for service, old in named:
        sealed = state.services.get(service)
        if sealed is not None and same_but_for_the_key(old, sealed.in_place):
            yield (service, old), sealed.in_place


def _targets(journal: Journal) -> Iterator[tuple[str, Target]]:
    yield from journal.stable.items()
    yield from journal.before.items()
    for name, rollout in journal.rollouts.items():
        yield name, rollout.target
        if rollout.stable is not None:
            yield name, rollout.stable


def _with_secrets(
    targets: Mapping[str, Target], known: Mapping[tuple[str, str], Mapping[str, str]]
) -> dict[str, Target]:
    return {name: _secret_of(name, target, known) for name, target in targets.items()}


def _secret_of(name: str, target: Target, known: Secrets) -> Target:
    return replace(target, secrets=known.get((name, target.fingerprint), target.secrets))


def _rollout(rollout: Rollout, known: Secrets) -> Rollout:
    name, stable = rollout.service, rollout.stable
    return replace(
        rollout,
        target=_secret_of(name, rollout.target, known),
        stable=None if stable is None else _secret_of(name, stable, known),
    )


def _serving(journal: Journal, states: Sequence[SealedState]) -> Serving | None:
    """What serves is the same content where each of its services was found to be the same."""
    serving = journal.serving
    for state in states:
        alike = serving is not None and same_but_for_the_key(serving.content_digest, state.content_digest)
        if serving is not None and alike and all(_serves(journal, *each) for each in state.services.items()):
            return replace(serving, content_digest=state.content_digest, input_digest=state.input_digest)
    return serving


def _serves(journal: Journal, name: str, sealed: SealedService) -> bool:
    stable = journal.stable.get(name)
    done = sealed.service.job is not None and sealed.fingerprint in journal.completed.get(name, ())
    return done or (stable is not None and stable.fingerprint == sealed.fingerprint)
