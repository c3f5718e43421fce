"""`docker compose -p NAME` works on what gitopsd runs, also after a replacement: people keep the commands they know."""

import json

from tests.e2e.compose import Compose
from tests.e2e.conftest import ONE, TWO, MakeRig
from tests.e2e.rig import Rig, web


def running(make_rig: MakeRig, *images: str) -> Rig:
    """Two replicas behind ports of the engine's choice, of one image after the other."""
    rig = make_rig().start()
    for image in images:
        rig.synced(rig.push(web=web(image, deploy={"replicas": 2}, ports=["127.0.0.1::8080"])))
    return rig


def test_the_commands_that_look(make_rig: MakeRig, compose: Compose) -> None:
    rig = running(make_rig, ONE, TWO)
    project = ("-p", rig.project)

    rows = [json.loads(line) for line in compose.says(*project, "ps", "--format", "json").splitlines()]
    assert {(row["Service"], row["State"], row["Name"]) for row in rows} == {
        ("web", "running", f"{rig.project}-web-{slot}") for slot in (1, 2)
    }
    assert (
        compose.says(*project, "exec", "-T", "--index", "2", "web", "hostname")
        == rig.ids()[f"/{rig.project}-web-2"][:12]
    )
    assert "httpd -f -v -p 8080" in compose.says(*project, "top", "web")
    address, _, port = compose.says(*project, "port", "--index", "2", "web", "8080").rpartition(":")
    assert (address, rig.fetch(int(port))) == ("127.0.0.1", "two\n")
    assert "web-2" in rig.eventually(lambda: compose.says(*project, "logs", "web"))
    projects = json.loads(compose.says("ls", "--format", "json"))
    assert [each["Status"] for each in projects if each["Name"] == rig.project] == ["running(2)"]


def test_what_is_stopped_by_hand_is_started_by_hand_while_the_environment_is_suspended(
    make_rig: MakeRig, compose: Compose
) -> None:
    rig = running(make_rig, ONE)
    rig.ask("suspend")
    before = rig.ids()

    compose.says("-p", rig.project, "stop", "web")
    rig.ask("suspend")
    stopped = rig.running()
    compose.says("-p", rig.project, "start", "web")

    assert stopped == {}
    assert rig.eventually(rig.running) == {"web-1": ONE, "web-2": ONE}
    assert rig.ids() == before


def test_what_is_stopped_by_hand_is_started_again_by_itself_otherwise(make_rig: MakeRig, compose: Compose) -> None:
    rig = running(make_rig, ONE)
    before = rig.ids()

    compose.says("-p", rig.project, "stop", "web")

    rig.eventually(lambda: rig.running() == {"web-1": ONE, "web-2": ONE})
    assert rig.ids() == before
