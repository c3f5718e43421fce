"""Pulling: from a registry of our own, with credentials, and with every way it can fail."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.adapters.docker.pulling import Layers, split_reference, verdict
from gitopsd.model.errors import ImageMissing, ImageThrottled, ImageUnavailable
from gitopsd.model.settings import Registry as Credentials
from gitopsd.model.settings import TargetEngine
from tests.adapters.docker.registry import Registry
from tests.adapters.docker.scripted import Request, Said, ScriptedEngine, Stream

PASSWORD = "correct horse"


@pytest.fixture
def registry(docker_api: docker.APIClient) -> Iterator[Registry]:
    yield from serve(docker_api, "")


@pytest.fixture
def closed_registry(docker_api: docker.APIClient) -> Iterator[Registry]:
    """One that wants a password."""
    yield from serve(docker_api, PASSWORD)


def serve(api: docker.APIClient, password: str) -> Iterator[Registry]:
    registry = Registry(api.version()["Arch"], password)
    yield registry
    for image in api.images():
        for name in [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]:
            if name.startswith(registry.host):
                try:
                    api.remove_image(name, force=True)
                except docker.errors.ImageNotFound:
                    continue
    registry.close()


@pytest.fixture
def engine(engine_url: str) -> Iterator[DockerEngine]:
    found = connect(TargetEngine(engine_url), {})
    yield found
    found.close()


def test_a_pulled_image_is_known_by_its_digest(engine: DockerEngine, registry: Registry) -> None:
    reference = f"{registry.host}/web:1"
    said: list[str] = []

    pulled = engine.pull(reference, said.append)

    assert pulled == engine.image(reference)
    assert (pulled.digest, pulled.volumes) == (f"{registry.host}/web@{registry.digest}", ("/data",))
    assert pulled.identity == registry.digest
    assert any("of 1 layers" in line for line in said)


def test_an_image_can_be_pulled_by_its_digest(engine: DockerEngine, registry: Registry) -> None:
    pulled = engine.pull(f"{registry.host}/web@{registry.digest}", lambda _: None)

    assert pulled.identity == registry.digest


def test_one_tag_is_pulled_and_not_all_of_them(engine: DockerEngine, registry: Registry) -> None:
    engine.pull(f"{registry.host}/web", lambda _: None)

    assert not any("/tags/" in path for path in registry.asked)
    assert "/v2/web/manifests/latest" in registry.asked


def test_what_the_registry_does_not_have_is_missing(engine: DockerEngine, registry: Registry) -> None:
    registry.refuse["web"] = 404

    with pytest.raises(ImageMissing, match="web:1"):
        engine.pull(f"{registry.host}/web:1", lambda _: None)


def test_an_image_for_other_machines_only_is_missing(engine: DockerEngine, registry: Registry) -> None:
    with pytest.raises(ImageMissing, match=r"no matching manifest|no match for platform"):
        engine.pull(f"{registry.host}/foreign:1", lambda _: None)


def test_an_image_is_pulled_for_the_platform_that_is_asked_for(
    engine: DockerEngine, registry: Registry, docker_api: docker.APIClient
) -> None:
    here = f"linux/{docker_api.version()['Arch']}"

    assert engine.pull(f"{registry.host}/web:1", lambda _: None, here).platform == here
    with pytest.raises(ImageMissing, match=r"platform|there is none for"):
        engine.pull(f"{registry.host}/web:1", lambda _: None, "linux/s390x")


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_registry_that_cannot_tell_is_no_evidence(engine: DockerEngine, registry: Registry, status: int) -> None:
    registry.refuse["web"] = status

    with pytest.raises(ImageUnavailable):
        engine.pull(f"{registry.host}/web:1", lambda _: None)


def test_an_image_that_is_not_what_its_digest_says_is_not_taken(engine: DockerEngine, registry: Registry) -> None:
    registry.forged.add("web")

    with pytest.raises(ImageUnavailable, match=r"verif|unexpected commit digest"):
        engine.pull(f"{registry.host}/web@{registry.digest}", lambda _: None)

    assert engine.image(f"{registry.host}/web@{registry.digest}") is None


def test_a_registry_that_is_not_there_is_no_evidence(engine: DockerEngine) -> None:
    with pytest.raises(ImageUnavailable, match="connection refused"):
        engine.pull("127.0.0.1:9/web:1", lambda _: None)


def test_a_reference_that_is_none_says_so(engine: DockerEngine) -> None:
    with pytest.raises(ImageUnavailable, match="invalid"):
        engine.pull("UPPER CASE", lambda _: None)


def test_without_credentials_a_closed_registry_is_no_evidence(engine: DockerEngine, closed_registry: Registry) -> None:
    with pytest.raises(ImageUnavailable, match=r"unauthorized|no basic auth"):
        engine.pull(f"{closed_registry.host}/web:1", lambda _: None)


def test_credentials_come_from_the_settings_and_their_file_is_read_at_each_pull(
    engine_url: str, closed_registry: Registry, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("wrong\n")
    engine = connect(TargetEngine(engine_url), {closed_registry.host: Credentials("ci", file)})
    with pytest.raises(ImageUnavailable) as refused:
        engine.pull(f"{closed_registry.host}/web:1", lambda _: None)
    assert "wrong" not in str(refused.value)

    file.write_text(PASSWORD + "\n")

    assert engine.pull(f"{closed_registry.host}/web:1", lambda _: None).identity == closed_registry.digest


def test_a_password_file_that_is_missing_is_no_evidence(engine_url: str, tmp_path: Path) -> None:
    engine = connect(TargetEngine(engine_url), {"127.0.0.1:9": Credentials("ci", tmp_path / "none")})

    with pytest.raises(ImageUnavailable, match=r"credentials of 127\.0\.0\.1:9.*No such file"):
        engine.pull("127.0.0.1:9/web:1", lambda _: None)


def test_credentials_come_from_the_docker_configuration(
    engine: DockerEngine, closed_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {closed_registry.host: {"auth": login}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    assert engine.pull(f"{closed_registry.host}/web:1", lambda _: None).identity == closed_registry.digest


def test_credentials_come_from_a_helper(
    engine: DockerEngine, closed_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-test"
    answer = json.dumps({"ServerURL": closed_registry.host, "Username": "ci", "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {closed_registry.host: "test"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert engine.pull(f"{closed_registry.host}/web:1", lambda _: None).identity == closed_registry.digest


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("manifest for shop/web:9 not found: manifest unknown: manifest unknown", ImageMissing),
        ("repository shop/web not found: name unknown", ImageMissing),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", ImageMissing),
        ("no match for platform in manifest: not found", ImageMissing),
        ("image with reference shop/web was found but does not match the specified platform", ImageMissing),
        (
            "pull access denied for shop/web, repository does not exist or may require 'docker login': denied",
            ImageUnavailable,
        ),
        ("toomanyrequests: You have reached your pull rate limit", ImageThrottled),
        ("error from registry: You have reached your unauthenticated pull rate limit.", ImageThrottled),
        ("unexpected status from GET request to https://registry/v2/: 429 Too Many Requests", ImageThrottled),
        ("manifest for shop/web:429 not found: manifest unknown: manifest unknown", ImageMissing),
        ("write /var/lib/docker/tmp/x: no space left on device", ImageUnavailable),
        ("Get https://registry/v2/: dial tcp: lookup registry: no such host", ImageUnavailable),
        ("net/http: TLS handshake timeout", ImageUnavailable),
        ("unauthorized: authentication required", ImageUnavailable),
    ],
)
def test_only_the_registrys_own_no_is_evidence(message: str, error: type[Exception]) -> None:
    assert type(verdict(message)) is error


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("web", ("web", "latest")),
        ("shop/web:1.4", ("shop/web", "1.4")),
        ("registry:5000/shop/web", ("registry:5000/shop/web", "latest")),
        ("registry:5000/web:1", ("registry:5000/web", "1")),
        ("shop/web@sha256:aa", ("shop/web", "sha256:aa")),
        ("registry:5000/shop/web:1@sha256:aa", ("registry:5000/shop/web", "sha256:aa")),
    ],
)
def test_a_reference_is_split_so_that_one_image_is_pulled(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts


def test_progress_sums_up_layers_and_is_not_told_twice() -> None:
    said: list[str] = []
    layers = Layers(said.append)
    half = {"status": "Downloading", "progressDetail": {"current": 10_000_000, "total": 20_000_000}}

    layers.report({"status": "Pulling from shop/web", "id": "1.4"}, 0.0)
    layers.report({"status": "Already exists", "id": "a"}, 1.0)
    for now in (2.0, 2.1, 2.6):
        layers.report({**half, "id": "b"}, now)
    layers.report({"status": "Pull complete", "id": "b"}, 4.0)

    assert said == [
        "Pulling from shop/web",
        "1 of 1 layers",
        "1 of 2 layers, 10 of 20 MB",
        "2 of 2 layers, 20 of 20 MB",
    ]


def test_progress_says_when_the_engine_tries_a_layer_again() -> None:
    said: list[str] = []
    layers = Layers(said.append)

    layers.report({"status": "Already exists", "id": "a"}, 1.0)
    layers.report({"status": "Retrying in 5 seconds", "id": "b"}, 2.0)

    assert said == ["1 of 1 layers", "1 of 2 layers, retrying"]


def test_a_pull_that_fails_in_the_middle_is_told_by_its_last_line(tmp_path: Path) -> None:
    pieces = (b'{"status":"Downloading","id":"a"}\n', b'{"error":"no space left on device"}\n')

    def answers(request: Request) -> Said | None:
        return Stream(pieces) if "/images/create" in request.path else None

    server = ScriptedEngine(tmp_path / "docker.sock", answers)
    engine = connect(TargetEngine(server.url), {}, timeout=5)

    with pytest.raises(ImageUnavailable, match="pull shop/web:1: no space left"):
        engine.pull("shop/web:1", lambda _: None)
    server.close()
