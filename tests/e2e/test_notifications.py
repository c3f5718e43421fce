"""A daemon on a real engine tells real receivers what turned, once, also when it was killed meanwhile."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import ONE, SICK, TWO, MakeRig
from tests.e2e.rig import Rig, web
from tests.receivers import SECRET, TOKEN, ForgeServer, MailServer, Web, forge, mail_server, signed
from tests.receivers import web as web_server


def told(rig: Rig, directory: Path, hooks: Web, mails: MailServer, there: ForgeServer) -> None:
    """Name all of them in gitopsd.yaml."""
    (directory / "secret").write_text(SECRET)
    (directory / "token").write_text(TOKEN)
    hook = {"url": f"{hooks.url}/hook", "secret_file": str(directory / "secret")}
    mail = {
        "server": f"127.0.0.1:{mails.port}",
        "security": "none",
        "from": "gitopsd@example.com",
        "to": ["ada@example.com"],
    }
    token = {"token_file": str(directory / "token")}
    status = {**token, "forge": "gitea", "api": there.api, "project": there.project}
    repository = {"url": str(rig.repository.bare), "interval": "1s", "commit_status": status}
    rig.configure(
        notify=[{"webhook": hook}, {"mail": mail, "on": ["failed", "rolled-back", "recovered"]}],
        repository=repository,
        http={"public_url": "https://ops.example.com"},
        log={"format": "json"},
    )


def kinds(hooks: Web) -> list[str]:
    return [call.json()["type"] for call in hooks.calls]


def state(there: ForgeServer, commit: str) -> str:
    return there.states.get((commit, "gitopsd/shop"), {}).get("state", "")


def pushed(rig: Rig, there: ForgeServer, image: str) -> str:
    commit = rig.push(web=web(image))
    there.commits.add(commit)
    return commit


@pytest.mark.long
def test_what_turns_is_told_once_to_everybody_also_by_a_daemon_that_was_killed(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    with web_server() as hooks, mail_server() as mails, forge("gitea", set()) as there:
        rig = make_rig()
        told(rig, tmp_path, hooks, mails, there)
        rig.start()
        first = pushed(rig, there, ONE)
        rig.eventually(lambda: kinds(hooks) == ["succeeded"] and state(there, first) == "success")

        hooks.answers.append((503, {}))
        second = pushed(rig, there, SICK)
        rig.eventually(lambda: state(there, second) == "failure" and len(mails.mails) == 1)
        rig.process.kill()
        rig.start()
        rig.eventually(lambda: kinds(hooks)[-1] == "rolled-back" and len(hooks.calls) > 2)
        third = pushed(rig, there, TWO)
        rig.eventually(lambda: kinds(hooks)[-1] == "recovered" and state(there, third) == "success")

        taken = {call.headers["webhook-id"]: call.json()["type"] for call in hooks.calls}
        assert list(taken.values()) == ["succeeded", "rolled-back", "recovered"]
        assert all(signed(call) for call in hooks.calls)
        assert [each["Subject"] for each in rig.eventually(partial(two, mails))] == [
            "[gitopsd] shop: release 2 was rolled back",
            "[gitopsd] shop recovered: release 3 succeeded",
        ]
        assert there.states[second, "gitopsd/shop"]["target_url"] == "https://ops.example.com/releases/2"
        lines = [json.loads(line) for line in rig.process.words().splitlines()]
        assert {line["release"] for line in lines if line["environment"] == "shop"} >= {1, 2, 3}
        assert SECRET not in rig.process.words()
        assert TOKEN not in rig.process.words()


def two(mails: MailServer) -> list[object]:
    return list(mails.mails) if len(mails.mails) == 2 else []
