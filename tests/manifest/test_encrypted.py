"""Encrypted files of a repository: what comes out of them is secret by origin, and what cannot be opened is told."""

from collections.abc import Mapping

import pytest

from gitopsd.manifest import Loaded, load_all, seal
from gitopsd.model.desired import ContentMount, Image, SealedState, Service
from gitopsd.model.errors import LockedError, ManifestError
from gitopsd.model.files import Files
from gitopsd.model.secret import Lock

AGE = b"age-encryption.org/v1\n"
KEY = b"a key"


def locked(clear: str, turn: int = 1) -> bytes:
    """As age would have it, but for the encryption; a file of another `turn` has the same content."""
    return AGE + b"%d\n" % turn + clear.encode()


def unlock(data: bytes, lock: Lock) -> bytes:
    if lock == "sops-yaml":
        return data.split(b"\nsops:")[0].replace(b"ENC[canary]", b"canary")
    return data.split(b"\n", 2)[2]


def refuse(data: bytes, lock: Lock) -> bytes:
    raise LockedError("it is encrypted for other keys; add the right one")


def read(compose: str | bytes, files: Mapping[str, str | bytes] | None = None, opens=unlock) -> Loaded:  # type: ignore[no-untyped-def]
    contents = {"shop/compose.yaml": compose, **{f"shop/{path}": data for path, data in (files or {}).items()}}
    return load_all(Files.of(contents).unlocked_by(opens), "shop", "shop", variables={})


def web(loaded: Loaded) -> Service:
    return loaded.desired.services["web"]


def sealed(loaded: Loaded) -> SealedState:
    return seal(loaded.desired, {"web": Image("i", "sha256:1")}, KEY, "r", "inputs")


SECRET = "services: {web: {image: i, secrets: [{source: db, uid: '70', gid: '71'}]}}\nsecrets: {db: {file: ./db.age}}\n"
ENVIRONMENT = "services: {web: {image: i, env_file: [web.env]}}\n"


def test_an_encrypted_secret_is_a_file_that_only_its_declared_owner_reads() -> None:
    [mount] = web(read(SECRET, {"db.age": locked("canary")})).mounts
    assert isinstance(mount, ContentMount)
    [file] = mount.content.files
    assert (file.data, file.mode, file.uid, file.gid) == (b"canary", 0o400, 70, 71)
    assert mount.content.secret


def test_a_mode_that_is_written_counts() -> None:
    compose = SECRET.replace("gid: '71'", "mode: 0440")
    [mount] = web(read(compose, {"db.age": locked("canary")})).mounts
    assert isinstance(mount, ContentMount)
    assert mount.content.files[0].mode == 0o440


@pytest.mark.parametrize("mount", ["./key:/key", "./keys:/keys"])
def test_an_encrypted_file_that_is_mounted_is_secret(mount: str) -> None:
    compose = f"services: {{web: {{image: i, volumes: ['{mount}']}}}}\n"
    [found] = web(read(compose, {"key": locked("canary"), "keys/one": locked("canary")})).mounts
    assert isinstance(found, ContentMount)
    assert (found.content.secret, found.content.files[0].mode) == (True, 0o400)


@pytest.mark.parametrize("form", ["", ", format: raw"])
def test_the_variables_of_an_encrypted_env_file_are_hidden(form: str) -> None:
    compose = ENVIRONMENT.replace("[web.env]", f"[{{path: web.env{form}}}]")
    service = web(read(compose, {"web.env": locked("TOKEN=canary\n")}))
    assert service.options["environment"] == {"TOKEN": "canary"}
    assert ("environment", "TOKEN") in service.hidden


def test_all_values_of_a_wholly_encrypted_manifest_are_hidden() -> None:
    service = web(read(locked("services: {web: {image: i, environment: {TOKEN: canary}}}\n")))
    assert ("environment", "TOKEN") in service.hidden


def test_of_a_manifest_that_sops_encrypted_in_part_that_part_is_hidden() -> None:
    compose = (
        "services:\n  web:\n    image: i\n    environment:\n      TOKEN: ENC[canary]\n      NAME: shown\n"
        "sops:\n    mac: ENC[mac]\n"
    )
    service = web(read(compose))
    assert service.options["environment"] == {"TOKEN": "canary", "NAME": "shown"}
    assert service.hidden == {("environment", "TOKEN")}


@pytest.mark.parametrize(
    ("compose", "path", "place"),
    [(SECRET, "db.age", "secrets.db.file"), (ENVIRONMENT, "web.env", "env_file"), (locked("a: b"), "compose.yaml", "")],
)
def test_what_cannot_be_opened_is_told_with_its_place(compose: str | bytes, path: str, place: str) -> None:
    with pytest.raises(ManifestError) as raised:
        read(compose, {path: locked("TOKEN=canary")} if path != "compose.yaml" else {}, refuse)
    assert f"'shop/{path}' cannot be read: it is encrypted for other keys; add the right one" in str(raised.value)
    assert place in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(("compose", "path"), [(SECRET, "db.age"), (ENVIRONMENT, "web.env")])
def test_a_file_that_was_encrypted_anew_is_the_same_release(compose: str, path: str) -> None:
    one, two = (sealed(read(compose, {path: locked("TOKEN=canary", turn)})) for turn in (1, 2))
    assert one.content_digest == two.content_digest


@pytest.mark.parametrize(("compose", "path"), [(SECRET, "db.age"), (ENVIRONMENT, "web.env")])
def test_another_value_is_another_release_of_whom_it_concerns(compose: str, path: str) -> None:
    one, two = (sealed(read(compose, {path: locked(f"TOKEN={value}")})) for value in ("canary", "wren"))
    assert one.services["web"].fingerprint != two.services["web"].fingerprint
