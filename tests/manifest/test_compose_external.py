"""Configs and secrets whose values the host has: named by the manifest, filled in afterwards, hidden throughout."""

import pytest

from gitopsd.manifest import with_secrets
from gitopsd.model.desired import ContentMount, DesiredState
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_state, sealed

MANIFEST = """
services:
  web: {image: i, secrets: [db, {source: tls, target: /etc/tls, mode: 0400}], configs: [app]}
  other: {image: i}
  off: {image: i, profiles: [never], secrets: [unused]}
secrets:
  db: {external: true}
  tls: {external: true, name: tls_2031}
  unused: {external: true}
configs:
  app: {external: true}
"""
VALUES = {"db": b"s3cret", "tls_2031": b"\x00\xff", "app": b"debug: false\n"}


def mounts(state: DesiredState) -> list[ContentMount]:
    return [mount for mount in state.services["web"].mounts if isinstance(mount, ContentMount)]


def test_a_state_names_what_its_enabled_services_need_of_the_host() -> None:
    state = a_state(MANIFEST)

    assert [(each.name, str(each.place), each.path) for each in state.external] == [
        ("app", "shop/compose.yaml:11:3", "configs.app"),
        ("db", "shop/compose.yaml:7:3", "secrets.db"),
        ("tls_2031", "shop/compose.yaml:8:3", "secrets.tls"),
    ]


def test_the_hosts_values_are_delivered_where_the_manifest_says() -> None:
    state = with_secrets(a_state(MANIFEST), VALUES, {})

    assert [(each.target, each.grant, each.content.files[0].mode) for each in mounts(state)] == [
        ("/app", "config app", 0o444),
        ("/run/secrets/db", "secret db", 0o444),
        ("/etc/tls", "secret tls", 0o400),
    ]
    assert [each.content.files[0].data for each in mounts(state)] == [VALUES["app"], VALUES["db"], VALUES["tls_2031"]]
    assert all(each.content.secret for each in mounts(state))
    assert state.missing == ()


def test_what_the_host_does_not_have_is_told_where_the_manifest_asks_for_it() -> None:
    values = {"app": VALUES["app"]}

    state = with_secrets(a_state(MANIFEST), values, {"db": "no db here", "tls_2031": "no tls here"})

    assert [str(problem) for problem in state.missing] == [
        "shop/compose.yaml:7:3: secrets.db: no db here",
        "shop/compose.yaml:8:3: secrets.tls: no tls here",
    ]


@pytest.mark.parametrize("name", ["db", "tls_2031", "app"])
def test_another_value_is_another_fingerprint_of_the_service_that_uses_it(name: str) -> None:
    before = sealed(with_secrets(a_state(MANIFEST), VALUES, {}))
    after = sealed(with_secrets(a_state(MANIFEST), {**VALUES, name: b"another"}, {}))

    changed = [
        each for each in before.services if before.services[each].fingerprint != after.services[each].fingerprint
    ]
    assert changed == ["web"]


@pytest.mark.parametrize("name", ["../etc/shadow", "a/b", ".hidden", "x" * 65, "-f", "a b"])
def test_the_name_of_a_secret_cannot_lead_to_another_file(name: str) -> None:
    with pytest.raises(ManifestError, match="cannot be the name of a secret of the host; write at most 64 letters"):
        a_state(f"services: {{web: {{image: i, secrets: [s]}}}}\nsecrets: {{s: {{external: true, name: '{name}'}}}}")
