"""A service of a swarm, as it was told -> the Compose service that says just that."""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

from gitopsd.engine_json.fields import mapping, number, strings, text
from gitopsd.engine_json.swarm_mode import completions, mode_of, runs_to_end
from gitopsd.model.canonical import Json

NANO: Final = 10**9
_STACKS: Final = "com.docker.stack."
_OURS: Final = "gitopsd."
_BASES: Final = {"configs": "/", "secrets": "/run/secrets"}
_MODES: Final = {"Global": "global", "GlobalJob": "global-job", "ReplicatedJob": "replicated-job"}


def service_of_spec(body: Mapping[str, Json], stack: str, networks: Mapping[str, str]) -> dict[str, Json]:
    """The service in Compose's words and without escapes. `networks` are their keys, by their names; configs, secrets
    and volumes are called by their names, less the stack's.
    """
    template = mapping(body.get("TaskTemplate"))
    container = mapping(template.get("ContainerSpec"))
    service = text(body.get("Name")).removeprefix(f"{stack}_")
    found: dict[str, Json] = {
        "image": container.get("Image"),
        "labels": labels_of(container),
        "entrypoint": container.get("Command"),
        "command": container.get("Args"),
        "hostname": container.get("Hostname"),
        "environment": _environment(container),
        "working_dir": container.get("Dir"),
        "user": container.get("User"),
        "group_add": container.get("Groups"),
        "tty": container.get("TTY"),
        "stdin_open": container.get("OpenStdin"),
        "read_only": container.get("ReadOnly"),
        "stop_signal": container.get("StopSignal"),
        "stop_grace_period": duration(container.get("StopGracePeriod")),
        "healthcheck": _healthcheck(mapping(container.get("Healthcheck"))),
        "extra_hosts": [_host(each) for each in strings(container.get("Hosts"))],
        "dns": mapping(container.get("DNSConfig")).get("Nameservers"),
        "dns_search": mapping(container.get("DNSConfig")).get("Search"),
        "dns_opt": mapping(container.get("DNSConfig")).get("Options"),
        "sysctls": container.get("Sysctls"),
        "cap_add": [each.removeprefix("CAP_") for each in strings(container.get("CapabilityAdd"))],
        "cap_drop": [each.removeprefix("CAP_") for each in strings(container.get("CapabilityDrop"))],
        "ulimits": {text(e.get("Name")): _ulimit(e) for e in _entries(container.get("Ulimits"))},
        "volumes": [_mount(each, stack) for each in _entries(container.get("Mounts"))],
        "configs": list(_grants(container, "Config", stack)),
        "secrets": list(_grants(container, "Secret", stack)),
        "ports": [_port(each) for each in _entries(mapping(body.get("EndpointSpec")).get("Ports"))],
        "networks": _networks(template, service, networks),
        "logging": _logging(mapping(template.get("LogDriver"))),
        "deploy": _deploy(body, template),
    }
    kept = {key: value for key, value in found.items() if value}
    return kept | dict(_given(init=container.get("Init")))


def labels_of(holder: Mapping[str, Json]) -> dict[str, Json]:
    """Those that are a user's."""
    labels = mapping(holder.get("Labels"))
    return {key: value for key, value in labels.items() if not key.startswith((_STACKS, _OURS))}


def key_in(name: str, stack: str) -> str:
    """What the file calls what has this name on the swarm."""
    return name.removeprefix(f"{stack}_")


def _deploy(body: Mapping[str, Json], template: Mapping[str, Json]) -> dict[str, Json]:
    placement, wanted = mapping(template.get("Placement")), mapping(mapping(body.get("Mode")).get("Replicated"))
    spread = (mapping(mapping(each).get("Spread")) for each in _entries(placement.get("Preferences")))
    endpoint = text(mapping(body.get("EndpointSpec")).get("Mode"))
    places: dict[str, Json] = {
        "constraints": placement.get("Constraints"),
        "preferences": [{"spread": each.get("SpreadDescriptor")} for each in spread],
        "max_replicas_per_node": placement.get("MaxReplicas"),
    }
    count = completions(body) if runs_to_end(body) else wanted.get("Replicas")
    found: dict[str, Json] = {
        "mode": _MODES.get(mode_of(body)),
        "labels": labels_of(body),
        "update_config": _update(mapping(body.get("UpdateConfig"))),
        "rollback_config": _update(mapping(body.get("RollbackConfig"))),
        "resources": resources_of(template),
        "restart_policy": restart_policy_of(template),
        "placement": {key: value for key, value in places.items() if value},
        "endpoint_mode": endpoint if endpoint != "vip" else "",
    }
    kept = {key: value for key, value in found.items() if value}
    return kept | dict(_given(replicas=count if count != 1 else None))


