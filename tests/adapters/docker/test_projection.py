"""The field table on a real engine: it knows all that is shown, and what was asked for is what is shown."""

from collections.abc import Iterator
from typing import Any

import docker
import pytest

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.engine_json import creation, network_body, volume_body
from gitopsd.engine_json.comparison import owned_differences
from gitopsd.engine_json.expectation import expected, with_content
from gitopsd.engine_json.field import Holder
from gitopsd.engine_json.field_table import FIELDS
from gitopsd.engine_json.projection import container_projection
from gitopsd.manifest import load, seal
from gitopsd.model.desired import SealedState
from gitopsd.model.files import Files
from gitopsd.model.settings import TargetEngine
from tests.images import Images

IMAGE = "gitopsd-test/projected:1"
CHANGES = [
    *('CMD ["sleep", "600"]', "ENV PATH=/bin FROM=image", "LABEL made=here", "EXPOSE 9999/tcp", "VOLUME /kept"),
    *("USER nobody", "WORKDIR /tmp", 'HEALTHCHECK --interval=9s CMD ["true"]'),
]
SERVICES = {
    "plain": "{}",
    "image": '{environment: {FROM: manifest}, labels: {made: there}, user: "0", healthcheck: {interval: 5s}}',
    "command": '{command: ["echo", "$$x"], entrypoint: ["/bin/sh", "-c"], working_dir: /, hostname: h}',
    "nothing": "{command: [], environment: {FROM: , EMPTY: ''}, healthcheck: {disable: true}, stop_grace_period: 0s}",
    "ports": '{ports: ["18080:8080", "127.0.0.1:18000-18001:9000-9001/udp", "7000"], expose: [3000, "3001/udp"]}',
    "networks": "{networks: {front: {aliases: [shop]}, back: {ipv4_address: 10.91.7.9}}, volumes: [data:/d]}",
    "limits": "{mem_limit: 64m, cpus: 0.5, pids_limit: 9, restart: 'on-failure:3'}",
    "mounts": "{volumes: [data:/data, /anonymous, /srv/gitopsd-test:/host:ro, data:/again:ro], tmpfs: ['/t:size=1m']}",
    "long": "{volumes: [{type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0700}},"
    " {type: volume, source: data, target: /kept, volume: {nocopy: true}}]}",
    "content": "{volumes: [./file:/etc/app.conf, ./tree:/etc/tree], configs: [inline]}",
    "closed": "{read_only: true, volumes: [./file:/etc/app.conf], configs: [inline], init: true}",
    "rights": "{cap_add: [net_admin], cap_drop: [ALL], logging: {driver: json-file, options: {max-size: 1m}}}",
}
MANIFEST = """
services: {SERVICES}
networks: {default: , front: {internal: true}, back: {ipam: {config: [{subnet: 10.91.7.0/24}]}}}
volumes: {data: }
configs: {inline: {content: hello}}
"""


@pytest.fixture
def engine(engine_url: str) -> Iterator[DockerEngine]:
    found = connect(TargetEngine(engine_url), {})
    yield found
    found.close()


def state_of(engine: DockerEngine, images: Images, project: str, name: str) -> SealedState:
    """One of the services, alone, with all that it needs on the engine."""
    image = engine.image(images.busybox(IMAGE, changes=CHANGES))
    assert image is not None
    service = SERVICES[name].replace("{", f"{{image: {IMAGE}, ", 1)
    written = MANIFEST.replace("SERVICES", f"{name}: {service}")
    files = Files.of({"compose.yaml": written, "file": "one\n", "tree/a": "a\n", "tree/b/c": "c\n"})
    desired = load(files, "", project, project=project)
    joined = {attachment.network for attachment in desired.services[name].networks}
    for network in (desired.networks[key] for key in joined):
        engine.create_network(network.name, network_body(network, desired))
    for volume in desired.volumes.values():
        engine.create_volume(volume.name, volume_body(volume, desired))
    return seal(desired, {name: image}, key=b"k", revision="r", input_digest="i")


@pytest.mark.parametrize("name", SERVICES)
def test_what_was_asked_for_is_what_the_engine_shows(
    engine: DockerEngine, docker_api: docker.APIClient, images: Images, project: str, name: str
) -> None:
    state = state_of(engine, images, project, name)
    sealed, called = state.services[name], f"{project}-{name}-1"
    asked = creation(
        sealed, state.desired, slot=1, name=called, release=1, carry={}, api=engine.api(), environment=project
    )
    wanted = expected(sealed, asked, called, docker_api.inspect_image(IMAGE)["Config"])

    engine.create(asked)

    live = container_projection(docker_api.inspect_container(called))
    assert owned_differences(wanted, with_content(live, wanted)) == ()


def test_the_table_knows_every_field_that_this_engine_shows(
    engine: DockerEngine, docker_api: docker.APIClient, images: Images, project: str
) -> None:
    state = state_of(engine, images, project, "networks")
    made = creation(
        *(state.services["networks"], state.desired), slot=1, name=project, release=1, carry={}, api=engine.api()
    )
    engine.create(made)
    shown: dict[Holder, Any] = {
        "container": docker_api.inspect_container(project),
        "network": docker_api.inspect_network(f"{project}_back"),
        "volume": docker_api.inspect_volume(f"{project}_data"),
    }

    assert [place for holder, inspected in shown.items() for place in unknown(inspected, holder)] == []


def unknown(inspected: dict[str, Any], holder: Holder) -> Iterator[str]:
    """Places of an inspection that no row stands for; of the rows, those of any network stand for each."""
    for place in places(inspected):
        if not any(place == row.at or place.startswith(f"{row.at}.") for row in FIELDS[holder]):
            yield place


def places(value: dict[str, Any], at: str = "") -> Iterator[str]:
    for key, each in value.items():
        below = f"{at}.{key}" if at else key
        if below in ("Config", "HostConfig", "NetworkSettings", "IPAM"):
            yield from places(each, below)
        elif below == "NetworkSettings.Networks":
            for endpoint in each.values():
                yield from places(endpoint, f"{below}.*")
        elif below.endswith("IPAMConfig"):
            yield from places(each or {}, below)
        else:
            yield below
