"""`x-gitopsd` with what `deploy` says of updates: how an environment is kept and how a service is rolled out."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise
from typing import cast, get_args

from gitopsd.engine_json.field_table import known_path
from gitopsd.engine_json.swarm_words import only_on_a_swarm
from gitopsd.manifest.analysis import analysis
from gitopsd.manifest.chosen import Chosen
from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.config_change import RESTART, flags, on_config_change
from gitopsd.manifest.durations import duration, duration_text
from gitopsd.manifest.excess import EXCESS, EXCESS_DEFAULTS, memory_spike, restarts
from gitopsd.manifest.guards import GUARDS, guards_of
from gitopsd.manifest.health import health, health_checks, health_shown
from gitopsd.manifest.jobs import job, job_fields
from gitopsd.manifest.keys.json_schema import STRING, either, listed, schema_of, takes
from gitopsd.manifest.keys.quantities import span
from gitopsd.manifest.keys.shapes import (
    Read,
    boolean,
    checked,
    choice,
    closed,
    read_fields,
    shown,
    strings,
    wrong,
)
from gitopsd.manifest.moved import directory_name
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.rollback import choose_back, way_back
from gitopsd.manifest.room import amount, amount_of, choose_room
from gitopsd.manifest.schema import accepts, schema
from gitopsd.manifest.shifting import shifting
from gitopsd.manifest.steps import steps
from gitopsd.manifest.traffic import ROUTER, SHIFTING, Wish, environment_traffic, routed, service_traffic
from gitopsd.manifest.visits import pre_warm
from gitopsd.model.canonical import Json
from gitopsd.model.desired import CRASH_LOOP, SERVICE_STORM, Order, Policy, Strategy
from gitopsd.model.errors import Place
from gitopsd.model.health import Checks
from gitopsd.model.job import Job
from gitopsd.model.policy import REPAIR_ALL, REPORT_ONLY, EnvironmentPolicy, Heal, Heals
from gitopsd.model.schema import Accepts
from gitopsd.model.traffic import Traffic


def environment_policy(document: Fields, problems: Problems) -> tuple[EnvironmentPolicy, Chosen]:
    """`x-gitopsd` of the top level."""
    values, places = _read(document, "", problems, ENVIRONMENT)
    chosen = Chosen()
    for key, default in ENVIRONMENT_DEFAULTS.items():
        _choose(chosen, key, values, places, default)
    said = values.get("traffic")
    router = said.get("router") if isinstance(said, Mapping) else None
    chosen.put(ROUTER, router or "none", str(places["traffic"]) if router else "default")
    policy = EnvironmentPolicy(
        prune=chosen.values["prune"] is True,
        heal=_heals(chosen.values["heal"]),
        on_failure="pause" if chosen.values["on_failure"] == "pause" else "rollback",
        moved_from=str(values.get("moved_from") or ""),
        router="haproxy" if router == "haproxy" else "",
        guards=guards_of(values),
    )
    for key in GUARDS.keys() & values.keys():
        chosen.put(key, values[key], str(places[key]))
    if policy.moved_from:
        chosen.put("moved_from", policy.moved_from, str(places["moved_from"]))
    return policy, chosen


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of a service, with every value in force."""

    policy: Policy
    job: Job | None
    traffic: Traffic | None
    schema: Accepts | None
    chosen: Chosen
    places: Mapping[str, Place]


def handling(service: ComposedService, environment: Chosen, problems: Problems, *, awaited: bool) -> Handling:
    """`x-gitopsd` and `deploy.update_config` of a service, with what its environment says of all services.

    `awaited`: another service waits for its completion.
    """
    values, places = _read(service.node, service.path, problems, SERVICE)
    chosen = Chosen()
    for key, default in SERVICE_DEFAULTS.items():
        _choose(chosen, key, values, places, default)
    _choose_updates(service, environment, values, places, chosen, problems)
    choose_back(service, values, places, chosen, problems)
    choose_room(service, values, places, chosen, problems)
    _check_deadlines(service, places, chosen, problems)
    found = job(service, values, places, chosen, problems, awaited=awaited)
    checks = _health(service, values, places, chosen, problems)
    if found is not None and checks.each:
        message = "a job is good when it ends with exit code 0, and is not asked; remove health"
        problems.add(places["health"], f"{service.path}.{EXTENSION}.health", message)
    policy = replace(_policy(chosen), health=checks)
    said = values.get("traffic")
    wish = Wish(said if isinstance(said, Mapping) else None, policy.strategy, places, found is not None)
    traffic = routed(service, wish, environment, chosen, problems)
    policy = shifting(policy, service, values, places, chosen, problems, traffic=traffic)
    if found is not None and "schema" in values:
        message = "a job says with provides or drops what it does to a schema; remove the key"
        problems.add(places["schema"], f"{service.path}.{EXTENSION}.schema", message)
    elif "schema" in values:
        chosen.put("schema", values["schema"], str(places["schema"]))
    for key in ("on_config_change", "flags"):
        if found is not None and key in values:
            message = "a job reads its files when it begins; remove the key"
            problems.add(places[key], f"{service.path}.{EXTENSION}.{key}", message)
    if "flags" in values:
        chosen.put("flags", values["flags"], str(places["flags"]))
    return Handling(policy, found, traffic, accepts(values.get("schema")), chosen, places)


