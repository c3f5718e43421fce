"""What an engine would show of an instance that nobody touched: its specification, through the table of fields."""

from collections.abc import Callable, Mapping

from gitopsd.controller.baselines import Expect, Expected
from gitopsd.controller.execute import Specification
from gitopsd.controller.ports import EngineView
from gitopsd.drift.comparing import Wanted
from gitopsd.engine_json.container import creation
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


def expecting(engine: EngineView, key: bytes, specify: Specify, head: SealedState | None) -> Expect:
    """How to expect an instance: `specify` gives what it was made from, `head` is what Git says by now."""

    def expect(instance: Instance, placed: Placed) -> Expected | None:
        try:
            applied = specify(placed.service, placed.fingerprint, placed.in_place)
            shown, lying = _made(applied, instance, placed.slot, engine, key)
        except GitopsdError:
            return None
        newer = head.services.get(placed.service) if head is not None else None
        desired = shown
        made = (placed.fingerprint, placed.in_place)
        if head is not None and newer is not None and (newer.fingerprint, newer.in_place) != made:
            desired, _ = _made(Specification(newer, head.desired), instance, placed.slot, engine, key)
        secret = frozenset(path[0] for path in applied.sealed.service.hidden)
        ignored = applied.sealed.service.ignore_drift
        wanted = Wanted(hidden_projection(shown, key, secret), hidden_projection(desired, key, secret), ignored)
        return Expected(shown, wanted, secret, lying)

    return expect


def _made(
    applied: Specification, instance: Instance, slot: int, engine: EngineView, key: bytes
) -> tuple[Projection, tuple[Place, ...]]:
    """A container made from a specification, over the instance's own image, and where its content lies.

    ManifestError: it cannot be made.
    """
    sealed, desired = applied.sealed, applied.desired
    called = instance_name(sealed.service, desired.project, slot)
    joins = {name: name for name in sealed.service.shares}
    made = creation(
        *(sealed, desired), slot=slot, name=called, release=0, carry={}, api=engine.api(), joins=joins, key=key
    )
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
