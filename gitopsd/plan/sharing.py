"""Services that use the network, another namespace or the volumes of a service are replaced with it, and after it."""

from collections.abc import Sequence
from dataclasses import replace

from gitopsd.engine_json import shared_things
from gitopsd.model.desired import SealedState
from gitopsd.model.plan import Change
from gitopsd.plan.order import replaced_with


def drawn_along(changes: Sequence[Change], wanted: SealedState) -> list[Change]:
    """The changes, with a replacement of each service that lives in one which gets a new container.

    `changes` come with their waves, so that what lives in a service that is drawn along itself comes after it.
    """
    found: dict[str, Change] = {}
    for change in sorted(changes, key=lambda change: change.wave):
        found[change.service] = _with_others(change, found, wanted)
    return [found[change.service] for change in changes]


def _with_others(change: Change, others: dict[str, Change], wanted: SealedState) -> Change:
    sealed = wanted.services[change.service]
    things = shared_things(sealed.service.options)
    moved = [name for name in sorted(things) if name in others and others[name].change == "replace"]
    if not moved or change.change == "create" or change.strategy == "job":
        return change
    name = moved[0]
    cause = f"{name} is replaced, and it uses the {things[name]} of {name}"
    how = replaced_with(sealed, wanted.services[name], things[name])
    return replace(
        change,
        change="replace",
        cause="; ".join(each for each in (change.cause, cause) if each),
        order=how.order,
        interruption_s=how.interruption_s,
        interruption=how.reason,
    )