def _health(
    service: ComposedService,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
) -> Checks:
    """The checks, and every key of them that is in force."""
    said, deadline = values.get("health"), _span(chosen, "healthy_deadline")
    checks = health_checks(said, deadline)
    rounds = (checks.success_threshold - 1) * checks.interval
    for key, least in (("start_period", checks.start_period), ("success_threshold", rounds)):
        if checks.each and least >= deadline:
            message = f"leaves no time to become ready within healthy_deadline, {chosen.values['healthy_deadline']}"
            where = f"{service.path}.{EXTENSION}.health.{key}"
            problems.add(places["health"], where, f"{message}; lower it, or raise healthy_deadline")
    for key, value in health_shown(checks).items():
        written = isinstance(said, Mapping) and key in said
        chosen.put(f"health.{key}", value, str(places["health"]) if written else "default")
    return checks


def _read(
    node: Fields, path: str, problems: Problems, table: Mapping[str, Read]
) -> tuple[dict[str, Json], Mapping[str, Place]]:
    extension = node.fields.get(EXTENSION)
    where = f"{path}.{EXTENSION}" if path else EXTENSION
    match extension:
        case None | Scalar(value=None):
            return {}, {}
        case Fields():
            return read_fields(extension, where, problems, table), extension.keys
        case _:
            wrong(extension, where, problems, "a mapping")
            return {}, {}


def _choose(chosen: Chosen, key: str, values: Mapping[str, Json], places: Mapping[str, Place], default: Json) -> None:
    if key in values:
        chosen.put(key, values[key], str(places[key]))
    else:
        chosen.put(key, default, "default")


def _choose_updates(
    service: ComposedService,
    environment: Chosen,
    values: Mapping[str, Json],
    places: Mapping[str, Place],
    chosen: Chosen,
    problems: Problems,
) -> None:
    """`order`, `parallelism`, `on_failure` and times, which only `deploy.update_config` says."""
    deploy = service.canonical.get("deploy")
    update = deploy.get("update_config") if isinstance(deploy, dict) else None
    update = update if isinstance(update, dict) else {}
    origin = "deploy.update_config"
    order: Json = None
    if values.get("strategy") == "recreate":
        order = "stop-first"
        if update.get("order", order) != order:
            message = "recreate stops first, but deploy.update_config.order says start-first; remove one of the two"
            problems.add(places["strategy"], f"{service.path}.{EXTENSION}.strategy", message)
        if update.get("parallelism"):
            message = f"recreate takes all at once, but {origin}.parallelism says {update['parallelism']}; remove one"
            problems.add(places["strategy"], f"{service.path}.{EXTENSION}.strategy", message)
        chosen.put("order", order, str(places["strategy"]))
    else:
        if values.get("strategy") in SHIFTING and update.get("order") == "stop-first":
            message = f"{values['strategy']} has the new beside the old, but {origin}.order says stop-first; remove one"
            problems.add(places["strategy"], f"{service.path}.{EXTENSION}.strategy", message)
        chosen.put("order", update.get("order"), f"{origin}.order" if "order" in update else "default")
    for key, default in (("parallelism", 1), ("delay", "0s"), ("monitor", "0s"), ("max_failure_ratio", 0)):
        chosen.put(key, update.get(key, default), f"{origin}.{key}" if key in update else "default")
    if "failure_action" in update:
        chosen.put("on_failure", update["failure_action"], f"{origin}.failure_action")
    else:
        chosen.put("on_failure", environment.values["on_failure"], environment.origins["on_failure"])


