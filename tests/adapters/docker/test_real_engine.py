"""What only a real engine shows: containers are as Compose would make them, and content and names are there."""

import json
import subprocess
import sysconfig
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.engine_json import creation, network_body, update_body, volume_body
from gitopsd.manifest import load, seal
from gitopsd.model.desired import ContentFile, DesiredState, Service
from gitopsd.model.errors import EngineRefused
from gitopsd.model.files import Files
from gitopsd.model.settings import TargetEngine
from tests.adapters.docker.test_broken_engine import TIMEOUT
from tests.conftest import gone_is_fine, remove_project
from tests.engine_json.builders import Attachment, created, desired, directory, file, sealed, service
from tests.images import Images
from tests.waiting import eventually

COMPOSE = Path(sysconfig.get_paths()["purelib"]) / "compose" / "docker-compose"
STEADY = ['CMD ["sleep", "600"]']


@pytest.fixture
def content(docker_api: docker.APIClient, project: str) -> Iterator[str]:
    """An environment of this test's own: content belongs to an environment, and other tests use the engine, too."""
    yield project
    remove_project(docker_api, project)
    for volume in docker_api.volumes(filters={"label": f"gitopsd.environment={project}"})["Volumes"] or ():
        gone_is_fine(partial(docker_api.remove_volume, volume["Name"], force=True))


@pytest.fixture
def engine(engine_url: str) -> Iterator[DockerEngine]:
    found = connect(TargetEngine(engine_url), {})
    yield found
    found.close()


@pytest.fixture
def make(engine: DockerEngine, images: Images, project: str, content: str) -> Callable[..., str]:
    """Creates, and starts unless told otherwise, a container of a busybox image."""

    def run(each: Service, changes: list[str] = STEADY, start: bool = True, **arguments: Any) -> str:
        tag = images.busybox(f"gitopsd-test/{zlib.crc32(repr(changes).encode())}:1", changes=changes)
        image = engine.image(tag)
        assert image is not None
        state = prepared(engine, desired(each, project=project, networks=networks_of(each)))
        container = engine.create(created(each, image, state, environment=content, **arguments))
        if start:
            engine.start(container)
        return container

    return run


def networks_of(each: Service) -> list[str]:
    return sorted({attachment.network for attachment in each.networks})


def prepared(engine: DockerEngine, state: DesiredState) -> DesiredState:
    for network in state.networks.values():
        engine.create_network(network.name, network_body(network, state))
    for volume in state.volumes.values():
        engine.create_volume(volume.name, volume_body(volume, state))
    return state


def carriers(api: docker.APIClient, environment: str) -> list[object]:
    """The environment's carriers that are on the engine."""
    label = ["gitopsd.carrier", f"gitopsd.environment={environment}"]
    return list(api.containers(all=True, filters={"label": label}))


def run_in(api: docker.APIClient, container: str, *command: str) -> str:
    """What a command in a container writes, both streams."""
    made = api.exec_create(container, list(command))
    said = api.exec_start(made["Id"])
    assert isinstance(said, bytes)
    return said.decode()


MANIFEST = """
services:
  web:
    image: IMAGE
    command: ["sleep", "600"]
    entrypoint: []
    init: true
    environment: {A: b, EMPTY: "", UNSET: , DOLLAR: "$$5"}
    labels: {team: shop}
    expose: [3000, "3001/udp"]
    ports: ["18080:8080", "127.0.0.1:18000-18001:9000-9001/udp", "7000"]
    volumes:
      - data:/data
      - /anonymous
      - /srv/gitopsd-test:/host:ro
      - {type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0700}}
      - {type: volume, source: data, target: /again, read_only: true, volume: {nocopy: true}}
    networks: {front: {aliases: [shop]}, back: {priority: 10}}
    healthcheck: {test: "true", interval: 1m30s, timeout: 3s, retries: 3, start_period: 5s}
    deploy: {resources: {limits: {cpus: 0.5, memory: 64m, pids: 50}, reservations: {memory: 32m}}}
    restart: on-failure:3
    user: nobody
    working_dir: /tmp
    hostname: h
    tmpfs: [/run, "/scratch:size=1m,mode=755"]
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    logging: {driver: json-file, options: {max-size: 1m}}
    stop_signal: SIGINT
    stop_grace_period: 1m5s
  job: {image: IMAGE, command: ["true"], restart: "no", read_only: true, healthcheck: {disable: true}}
  plain: {image: IMAGE}
networks: {front: {internal: true}, back: }
volumes: {data: }
"""


