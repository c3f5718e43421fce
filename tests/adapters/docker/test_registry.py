"""Pulling from a real registry, open and closed, and through one that answers 429, trickles, breaks off or hangs."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.model.errors import ImageMissing, ImageThrottled, ImageUnavailable
from gitopsd.model.settings import Registry as Login
from gitopsd.model.settings import TargetEngine
from tests.registry import PASSWORD, USER, MakeRegistry, Registry, remove_images
from tests.registry_front import BreakOff, Busy, Front, Hang, Trickle

IMPATIENT_S = 1.0  # a pull may be silent five times as long


@pytest.fixture
def engine(engine_url: str) -> Iterator[DockerEngine]:
    found = connect(TargetEngine(engine_url), {}, timeout=IMPATIENT_S)
    yield found
    found.close()


@pytest.fixture
def registry(make_registry: MakeRegistry) -> Registry:
    return make_registry()


@pytest.fixture
def closed(make_registry: MakeRegistry) -> Registry:
    return make_registry(closed=True)


@pytest.fixture
def front(registry: Registry, docker_api: docker.APIClient) -> Iterator[Front]:
    """In front of the registry; its images go with it."""
    made = Front(registry.host)
    yield made
    made.close()
    remove_images(docker_api, made.host)


def lets_go(api: docker.APIClient) -> bool:
    """Engines before 27 that keep images with containerd let an image go when its tag moves."""
    in_containerd = ["driver-type", "io.containerd.snapshotter.v1"] in (api.info()["DriverStatus"] or ())
    return in_containerd and int(api.version()["Version"].partition(".")[0]) < 27


def pull(engine: DockerEngine, reference: str) -> list[str]:
    """Pull, and give back what was told meanwhile."""
    said: list[str] = []
    engine.pull(reference, said.append)
    return said


def test_an_image_is_known_by_the_digest_that_it_was_pushed_with(engine: DockerEngine, registry: Registry) -> None:
    digest = registry.push("shop/web:1")

    pulled = engine.pull(f"{registry.host}/shop/web:1", lambda _: None)

    assert pulled.digest == f"{registry.host}/shop/web@{digest}"
    assert engine.pull(pulled.digest, lambda _: None).id == pulled.id


def test_a_tag_that_moved_brings_the_other_image_and_the_old_one_stays(
    engine: DockerEngine, registry: Registry, docker_api: docker.APIClient
) -> None:
    reference = f"{registry.host}/shop/web:1"
    registry.push("shop/web:1")
    old = engine.pull(reference, lambda _: None)

    digest = registry.push("shop/web:1")
    assert engine.image(reference) == old
    new = engine.pull(reference, lambda _: None)

    assert new.identity == digest != old.identity
    assert engine.image(old.id) is not None or lets_go(docker_api)


def test_what_was_never_pushed_is_missing_by_tag_repository_and_digest(
    engine: DockerEngine, registry: Registry
) -> None:
    digest = registry.push("shop/web:1")
    registry.delete("shop/web", digest)

    for name in ("shop/web:2", "shop/nothing:1", "shop/web:1", f"shop/web@{digest}"):
        with pytest.raises(ImageMissing):
            engine.pull(f"{registry.host}/{name}", lambda _: None)


def test_a_registry_that_is_stopped_is_no_evidence_and_serves_again_later(
    engine: DockerEngine, registry: Registry
) -> None:
    registry.push("shop/web:1")
    registry.stop()
    with pytest.raises(ImageUnavailable, match="connection refused"):
        engine.pull(f"{registry.host}/shop/web:1", lambda _: None)

    registry.start()

    assert engine.pull(f"{registry.host}/shop/web:1", lambda _: None)


def test_a_closed_registry_wants_its_password_and_a_wrong_one_is_not_told(
    engine_url: str, engine: DockerEngine, closed: Registry, tmp_path: Path
) -> None:
    closed.push("shop/web:1")
    reference, file = f"{closed.host}/shop/web:1", tmp_path / "password"
    file.write_text("wrong-password")
    logged_in = connect(TargetEngine(engine_url), {closed.host: Login(USER, file)})
    with pytest.raises(ImageUnavailable, match="no basic auth credentials"):
        engine.pull(reference, lambda _: None)
    with pytest.raises(ImageUnavailable, match=r"(?i)unauthorized") as refused:
        logged_in.pull(reference, lambda _: None)
    assert "wrong-password" not in str(refused.value)

    file.write_text(PASSWORD)

    assert logged_in.pull(reference, lambda _: None).digest


def test_a_docker_login_and_a_credential_helper_open_it_too(
    engine: DockerEngine, closed: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed.push("shop/web:1")
    helper = tmp_path / "docker-credential-vault"
    asked = tmp_path / "asked"
    secret = json.dumps({"ServerURL": closed.host, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\nread -r server\necho \"$1 $server\" >>'{asked}'\necho '{secret}'\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {closed.host: "vault"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert engine.pull(f"{closed.host}/shop/web:1", lambda _: None).digest
    assert asked.read_text() == f"get {closed.host}\n"


def test_a_credential_helper_that_fails_is_no_evidence(
    engine: DockerEngine, closed: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-vault"
    helper.write_text("#!/bin/sh\necho the vault is sealed >&2\nexit 1\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {closed.host: "vault"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(ImageUnavailable, match=f"credentials of {closed.host}"):
        engine.pull(f"{closed.host}/shop/web:1", lambda _: None)


@pytest.mark.parametrize("part", ["/v2/", "manifests", "blobs"])
def test_a_registry_that_counts_who_asks_is_told_from_one_that_is_away(
    engine: DockerEngine, registry: Registry, front: Front, part: str
) -> None:
    registry.push("shop/web:1")
    front.fault(part, Busy(retry_after=7))

    with pytest.raises(ImageThrottled, match=r"you have reached your pull rate limit|429 Too Many"):
        engine.pull(f"{front.host}/shop/web:1", lambda _: None)


def test_a_slow_registry_only_takes_its_time_and_tells_how_far_it_is(
    engine: DockerEngine, registry: Registry, front: Front
) -> None:
    registry.push("shop/web:1", filler=2_000_000)
    front.fault("blobs", Trickle(pause_s=0.003))

    said = pull(engine, f"{front.host}/shop/web:1")

    assert [words for words in said if re.fullmatch(r"[01] of [12] layers, \d of [23] MB", words)]


def test_a_registry_that_hangs_is_given_up_wherever_it_does_and_is_no_evidence(
    engine: DockerEngine, registry: Registry, front: Front
) -> None:
    """It hangs before its first word, at a manifest, and at a layer; all three at once, as each takes 5 s."""
    registry.push("shop/web:1")
    registry.push("shop/db:1")
    front.fault("/v2/shop/web/manifests", Hang())
    front.fault("/v2/shop/db/blobs", Hang())
    mute = Front(registry.host)
    mute.fault("", Hang())
    references = [f"{front.host}/shop/web:1", f"{front.host}/shop/db:1", f"{mute.host}/shop/web:1"]

    with ThreadPoolExecutor() as pool:
        errors = [pulling.exception() for pulling in [pool.submit(pull, engine, each) for each in references]]
    mute.close()

    assert {type(error) for error in errors} == {ImageUnavailable}
    assert all("nothing was heard of it for 5 s: the registry hangs" in str(error) for error in errors)


def test_a_registry_that_breaks_off_is_asked_again_for_the_rest(
    engine: DockerEngine, registry: Registry, front: Front
) -> None:
    registry.push("shop/web:1", filler=100_000)
    front.fault("blobs", BreakOff(after=2048), times=2)  # the image's configuration is shorter than that

    pull(engine, f"{front.host}/shop/web:1")

    assert engine.image(f"{front.host}/shop/web:1") is not None
    assert max(Counter(each for each in front.asked if "/blobs/" in each).values()) > 1


@pytest.mark.long
def test_a_registry_that_always_breaks_off_is_no_evidence(
    engine: DockerEngine, registry: Registry, front: Front
) -> None:
    registry.push("shop/web:1", filler=100_000)
    front.fault("blobs", BreakOff(after=2048))

    with pytest.raises(ImageUnavailable, match="unexpected EOF"):
        engine.pull(f"{front.host}/shop/web:1", lambda _: None)
