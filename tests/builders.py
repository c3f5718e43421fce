"""Builders of what Git may want: services and states, sealed, with readable fingerprints (`web:2`, `web:2/vol`)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gitopsd.engine_json import options_digest
from gitopsd.manifest import waves
from gitopsd.manifest.shifting_seal import shifting_sealed
from gitopsd.model.canonical import Json, digest
from gitopsd.model.desired import (
    Attachment,
    Content,
    ContentFile,
    ContentMount,
    Dependency,
    DesiredState,
    Image,
    Mount,
    Network,
    Policy,
    Port,
    SealedService,
    SealedState,
    Service,
    Volume,
    VolumeMount,
)
from gitopsd.model.errors import Place
from gitopsd.model.job import Job
from gitopsd.model.parted import ROW
from gitopsd.model.policy import REPORT_ONLY, EnvironmentPolicy
from gitopsd.model.schema import accepts_of
from gitopsd.model.strategy import default_steps
from gitopsd.model.traffic import Traffic

NOON = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)
PROJECT = "shop"
FIELDS_OF_POLICY = frozenset(Policy.__dataclass_fields__)
INSIDE: Mapping[str, tuple[str, ...]] = {"ports": (), "volumes": (), "networks": ("default",)}


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def a_service(name: str = "web", image: str = "", **how: Any) -> SealedService:
    """A sealed service. `how`: fields of Policy (times in seconds), `replicas`, `ports`, `volumes` (`data:/data`, or
    `/data` for an anonymous one), `depends_on`, `networks`, `job` (True, or fields of Job), `limits`, `options`,
    `accepts` (`14-16`: of the database shop), `container_name`, `traffic` (`80:8080` of the router), `lives_in` and
    `borrows`: the service whose network, or whose volumes, it uses, `exchanged`: what files that are exchanged in place
    hold, by `update /etc/flags.yaml` or `SIGHUP /etc/app.conf`.
    """
    image = image or f"{name}:1"
    policy = _policy({key: how.pop(key) for key in tuple(how) if key in FIELDS_OF_POLICY})
    named = str(how.get("container_name", ""))
    options = {**how.get("options", {}), **({"container_name": named} if named else {}), **_shares(how)}
    limits = str(how.get("limits", "512m"))
    service = Service(
        name=name,
        image=image,
        options=options,
        place=Place("compose.yaml", 2, 3),
        replicas=int(how.get("replicas", 1)),
        depends_on=_dependencies(how),
        mounts=(*(_mount(volume) for volume in how.get("volumes", ())), *_exchanged(how)),
        ports=tuple(Port(int(port), str(port)) for port in how.get("ports", ())),
        networks=tuple(Attachment(network) for network in how.get("networks", _networks(how))),
        policy=policy,
        job=_job(how),
        shares=tuple(str(how[key]) for key in ("lives_in", "borrows") if key in how),
        traffic=_traffic(how.get("traffic", "")),
        schema=accepts_of("shop", how["accepts"]) if "accepts" in how else None,
    )
    # As given here, so that stories tell the same fingerprints whatever fields the nouns have.
    inside = [[str(each) for each in how.get(key, default)] for key, default in INSIDE.items()]
    inside += [[str(options)]] if options else []
    inside += [["routed"]] if service.traffic else []
    plain = [list(default) for default in INSIDE.values()]
    fingerprint = image if inside == plain else f"{image}/{digest(inside)[:4]}"
    found = Image(image, f"sha256:{digest(image)}", volumes=tuple(how.get("image_volumes", ())))
    in_place = ROW.join((f"limits {limits}", *_rows(service)))
    return SealedService(service, found, fingerprint, in_place, f"config of {name}")


def _exchanged(how: Mapping[str, Any]) -> Iterator[ContentMount]:
    for named, text in how.get("exchanged", {}).items():
        way, _, target = named.partition(" ")
        yield ContentMount(target, Content((ContentFile("", text.encode()),), False), target, on_change=way)


def _rows(service: Service) -> Iterator[str]:
    for way in sorted({mount.on_change for mount in service.exchanged}):
        found = [mount.content.files[0].data.decode() for mount in service.exchanged if mount.on_change == way]
        yield f"{way}:{' '.join(found)}"


def _policy(given: Mapping[str, Any]) -> Policy:
    times = {name for name, each in Policy.__dataclass_fields__.items() if each.type is timedelta}
    fields: dict[str, Any] = {key: seconds(value) if key in times else value for key, value in given.items()}
    if fields.get("strategy") == "canary":
        fields.setdefault("steps", default_steps(analysed=False))
    policy = Policy(**fields)
    return replace(policy, health=replace(policy.health, deadline=policy.healthy_deadline))


def _job(how: Mapping[str, Any]) -> Job | None:
    given = how.get("job", False)
    said = {"idempotent": False, **given} if isinstance(given, Mapping) else {}
    return Job(seconds(how["timeout"]) if "timeout" in how else None, **said) if given else None


def _traffic(written: str) -> Traffic | None:
    listen, _, target = written.partition(":")
    return Traffic(int(listen), int(target or listen)) if written else None


def _shares(how: Mapping[str, Any]) -> dict[str, Any]:
    network = {"network_mode": f"service:{how['lives_in']}"} if "lives_in" in how else {}
    return network | ({"volumes_from": [how["borrows"]]} if "borrows" in how else {})


def _networks(how: Mapping[str, Any]) -> tuple[str, ...]:
    return () if "lives_in" in how else ("default",)


def _dependencies(how: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """What is written, and what follows from where it lives."""
    given = how.get("depends_on", {})
    written = given if isinstance(given, Mapping) else dict.fromkeys(given, "service_started")
    shared = [how[key] for key in ("lives_in", "borrows") if key in how and how[key] not in written]
    return tuple(
        Dependency(name, condition)
        for name, condition in {**written, **dict.fromkeys(shared, "service_started")}.items()
    )


def _mount(written: str) -> Mount:
    source, _, target = written.rpartition(":")
    return VolumeMount(source, target)


def a_state(
    *services: SealedService, revision: str = "", environment: str = "production", **policy: Any
) -> SealedState:
    """A sealed state of services, with the networks and volumes that they name. `policy`: EnvironmentPolicy's."""
    if policy.get("heal") == "report":
        policy["heal"] = REPORT_ONLY
    networks = {each.network for sealed in services for each in sealed.service.networks}
    named = {m.source for sealed in services for m in sealed.service.mounts if isinstance(m, VolumeMount) and m.source}
    desired = DesiredState(
        environment=environment,
        project=PROJECT,
        services={sealed.service.name: sealed.service for sealed in services},
        networks={key: Network(key, f"{PROJECT}_{key}") for key in sorted(networks)},
        volumes={key: Volume(key, f"{PROJECT}_{key}") for key in sorted(named)},
        policy=EnvironmentPolicy(**policy),
    )
    content = digest(
        [
            [s.service.name, s.fingerprint, s.in_place, s.service.replicas, str(s.service.depends_on), _way(s)]
            for s in sorted(services, key=lambda each: each.service.name)
        ]
    )
    return SealedState(
        desired=desired,
        revision=revision or content[:8],
        input_digest=f"inputs {content[:8]} {revision}",
        services={sealed.service.name: sealed for sealed in services},
        content_digest=content,
        resources={
            **{f"network {key}": options_digest({}) for key in desired.networks},
            **{f"volume {key}": options_digest({}) for key in desired.volumes},
        },
    )


def _way(sealed: SealedService) -> Json:
    """How traffic is moved, which counts for a release too."""
    return shifting_sealed(sealed.service.policy)


def waves_of(state: SealedState) -> tuple[tuple[str, ...], ...]:
    return waves(state.desired)