def as_made(api: docker.APIClient, container: str, project: str) -> Any:
    """What makes two containers the same, with the project's name taken out."""
    found = api.inspect_container(container)
    config, host = found["Config"], found["HostConfig"]
    config["Labels"] = {
        key: value for key, value in config["Labels"].items() if not key.startswith(("com.", "gitopsd."))
    }
    # The engine's choices, and the client's: whether it listens.
    for key in ("Hostname", "AttachStdout", "AttachStderr", "Image"):
        config.pop(key)
    for mount in host.pop("Mounts", None) or ():
        if mount["Type"] == "tmpfs":
            host.setdefault("tmpfs mounts", []).append(mount)
    mounts = [
        (each["Type"], each["Destination"], each["RW"], "" if each["Destination"] == "/anonymous" else each.get("Name"))
        for each in found["Mounts"]
    ]
    config["Env"] = sorted(config["Env"] or ())
    config["ExposedPorts"] = {each if "/" in each else f"{each}/tcp": {} for each in config.get("ExposedPorts") or ()}
    host["Binds"] = [each for each in host["Binds"] or () if each.startswith("/")]
    networks = {
        name: sorted(alias for alias in endpoint["Aliases"] or () if alias not in found["Id"])
        for name, endpoint in found["NetworkSettings"]["Networks"].items()
    }
    whole = {"config": config, "host": host, "mounts": sorted(mounts), "networks": networks}
    return json.loads(json.dumps(whole).replace(project, "PROJECT"))


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where two values differ, by path."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            line
            for key in sorted({*ours, *theirs})
            for line in differences(ours.get(key), theirs.get(key), f"{path}.{key}")
        ]
    # Nothing is written in several ways: null, no items, and a restart policy `no`.
    nothing = (None, [], {}, "", "no", False)
    return [] if ours == theirs or (ours in nothing and theirs in nothing) else [f"{path}: {ours!r} and not {theirs!r}"]


