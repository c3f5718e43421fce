"""What `docker compose config` printed -> a desired state: the engine's half is tested by Compose's own words."""

from collections.abc import Iterator, Mapping
from typing import Any

from gitopsd.engine_json import borrowed_services, joined_services
from gitopsd.model.desired import (
    Attachment,
    Bind,
    Dependency,
    DesiredState,
    ImageMount,
    Mount,
    Network,
    Port,
    Service,
    Tmpfs,
    Volume,
    VolumeMount,
)
from gitopsd.model.errors import Place

Printed = Mapping[str, Any]
RESTARTS = {"any": "always", "none": "no"}


def composed(printed: Printed) -> DesiredState:
    """The desired state; content (configs, secrets) is left out, as Compose delivers it in another way."""
    return DesiredState(
        environment="test",
        project=printed["name"],
        services={name: _service(name, each) for name, each in printed["services"].items()},
        networks={
            key: Network(key, each["name"], each.get("external", False), each)
            for key, each in printed["networks"].items()
        },
        volumes={
            key: Volume(key, each["name"], each.get("external", False), each)
            for key, each in printed.get("volumes", {}).items()
        },
    )


def _service(name: str, printed: Printed) -> Service:
    options = {key: value for key, value in literal(printed).items() if key not in ("depends_on", "scale", "attach")}
    if policy := options.get("deploy", {}).get("restart_policy"):
        options["restart"] = _restart(policy)
    networks = options.get("networks") or {}
    return Service(
        name=name,
        image=options["image"],
        options=options,
        place=Place("compose.yaml"),
        replicas=printed.get("scale", 1),
        depends_on=tuple(_dependency(on, how) for on, how in printed.get("depends_on", {}).items()),
        mounts=tuple(_mounts(options)),
        ports=tuple(_port(each) for each in options.get("ports", ())),
        networks=tuple(_attachment(key, each or {}) for key, each in networks.items()),
        shares=(*joined_services(options), *borrowed_services(options)),
    )


def _dependency(name: str, printed: Printed) -> Dependency:
    return Dependency(name, printed["condition"], printed["required"], printed.get("restart", False))


def literal(value: Any) -> Any:
    """Compose prints every dollar twice."""
    match value:
        case str():
            return value.replace("$$", "$")
        case dict():
            return {key: literal(each) for key, each in value.items()}
        case list():
            return [literal(each) for each in value]
        case _:
            return value


def _restart(policy: Printed) -> str:
    condition = RESTARTS.get(policy.get("condition", ""), policy.get("condition", ""))
    retries = policy.get("max_attempts")
    return f"{condition}:{retries}" if retries else condition


def _port(printed: Printed) -> Port:
    return Port(
        printed["target"],
        printed.get("published", ""),
        printed["protocol"],
        printed.get("host_ip", ""),
        printed["mode"],
    )


def _attachment(key: str, printed: Printed) -> Attachment:
    lists = {name: tuple(printed[name]) for name in ("aliases", "link_local_ips") if name in printed}
    return Attachment(key, **{**printed, **lists})


def _mounts(options: Printed) -> Iterator[Mount]:
    for each in options.get("volumes", ()):
        target, source, read_only = each["target"], each.get("source", ""), each.get("read_only", False)
        more = each.get(each["type"]) or {}
        match each["type"]:
            case "bind":
                create = more.get("create_host_path", False) if "bind" in each else True
                yield Bind(source, target, read_only, create, *(more.get(key, "") for key in KEYS_OF_BIND))
            case "volume":
                yield VolumeMount(source, target, read_only, **more)
            case "tmpfs":
                yield Tmpfs(target, int(more.get("size", 0)), more.get("mode", 0))
            case "image":
                yield ImageMount(source, target, more.get("subpath", ""))
    for written in options.get("tmpfs", ()):
        yield Tmpfs(written.partition(":")[0])


KEYS_OF_BIND = ("propagation", "selinux", "recursive")
