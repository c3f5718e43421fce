"""Secrets of the host on a real engine: how they get in, how a change is rolled out, and what a lost key does."""

from typing import Any

import pytest
from click.testing import CliRunner

from gitopsd.__main__ import Wired
from gitopsd.cli.main import gitopsd
from tests.e2e.conftest import ONE, MakeRig
from tests.e2e.rig import Rig, web

EXTERNAL = {"db": {"external": True}, "tls": {"external": True, "name": "tls_2031"}}


@pytest.fixture
def secretive(make_rig: MakeRig) -> Rig:
    """A rig whose environment has a vars_file and a directory of secrets."""
    rig = make_rig()
    (rig.directory / "secrets").mkdir()
    (rig.directory / "secrets" / "db").write_bytes(b"pass\x00word\n")
    (rig.directory / "shop.env").write_text("TOKEN=s3cret\n")
    named = {"vars_file": str(rig.directory / "shop.env"), "secrets_dir": str(rig.directory / "secrets")}
    rig.configure(environments={"shop": named})
    return rig.start()


def keep(rig: Rig, name: str, value: bytes) -> None:
    """Somebody types `gitopsd secret set shop NAME`."""
    command = ["secret", "set", "shop", name, "--config", str(rig.config)]
    done = CliRunner().invoke(gitopsd, command, obj=Wired(), input=value)
    assert (done.exit_code, done.output) == (0, f"shop: secret {name} is set\n")


def document() -> dict[str, Any]:
    """Secrets in every place that a fingerprint has for them."""
    job = {"image": "gitopsd-test/done:1", "restart": "no", "environment": ["TOKEN"]}
    services = {
        "web": web(
            ONE,
            environment={"TOKEN": "${TOKEN}"},
            labels={"note": "${TOKEN}"},
            secrets=["db", {"source": "tls", "target": "/etc/tls", "mode": 0o400}],
            configs=["both"],
            deploy={"replicas": 2},
        ),
        "sealed": web(ONE, read_only=True, secrets=["db", "tls"], hostname="${TOKEN}"),
        "plain": web(ONE),
        "migrate": job,
    }
    configs = {"both": {"content": "token: ${TOKEN}\n"}}
    networks = {"default": {"labels": {"note": "${TOKEN}"}}}
    return {"services": services, "secrets": EXTERNAL, "configs": configs, "networks": networks}


def test_secrets_of_the_host_are_files_in_the_container_and_a_change_is_rolled_out_at_once(secretive: Rig) -> None:
    rig = secretive
    commit = rig.push_document(document())
    held = rig.held("secrets")
    keep(rig, "tls_2031", b"of the store")
    rig.synced(commit)
    first = rig.run_inside("web-1", "cat", "/run/secrets/db"), rig.run_inside("sealed-1", "cat", "/run/secrets/tls")
    before = rig.ids()

    draft = rig.directory / "secrets" / ".db"
    draft.write_bytes(b"changed")
    draft.replace(rig.directory / "secrets" / "db")
    rig.eventually(lambda: rig.release().number == 2 and rig.release().outcome == "succeeded")
    rig.eventually(lambda: len(rig.ids()) == len(before))

    after = rig.ids()
    assert "the host has no secret tls_2031: neither" in held
    assert first == ("pass\x00word\n", "of the store")
    assert {rig.run_inside(name, "cat", "/run/secrets/db") for name in ("web-1", "web-2", "sealed-1")} == {"changed"}
    assert {name.split("-")[-2] for name in before if before[name] == after.get(name)} == {"plain", "migrate"}
    assert rig.release().cause == "on this host: secret db changed"


def test_a_lost_database_and_a_lost_key_recreate_nothing(secretive: Rig) -> None:
    rig = secretive
    commit = rig.push_document(document())
    keep(rig, "tls_2031", b"of the store")
    rig.synced(commit)
    before = rig.ids()
    rig.process.stop()
    rig.forget_database()
    (rig.state / "key").unlink()

    rig.start()
    status = rig.synced(commit)
    rig.looks_again()

    assert rig.ids() == before
    assert (status.sync, status.holds) == ("Synced", ())
    assert rig.told("SecretsCompared").message.endswith("compared by reading them: the same")
