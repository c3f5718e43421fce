"""What a service's `pull_policy` means: whether its image may be pulled, and when its registry is asked about it again.

An image's name may come to stand for other content. Without a policy nobody asks: what was found once stays.
"""

from datetime import datetime, timedelta
from typing import Final

from gitopsd.manifest.durations import duration
from gitopsd.model.desired import Service
from gitopsd.model.image import Asked

SHORTEST: Final = timedelta(minutes=1)  # whatever is written: a registry counts who asks
_SPANS: Final = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
_EVERY: Final = "every_"


def may_pull(service: Service) -> bool:
    """Whether an image that the engine lacks may be brought there."""
    return service.options.get("pull_policy") != "never"


def asks_again(service: Service) -> bool:
    """Whether the registry is ever asked about a name that is known already; a digest stands for itself."""
    policy = service.options.get("pull_policy")
    return "@" not in service.image and (policy == "always" or _span(policy) is not None)


def ask_first(service: Service, asked: Asked, inputs: str, now: datetime) -> bool:
    """Whether the registry's word is needed for inputs that no image is on record for. It is asked once in vain."""
    if not asks_again(service) or asked.tried_for == inputs:
        return False
    span = _span(service.options.get("pull_policy"))
    return asked.answered_for != inputs if span is None else _elapsed(asked, span, now)


def ask_beside(service: Service, asked: Asked, inputs: str, now: datetime) -> bool:
    """Whether the registry is to be asked while the image on record serves: time has passed, or it owes an answer."""
    if not asks_again(service):
        return False
    span = _span(service.options.get("pull_policy"))
    if span is None:
        return asked.tried_for == inputs and asked.answered_for != inputs
    return _elapsed(asked, span, now)


def next_question(service: Service, asked: Asked) -> datetime | None:
    """When time alone calls for asking again."""
    span = _span(service.options.get("pull_policy")) if asks_again(service) else None
    return asked.at + span if span is not None and asked.at is not None else None


def _elapsed(asked: Asked, span: timedelta, now: datetime) -> bool:
    return asked.at is None or now - asked.at >= span


def _span(policy: object) -> timedelta | None:
    """How old a registry's word may get: `daily`, `weekly`, `every_12h`."""
    if not isinstance(policy, str):
        return None
    if policy.startswith(_EVERY):
        return max(duration(policy.removeprefix(_EVERY)), SHORTEST)
    return _SPANS.get(policy)
