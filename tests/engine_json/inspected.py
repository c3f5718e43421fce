"""What engines of several ages show of containers that gitopsd asked for; inspected/README.md says how to record it."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import docker

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.engine_json import network_body, volume_body
from gitopsd.model.desired import (
    Attachment,
    DesiredState,
    Image,
    Port,
    Service,
    Tmpfs,
    Volume,
    VolumeMount,
)
from gitopsd.model.settings import TargetEngine
from tests.conftest import remove_project
from tests.engine_json.builders import created, desired, service
from tests.images import Images
from tests.waiting import eventually

Api = tuple[int, int]
RECORDED = Path(__file__).parent / "inspected"
PROJECT = "gitopsd-recorded"
IMAGES = {
    "web": ['CMD ["sleep", "600"]', "VOLUME /cache", "EXPOSE 9090/tcp", "ENV FROM_IMAGE=1", "LABEL image.says=hello"],
    "plain": ['CMD ["sleep", "600"]'],
}
# What a registry or this one machine says of itself is no part of what is read.
UNREAD = (
    *("IndexServerAddress", "RegistryConfig", "Name", "DockerRootDir", "KernelVersion", "Containerd", "Warnings"),
    *("Runtimes", "SystemTime", "ContainerdCommit", "RuncCommit", "InitCommit", "Plugins", "Swarm"),
    *("DefaultAddressPools", "GenericResources", "HttpProxy", "HttpsProxy", "NoProxy", "CDISpecDirs"),
    "FirewallBackend",
)
# What API 1.52 shows no more, or no more where it is empty.
GONE_SETTINGS = (
    *("Bridge", "HairpinMode", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen", "SecondaryIPAddresses"),
    *("SecondaryIPv6Addresses", "EndpointID", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPAddress"),
    *("IPPrefixLen", "IPv6Gateway", "MacAddress"),
)
GONE_WHEN_EMPTY = ("Parent", "Comment", "DockerVersion", "Author")


def services(api: Api) -> dict[str, Service]:
    """One with as many settings as an engine of this API takes and any machine can run, and small ones beside it."""
    check = {"test": ["CMD", "true"], "interval": "200ms", "timeout": "5s", "start_period": "1s", "retries": 2}
    newer = {"annotations": {"shop.example/team": "web"}} if api >= (1, 43) else {}
    subpath = (VolumeMount("data", "/part", subpath="part"),) if api >= (1, 45) else ()
    return {
        "web": service(
            "web",
            [
                VolumeMount("data", "/data"),
                VolumeMount("", "/anonymous"),
                VolumeMount("data", "/again", read_only=True, nocopy=True),
                Tmpfs("/scratch", size=1 << 20, mode=0o1770),
                *subpath,
            ],
            networks=(
                Attachment("front", aliases=("shop",)),
                Attachment("back", aliases=("api", "intern"), ipv4_address="10.137.9.9"),
            ),
            ports=(Port(8080, "28931", host_ip="127.0.0.1"), Port(53, "28953-28954", "udp", "127.0.0.1")),
            command=["sleep", "600"],
            environment={"A": "1", "EMPTY": ""},
            labels={"team": "shop"},
            hostname="web",
            domainname="shop.example",
            user="0:0",
            working_dir="/data",
            init=True,
            stop_signal="SIGKILL",
            stop_grace_period="5s",
            cap_add=["NET_ADMIN"],
            cap_drop=["MKNOD"],
            dns=["192.0.2.53"],
            dns_search=["shop.example"],
            dns_opt=["ndots:2"],
            extra_hosts=["db=192.0.2.7"],
            ulimits={"nofile": {"soft": 1024, "hard": 2048}, "nproc": 512},
            sysctls={"net.core.somaxconn": "1024"},
            security_opt=["no-new-privileges:true"],
            shm_size="33554432",
            mem_limit="134217728",
            mem_reservation="67108864",
            cpus=0.5,
            cpu_shares=512,
            pids_limit=100,
            oom_score_adj=100,
            tmpfs=["/run:size=65536"],
            logging={"driver": "json-file", "options": {"max-size": "1m", "max-file": "2"}},
            restart="unless-stopped",
            healthcheck=check | ({"start_interval": "100ms"} if api >= (1, 44) else {}),
            **newer,
        ),
        "plain": service("plain", stop_signal="SIGKILL"),
        "sick": service("sick", stop_signal="SIGKILL", healthcheck={**check, "test": ["CMD-SHELL", "echo no; false"]}),
        "done": service("done", command=["sh", "-c", "exit 3"], restart="no"),
        "waiting": service("waiting"),
        "hosts": service("hosts", networks=(), network_mode="host", stop_signal="SIGKILL"),
    }


def state_of(api: Api) -> DesiredState:
    state = desired(*services(api).values(), project=PROJECT, networks=("default", "front", "back"))
    pool = {"ipam": {"config": [{"subnet": "10.137.9.0/24", "gateway": "10.137.9.1"}]}, "internal": True}
    networks = {
        key: type(each)(key, each.name, options=pool if key == "back" else {}) for key, each in state.networks.items()
    }
    return DesiredState(
        state.environment, PROJECT, state.services, networks, {"data": Volume("data", f"{PROJECT}_data")}
    )


def image_of(name: str) -> str:
    return "web" if name == "web" else "plain"


# --- reading ----------------------------------------------------------------------------------------------------------


@cache
def answers(engine: str) -> Mapping[str, Any]:
    """The recorded answers of an engine, by file name without its ending."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((RECORDED / engine).glob("*.json"))}


