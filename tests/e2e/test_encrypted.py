"""Encrypted files of a repository on a real engine: what they hold gets into containers, and nowhere else.

The scan at the end looks for planted canaries wherever gitopsd writes or says something: its state directory, its log,
labels, answers, arguments and environment; after a release, a failure, drift and a rotated key.
"""

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyrage import encrypt, x25519

from tests.e2e.conftest import ONE, MakeRig
from tests.e2e.process import ask
from tests.e2e.rig import Rig, web

SOPS = str(Path(sys.executable).with_name("sops"))
CANARIES = ("canary-of-the-database", "canary-of-the-environment", "canary-of-a-mount")
ASKED = (
    ("status", "shop", "-o", "json"),
    ("plan", "shop"),
    ("drift", "shop", "-o", "json"),
    ("history", "shop", "-o", "json"),
    ("show", "1"),
    ("show", "2", "-o", "json"),
    ("events", "-o", "json"),
    ("diff", "shop", "1", "2"),
    ("why", "shop/web"),
)


@pytest.fixture
def key() -> x25519.Identity:
    return x25519.Identity.generate()


@pytest.fixture
def rig(make_rig: MakeRig, key: x25519.Identity) -> Rig:
    """A rig that has the key, and the program."""
    made = make_rig()
    (made.directory / "age.key").write_text(f"{key}\n")
    made.configure(secrets={"age_key_file": str(made.directory / "age.key"), "sops": SOPS})
    return made.start()


def by_age(key: x25519.Identity, text: str) -> str:
    return bytes(encrypt(text.encode(), [key.to_public()], True)).decode()


def by_sops(directory: Path, key: x25519.Identity, text: str) -> str:
    path = directory / "web.env"
    path.write_text(text)
    command = [SOPS, "encrypt", "--age", str(key.to_public()), str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    path.unlink()
    return done.stdout


def push(rig: Rig, key: x25519.Identity, database: str = CANARIES[0], **more: Any) -> str:
    service = web(
        ONE,
        env_file=["web.env"],
        secrets=[{"source": "db", "uid": "70", "gid": "71"}],
        volumes=["./token:/etc/token"],
        **more,
    )
    sealed = web(ONE, read_only=True, secrets=["db"])
    document = {"services": {"web": service, "sealed": sealed}, "secrets": {"db": {"file": "./db.age"}}}
    files = {
        "db.age": by_age(key, database),
        "web.env": by_sops(rig.directory, key, f"TOKEN={CANARIES[1]}\n"),
        "token": by_age(key, CANARIES[2]),
    }
    return rig.push_document(document, **files)


def said(rig: Rig) -> Iterator[tuple[str, bytes]]:
    """Whatever gitopsd has written down or answers, each with where that was."""
    for path in rig.state.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    yield "log", rig.process.words().encode()
    for words in ASKED:
        done = ask(rig.config, *words)
        yield " ".join(words), (done.stdout + done.stderr).encode()
    for row in rig.rows():
        yield f"labels of {row['Names']}", json.dumps(row["Labels"]).encode()
    for volume in rig.api.volumes()["Volumes"] or ():
        yield f"volume {volume['Name']}", json.dumps([volume["Name"], volume["Labels"]]).encode()
    for part in ("cmdline", "environ"):
        yield part, Path(f"/proc/{rig.process.pid}/{part}").read_bytes()


def found(rig: Rig) -> list[str]:
    """Where a canary shows, as it is or coded."""
    forms = [form for canary in CANARIES for form in (canary.encode(), b64encode(canary.encode())[:-4])]
    return [where for where, data in said(rig) if any(form in data for form in forms)]


@pytest.mark.timeout(300)
def test_encrypted_files_reach_their_containers_and_nothing_else(rig: Rig, key: x25519.Identity) -> None:
    rig.synced(push(rig, key))
    files = ("/run/secrets/db", "/etc/token")
    shown = [rig.run_inside("web-1", "stat", "-c", "%a %u %g", each).strip() for each in files]
    assert shown == ["400 70 71", "400 0 0"]
    assert [rig.run_inside("web-1", "cat", each) for each in files] == [CANARIES[0], CANARIES[2]]
    assert rig.run_inside("sealed-1", "cat", "/run/secrets/db") == CANARIES[0]
    assert CANARIES[1] in rig.run_inside("web-1", "env")
    before = rig.ids()

    other = x25519.Identity.generate()
    (rig.directory / "age.key").write_text(f"{key}\n{other}\n")
    rig.synced(push(rig, other))
    assert rig.ids() == before

    stranger = push(rig, x25519.Identity.generate(), "another canary")
    rig.eventually(lambda: rig.status().desired_revision == stranger and "for other keys" in rig.status().reason)
    assert rig.ids() == before

    command = ["sh", "-c", "echo the token is $$TOKEN; cat /run/secrets/db; exit 3"]
    never = {"health": {"tcp": {"port": 9}}}
    rig.rejected(push(rig, other, command=command, user="0", x=never))
    assert rig.ids() == before
    rig.run_inside("web-1", "sh", "-c", "echo changed > /run/secrets/db")
    rig.api.update_container(rig.container("web-1")["Id"], mem_limit="96m", memswap_limit="96m")
    rig.looks_again()

    assert found(rig) == []
    assert "the token is (hidden)" in json.dumps(rig.shown(2))
