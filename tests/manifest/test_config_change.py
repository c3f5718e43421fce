"""`x-gitopsd.on_config_change` and `flags`: which files are exchanged in place, and what that makes of digests."""

from typing import Any

import pytest

from gitopsd.model.desired import ContentMount, SealedService, Service
from gitopsd.model.errors import ManifestError
from gitopsd.model.parted import differing, known_part
from tests.manifest.compose_builders import a_service, a_state, sealed

TOP = "configs: {app: {file: ./app.conf}, other: {file: ./other.conf}}"
FILES = {"app.conf": "one", "other.conf": "other", "flags.yaml": "dark: false"}


def with_configs(extension: str, files: dict[str, str] | None = None, more: str = "") -> Service:
    keys = f"configs: [app, other], x-gitopsd: {{{extension}}}{more}"
    return a_service(keys, {**FILES, **(files or {})}, TOP)


def ways(service: Service) -> dict[str, str]:
    return {mount.target: mount.on_change for mount in service.mounts if isinstance(mount, ContentMount)}


def made(service: str, **files: str) -> SealedService:
    state = a_state(f"services: {{web: {{image: i, {service}}}}}\n{TOP}", {**FILES, **files})
    return sealed(state).services["web"]


@pytest.mark.parametrize(
    ("said", "app", "other"),
    [
        ("", "", ""),
        ("on_config_change: restart", "", ""),
        ("on_config_change: update", "update", "update"),
        ("on_config_change: signal:SIGHUP", "SIGHUP", "SIGHUP"),
        ("on_config_change: signal:usr1", "SIGUSR1", "SIGUSR1"),
        ("on_config_change: {app: update}", "update", ""),
        ("on_config_change: {app: signal:HUP, other: update}", "SIGHUP", "update"),
    ],
)
def test_a_word_goes_for_all_configs_or_for_each(said: str, app: str, other: str) -> None:
    assert ways(with_configs(said)) == {"/app": app, "/other": other}


@pytest.mark.parametrize(
    ("said", "target"),
    [("flags.yaml", "/etc/gitopsd/flags.yaml"), ("{file: flags.yaml, target: /srv/flags}", "/srv/flags")],
)
def test_flags_are_a_file_that_is_always_exchanged(said: str, target: str) -> None:
    assert ways(with_configs(f"flags: {said}")) == {"/app": "", "/other": "", target: "update"}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("on_config_change: sometimes", "expected restart, update, or signal:NAME such as signal:SIGHUP"),
        ("on_config_change: signal:SIGKILL", "expected restart, update, or signal:NAME"),
        ("on_config_change: signal:BELL", "expected restart, update, or signal:NAME"),
        ("on_config_change: {lost: update}", "no config of this service is called lost; it has app, other"),
        ("flags: lost.yaml", "'lost.yaml' is no file of the revision; add it"),
        ("flags: {target: /x}", "expected a file, or a mapping"),
        ("flags: {file: flags.yaml, target: x}", "expected an absolute path in the container"),
        ("flags: {file: flags.yaml, target: /app}", "two mounts have the target /app"),
        ("job: {}, on_config_change: update", "a job reads its files when it begins; remove the key"),
        ("job: {}, flags: flags.yaml", "a job reads its files when it begins; remove the key"),
    ],
)
def test_what_cannot_be_meant_is_told(said: str, message: str) -> None:
    with pytest.raises(ManifestError) as refused:
        with_configs(said)
    assert message in str(refused.value)


def test_a_file_that_is_exchanged_needs_no_new_container_but_is_another_version() -> None:
    service = "configs: [app, other], x-gitopsd: {on_config_change: {app: signal:HUP}, flags: flags.yaml}"
    before, after = made(service), made(service, **{"app.conf": "two"})

    assert before.fingerprint == after.fingerprint
    assert before.config_digest != after.config_digest
    assert differing(before.in_place, after.in_place) == ("SIGHUP",)


def test_a_file_that_is_not_exchanged_needs_a_new_container() -> None:
    service = "configs: [app, other], x-gitopsd: {on_config_change: {app: update}}"

    assert made(service).fingerprint != made(service, **{"other.conf": "two"}).fingerprint


def test_nothing_of_a_secret_file_that_is_exchanged_can_be_compared_without_the_key() -> None:
    manifest: dict[str, Any] = {
        "services": {"web": {"image": "i", "configs": ["c"], "x-gitopsd": {"on_config_change": "update"}}},
        "configs": {"c": {"environment": "TOKEN"}},
    }
    one, two = (sealed(a_state(manifest, variables={"TOKEN": each})).services["web"] for each in ("first", "second"))

    assert one.in_place != two.in_place
    assert one.config_digest != two.config_digest
    assert known_part(one.in_place) == known_part(two.in_place)
    assert known_part(one.config_digest) == known_part(two.config_digest)
