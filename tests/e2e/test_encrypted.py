"""Encrypted files of a repository on a real engine: what they hold gets into containers, and nowhere else.

The scan at the end looks for planted canaries, also those of the host, wherever gitopsd writes or says something: its
state directory, its log as text and as JSON, labels, commands, pages, API, metrics, notifications, and the arguments
and environment of itself and of the programs that it starts; after a release, a rotated key, a failure and drift.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pyrage import encrypt, x25519

from gitopsd.__main__ import Wired
from gitopsd.cli.main import gitopsd
from tests.e2e.conftest import ONE, MakeRig
from tests.e2e.rig import Rig, web
from tests.e2e.scan import found, recorded
from tests.receivers import SECRET, Web
from tests.receivers import web as web_server

SOPS = str(Path(sys.executable).with_name("sops"))
CANARIES = ("canary-of-the-database", "canary-of-the-environment", "canary-of-a-mount")
OF_THE_HOST = ("canary-of-a-variable", "canary-of-a-secret")


@pytest.fixture
def key() -> x25519.Identity:
    return x25519.Identity.generate()


@pytest.fixture
def hooks() -> Iterator[Web]:
    with web_server() as made:
        yield made


@pytest.fixture
def rig(make_rig: MakeRig, key: x25519.Identity, hooks: Web, free_port: int) -> Rig:
    """A rig that has the key, the program, a variable and a secret of the host, and tells somebody."""
    made = make_rig()
    (made.directory / "age.key").write_text(f"{key}\n")
    (made.directory / "shop.env").write_text(f"HOSTED={OF_THE_HOST[0]}\n")
    (made.directory / "secret").write_text(SECRET)
    programs = recorded(made, SOPS, "git")
    made.configure(
        secrets={"age_key_file": str(made.directory / "age.key"), "sops": str(programs / "sops")},
        environments={"shop": {"vars_file": str(made.directory / "shop.env")}},
        notify=[{"webhook": {"url": f"{hooks.url}/hook", "secret_file": str(made.directory / "secret")}}],
    )
    made.process.listen = f"127.0.0.1:{free_port}"
    kept = ["secret", "set", "shop", "kept", "--config", str(made.config)]
    assert CliRunner().invoke(gitopsd, kept, obj=Wired(), input=OF_THE_HOST[1]).exit_code == 0
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
        secrets=[{"source": "db", "uid": "70", "gid": "71"}, "kept"],
        environment={"HOSTED": "${HOSTED}"},
        volumes=["./token:/etc/token"],
        **more,
    )
    sealed = web(ONE, read_only=True, secrets=["db"])
    secrets = {"db": {"file": "./db.age"}, "kept": {"external": True}}
    document = {"services": {"web": service, "sealed": sealed}, "secrets": secrets}
    files = {
        "db.age": by_age(key, database),
        "web.env": by_sops(rig.directory, key, f"TOKEN={CANARIES[1]}\n"),
        "token": by_age(key, CANARIES[2]),
    }
    return rig.push_document(document, **files)


@pytest.mark.timeout(500)
def test_encrypted_files_reach_their_containers_and_nothing_else(rig: Rig, key: x25519.Identity, hooks: Web) -> None:
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

    rig.process.stop()
    rig.configure(log={"format": "json"})
    rig.start()
    command = ["sh", "-c", "echo the token is $$TOKEN $$HOSTED; cat /run/secrets/*; exit 3"]
    never = {"health": {"tcp": {"port": 9}}}
    rig.rejected(push(rig, other, command=command, user="0", x=never))
    assert rig.ids() == before
    rig.run_inside("web-1", "sh", "-c", "echo changed > /run/secrets/db")
    rig.api.update_container(rig.container("web-1")["Id"], mem_limit="96m", memswap_limit="96m")
    rig.looks_again()

    rig.eventually(lambda: [call.json()["type"] for call in hooks.calls][-1:] == ["rolled-back"])
    (rig.state / "calls").write_bytes(b"".join(call.body for call in hooks.calls))

    planted = (*CANARIES, *OF_THE_HOST, SECRET, str(key))
    assert found(rig, planted, rig.state / "secrets" / "shop" / "kept") == []
    assert "the token is (hidden) (hidden)" in json.dumps(rig.shown(2))
    assert str(rig.directory / "age.key") in (rig.directory / "sops.record").read_text()
    assert json.loads(rig.process.words().splitlines()[-1])["environment"] == "shop"
