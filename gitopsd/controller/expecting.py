"""What an engine would show of an instance that nobody touched: its specification, through the table of fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gitopsd.controller.baselines import Expect, Expected
from gitopsd.controller.execute import Specification, remade
from gitopsd.controller.ports import EngineView
from gitopsd.drift.comparing import Wanted
from gitopsd.engine_json.delivered import Place, content_wanted, places
from gitopsd.engine_json.expectation import expected
from gitopsd.engine_json.hiding import hidden_projection
from gitopsd.engine_json.networking import instance_name
from gitopsd.engine_json.projection import Projection
from gitopsd.model.canonical import Json
from gitopsd.model.desired import SealedState, Service
from gitopsd.model.errors import GitopsdError, NotFound
from gitopsd.model.live import Instance
from gitopsd.model.release import Placed

Specify = Callable[[str, str, str], Specification]


def expecting(
    engine: EngineView, key: bytes, specify: Specify, head: SealedState | None, memory: "Memory | None" = None
) -> Expect:
    """How to expect an instance: `specify` gives what it was made from, `head` is what Git says by now.

    `memory` has what earlier looks came to, by container id; it counts while nothing of what it follows from differs.
    """
    known = {} if memory is None else memory

    def expect(instance: Instance, placed: Placed) -> Expected | None:
        try:
            applied = specify(placed.service, placed.fingerprint, placed.in_place)
            basis = _basis(applied, head, instance, placed, engine.api())
            if instance.id not in known or not known[instance.id][0].same(basis):
                known[instance.id] = basis, _expected(basis, engine, key)
        except GitopsdError:
            return None
        return known[instance.id][1]

    return expect


@dataclass(frozen=True, slots=True)
class Basis:
    """All that an expectation follows from. `newer` is what Git wants of it by now, where that differs."""

    applied: Specification
    newer: Specification | None
    instance: Instance
    slot: int
    api: tuple[int, int]

    def same(self, other: "Basis") -> bool:
        """Whether the same comes of both. Specifications are told apart as objects, not by what is in them."""
        ours, theirs = self.instance, other.instance
        return (
            _one(self.applied, other.applied)
            and _one(self.newer, other.newer)
            and (self.slot, self.api, ours.image_id) == (other.slot, other.api, theirs.image_id)
            and ours.fields == theirs.fields
        )


def _one(ours: Specification | None, theirs: Specification | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return ours.sealed is theirs.sealed and ours.desired is theirs.desired


Memory = dict[str, tuple[Basis, Expected]]


def _basis(
    applied: Specification, head: SealedState | None, instance: Instance, placed: Placed, api: tuple[int, int]
) -> Basis:
    newer = head.services.get(placed.service) if head is not None else None
    wanted: Specification | None = None
    if (
        head is not None
        and newer is not None
        and (newer.fingerprint, newer.in_place) != (placed.fingerprint, placed.in_place)
    ):
        wanted = Specification(newer, head.desired)
    return Basis(applied, wanted, instance, placed.slot, api)


def _expected(basis: Basis, engine: EngineView, key: bytes) -> Expected:
    service, instance, slot = basis.applied.sealed.service, basis.instance, basis.slot
    shown, lying = _made(basis.applied, instance, slot, engine, key)
    desired = _made(basis.newer, instance, slot, engine, key)[0] if basis.newer is not None else shown
    secret = frozenset(path[0] for path in service.hidden)
    hidden = [hidden_projection(each, key, secret) for each in (shown, desired)]
    return Expected(shown, Wanted(hidden[0], hidden[1], service.ignore_drift), secret, lying)


def _made(
    applied: Specification, instance: Instance, slot: int, engine: EngineView, key: bytes
) -> tuple[Projection, tuple[Place, ...]]:
    """A container made from a specification, over the instance's own image, and where its content lies.

    ManifestError: it cannot be made.
    """
    sealed, desired = applied.sealed, applied.desired
    called = instance_name(sealed.service, desired.project, slot)
    made = remade(applied, slot, called, engine, key, instance.routed_address)
    lying = places(made, instance.fields, key)
    shown = _borrowed(sealed.service, instance, expected(sealed, made, called, _defaults(engine, instance.image_id)))
    return {**shown, **content_wanted(lying)}, lying


def _borrowed(service: Service, instance: Instance, shown: Projection) -> Projection:
    """What comes from another service's container is taken as it is: which one it should be, a rollout looks after."""
    options = service.options
    keys = {key for key in ("network_mode", "pid", "ipc") if str(options.get(key) or "").startswith("service:")}
    keys |= {"volumes_from", "volumes"} if options.get("volumes_from") else set()
    own = {key: value for key, value in shown.items() if key not in keys}
    return {**own, **{key: instance.fields[key] for key in keys if key in instance.fields}}


def _defaults(engine: EngineView, image: str) -> Mapping[str, Json]:
    try:
        return engine.image_defaults(image)
    except NotFound:  # removed by force below its container
        return {}
