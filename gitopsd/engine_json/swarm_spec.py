"""A sealed service -> what Swarm is told of it: the JSON of `POST /services/create`, and its configs and secrets.

Networks, configs and secrets go by their names; who sends the JSON puts the ids in. The order of lists and what is
written out are those of `docker stack deploy`: any other would make all tasks anew, once, for who goes back to it.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Final

from gitopsd.engine_json.container import container_settings
from gitopsd.engine_json.devices import ulimits
from gitopsd.engine_json.fields import mapping, nanoseconds, number, strings, text, texts
from gitopsd.engine_json.host import capability, log_config
from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT, OPTIONS, SECRETS, SERVICE
from gitopsd.engine_json.limits import limits
from gitopsd.engine_json.resource import network_body
from gitopsd.engine_json.routed import TASKS_NETWORK
from gitopsd.engine_json.swarm_mode import mode, restart_policy
from gitopsd.model.canonical import Json, digest, keyed_digest
from gitopsd.model.desired import (
    Bind,
    ContentFile,
    ContentMount,
    DesiredState,
    Image,
    Network,
    Order,
    SealedService,
    SealedState,
    Service,
    Tmpfs,
    VolumeMount,
)
from gitopsd.model.parted import secret_part
from gitopsd.model.swarm import SwarmObject, SwarmSpec

STACK: Final = "com.docker.stack.namespace"
SPEC: Final = "gitopsd.spec"
OVERLAY: Final = "overlay"
CANARY: Final = "-canary"
"""What the name of a service ends in whose tasks stand beside those that serve."""
NO_PRIVILEGES: Final[Mapping[str, Json]] = {"CredentialSpec": None, "SELinuxContext": None}
"""As managers show what is empty."""
LEAST_MONITOR: Final = timedelta(seconds=5)
_LONGEST_NAME: Final = 64
_FAILURE: Final = {"rollback": "rollback", "pause": "pause", "continue": "continue"}

Options = Mapping[str, Json]


def swarm_spec(
    sealed: SealedService, desired: DesiredState, *, key: bytes, replicas: int, canary: bool = False
) -> SwarmSpec:
    """The service with so many replicas (a global one has as many as there are nodes).

    `key` is the store's, for the names of what is secret. A `canary` publishes nothing, and nobody but the router finds
    it by the service's name.
    """
    service = sealed.service
    objects = tuple(_objects(service, desired, key))
    told = service.deploy or {}
    labels = {
        **{name: text(value) for name, value in mapping(told.get("labels")).items()},
        STACK: desired.project,
        ENVIRONMENT: desired.environment,
        SERVICE: service.name,
        FINGERPRINT: sealed.fingerprint,
    }
    body: dict[str, Json] = {
        "Name": f"{desired.project}_{service.name}{CANARY if canary else ''}",
        "TaskTemplate": _template(sealed, desired, objects, canary=canary),
        "Mode": mode(service, replicas),
        **_updates(service),
        "EndpointSpec": _endpoint(replace(service, ports=()) if canary else service),
    }
    found = digest([body, labels])
    told_labels: dict[str, Json] = {**labels, SPEC: found}
    made = tuple({each.name: each for _, each in objects}.values())
    named, ignored = str(body["Name"]), service.ignore_drift
    return SwarmSpec(named, {**body, "Labels": told_labels}, found, sealed.fingerprint, made, ignored, canary)


def swarm_network(network: Network, desired: DesiredState, key: bytes) -> dict[str, Json]:
    """The JSON of `POST /networks/create` without the name: one that reaches over all nodes."""
    body = network_body(network, desired, key)
    made = {name: value for name, value in mapping(body["Labels"]).items() if name in (ENVIRONMENT, OPTIONS)}
    labels = {**texts(network.options.get("labels")), **made, STACK: desired.project}
    return {**body, "Driver": text(network.options.get("driver")) or OVERLAY, "Labels": labels}


def with_networks_of_a_swarm(state: SealedState) -> SealedState:
    """With what a swarm adds to each network written at it: the driver, where it says none, and the stack's label."""
    added: dict[str, Json] = {STACK: state.desired.project}
    written = {
        key: replace(each, options={"driver": OVERLAY, **each.options, "labels": _labels_of(each) | added})
        for key, each in state.desired.networks.items()
    }
    return replace(state, desired=replace(state.desired, networks=written))


