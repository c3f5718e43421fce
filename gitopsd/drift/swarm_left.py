"""What a service keeps when it is told again: what of its Spec the manifest leaves to somebody else. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitopsd.drift.swarm import ENV, Difference, differing
from gitopsd.engine_json.labels import FINGERPRINT
from gitopsd.engine_json.swarm_spec import STACK
from gitopsd.engine_json.swarm_words import is_ignored
from gitopsd.model.canonical import Json
from gitopsd.model.swarm import SwarmService, SwarmSpec

_TASK = "TaskTemplate"


def as_others_left_it(spec: SwarmSpec, live: SwarmService) -> SwarmSpec:
    """What a service is told, with what `ignore_drift` leaves to others as they left it.

    Other content makes other tasks, and those are as the manifest says; how many of them there are stays as it is.
    """
    if not spec.ignored:
        return spec
    same = live.labels.get(FINGERPRINT) == spec.fingerprint
    body: Mapping[str, Json] = spec.body
    for each in differing(spec.body, live.body):
        if is_ignored(each.at, spec.ignored) and (same or each.at[0] != _TASK) and not _ours(each):
            body = _with(body, each)
    return replace(spec, body=body)


def _ours(found: Difference) -> bool:
    """A label that says what the service was told, or whose it is."""
    return found.at[0] == "Labels" and (found.at[1].startswith("gitopsd.") or found.at[1] == STACK)


def _with(body: Mapping[str, Json], kept: Difference) -> Mapping[str, Json]:
    if kept.at[: len(ENV)] == ENV:
        return _set(body, ENV, _variables(body, kept.at[-1], kept.live))
    return _set(body, kept.at, kept.live)


def _variables(body: Mapping[str, Json], name: str, live: Json) -> Json:
    found: Any = body
    for key in ENV:
        found = found.get(key) or {}
    others = [each for each in found if each.partition("=")[0] != name]
    return [*others, live] if live is not None else others


def _set(holder: Mapping[str, Any], path: tuple[str, ...], value: Json) -> Mapping[str, Json]:
    key, *rest = path
    if rest:
        return {**holder, key: _set(holder.get(key) or {}, tuple(rest), value)}
    if value is None:
        return {name: each for name, each in holder.items() if name != key}
    return {**holder, key: value}
