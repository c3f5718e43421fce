"""What the real `docker compose create` asks of an engine, held against what we would ask of it."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitopsd.engine_json import creation, instance_name, network_body, volume_body
from gitopsd.model.desired import DesiredState, Image, SealedService
from tests.engine_json.composed import composed
from tests.engine_json.recorder import IMAGE_ID, Body, Recorder, identity

Api = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """One Compose file: what it describes, and what the real command asked an engine of one API for."""

    desired: DesiredState
    recorder: Recorder
    api: Api

    def container(self, name: str) -> tuple[Body, Body]:
        """What Compose asked for, and we would, for the first container of a service; in comparable form."""
        service = self.desired.services[name]
        called = instance_name(service, self.desired.project, 1)
        shared = {each: instance_name(self.desired.services[each], self.desired.project, 1) for each in service.shares}
        sealed = SealedService(service, Image(service.image, IMAGE_ID), "v1:fingerprint", "in place", "config")
        ours = creation(
            *(sealed, self.desired),
            slot=1,
            name=called,
            release=1,
            carry={},
            api=self.api,
            joins={each: identity(container) for each, container in shared.items()},
        )
        connects, platform = self.recorder.connects.get(called, {}), self.recorder.platforms.get(called, "")
        return (
            comparable({**self.recorder.containers[called], "Connect": connects, "Platform": platform}),
            comparable({**ours.body, "Connect": dict(ours.connect), "Platform": ours.platform}),
        )

    def network(self, key: str) -> tuple[Body, Body]:
        network = self.desired.networks[key]
        ours = {**network_body(network, self.desired), "Name": network.name}
        return _with_defaults(self.recorder.networks[network.name]), _with_defaults(ours)

    def volume(self, key: str) -> tuple[Body, Body]:
        volume = self.desired.volumes[key]
        ours = {**volume_body(volume, self.desired), "Name": volume.name}
        return (
            comparable({"Driver": "local", **_without_nothing(self.recorder.volumes[volume.name])}),
            comparable({"Driver": "local", **_without_nothing(ours)}),
        )


@dataclass(frozen=True, slots=True)
class Compose:
    """The real command; `directory` is where it finds the file, and its home."""

    program: Path
    directory: Path

    def ask(self, document: Mapping[str, Any], api: Api) -> Asked:
        """Create the project of a Compose file on an engine that only listens."""
        printed = json.loads(self._run(document, "config", "--format", "json").stdout)
        with Recorder(api) as recorder:
            self._run(document, "create", url=recorder.url)
        return Asked(composed(printed), recorder, api)

    def refusal(self, document: Mapping[str, Any], api: Api) -> str:
        """Why Compose would not create the project; "" when it would."""
        with Recorder(api) as recorder:
            try:
                self._run(document, "create", url=recorder.url)
            except subprocess.CalledProcessError as refused:
                return str(refused.stderr).strip().splitlines()[-1]
        return ""

    def described(self, document: Mapping[str, Any]) -> DesiredState:
        return composed(json.loads(self._run(document, "config", "--format", "json").stdout))

    def _run(self, document: Mapping[str, Any], *command: str, url: str = "") -> "subprocess.CompletedProcess[str]":
        file = self.directory / "compose.yaml"
        file.write_text(json.dumps(document))
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "DOCKER_HOST": url}
        return subprocess.run(
            [self.program, "-f", file, *command],
            env={key: value for key, value in environment.items() if value},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )


def _with_defaults(network: Body) -> Body:
    """A network with what every engine fills in by itself."""
    found = comparable({"Driver": "bridge", **_without_nothing(network)})
    return {**found, "IPAM": {"Driver": "default", **found.get("IPAM", {})}}


# Lists whose order says nothing, and which Compose writes in another one every time.
UNORDERED = frozenset(("Env", "ExtraHosts", "Ulimits", "Mounts", "Binds", "Links", "CapAdd", "CapDrop"))
# Where an empty list is not the same as none.
TELLING = frozenset(("Cmd", "Entrypoint", "MaskedPaths", "ReadonlyPaths"))


def comparable(body: Mapping[str, Any]) -> Body:
    """A body without what says nothing, and with what both sides write in their own way in one form."""
    found = _without_nothing(body)
    found.pop("Image", None)  # by name here, by id there
    found.pop("AttachStdout", None)  # of a client that attaches, and none does
    found.pop("AttachStderr", None)
    found.pop("CheckDuplicate", None)  # engines from API 1.44 on look by themselves
    found["Labels"] = dict(_telling_labels(found.get("Labels", {})))
    if "ExposedPorts" in found:
        found["ExposedPorts"] = sorted(body["ExposedPorts"])
    if any("Links" in endpoint for endpoint in _endpoints(found)):
        found["HostConfig"].pop("Links", None)  # where endpoints have links, no engine looks for them here
    for endpoint in _endpoints(found):
        # Compose repeats a fixed address where an engine only tells the one that was assigned.
        endpoint.pop("IPAddress", None)
        endpoint.pop("IPv6Gateway", None)
    if "HostConfig" in found:
        _settle_host(found["HostConfig"])
    return found


def _settle_host(host: Body) -> None:
    """The same for its HostConfig."""
    # An engine takes no policy for `no`.
    host["RestartPolicy"] = host.get("RestartPolicy") or {"Name": "no"}
    # Volumes are mounted by mount specifications here; Compose uses the short form where there are no options.
    volumes = [bind for bind in host.get("Binds", ()) if not bind.startswith("/")]
    host["Binds"] = sorted(set(host.get("Binds", ())) - set(volumes))
    host["Mounts"] = sorted([*host.get("Mounts", ()), *map(_mounted, volumes)], key=json.dumps)


def _without_nothing(value: Any) -> Any:
    match value:
        case dict():
            found = {key: _without_nothing(each) for key, each in sorted(value.items())}
            return {
                key: sorted(each, key=json.dumps) if key in UNORDERED else each
                for key, each in found.items()
                if each not in (None, "", 0, False, {}, [0, 0]) and (each != [] or key in TELLING)
            }
        case list() | tuple():
            return [_without_nothing(each) for each in value]
        case _:
            return value


def _telling_labels(labels: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Without our own, and without those that hash a file or say where it lies."""
    hashed = ("config-hash", "image", "project.config_files", "project.working_dir")
    for key, value in labels.items():
        if key == "com.docker.compose.depends_on":
            yield key, sorted(value.split(","))
        elif not key.startswith("gitopsd.") and key.removeprefix("com.docker.compose.") not in hashed:
            yield key, value


def _endpoints(body: Body) -> Iterator[Body]:
    yield from body.get("NetworkingConfig", {}).get("EndpointsConfig", {}).values()
    yield from body.get("Connect", {}).values()


def _mounted(bind: str) -> Body:
    source, target, *mode = bind.split(":")
    read_only = {"ReadOnly": True} if "ro" in (mode[0].split(",") if mode else ()) else {}
    return {**read_only, "Source": source, "Target": target, "Type": "volume"}


Difference = tuple[str, Any, Any]


def differences(theirs: Any, ours: Any, path: str = "") -> list[Difference]:
    """Path, Compose's value and ours; of lists, what each has alone."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = sorted({*theirs, *ours})
        found = [differences(theirs.get(key), ours.get(key), f"{path}.{key}".lstrip(".")) for key in keys]
        return [difference for each in found for difference in each]
    if isinstance(theirs, list) and isinstance(ours, list):
        alone = [each for each in theirs if each not in ours], [each for each in ours if each not in theirs]
        return [(path, *alone)] if theirs != ours else []
    return [(path, theirs, ours)] if theirs != ours else []
