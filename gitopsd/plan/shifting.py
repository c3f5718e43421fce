"""How a rollout moves traffic, in words, and services that cannot be rolled out so."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from gitopsd.manifest.durations import duration_text
from gitopsd.model.desired import DesiredState, Policy
from gitopsd.model.errors import Problem
from gitopsd.model.strategy import Analyse, Approve, HeaderRoute, Pause, SetCanaryScale, SetWeight, Step
from gitopsd.plan.order import one_at_a_time

SHIFTING: Final = ("canary", "blue-green")
NOT_KNOWN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


def told_steps(policy: Policy) -> tuple[str, ...]:
    """The stops on the way to all of the traffic, which is the last; nothing where it follows the instances."""
    return (*map(_told, policy.steps), "all") if policy.strategy in SHIFTING else ()


def alone_problems(
    desired: DesiredState, image_volumes: Mapping[str, tuple[str, ...]] = NOT_KNOWN
) -> tuple[Problem, ...]:
    """The services that traffic shall be moved between two of, and of which there can be only one at a time.

    `image_volumes` are those that the image of each service declares, as far as they are known.
    """
    return tuple(
        Problem(
            service.place,
            f"services.{name}.x-gitopsd.strategy",
            f"{service.policy.strategy} has the new beside the old, but {reason}; else write strategy: rolling",
        )
        for name, service in desired.services.items()
        if service.policy.strategy in SHIFTING and (reason := one_at_a_time(service, image_volumes.get(name, ())))
    )


def _told(step: Step) -> str:
    match step:
        case SetWeight(share):
            return f"{share / 100:g} %"
        case Pause(long):
            return "pause until promoted" if long is None else f"pause {_long(long)}"
        case Analyse(long):
            return f"analysis {_long(long)}"
        case Approve():
            return "approval"
        case SetCanaryScale():
            return f"scale {' '.join(_scale(step))}"
        case HeaderRoute(name, value, by):
            return f"{by} {name}{f'={value}' if value else ''}" if name else "no more requests on purpose"


def _scale(step: SetCanaryScale) -> Iterator[str]:
    if step.replicas is not None:
        yield str(step.replicas)
    elif step.percent is not None:
        yield f"{step.percent} %"
    else:
        yield "as the share"


def _long(long: timedelta) -> str:
    """`2m` for `2m0s`."""
    text = duration_text(long)
    return text.removesuffix("0s") if text.endswith("m0s") else text
