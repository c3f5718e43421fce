"""Real files of SOPS and age, opened with the right key, and each way in which that fails."""

import subprocess
import sys
from pathlib import Path

import pytest
from pyrage import encrypt, x25519

from gitopsd.adapters.unlocking import Unlocking
from gitopsd.model.errors import LockedError
from gitopsd.model.secret import lock_of
from gitopsd.model.settings import KeySettings

SOPS = str(Path(sys.executable).with_name("sops"))
CLEAR = {
    "yaml": b"services:\n    web:\n        image: shop/web:1\n        environment:\n            TOKEN: canary\n",
    "json": b'{\n\t"token": "canary"\n}',
    "env": b"TOKEN=canary\nOTHER=two\n",
    "bin": b"canary\x00\xff",
}


@pytest.fixture
def key(tmp_path: Path) -> x25519.Identity:
    return write_key(tmp_path / "age.key")


def write_key(path: Path) -> x25519.Identity:
    made = x25519.Identity.generate()
    path.write_text(f"# a comment\n{made}\n")
    return made


def sops(directory: Path, name: str, data: bytes, *keys: x25519.Identity) -> bytes:
    """A file as SOPS encrypts it."""
    path = directory / name
    path.write_bytes(data)
    recipients = ",".join(str(key.to_public()) for key in keys)
    command = [SOPS, "encrypt", "--age", recipients, str(path)]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def opened(tmp_path: Path, data: bytes) -> bytes:
    lock = lock_of(data)
    assert lock is not None
    return Unlocking(KeySettings(tmp_path / "age.key", SOPS)).unlock(data, lock)


@pytest.mark.parametrize("form", sorted(CLEAR))
def test_a_sops_file_is_opened(tmp_path: Path, key: x25519.Identity, form: str) -> None:
    data = sops(tmp_path, f"secret.{form}", CLEAR[form], key)
    assert b"canary" not in data
    assert opened(tmp_path, data).split() == CLEAR[form].split()


@pytest.mark.parametrize("armoured", [False, True])
def test_an_age_file_is_opened(tmp_path: Path, key: x25519.Identity, armoured: bool) -> None:
    assert opened(tmp_path, encrypt(b"canary", [key.to_public()], armoured)) == b"canary"


def test_a_file_in_the_clear_is_no_encrypted_one() -> None:
    assert [lock_of(data) for data in (*CLEAR.values(), b"", b"sops: {}\nmac: ENC[no\n")] == [None] * 6


@pytest.mark.parametrize("form", ["yaml", "age"])
def test_a_file_for_other_keys_says_so(tmp_path: Path, key: x25519.Identity, form: str) -> None:
    other = x25519.Identity.generate()
    data = sops(tmp_path, "s.yaml", CLEAR["yaml"], other) if form == "yaml" else encrypt(b"x", [other.to_public()])
    with pytest.raises(LockedError, match="encrypted for other keys than those in") as raised:
        opened(tmp_path, data)
    assert str(key) not in str(raised.value)


@pytest.mark.parametrize("form", ["yaml", "age"])
def test_a_file_that_was_tampered_with_says_so(tmp_path: Path, key: x25519.Identity, form: str) -> None:
    if form == "yaml":
        data = sops(tmp_path, "s.yaml", CLEAR["yaml"], key).replace(b"services:", b"service:", 1)
    else:
        sealed = bytearray(encrypt(b"canary", [key.to_public()]))
        sealed[-1] ^= 1
        data = bytes(sealed)
    with pytest.raises(LockedError, match="changed after it was encrypted"):
        opened(tmp_path, data)


def test_without_a_key_it_says_where_to_name_one() -> None:
    with pytest.raises(LockedError, match=r"no key is known here; name the file of the age keys in gitopsd\.yaml"):
        Unlocking().unlock(b"age-encryption.org/v1\n", "age")


def test_a_key_file_that_is_not_there_or_holds_no_key_says_so(tmp_path: Path) -> None:
    unlocking = Unlocking(KeySettings(tmp_path / "age.key"))
    with pytest.raises(LockedError, match="cannot be read: No such file"):
        unlocking.unlock(b"", "age")
    (tmp_path / "age.key").write_text("nothing\n")
    with pytest.raises(LockedError, match="holds no age key"):
        unlocking.unlock(b"", "age")


def test_without_the_program_it_says_how_to_get_it(tmp_path: Path, key: x25519.Identity) -> None:
    unlocking = Unlocking(KeySettings(tmp_path / "age.key", "no-such-sops"))
    with pytest.raises(LockedError, match="there is no program no-such-sops; install sops"):
        unlocking.unlock(b"", "sops-yaml")