@pytest.mark.parametrize("name", ["web", "job", "plain"])
def test_a_container_is_as_compose_would_make_it(
    engine: DockerEngine,
    docker_api: docker.APIClient,
    images: Images,
    project: str,
    tmp_path: Path,
    engine_url: str,
    name: str,
) -> None:
    image = engine.image(images.busybox("gitopsd-test/steady:1", changes=STEADY))
    assert image is not None
    manifest = MANIFEST.replace("IMAGE", image.reference)
    (tmp_path / "compose.yaml").write_text(manifest)
    command = [str(COMPOSE), "-p", project, "-f", str(tmp_path / "compose.yaml"), "create", name]
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        env={"DOCKER_HOST": engine_url, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    theirs = as_made(docker_api, f"{project}-{name}-1", project)
    docker_api.remove_container(f"{project}-{name}-1", v=True)

    state = prepared(engine, load(Files.of({"compose.yaml": manifest}), "", project, project=project))
    whole = seal(state, {each: image for each in state.services}, revision="r", input_digest="i", key=b"k")
    arguments: Any = {"slot": 1, "name": f"{project}-{name}-1", "release": 1, "carry": {}, "api": engine.facts().api}
    container = engine.create(creation(whole.services[name], state, **arguments))

    ours = as_made(docker_api, container, project)
    assert differences(ours, theirs) == []


def test_services_find_each_other_by_every_name(
    make: Callable[..., str], docker_api: docker.APIClient, project: str
) -> None:
    networks = (Attachment("front", aliases=("shop",)), Attachment("back"))
    make(service("web", networks=networks, stop_signal="SIGKILL", command=["httpd", "-f", "-p", "8080", "-h", "/etc"]))
    asks = make(service("asks", networks=(Attachment("back"),), stop_signal="SIGKILL"))
    looks = make(service("looks", networks=(Attachment("front"),), stop_signal="SIGKILL"))

    for container, names in ((asks, ["web", f"{project}-web-1"]), (looks, ["web", f"{project}-web-1", "shop"])):
        for name in names:
            wanted = ("wget", "-q", "-O", "-", f"http://{name}:8080/passwd")
            eventually(lambda container=container, wanted=wanted: "nobody" in run_in(docker_api, container, *wanted))


def test_a_delivered_file_has_its_mode_and_owner_and_its_directories_can_be_read(
    make: Callable[..., str], docker_api: docker.APIClient
) -> None:
    secret = file("/run/secrets/deep/token", b"s3cret", mode=0o400)
    owned = ContentFile("", b"s3cret", 0o400, uid=65534, gid=65534)
    mount = type(secret)(secret.target, type(secret.content)((owned,), directory=False), secret.source)

    container = make(service(mounts=[mount], user="nobody", stop_signal="SIGKILL"))

    assert run_in(docker_api, container, "cat", "/run/secrets/deep/token") == "s3cret"
    assert run_in(docker_api, container, "stat", "-c", "%a %u", "/run/secrets/deep/token") == "400 65534\n"


def test_a_delivered_file_takes_no_directorys_place(make: Callable[..., str]) -> None:
    with pytest.raises(EngineRefused, match="cannot overwrite directory"):
        make(service(mounts=[file("/etc")]))


def test_content_under_a_read_only_root_cannot_be_changed(
    make: Callable[..., str], docker_api: docker.APIClient
) -> None:
    mounts = [file("/etc/app.conf", b"one\n"), directory("/srv", {"page": b"page\n"})]

    container = make(service(mounts=mounts, read_only=True, stop_signal="SIGKILL"))

    assert "Read-only file system" in run_in(docker_api, container, "sh", "-c", "echo x > /etc/app.conf")
    assert "Read-only file system" in run_in(docker_api, container, "sh", "-c", "echo x > /srv/page")
    assert run_in(docker_api, container, "cat", "/etc/app.conf", "/srv/page") == "one\npage\n"


def test_a_file_under_a_read_only_root_survives_a_restart_and_a_prune(
    make: Callable[..., str], engine: DockerEngine, docker_api: docker.APIClient, content: str
) -> None:
    container = make(service(mounts=[file("/etc/app.conf", b"one\n")], read_only=True, stop_signal="SIGKILL"))
    engine.stop(container)

    docker_api.prune_volumes(filters={"label": [f"gitopsd.environment={content}"]})
    engine.start(container)

    assert run_in(docker_api, container, "cat", "/etc/app.conf") == "one\n"


def test_filling_a_volume_leaves_no_carrier(
    make: Callable[..., str], docker_api: docker.APIClient, content: str
) -> None:
    make(service(mounts=[directory("/srv", {"page": b"carried away\n"})]), start=False)

    assert carriers(docker_api, content) == []


def test_a_carrier_has_no_anonymous_volumes_for_those_of_its_image(
    engine: DockerEngine, docker_api: docker.APIClient, images: Images, content: str
) -> None:
    image = engine.image(images.busybox("gitopsd-test/two-volumes:1", changes=[*STEADY, "VOLUME /data /log"]))
    assert image is not None
    each = service(mounts=[directory("/srv", {"page": b"carried\n"})])
    (volume,) = created(each, image, environment=content).volumes
    docker_api.create_volume(volume.name, labels=dict(volume.labels))

    carrier = docker_api.create_container_from_config({**volume.carrier})  # type: ignore[no-untyped-call]

    mounts = docker_api.inspect_container(carrier)["Mounts"]
    docker_api.remove_container(carrier, v=True)
    assert [mount["Name"] for mount in mounts if mount["Type"] == "volume"] == [volume.name]


def test_a_volume_that_a_crash_left_empty_is_filled_and_its_carrier_cleared_away(
    make: Callable[..., str], engine: DockerEngine, docker_api: docker.APIClient, images: Images, content: str
) -> None:
    each = service(mounts=[directory("/srv", {"page": b"after the crash\n"})], stop_signal="SIGKILL")
    image = engine.image(images.busybox("gitopsd-test/steady:1", changes=STEADY))
    assert image is not None
    (volume,) = created(each, image, environment=content).volumes
    docker_api.create_volume(volume.name, labels=dict(volume.labels))
    docker_api.create_container_from_config({**volume.carrier, "Image": image.id})  # type: ignore[no-untyped-call]

    container = make(each)

    assert run_in(docker_api, container, "cat", "/srv/page") == "after the crash\n"
    assert carriers(docker_api, content) == []


def test_a_volume_in_use_is_not_touched_by_the_next_container(
    make: Callable[..., str], docker_api: docker.APIClient
) -> None:
    each = service(mounts=[directory("/srv", {"page": b"kept\n"})], stop_signal="SIGKILL")
    first = make(each)
    made_at = run_in(docker_api, first, "stat", "-c", "%z", "/srv/page")

    make(each, slot=2)

    assert run_in(docker_api, first, "stat", "-c", "%z", "/srv/page") == made_at


def test_many_claims_at_once_have_one_winner(engine: DockerEngine, project: str) -> None:
    winners: list[str] = []
    threads = [
        threading.Thread(target=lambda me=str(number): winners.append(engine.claim(project, me)))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.disclaim(project)

    assert (len(winners), len(set(winners))) == (12, 1)


@pytest.mark.parametrize("looked", [True, False])
def test_a_stop_waits_for_the_containers_own_grace(
    make: Callable[..., str], engine_url: str, docker_api: docker.APIClient, project: str, looked: bool
) -> None:
    """Longer than an answer may otherwise be silent, whether it was looked at before or not."""
    script = "trap 'sleep 1; exit 7' TERM; while true; do sleep 0.05; done"
    container = make(service(command=["sh", "-c", script], stop_grace_period="8s"))
    impatient = connect(TargetEngine(engine_url), {}, timeout=TIMEOUT)
    if looked:
        assert impatient.observe(project).instances

    impatient.stop(container)

    assert docker_api.inspect_container(container)["State"]["ExitCode"] == 7


def test_limits_are_really_there_after_an_update(
    make: Callable[..., str], engine: DockerEngine, docker_api: docker.APIClient
) -> None:
    container = make(service(mem_limit="67108864", cpus=0.5, stop_signal="SIGKILL"))
    wanted = update_body(
        sealed(service(mem_limit="268435456", cpus=1.5, deploy={"resources": {"limits": {"pids": 50}}}))
    )

    assert engine.update(container, wanted) == ()

    host = docker_api.inspect_container(container)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (268435456, 1_500_000_000, 50)


def test_what_the_engine_ignores_is_told(make: Callable[..., str], engine: DockerEngine) -> None:
    container = make(service(stop_signal="SIGKILL"))

    assert engine.update(
        container, {"Labels": {"a": "b"}, "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}
    ) == ("Labels",)


def test_a_crash_loop_is_seen_as_it_goes_round(make: Callable[..., str], engine: DockerEngine, project: str) -> None:
    make(service(restart="always", command=["sh", "-c", "exit 1"]))

    eventually(lambda: engine.observe(project).instances[0].restart_count >= 2)


def test_an_event_makes_the_next_look_an_honest_one(
    make: Callable[..., str], engine: DockerEngine, docker_api: docker.APIClient, project: str
) -> None:
    """An update by hand shows nowhere in the list of containers."""
    container = make(service(stop_signal="SIGKILL"))
    heard: list[str] = []
    listener = threading.Thread(
        target=lambda: heard.extend(event.action for event in engine.events(datetime.now(UTC))), daemon=True
    )
    listener.start()
    eventually(lambda: docker_api.rename(container, f"{project}-{time.monotonic_ns()}") or "rename" in heard or heard)
    engine.observe(project)

    docker_api.update_container(container, restart_policy={"Name": "always"})

    eventually(lambda: engine.observe(project).instances[0].restart_policy == "always")
    engine.close_events()
    listener.join(timeout=10)


def test_the_log_is_bounded(make: Callable[..., str], engine: DockerEngine) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i 0123456789; i=$((i+1)); done; echo last"
    container = make(service(command=["sh", "-c", script]))

    log = eventually(lambda: (text := engine.logs(container, 5000)).endswith("last\n") and text)

    assert 15_000 < len(log) <= 16 * 1024
    assert engine.logs(container, 1) == "last\n"


def test_a_log_that_the_driver_does_not_keep_is_empty(make: Callable[..., str], engine: DockerEngine) -> None:
    container = make(service(logging={"driver": "none"}, command=["echo", "a"]))

    assert engine.logs(container, 10) == ""


def test_an_image_is_shown_by_its_name_until_the_tag_moves_on(
    make: Callable[..., str], engine: DockerEngine, docker_api: docker.APIClient, images: Images, project: str
) -> None:
    if docker_api.info()["Driver"] == "overlayfs" and docker_api.version()["Version"].startswith("26."):
        pytest.skip("the containerd image store of 26 keeps no image whose tag has moved on")
    tag = "gitopsd-test/moving:1"
    image = engine.image(images.busybox(tag, changes=STEADY))
    assert image is not None
    each = service()
    state = prepared(engine, desired(each, project=project))
    first = engine.create(created(each, image, state))
    images.busybox(tag, {"/new": "new"}, STEADY)
    second = engine.create(created(each, image, state, slot=2))

    shown = [docker_api.inspect_container(container) for container in (first, second)]
    assert [found["Config"]["Image"] for found in shown] == [tag, image.id]
    assert {found["Image"] for found in shown} == {image.id}
