"""How a drift ended: by whose doing, as far as the ledger and what is there by now tell. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from gitopsd.model.canonical import Json
from gitopsd.model.drift import DriftItem, PastDrift
from gitopsd.model.event import Event
from gitopsd.model.live import Instance, LiveState

FOUND: Final = ("DriftFound", "HealLoop")
_STATES: Final = frozenset(("stopped", "paused", "unhealthy"))
_ENDS: Final[Mapping[str, str]] = {
    "healed": "healed in place",
    "replaced": "replaced",
    "reverted": "reverted by hand",
    "accepted": "accepted by a release",
    "changed": "drifts otherwise by now",
}
_OTHERWISE: Final[Mapping[tuple[str, str], str]] = {
    ("replaced", "missing"): "made again",
    ("reverted", "missing"): "back without gitopsd",
    ("reverted", "extra"): "removed by hand",
    ("reverted", "stopped"): "up again without gitopsd",
    ("reverted", "unhealthy"): "well again without gitopsd",
}
_ANEW: Final = "made anew by Swarm"


def ending(
    item: DriftItem, found: Collection[DriftItem], live: LiveState, ledger: Iterable[Event], now: datetime
) -> PastDrift:
    """The item as past drift. `found` is what drifts now; `ledger` is what happened to its environment, in order."""
    instance = next((each for each in live.instances if each.id == item.instance), None)
    if any(_goes_on(item, each, gone=instance is None) for each in found):
        return PastDrift(item, now, "changed")
    if instance is not None and item.changes and all(_shown(instance, each.at) == each.live for each in item.changes):
        return PastDrift(item, now, "accepted")
    deed = _last_deed(item, ledger)
    if deed is None:
        return PastDrift(item, now, "reverted")
    anew = item.kind == "missing" or (bool(item.instance) and instance is None)
    return PastDrift(item, now, "replaced" if anew else "healed", str(deed.data.get("cause") or ""))


def end_words(past: PastDrift) -> str:
    """`healed in place`: how it ended, in words. Nobody changes a task: another one takes its place."""
    if past.item.resource == "task" and past.end == "reverted" and past.item.kind in ("modified", "image"):
        return _ANEW
    return _OTHERWISE.get((past.end, past.item.kind)) or _ENDS[past.end]


def _goes_on(item: DriftItem, other: DriftItem, *, gone: bool) -> bool:
    """Whether the same thing drifts still, and is only told in another way."""
    if item.resource != other.resource or item.service != other.service:
        return False
    if gone and item.instance:
        return other.kind == "missing"
    same = item.instance == other.instance if item.instance else item.name == other.name
    return same and (item.kind == other.kind or {item.kind, other.kind} <= _STATES)


def _shown(instance: Instance, at: tuple[str, ...]) -> Json:
    """A field as the engine shows it now. A secret one, which is known by its digest, equals nothing."""
    if at in (("name",), ("image",)):
        return instance.name if at == ("name",) else instance.image_id
    value: Json = instance.fields
    for part in at:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _last_deed(item: DriftItem, ledger: Iterable[Event]) -> Event | None:
    """What gitopsd did last to it since it was found, or else to what bears its name. Taking that tells least."""
    since = [each for each in _since_found(item, tuple(ledger)) if each.reason == "ActionDone"]
    to_it = [each for each in since if item.instance and each.data.get("container") == item.instance]
    deeds = [*(each for each in since if each.data.get("name") == item.name), *to_it]
    telling = [each for each in deeds if each.data.get("action") != "Rename"]
    return next(reversed(telling or deeds), None)


def _since_found(item: DriftItem, ledger: Sequence[Event]) -> Sequence[Event]:
    """By the event that told of it; by its time where that is too long ago to be at hand."""
    for number, event in enumerate(reversed(ledger)):
        if event.reason in FOUND and (event.data.get("name"), event.data.get("kind")) == (item.name, item.kind):
            return ledger[len(ledger) - number :]
    return [each for each in ledger if each.at > item.first_seen]
