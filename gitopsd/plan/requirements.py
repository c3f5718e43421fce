"""What a desired state needs of its engine: an API that knows its keys, and the external things that it relies on."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from gitopsd.engine_json import content_problems, exchange_problems, limit_problems, network_too_new, too_new
from gitopsd.model.analysis import Metric
from gitopsd.model.desired import DesiredState, SealedState, VolumeMount
from gitopsd.model.errors import Place, Problem


@dataclass(frozen=True, slots=True)
class Offer:
    """What an engine offers: its API version, as (1, 41), and which of the external names exist there."""

    api: tuple[int, int]
    networks: Collection[str] = ()
    volumes: Collection[str] = ()


def externals(desired: DesiredState) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Engine names of the external networks and volumes that services use."""
    services = desired.services.values()
    joined = {attachment.network for service in services for attachment in service.networks}
    mounted = {mount.source for service in services for mount in service.mounts if isinstance(mount, VolumeMount)}
    networks = [each.name for key, each in sorted(desired.networks.items()) if each.external and key in joined]
    volumes = [each.name for key, each in sorted(desired.volumes.items()) if each.external and key in mounted]
    return tuple(networks), tuple(volumes)


def impossible(desired: DesiredState) -> tuple[Problem, ...]:
    """What no engine takes."""
    return tuple(problem for service in desired.services.values() for problem in limit_problems(service))


def unexchangeable(wanted: SealedState) -> tuple[Problem, ...]:
    """Files that cannot be exchanged in place, of images that are known."""
    return tuple(
        problem
        for sealed in wanted.services.values()
        for problem in exchange_problems(sealed.service, sealed.image.volumes)
    )


def unmet(desired: DesiredState, offer: Offer) -> tuple[Problem, ...]:
    """Every requirement that the engine does not meet, with a way out."""
    return tuple(_unmet(desired, offer))


def unasked(desired: DesiredState, unreachable: str) -> tuple[Problem, ...]:
    """The services whose instances are to be asked, where that cannot be: `unreachable` says why."""
    mend = "name an image with sh and nc as `probe_image` in gitopsd.yaml, or use a Compose `healthcheck`"
    message = f"nobody here can ask it: {unreachable}; {mend}"
    return tuple(
        Problem(service.place, f"services.{service.name}.x-gitopsd.health", message)
        for service in desired.services.values()
        if unreachable and service.policy.health.each
    )


def unmeasured(desired: DesiredState, lacks: Callable[[Metric], str]) -> tuple[Problem, ...]:
    """The metrics that nobody could ever ask for: a rollout would only find that out in the middle of its steps."""
    return tuple(
        Problem(service.place, f"services.{service.name}.x-gitopsd.analysis", f"{metric.name}: {lacking}")
        for service in desired.services.values()
        for metric in service.policy.analysis.metrics
        if (lacking := lacks(metric))
    )


def _unmet(desired: DesiredState, offer: Offer) -> Iterator[Problem]:
    for service in desired.services.values():
        yield from too_new(service, offer.api)
        yield from content_problems(service)
    for network in desired.networks.values():
        yield from network_too_new(network, offer.api)
    networks, volumes = externals(desired)
    for kind, names, there in (("network", networks, offer.networks), ("volume", volumes, offer.volumes)):
        for name in names:
            if name not in there:
                message = f"external {kind} {name} does not exist on the engine; `docker {kind} create {name}` makes it"
                yield Problem(Place(desired.environment), f"{kind}s", message)
