"""Daemons that end, start again, and meet others."""

from typing import Any

import pytest

from tests.e2e.conftest import CRASHING, ONE, SICK, TWO, MakeRig
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.rig import Rig, web


def test_a_daemon_that_is_stopped_leaves_the_containers_running_and_takes_up_later(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    assert rig.process.stop() == 0
    assert rig.running() == {"web-1": ONE}
    commit = rig.push(worker=web(ONE), web=web(ONE))
    rig.start()
    rig.synced(commit)
    assert before.items() <= rig.ids().items()


def test_what_was_broken_while_no_daemon_ran_is_healed_at_its_start(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    rig.process.kill()
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.start()
    rig.eventually(lambda: rig.running() == {"web-1": ONE})


def test_a_release_goes_on_where_the_last_daemon_left_it(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    commit = rig.push(web=web(TWO, x={"min_ready": "2s"}))
    rig.eventually(lambda: len(rig.running()) == 2)
    rig.process.kill()
    rig.start()
    rig.synced(commit)
    assert len(rig.store.releases("shop")) == 2


def test_a_rollback_goes_on_where_the_last_daemon_left_it(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, x={"min_ready": "1s"})))
    before = rig.ids()
    commit = rig.push(web=web(SICK, x={"min_ready": "1s"}))
    rig.told("RolloutRollingBack")
    rig.process.kill()
    rig.start()
    rig.rejected(commit)
    assert rig.ids() == before


def test_a_lost_database_recreates_nothing(rig: Rig) -> None:
    job = {"image": "gitopsd-test/done:1", "restart": "no"}
    commit = rig.push(web=web(ONE, deploy={"replicas": 2}), store=web(ONE, volumes=["data:/data"]), migrate=job)
    rig.synced(commit)
    before = rig.ids()
    rig.process.stop()
    rig.forget_database()
    rig.start()
    rig.synced(commit)
    rig.looks_again()
    assert rig.ids() == before
    rig.synced(rig.push(web=web(ONE, deploy={"replicas": 2})))
    assert rig.names() == ["web-1", "web-2"]


def test_a_backup_that_was_taken_of_a_running_daemon_ends_at_what_git_says(
    rig: Rig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    backup = tmp_path_factory.mktemp("backup") / "state.tar.gz"
    rig.synced(rig.push(web=web(ONE)))
    rig.process.command("state", "backup", str(backup))
    commit = rig.push(web=web(TWO), worker=web(ONE))
    rig.synced(commit)
    refused = rig.process.command("state", "restore", str(backup), code=1)
    rig.process.stop()
    rig.process.command("state", "restore", str(backup))
    assert rig.release().revision != commit
    rig.start()
    rig.synced(commit)
    assert "another gitopsd" in refused
    assert rig.running() == {"web-1": TWO, "worker-1": ONE}
    assert rig.names() == ["web-1", "worker-1"]


def test_a_second_daemon_on_one_state_directory_is_turned_away(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    second = rig.process.once()
    assert second.returncode == 1
    assert "another gitopsd" in second.stderr
    assert "--state-dir" in second.stderr
    assert rig.process.alive()


def test_a_second_gitopsd_on_one_engine_leaves_the_project_to_its_owner(make_rig: MakeRig, proxy: EngineProxy) -> None:
    first = make_rig().start()
    first.synced(first.push(web=web(ONE)))
    before = first.ids()
    second = make_rig(engine=proxy.url, project=first.project).start()
    second.push(web=web(TWO))
    assert "belongs to another gitopsd" in second.held("owner")
    second.looks_again()
    assert proxy.writes == []
    assert first.ids() == before


@pytest.mark.parametrize(
    ("services", "code"),
    [
        ({"web": web(ONE)}, 0),
        ({"web": web(CRASHING, x={"min_ready": "500ms"})}, 3),
        ({"web": {"image": ONE, "imagee": "typo"}}, 1),
        ({"web": web("gitopsd-test/web:${TAG}")}, 2),
    ],
)
def test_a_single_run_ends_with_a_code_for_scripts(make_rig: MakeRig, services: dict[str, Any], code: int) -> None:
    rig = make_rig()
    rig.push(**services)
    done = rig.process.once()
    assert done.returncode == code, done.stderr
    again = rig.process.once()
    assert again.returncode == code, again.stderr