def _labels_of(network: Network) -> dict[str, Json]:
    return dict(texts(network.options.get("labels")))


def swarm_labels(project: str, environment: str) -> dict[str, str]:
    """Labels of a config or secret that is made for an environment."""
    return {STACK: project, ENVIRONMENT: environment}


def update_order(service: Service) -> Order:
    """What is written; else the new comes beside the old, unless both would write, or listen, in one place."""
    if service.policy.recreate or service.policy.order is not None:
        return "stop-first" if service.policy.recreate else service.policy.order or "stop-first"
    writes = any(
        isinstance(mount, Bind | VolumeMount) and not mount.read_only and mount.source for mount in service.mounts
    )
    alone = any(port.mode == "host" and port.published for port in service.direct_ports)
    return "stop-first" if writes or alone else "start-first"


def pinned_image(image: Image) -> str:
    """The image as every node finds the same one: by its registry's digest, where it has one."""
    found = image.digest.rpartition("@")[2]
    return image.reference if not found or "@" in image.reference else f"{image.reference}@{found}"


Delivered = tuple[ContentMount, ContentFile]


def _template(
    sealed: SealedService, desired: DesiredState, objects: tuple[tuple[Delivered, SwarmObject], ...], *, canary: bool
) -> dict[str, Json]:
    service, options = sealed.service, sealed.service.options
    own = (f"{service.name}{CANARY}",) if canary else (service.name,)
    routed: list[Json] = [{"Target": TASKS_NETWORK}] if service.traffic is not None else []
    template: dict[str, Json] = {
        "ContainerSpec": _container(sealed, desired, objects),
        "Resources": _resources(service),
        "RestartPolicy": restart_policy(service),
        "Placement": _placement(service),
        "Networks": [
            _kept(
                {
                    "Target": desired.networks[each.network].name,
                    "Aliases": list(own if canary else (*(name for name in each.aliases if name not in own), *own)),
                    "DriverOpts": dict(each.driver_opts),
                }
            )
            for each in sorted(service.networks, key=lambda each: (-each.priority, desired.networks[each.network].name))
        ]
        + routed,
    }
    logging = log_config(mapping(options.get("logging")))
    if logging:
        template["LogDriver"] = _kept({"Name": logging["Type"], "Options": logging["Config"]})
    return template


def _container(
    sealed: SealedService, desired: DesiredState, objects: tuple[tuple[Delivered, SwarmObject], ...]
) -> dict[str, Json]:
    service, options = sealed.service, sealed.service.options
    settings, by_name = container_settings(service), sorted(objects, key=lambda each: each[1].name)
    container: dict[str, Json] = {
        "Image": pinned_image(sealed.image),
        "Labels": _task_labels(sealed, desired),
        "Command": settings.get("Entrypoint"),
        "Args": settings.get("Cmd"),
        "Hostname": settings.get("Hostname"),
        "Env": settings.get("Env"),
        "Dir": settings.get("WorkingDir"),
        "User": settings.get("User"),
        "Groups": strings(options.get("group_add")),
        "Privileges": NO_PRIVILEGES,
        "TTY": settings.get("Tty"),
        "OpenStdin": settings.get("OpenStdin"),
        "ReadOnly": options.get("read_only") is True,
        "StopSignal": settings.get("StopSignal"),
        "StopGracePeriod": nanoseconds(options.get("stop_grace_period")),
        "Healthcheck": settings.get("Healthcheck"),
        "Hosts": [_host(each) for each in strings(options.get("extra_hosts"))],
        "DNSConfig": _kept(
            {
                "Nameservers": strings(options.get("dns")),
                "Search": strings(options.get("dns_search")),
                "Options": strings(options.get("dns_opt")),
            }
        ),
        "Mounts": list(_mounts(service, desired)),
        "Configs": [_reference("Config", *each) for each in by_name if each[1].kind == "config"],
        "Secrets": [_reference("Secret", *each) for each in by_name if each[1].kind == "secret"],
        "Sysctls": texts(options.get("sysctls")),
        "CapabilityAdd": sorted(capability(each) for each in strings(options.get("cap_add"))),
        "CapabilityDrop": sorted(capability(each) for each in strings(options.get("cap_drop"))),
        "Ulimits": ulimits(options),
    }
    found = _kept(container)
    return found | ({"Init": options["init"]} if options.get("init") is not None else {})


