"""How traffic goes from the old instances to the new ones: steps and times of what the router serves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from gitopsd.manifest.analysis import analysis_of, analysis_shown
from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.durations import duration, duration_text
from gitopsd.manifest.node import Problems
from gitopsd.manifest.steps import steps_of
from gitopsd.manifest.traffic import SHIFTING
from gitopsd.manifest.visits import pre_warm_of, pre_warm_shown
from gitopsd.model.analysis import GUARD, Analysis
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Policy
from gitopsd.model.errors import Place
from gitopsd.model.strategy import Analyse, HeaderRoute, Pause, SetCanaryScale, SetWeight, Step, default_steps
from gitopsd.model.traffic import Traffic
from gitopsd.model.visits import PreWarm

_BEHIND_A_ROUTER: Final = ("warm_up", "pre_warm", "drain_timeout", "guard")
_COMPLETED: Final = ("analysis", "pre_warm")  # shown with what is not written of them
_WITH_SHARES: Final = ("scale_down_delay", "steps", "analysis")


def shifting(
    policy: Policy,
    service: ComposedService,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
    *,
    traffic: Traffic | None,
) -> Policy:
    """The policy with what counts only behind a router, which may be missing as an error; what does not is told."""
    behind = traffic is not None or "traffic" in places or policy.strategy in SHIFTING
    counts = (*(_BEHIND_A_ROUTER if behind else ()), *(_WITH_SHARES if policy.strategy in SHIFTING else ()))
    for key in (*_BEHIND_A_ROUTER, *_WITH_SHARES):
        if key in places and key not in counts:
            lacks = "a router; add traffic" if key in _BEHIND_A_ROUTER else "strategy: canary or blue-green; write one"
            problems.add(places[key], f"{service.path}.{EXTENSION}.{key}", f"counts only with {lacks}, or remove it")
    warm = replace(policy, pre_warm=pre_warm_of(values.get("pre_warm")))
    asked = analysis_of(values.get("analysis"))
    stops = steps_of(values["steps"]) if "steps" in values else _usual_steps(policy, asked)
    measured = asked if asked.metrics or not _analysed(stops) else replace(asked, metrics=GUARD)
    for key in (each for each in counts if each in values or each != "pre_warm"):
        value = values[key] if key in values and key not in _COMPLETED else _in_force(warm, key, stops, measured)
        chosen.put(key, value, str(places[key]) if key in values else "default")
    if "steps" in counts and "steps" in places and (wrong := _unfit(policy, stops, traffic)):
        problems.add(places["steps"], f"{service.path}.{EXTENSION}.steps", wrong)
    key = "analysis" if "analysis" in places else "steps"
    if key in counts and key in places and (wrong := _unmeasurable(asked, stops, traffic)):
        problems.add(places[key], f"{service.path}.{EXTENSION}.{key}", wrong)
    if "pre_warm" in counts and warm.pre_warm is not None and (wrong := _unwarmable(warm, warm.pre_warm, traffic)):
        problems.add(places["pre_warm"], f"{service.path}.{EXTENSION}.pre_warm", wrong)
    return replace(
        warm if "pre_warm" in counts else policy,
        warm_up=_span(chosen, "warm_up", policy.warm_up),
        drain_timeout=_span(chosen, "drain_timeout", policy.drain_timeout),
        scale_down_delay=_span(chosen, "scale_down_delay", policy.scale_down_delay),
        guard=chosen.values.get("guard") is not False,
        steps=stops if "steps" in counts else (),
        analysis=measured if "analysis" in counts else policy.analysis,
    )


def _unfit(policy: Policy, stops: tuple[Step, ...], traffic: Traffic | None) -> str:
    """Why the service cannot be rolled out in these steps; "" where it can."""
    if policy.strategy == "blue-green" and any(isinstance(step, SetWeight | SetCanaryScale) for step in stops):
        return "blue-green brings all new instances and switches at once; remove weights and scales, or write canary"
    if traffic is not None and traffic.mode == "tcp" and any(isinstance(step, HeaderRoute) for step in stops):
        return "in mode tcp nobody reads requests; remove set_header_route, or write traffic.mode: http"
    return ""


def _unwarmable(policy: Policy, wanted: PreWarm, traffic: Traffic | None) -> str:
    """Why newer content cannot be warmed so; "" where it can."""
    if traffic is not None and traffic.mode == "tcp":
        return "in mode tcp nobody reads requests, so there are no pages to ask for; remove it"
    if wanted.duration is not None and wanted.duration > wanted.most:
        return f"until.duration is longer than max, {duration_text(wanted.most)}; raise max"
    if wanted.most >= policy.progress_deadline:
        deadline = duration_text(policy.progress_deadline)
        return f"may take as long as progress_deadline, {deadline}, and would fail by that; lower max, or raise that"
    return ""


def _unmeasurable(asked: Analysis, stops: tuple[Step, ...], traffic: Traffic | None) -> str:
    """Why a step could never be judged, so that nothing would ever come after it; "" where all can be."""
    elsewhere = [metric.name for metric in asked.metrics if metric.source != "router"]
    mend = "add a metric of source engine, prometheus or http"
    if traffic is not None and traffic.mode == "tcp":
        if asked.synthetic is not None:
            return "in mode tcp nobody reads requests, so there are none to send; remove synthetic"
        counted = [metric.name for metric in asked.metrics if metric.source == "router"]
        if counted:
            return f"in mode tcp nobody reads requests, so {counted[0]} cannot be measured; remove it, and {mend}"
        if _analysed(stops) and not elsewhere:
            return (
                f"in mode tcp nobody reads requests, so an analysis has nothing to judge by; {mend}, or write a pause"
            )
    if asked.synthetic is not None and not _analysed(stops):
        return "synthetic requests are only sent in an analysis, and no step is one; add one, or remove synthetic"
    if _before_any_traffic(stops) and not elsewhere and asked.synthetic is None:
        first = "the new instances have no share of the requests before the analysis, so there is nothing to judge by"
        return f"{first}; {mend}, write synthetic, or a pause"
    return ""


def _before_any_traffic(stops: tuple[Step, ...]) -> bool:
    """Whether there is an analysis before the first share of the traffic."""
    first = next(
        (step for step in stops if isinstance(step, Analyse) or (isinstance(step, SetWeight) and step.share)), None
    )
    return isinstance(first, Analyse)


def _analysed(stops: tuple[Step, ...]) -> bool:
    return any(isinstance(step, Analyse) for step in stops)


def _in_force(policy: Policy, key: str, stops: tuple[Step, ...], measured: Analysis) -> Json:
    """What is not written, or not all of it."""
    match key:
        case "guard":
            return True
        case "steps":
            return [_shown(step) for step in stops]
        case "analysis":
            return analysis_shown(measured)
        case "pre_warm":
            return pre_warm_shown(policy.pre_warm)
        case _:
            return duration_text(getattr(policy, key))


def _usual_steps(policy: Policy, asked: Analysis) -> tuple[Step, ...]:
    return default_steps(analysed=bool(asked.metrics)) if policy.strategy == "canary" else ()


def _shown(step: Step) -> Json:
    """One of the usual steps as it would be written."""
    match step:
        case SetWeight(share):
            return {"set_weight": share // 100}
        case Pause(timedelta() as long):
            return {"pause": {"duration": duration_text(long)}}
        case Analyse(long):
            return {"analysis": {"duration": duration_text(long)}}
        case _:
            raise AssertionError(step)


def _span(chosen: Chosen, key: str, default: timedelta) -> timedelta:
    return duration(str(chosen.values[key])) if key in chosen.values else default
