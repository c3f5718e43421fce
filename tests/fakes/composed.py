"""What `docker compose up` leaves on a fake engine: the containers of a manifest, with Compose's labels alone."""

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitopsd.engine_json import creation, network_body, volume_body
from gitopsd.engine_json.labels import (
    COMPOSE_SERVICE,
    CONFIG_HASH,
    CONTENT_VOLUME_PREFIX,
    NETWORK,
    NUMBER,
    ONE_OFF,
    PROJECT,
    VOLUME,
)
from gitopsd.manifest import load, seal
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentMount, Service
from gitopsd.model.files import Files
from tests.fakes.engine import FakeEngine

WORKING_DIR = "/home/ada/shop"


def compose_up(
    engine: FakeEngine,
    files: Mapping[str, str | bytes] | str,
    project: str = "shop",
    *,
    working_dir: str = WORKING_DIR,
) -> list[str]:
    """Create and start every service's containers, as Compose names them; their names. A text is the Compose file.

    Files of the work tree are mounted from there.
    """
    contents = {"compose.yaml": files} if isinstance(files, str) else files
    desired = load(Files.of(contents), "", project, project=project, host_dir=working_dir)
    images = {name: engine.images[each.image].image for name, each in desired.services.items()}
    state = seal(desired, images, b"somebody's", "r", "i")
    for key, network in desired.networks.items():
        body = {**network_body(network, desired), "Labels": {PROJECT: project, NETWORK: key}}
        engine.create_network(network.name, body)
    for key, volume in desired.volumes.items():
        engine.create_volume(volume.name, {**volume_body(volume, desired), "Labels": {PROJECT: project, VOLUME: key}})
    made = []
    for name, sealed in sorted(state.services.items()):
        for slot in range(1, sealed.service.replicas + 1):
            called = f"{project}-{name}-{slot}"
            asked = creation(
                *(sealed, desired), slot=slot, name=called, release=0, carry={}, api=engine.api(), key=b"somebody's"
            )
            host = _mounted(dict(asked.body["HostConfig"]), sealed.service, working_dir)  # type: ignore[arg-type]
            body = {**asked.body, "Labels": labels(project, name, slot, working_dir), "HostConfig": host}
            engine.start(engine.create(replace(asked, body=body, volumes=(), archives=())))
            engine.container(called).files |= _files(sealed.service)
            made.append(called)
    return made


def labels(project: str, service: str, slot: int, working_dir: str) -> dict[str, Json]:
    return {
        PROJECT: project,
        COMPOSE_SERVICE: service,
        NUMBER: str(slot),
        ONE_OFF: "False",
        CONFIG_HASH: "0" * 64,
        "com.docker.compose.project.working_dir": working_dir,
    }


def _mounted(host: dict[str, Any], service: Service, working_dir: str) -> dict[str, Any]:
    content = [mount for mount in service.mounts if isinstance(mount, ContentMount)]
    binds = [f"{posixpath.join(working_dir, mount.source)}:{mount.target}:ro" for mount in content]
    kept = [each for each in host.get("Mounts", ()) if not each.get("Source", "").startswith(CONTENT_VOLUME_PREFIX)]
    return {**host, "Mounts": kept, "Binds": [*host.get("Binds", ()), *binds]}


def _files(service: Service) -> dict[str, bytes]:
    return {
        posixpath.join(mount.target, file.path) if file.path else mount.target: file.data
        for mount in service.mounts
        if isinstance(mount, ContentMount)
        for file in mount.content.files
    }