def _check_deadlines(service: ComposedService, places: Mapping[str, Place], chosen: Chosen, problems: Problems) -> None:
    ordered = ("min_ready", "healthy_deadline", "progress_deadline")
    for lower, upper in pairwise(ordered):
        if _span(chosen, lower) >= _span(chosen, upper):
            wrong_key = lower if lower in places else upper
            message = (
                f"min_ready < healthy_deadline < progress_deadline must hold, but {lower} is {chosen.values[lower]} "
                f"and {upper} is {chosen.values[upper]}; lower {lower} or raise {upper}"
            )
            problems.add(places.get(wrong_key, service.place), f"{service.path}.{EXTENSION}.{wrong_key}", message)


def _policy(chosen: Chosen) -> Policy:
    return Policy(
        order=cast("Order | None", chosen.values["order"]),
        parallelism=cast("int", chosen.values["parallelism"]),
        strategy=cast("Strategy", chosen.values["strategy"]),
        max_surge=amount_of(chosen.values.get("max_surge")),
        max_unavailable=amount_of(chosen.values.get("max_unavailable")),
        delay=_span(chosen, "delay"),
        monitor=_span(chosen, "monitor"),
        max_failure_ratio=float(str(chosen.values["max_failure_ratio"])),
        on_failure=cast("str", chosen.values["on_failure"]),  # type: ignore[arg-type]
        min_ready=_span(chosen, "min_ready"),
        healthy_deadline=_span(chosen, "healthy_deadline"),
        progress_deadline=_span(chosen, "progress_deadline"),
        crash_loop=restarts(chosen.values["crash_loop"], CRASH_LOOP),
        restart_storm=restarts(chosen.values["restart_storm"], SERVICE_STORM),
        memory_spike=memory_spike(chosen.values["memory_spike"]),
        back=way_back(chosen),
    )


def _span(chosen: Chosen, key: str) -> timedelta:
    return _duration(str(chosen.values[key]))


@lru_cache(maxsize=1024)
def _duration(canonical: str) -> timedelta:
    return duration(canonical)


@takes(lambda: either(schema_of(_HEAL), schema_of(_HEALS)))
def _heal(node: Node, path: str, problems: Problems) -> Json:
    """One word for all kinds of drift, or a word for each."""
    return (_HEALS if isinstance(node, Fields) else _HEAL)(node, path, problems)


def _heals(chosen: Json) -> Heals:
    if isinstance(chosen, Mapping):
        return replace(REPAIR_ALL, **{kind: cast("Heal", word) for kind, word in chosen.items()})
    return REPORT_ONLY if chosen == "report" else REPAIR_ALL


@takes(listed(STRING))
def _ignore_drift(node: Node, path: str, problems: Problems) -> Json:
    """Paths of the field table, or beginnings of such."""
    found = strings(node, path, problems) or []
    items = node.items if isinstance(node, Items) else ()
    for index, item in enumerate(items):
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            continue
        if not known_path("container", item.value) and not (problems.swarm and only_on_a_swarm(item.value)):
            message = f"no field of a container is called {shown(item)}; `gitopsd explain` lists them"
            problems.add(item.place, f"{path}[{index}]", message)
    return found


_HEAL: Read = choice("repair", "report")
_HEALS: Read = closed({each.name: _HEAL for each in fields(Heals)})
ENVIRONMENT: dict[str, Read] = {
    "prune": boolean,
    "heal": _heal,
    "on_failure": choice("rollback", "pause"),
    "moved_from": checked(directory_name, "the earlier name of this environment's directory"),
    "traffic": environment_traffic,
    **GUARDS,
}
ENVIRONMENT_DEFAULTS: dict[str, Json] = {"prune": True, "heal": "repair", "on_failure": "rollback"}

SERVICE: dict[str, Read] = {
    "strategy": choice(*get_args(Strategy)),
    "min_ready": span,
    "healthy_deadline": span,
    "progress_deadline": span,
    "health": health,
    **EXCESS,
    "job": job_fields,
    "max_surge": amount,
    "max_unavailable": amount,
    "ignore_drift": _ignore_drift,
    "traffic": service_traffic,
    "steps": steps,
    "warm_up": span,
    "drain_timeout": span,
    "scale_down_delay": span,
    "guard": boolean,
    "analysis": analysis,
    "pre_warm": pre_warm,
    "schema": schema,
    "on_config_change": on_config_change,
    "flags": flags,
}
SERVICE_DEFAULTS: dict[str, Json] = {
    "strategy": "rolling",
    "min_ready": duration_text(Policy().min_ready),
    "healthy_deadline": duration_text(Policy().healthy_deadline),
    "progress_deadline": duration_text(Policy().progress_deadline),
    **EXCESS_DEFAULTS,
    "ignore_drift": [],
    "on_config_change": RESTART,
}