def _task_labels(sealed: SealedService, desired: DesiredState) -> dict[str, Json]:
    """The fingerprint is among them: what is of another one is made anew, also where its image bears the same name."""
    written = {key: text(value) for key, value in mapping(sealed.service.options.get("labels")).items()}
    ours = {
        STACK: desired.project,
        ENVIRONMENT: desired.environment,
        SERVICE: sealed.service.name,
        FINGERPRINT: sealed.fingerprint,
        SECRETS: secret_part(sealed.fingerprint),
    }
    return {**written, **{key: value for key, value in ours.items() if value}}


def _objects(service: Service, desired: DesiredState, key: bytes) -> Iterator[tuple[Delivered, SwarmObject]]:
    """A config or secret for each file that is delivered. Its name tells its content, and nothing about a secret."""
    for mount in service.mounts:
        for file in mount.content.files if isinstance(mount, ContentMount) else ():
            secret = isinstance(mount, ContentMount) and mount.content.secret
            hashed = keyed_digest(key, file.data.hex()) if secret else sha256(file.data).hexdigest()
            known = mount.grant.partition(" ")[2] if isinstance(mount, ContentMount) and mount.grant else ""
            stem = re.sub(r"[^a-zA-Z0-9_.-]", "_", known or posixpath.basename(file.path or mount.target))
            name = f"{desired.project}_{stem}"[: _LONGEST_NAME - 13] + f"_{hashed[:12]}"
            assert isinstance(mount, ContentMount)
            yield (mount, file), SwarmObject("secret" if secret else "config", name, file.data)


def _reference(kind: str, delivered: Delivered, made: SwarmObject) -> dict[str, Json]:
    mount, file = delivered
    target = posixpath.join(mount.target, file.path) if file.path else mount.target
    place: dict[str, Json] = {"Name": target, "UID": str(file.uid), "GID": str(file.gid), "Mode": file.mode}
    return {f"{kind}Name": made.name, "File": place}


def _mounts(service: Service, desired: DesiredState) -> Iterator[dict[str, Json]]:
    for mount in service.mounts:
        match mount:
            case Bind():
                options = {"Propagation": mount.propagation} if mount.propagation else {}
                yield _mount("bind", mount.target, mount.source, mount.read_only, "BindOptions", options)
            case VolumeMount():
                volume = desired.volumes.get(mount.source)
                yield _mount(
                    "volume",
                    mount.target,
                    volume.name if volume is not None else "",
                    mount.read_only,
                    "VolumeOptions",
                    _volume_options(mount, desired),
                )
            case Tmpfs():
                sized = {"SizeBytes": mount.size, "Mode": mount.mode}
                yield _mount("tmpfs", mount.target, "", False, "TmpfsOptions", sized)
            case _:
                continue


def _mount(kind: str, target: str, source: str, read_only: bool, named: str, options: Options) -> dict[str, Json]:
    made: dict[str, Json] = {"Type": kind, "Source": source, "Target": target, "ReadOnly": read_only}
    found = _kept({**made, named: _kept(options)})
    return found | {named: {}} if kind == "volume" and source and named not in found else found


def _volume_options(mount: VolumeMount, desired: DesiredState) -> dict[str, Json]:
    """A node makes the volume when it first needs it, so it is told from what."""
    volume = desired.volumes.get(mount.source)
    if volume is None or volume.external:
        return {"NoCopy": mount.nocopy}
    driver = _kept({"Name": text(volume.options.get("driver")), "Options": texts(volume.options.get("driver_opts"))})
    labels: dict[str, Json] = {STACK: desired.project, ENVIRONMENT: desired.environment}
    return {"NoCopy": mount.nocopy, "Labels": texts(volume.options.get("labels")) | labels, "DriverConfig": driver}


