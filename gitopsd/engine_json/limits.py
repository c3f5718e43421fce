"""What `docker update` can change on a live container: limits and restart policy, for creation and in place."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from gitopsd.engine_json.fields import mapping, number, text
from gitopsd.model.canonical import Json
from gitopsd.model.desired import SealedService, Service
from gitopsd.model.errors import Problem

LEAST_MEMORY: Final = 6 << 20
LEAST_CPUS: Final = 10**7


def update_body(sealed: SealedService) -> dict[str, Json]:
    """The JSON of `POST /containers/ID/update`. Only limits that are set: the engine cannot take one away.

    CPUs are written in one way, as engines refuse to go over from one to the other.
    """
    body = limits(sealed.service.options)
    if "Memory" in body:
        # The engine's own default at creation; without it a higher Memory is refused as above the old MemorySwap.
        body.setdefault("MemorySwap", 2 * int(number(body["Memory"])))
    return {**body, **restart_body(sealed)}


def restart_body(sealed: SealedService) -> dict[str, Json]:
    """The update that gives a container its specification's restart policy."""
    return {"RestartPolicy": restart_policy(sealed.service.options)}


def keep_body() -> dict[str, Json]:
    """The update that keeps a container stopped, whatever the engine does: it may have to come back."""
    return {"RestartPolicy": restart_policy({})}


def limits(options: Mapping[str, Json]) -> dict[str, Json]:
    """Engine names and values of the limits that are set; `deploy.resources` wins over the old keys, as in Compose."""
    resources = mapping(mapping(options.get("deploy")).get("resources"))
    upper, lower = mapping(resources.get("limits")), mapping(resources.get("reservations"))
    values: dict[str, Json] = {
        "Memory": int(number(upper.get("memory") or options.get("mem_limit"))),
        "MemorySwap": int(number(options.get("memswap_limit"))),
        "MemoryReservation": int(number(lower.get("memory") or options.get("mem_reservation"))),
        "NanoCpus": int(number(upper.get("cpus") or options.get("cpus")) * 10**9),
        "CpuShares": int(number(options.get("cpu_shares"))),
        "CpuPeriod": int(number(options.get("cpu_period"))),
        "CpuQuota": int(number(options.get("cpu_quota"))),
        "CpuRealtimePeriod": int(number(options.get("cpu_rt_period"))),
        "CpuRealtimeRuntime": int(number(options.get("cpu_rt_runtime"))),
        "CpusetCpus": text(options.get("cpuset")),
        "PidsLimit": int(number(upper.get("pids") or options.get("pids_limit"))),
        "BlkioWeight": int(number(mapping(options.get("blkio_config")).get("weight"))),
    }
    return {name: value for name, value in values.items() if value}


def limit_problems(service: Service) -> tuple[Problem, ...]:
    """Limits that every engine refuses at creation."""
    found = limits(service.options)
    where = f"services.{service.name}"
    return tuple(Problem(service.place, where, message) for message in _refused(found))


def _refused(found: Mapping[str, Json]) -> Iterator[str]:
    memory, reserved, cpus = (number(found.get(name)) for name in ("Memory", "MemoryReservation", "NanoCpus"))
    for what, size in (("memory limit", memory), ("memory reservation", reserved)):
        if 0 < size < LEAST_MEMORY:
            yield f"the {what} of {size} bytes is below the 6 MB that Docker needs; write 6m or more"
    if memory and reserved > memory:
        yield f"the memory reservation of {reserved} bytes is above the limit of {memory}; lower it"
    if 0 < cpus < LEAST_CPUS:
        yield f"{cpus / Decimal(10**9)} CPUs are below the 0.01 that Docker needs; write 0.01 or more"


def restart_policy(options: Mapping[str, Json]) -> dict[str, Json]:
    """`restart: on-failure:3` as the engine writes it; `no` when nothing is written."""
    name, _, retries = (text(options.get("restart")) or "no").partition(":")
    return {"Name": name, "MaximumRetryCount": int(retries or 0)}