def _update(config: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {
        "parallelism": config.get("Parallelism"),
        "delay": duration(config.get("Delay")),
        "failure_action": config.get("FailureAction"),
        "monitor": duration(config.get("Monitor")),
        "max_failure_ratio": config.get("MaxFailureRatio"),
        "order": config.get("Order"),
    }
    return {key: value for key, value in found.items() if value or (key == "parallelism" and value == 0)}


def _environment(container: Mapping[str, Json]) -> dict[str, Json]:
    named = (each.partition("=") for each in strings(container.get("Env")))
    return {name: value if mark else None for name, mark, value in named}


def _healthcheck(check: Mapping[str, Json]) -> dict[str, Json]:
    if strings(check.get("Test")) == ["NONE"]:
        return {"disable": True}
    found: dict[str, Json] = {
        "test": check.get("Test"),
        "interval": duration(check.get("Interval")),
        "timeout": duration(check.get("Timeout")),
        "retries": check.get("Retries"),
        "start_period": duration(check.get("StartPeriod")),
    }
    return {key: value for key, value in found.items() if value}


def _host(shown: str) -> str:
    """`ADDRESS NAME`, as the hosts file has it."""
    address, _, name = shown.partition(" ")
    return f"{name}={address}"


def _ulimit(shown: Mapping[str, Json]) -> Json:
    return {"soft": shown.get("Soft") or 0, "hard": shown.get("Hard") or 0}


def _mount(shown: Mapping[str, Json], stack: str) -> dict[str, Json]:
    source, named = text(shown.get("Source")), shown.get("Type") == "volume"
    volume, memory = mapping(shown.get("VolumeOptions")), mapping(shown.get("TmpfsOptions"))
    found: dict[str, Json] = {
        "type": shown.get("Type"),
        "source": key_in(source, stack) if named else source,
        "target": shown.get("Target"),
        "read_only": shown.get("ReadOnly"),
        "bind": dict(_some(propagation=mapping(shown.get("BindOptions")).get("Propagation"))),
        "volume": dict(_some(nocopy=volume.get("NoCopy"))),
        "tmpfs": dict(_some(size=memory.get("SizeBytes"), mode=memory.get("Mode"))),
    }
    return {key: value for key, value in found.items() if value}


def _given(**values: Json) -> Iterator[tuple[str, Json]]:
    return ((key, value) for key, value in values.items() if value is not None)


def _some(**values: Json) -> Iterator[tuple[str, Json]]:
    return ((key, value) for key, value in values.items() if value)


def _grants(container: Mapping[str, Json], kind: str, stack: str) -> Iterator[Json]:
    for each in _entries(container.get(f"{kind}s")):
        file = mapping(each.get("File"))
        if not file:
            continue
        target = posixpath.join(_BASES[f"{kind.lower()}s"], text(file.get("Name")))
        found: dict[str, Json] = {
            "source": key_in(text(each.get(f"{kind}Name")), stack),
            "target": target,
            "uid": text(file.get("UID")) if text(file.get("UID")) != "0" else "",
            "gid": text(file.get("GID")) if text(file.get("GID")) != "0" else "",
            "mode": file.get("Mode") if file.get("Mode") != 0o444 else None,
        }
        yield {key: value for key, value in found.items() if value}


def _port(shown: Mapping[str, Json]) -> dict[str, Json]:
    published = int(number(shown.get("PublishedPort")))
    protocol, mode = text(shown.get("Protocol")) or "tcp", text(shown.get("PublishMode")) or "ingress"
    return {
        "target": shown.get("TargetPort"),
        **({"published": str(published)} if published else {}),
        **dict(_some(protocol=protocol if protocol != "tcp" else "", mode=mode if mode != "ingress" else "")),
    }


def _networks(template: Mapping[str, Json], service: str, keys: Mapping[str, str]) -> dict[str, Json]:
    """Those that it joins, with the aliases that are not its own name; nothing for the default one alone."""
    found: dict[str, Json] = {}
    for each in _entries(template.get("Networks")):
        target = text(each.get("Target"))
        aliases: list[Json] = [name for name in strings(each.get("Aliases")) if name != service]
        told = dict(_some(aliases=aliases, driver_opts=each.get("DriverOpts")))
        found[keys.get(target, target)] = told or None
    return {} if found == {"default": None} else found


def _logging(driver: Mapping[str, Json]) -> dict[str, Json]:
    return dict(_some(driver=driver.get("Name"), options=driver.get("Options")))


def _entries(value: Json) -> Iterator[Mapping[str, Json]]:
    yield from map(mapping, value if isinstance(value, list | tuple) else ())


def restart_policy_of(template: Mapping[str, Json]) -> dict[str, Json]:
    """`deploy.restart_policy`; empty where the template says nothing of it."""
    policy = mapping(template.get("RestartPolicy"))
    found: dict[str, Json] = {
        "condition": policy.get("Condition"),
        "delay": duration(policy.get("Delay")),
        "max_attempts": policy.get("MaxAttempts"),
        "window": duration(policy.get("Window")),
    }
    return {key: value for key, value in found.items() if value}


def resources_of(template: Mapping[str, Json]) -> dict[str, Json]:
    """`deploy.resources`."""
    resources = mapping(template.get("Resources"))
    found: dict[str, Json] = {}
    for key, word in (("Limits", "limits"), ("Reservations", "reservations")):
        said = mapping(resources.get(key))
        cpus = number(said.get("NanoCPUs")) / NANO
        amounts: dict[str, Json] = {
            "cpus": f"{cpus:f}".rstrip("0").rstrip(".") if cpus else None,
            "memory": text(said.get("MemoryBytes")),
            "pids": said.get("Pids"),
            "generic_resources": _generic(said.get("GenericResources")),
        }
        if kept := {name: value for name, value in amounts.items() if value}:
            found[word] = kept
    return found


def duration(nanoseconds: Json) -> str:
    """`5s`; "" for none."""
    value = int(number(nanoseconds))
    if not value:
        return ""
    return f"{value // NANO}s" if value % NANO == 0 else f"{value // 1000}us"


def _generic(value: Json) -> list[Json]:
    kinds = (
        mapping(mapping(each).get("DiscreteResourceSpec"))
        for each in (value if isinstance(value, list | tuple) else ())
    )
    return [{"discrete_resource_spec": {"kind": each.get("Kind"), "value": each.get("Value")}} for each in kinds]