def engines() -> list[str]:
    return sorted(path.name for path in RECORDED.iterdir() if path.is_dir())


# --- recording --------------------------------------------------------------------------------------------------------


def record(directory: Path, spoken: str = "") -> None:
    """Have the containers made by gitopsd, and write down what the engine then says, to whoever asks."""
    raw = docker.from_env(version=spoken or "auto", timeout=60).api
    with_engine = connect(TargetEngine(os.environ["DOCKER_HOST"]), {})
    api = with_engine.api()
    try:
        made = {name: _made(with_engine, raw, name, api) for name in services(api)}
        _settle(raw, made)
        found = dict(_answers(raw, made))
    finally:
        remove_project(raw, PROJECT)
        with_engine.close()
    directory.mkdir(parents=True, exist_ok=True)
    for name, answer in found.items():
        (directory / f"{name}.json").write_text(json.dumps(answer, indent=1, sort_keys=True) + "\n")


def _made(engine: DockerEngine, raw: docker.APIClient, name: str, api: Api) -> str:
    state = state_of(api)
    for network in state.networks.values():
        engine.create_network(network.name, network_body(network, state))
    for volume in state.volumes.values():
        engine.create_volume(volume.name, volume_body(volume, state))
    image = _image(engine, raw, image_of(name))
    if name == "web":
        _prepare(engine, image, state, api)
    container = engine.create(created(state.services[name], image, state, api=api))
    if name != "waiting":
        engine.start(container)
    return container


def _image(engine: DockerEngine, raw: docker.APIClient, kind: str) -> Image:
    Images(raw).busybox(f"gitopsd-recorded/{kind}:1", changes=IMAGES[kind])
    found = engine.image(f"gitopsd-recorded/{kind}:1")
    assert found is not None
    return found


def _prepare(engine: DockerEngine, image: Image, state: DesiredState, api: Api) -> None:
    """The directory of the volume that is mounted by itself."""
    filler = service("filler", [VolumeMount("data", "/data")], command=["mkdir", "-p", "/data/part"], networks=())
    container = engine.create(created(filler, image, state, api=api))
    engine.start(container)
    eventually(lambda: engine.observe(PROJECT, thorough=True).instances[0].state == "exited")
    engine.remove(container)


def _settle(raw: docker.APIClient, made: Mapping[str, str]) -> None:
    """Wait until checks have spoken and the one that ends has ended."""

    def shown(name: str) -> Any:
        return raw.inspect_container(made[name])["State"]

    eventually(lambda: shown("web")["Health"]["Status"] == "healthy", within=30)
    eventually(lambda: shown("sick")["Health"]["Status"] == "unhealthy", within=30)
    eventually(lambda: shown("done")["Status"] == "exited", within=30)


def _answers(raw: docker.APIClient, made: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    label = {"label": [f"com.docker.compose.project={PROJECT}"]}
    for name, container in made.items():
        yield f"container-{name}", raw.inspect_container(container)
    yield "containers", raw.containers(all=True, filters=label)
    yield "networks", raw.networks(filters=label)
    yield "volumes", raw.volumes(filters=label)
    for kind in IMAGES:
        yield f"image-{kind}", raw.inspect_image(f"gitopsd-recorded/{kind}:1")
    yield "version", raw.version(api_version=False)
    yield "info", {key: value for key, value in raw.info().items() if key not in UNREAD}


def construct_29() -> None:
    """What 28.5 said, changed as the API's history says that 1.52 and 29 changed it."""
    directory = RECORDED / "29-constructed"
    directory.mkdir(exist_ok=True)
    for name, answer in answers("28.5-containerd-store").items():
        (directory / f"{name}.json").write_text(json.dumps(_as_of_29(name, answer), indent=1, sort_keys=True) + "\n")


def _as_of_29(name: str, answer: Any) -> Any:
    kind = name.partition("-")[0]
    match kind:
        case "container":
            settings = {key: value for key, value in answer["NetworkSettings"].items() if key not in GONE_SETTINGS}
            host = {key: value for key, value in answer["HostConfig"].items() if key != "KernelMemoryTCP"}
            config = {key: value for key, value in answer["Config"].items() if key != "OnBuild" or value}
            return {**answer, "NetworkSettings": settings, "HostConfig": host, "Config": config}
        case "image":
            shown = {key: value for key, value in answer.items() if key not in GONE_WHEN_EMPTY or value}
            return {**shown, "Config": {key: value for key, value in answer["Config"].items() if value}}
        case "version":
            return {**answer, "ApiVersion": "1.52", "MinAPIVersion": "1.44", "Version": "29.0.0", "Components": []}
        case "info":
            return {key: value for key, value in answer.items() if key != "KernelMemoryTCP"} | {
                "ServerVersion": "29.0.0"
            }
        case _:
            return answer


if __name__ == "__main__":
    if sys.argv[1] == "29":
        construct_29()
    else:
        record(Path(sys.argv[1]), *sys.argv[2:])
