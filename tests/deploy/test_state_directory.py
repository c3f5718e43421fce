"""What gitopsd keeps on disk, logs and answers holds no secret in the clear, but for the file in which it keeps one."""

import gzip
from pathlib import Path

import docker
from click.testing import CliRunner

from gitopsd.__main__ import Wired
from gitopsd.cli.main import gitopsd
from tests.e2e.rig import Rig, web
from tests.images import Images

WEB = "gitopsd-test/secret-web:1"
LOUD = "gitopsd-test/secret-loud:1"
CHECK = "HEALTHCHECK --interval=200ms --timeout=5s --retries=1"
FIRST, SECOND, KEPT, FILE = b"zebra-crossing-42", b"pelican-crossing-43", b"toucan-crossing-44", b"puffin-crossing-45"
QUESTIONS = (
    "status shop",
    "plan",
    "drift",
    "history shop",
    "show 1",
    "show 2",
    "show 3",
    "diff shop 1 2",
    "why shop/web",
)


def test_no_secret_of_the_host_is_in_the_state_directory_the_log_a_backup_or_an_answer(
    tmp_path: Path, docker_api: docker.APIClient, engine_url: str, images: Images, project: str
) -> None:
    images.web(WEB, "a page")
    # It tells what it was given, in its log and in its health check, and fails.
    images.busybox(LOUD, changes=['CMD ["sh", "-c", "env; cat /run/secrets/*; exit 3"]', f'{CHECK} CMD ["env"]'])
    variables, directory = tmp_path / "production.env", tmp_path / "secrets"
    variables.write_bytes(b"TOKEN=" + FIRST)
    directory.mkdir()
    (directory / "file").write_bytes(FILE)
    named = {"vars_file": str(variables), "secrets_dir": str(directory)}
    rig = Rig(tmp_path / "rig", docker_api, engine_url, project, {"environments": {"shop": named}})
    (rig.directory / "kept").write_bytes(KEPT)
    said = ask(rig, f"secret set shop kept --file {rig.directory / 'kept'}")
    (rig.directory / "kept").unlink()

    def document(image: str, **more: object) -> dict[str, object]:
        service = web(image, environment={"TOKEN": "${TOKEN}"}, secrets=["token", "kept", "file"], **more)
        external = {"kept": {"external": True}, "file": {"external": True}}
        return {"services": {"web": service}, "secrets": {"token": {"environment": "TOKEN"}, **external}}

    try:
        rig.start()
        rig.synced(rig.push_document(document(WEB)))
        variables.write_bytes(b"TOKEN=" + SECOND)
        rig.eventually(lambda: rig.release().number == 2 and rig.release().outcome == "succeeded")
        rig.eventually(lambda: not rig.store.journal("shop").rollouts)
        inside = rig.run_inside("web-1", "cat", "/run/secrets/token", "/run/secrets/kept", "/run/secrets/file")
        rig.rejected(rig.push_document(document(WEB, entrypoint=["${TOKEN}"])))
        rig.rejected(rig.push_document(document(LOUD)))
        said += "".join(ask(rig, f"{question} -o {output}") for question in QUESTIONS for output in ("text", "json"))
        said += ask(rig, f"state backup {rig.directory / 'backup'}")
        logs = [str(event.data["logs"]) for event in rig.events("RolloutRollingBack") if "logs" in event.data]
    finally:
        rig.close()

    own = rig.state / "secrets" / "shop" / "kept"
    kept = {path: path.read_bytes() for path in rig.state.rglob("*") if path.is_file() and path != own}
    backup = gzip.decompress((rig.directory / "backup").read_bytes())
    everything = {**kept, "log": rig.process.words().encode(), "answers": said.encode(), "backup": backup}
    assert len(kept) > 3
    assert (own.read_bytes(), inside.encode()) == (KEPT, SECOND + KEPT + FILE)
    assert any("TOKEN=(hidden)" in each for each in logs)
    assert [
        (where, value) for where, data in everything.items() for value in (FIRST, SECOND, KEPT, FILE) if value in data
    ] == []


def ask(rig: Rig, line: str) -> str:
    """What the command line says."""
    return CliRunner().invoke(gitopsd, [*line.split(), "--config", str(rig.config)], obj=Wired()).output
