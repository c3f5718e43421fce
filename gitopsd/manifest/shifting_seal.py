"""What of a service's way through the router counts for a release, though it needs no new container.

What is not written is not hashed: a release's content stays what it was before a key was known.
"""

from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from gitopsd.model.analysis import GUARD, Metric
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Policy
from gitopsd.model.strategy import Step
from gitopsd.model.traffic import Traffic


def shifting_sealed(policy: Policy) -> dict[str, Json]:
    """How traffic is moved, as far as it is not as by itself."""
    usual = Policy()
    times: dict[str, Json] = {
        key: getattr(policy, key).total_seconds()
        for key in ("warm_up", "drain_timeout", "scale_down_delay")
        if getattr(policy, key) != getattr(usual, key)
    }
    return {
        **times,
        **({"strategy": policy.strategy} if policy.strategy in ("canary", "blue-green") else {}),
        **({"steps": [_step(step) for step in policy.steps]} if policy.steps else {}),
        **({} if policy.guard else {"guard": False}),
        **_measured(policy.analysis.metrics),
        **_visited(policy),
    }


def traffic_sealed(traffic: Traffic | None) -> dict[str, Json]:
    """What is not written is not hashed, as keys may be added."""
    if traffic is None:
        return {}
    return {"traffic": {name: value for name, value in asdict(traffic).items() if value}}


def _measured(metrics: tuple[Metric, ...]) -> dict[str, Json]:
    """What is not written is not hashed; steps say by themselves that they are judged by what watches every rollout."""
    if metrics in ((), GUARD):
        return {}
    return {"metrics": [_metric(each, Metric(each.name, each.source)) for each in metrics]}


def _visited(policy: Policy) -> dict[str, Json]:
    """Requests of gitopsd's own, where there are any."""
    found = {"pre_warm": policy.pre_warm, "synthetic": policy.analysis.synthetic}
    return {
        key: {field.name: _plain(getattr(each, field.name)) for field in fields(each)}
        for key, each in found.items()
        if each is not None
    }


def _metric(metric: Metric, usual: Metric) -> dict[str, Json]:
    values = {field.name: getattr(metric, field.name) for field in fields(metric)}
    told = {name: _plain(each) for name, each in values.items() if each != getattr(usual, name)}
    return {"name": metric.name, "source": metric.source, **told}


def _step(step: Step) -> list[Json]:
    return [type(step).__name__, *(_plain(getattr(step, field.name)) for field in fields(step))]


def _plain(value: Any) -> Json:
    if isinstance(value, tuple):
        return list(value)
    return value.total_seconds() if isinstance(value, timedelta) else value