def _resources(service: Service) -> dict[str, Json]:
    """`deploy.resources` wins over the old keys, as in Compose; what is reserved is what Swarm places by."""
    found = limits(service.options)
    reserved = mapping(mapping(mapping(service.deploy).get("resources")).get("reservations"))
    generic = reserved.get("generic_resources")
    kinds = (
        [mapping(mapping(each).get("discrete_resource_spec")) for each in generic] if isinstance(generic, list) else []
    )
    return _kept(
        {
            "Limits": _kept(
                {
                    "NanoCPUs": found.get("NanoCpus"),
                    "MemoryBytes": found.get("Memory"),
                    "Pids": found.get("PidsLimit"),
                }
            ),
            "Reservations": _kept(
                {
                    "NanoCPUs": int(number(reserved.get("cpus")) * 10**9),
                    "MemoryBytes": found.get("MemoryReservation"),
                    "GenericResources": [
                        {
                            "DiscreteResourceSpec": {
                                "Kind": text(each.get("kind")),
                                "Value": int(number(each.get("value"))),
                            }
                        }
                        for each in kinds
                    ],
                }
            ),
        }
    )


def _placement(service: Service) -> dict[str, Json]:
    told = mapping(mapping(service.deploy).get("placement"))
    preferences = told.get("preferences")
    spread = [text(mapping(each).get("spread")) for each in preferences] if isinstance(preferences, list) else []
    system, _, architecture = text(service.options.get("platform")).partition("/")
    return _kept(
        {
            "Constraints": strings(told.get("constraints")),
            "Preferences": [{"Spread": {"SpreadDescriptor": each}} for each in spread],
            "MaxReplicas": int(number(told.get("max_replicas_per_node"))),
            "Platforms": [{"OS": system, "Architecture": architecture.partition("/")[0]}] if system else [],
        }
    )


def _updates(service: Service) -> dict[str, Json]:
    """How it goes over to newer content, and back. A job does neither: told anything, Swarm runs it anew."""
    return {} if service.job is not None else {"UpdateConfig": _update(service), "RollbackConfig": _rollback(service)}


def _update(service: Service) -> dict[str, Json]:
    """How Swarm brings newer content in. What fails while it is watched goes back by itself, unless told otherwise."""
    policy = service.policy
    parallelism = 0 if policy.recreate else policy.parallelism
    return {
        "Parallelism": parallelism,
        "Delay": _nanoseconds(policy.delay),
        "FailureAction": _FAILURE[policy.on_failure],
        "Monitor": _nanoseconds(max(policy.monitor, policy.min_ready) or LEAST_MONITOR),
        "MaxFailureRatio": policy.max_failure_ratio,
        "Order": update_order(service),
    }


def _rollback(service: Service) -> dict[str, Json]:
    told, policy = mapping(mapping(service.deploy).get("rollback_config")), service.policy
    back = policy.back
    return {
        "Parallelism": policy.parallelism if back.parallelism is None else back.parallelism,
        "Delay": _nanoseconds(back.delay),
        "FailureAction": text(told.get("failure_action")) or "pause",
        "Monitor": nanoseconds(told.get("monitor")) or _nanoseconds(LEAST_MONITOR),
        "MaxFailureRatio": float(number(told.get("max_failure_ratio"))),
        "Order": back.order or update_order(service),
    }


def _endpoint(service: Service) -> dict[str, Json]:
    ports: list[Json] = []
    for port in sorted(service.direct_ports, key=lambda each: int(each.published) if each.published.isdigit() else 0):
        published = int(port.published) if port.published.isdigit() else 0
        ports.append(
            _kept(
                {
                    "Protocol": port.protocol,
                    "TargetPort": port.target,
                    "PublishedPort": published,
                    "PublishMode": port.mode or "ingress",
                }
            )
        )
    return _kept({"Mode": text(mapping(service.deploy).get("endpoint_mode")) or "vip", "Ports": ports})


def _host(written: str) -> str:
    """`NAME=ADDRESS` as the hosts file has it."""
    name, _, address = written.replace("=", ":", 1).partition(":")
    return f"{address} {name}"


def _nanoseconds(span: timedelta) -> int:
    return int(span / timedelta(microseconds=1)) * 1000


def _kept(values: Options) -> dict[str, Json]:
    """Without what says nothing: Swarm leaves it out of what it shows, too."""
    return {key: value for key, value in values.items() if value}
