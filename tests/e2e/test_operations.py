"""What people ask for, and how the modes hold back."""

from tests.e2e.conftest import CRASHING, ONE, TWO, MakeRig
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.rig import Rig, web


def test_observe_mode_reports_and_writes_nothing(make_rig: MakeRig, proxy: EngineProxy) -> None:
    rig = make_rig(engine=proxy.url, mode="observe").start()
    commit = rig.push(web=web(ONE, volumes=["data:/data"]))
    rig.eventually(lambda: rig.status().desired_revision == commit)
    rig.looks_again()
    assert (rig.status().sync, rig.status().health) == ("OutOfSync", "Missing")
    assert proxy.writes == []


def test_observe_mode_leaves_alone_what_another_mode_brought_up(make_rig: MakeRig, proxy: EngineProxy) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=web(ONE)))
    rig.configure(mode="observe")
    rig.eventually(lambda: rig.status().mode == "observe")
    before = len(proxy.writes)
    rig.api.stop(rig.container()["Id"])
    rig.eventually(lambda: rig.status().sync == "OutOfSync")
    rig.looks_again()
    assert proxy.writes[before:] == []


def test_manual_mode_waits_for_a_sync(make_rig: MakeRig) -> None:
    rig = make_rig(mode="manual").start()
    commit = rig.push(web=web(ONE))
    assert "gitopsd sync shop" in rig.held("manual")
    assert rig.rows() == []
    assert "has begun" in rig.ask("sync")
    rig.synced(commit)
    second = rig.push(web=web(TWO))
    rig.eventually(lambda: rig.status().desired_revision == second)
    rig.looks_again()
    assert rig.running() == {"web-1": ONE}
    rig.ask("sync")
    rig.synced(second)


def test_a_sync_with_nothing_to_do_says_so(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    assert "nothing to do" in rig.ask("sync")


def test_suspension_stops_releases_and_healing_until_it_is_resumed(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    assert rig.ask("suspend", reason="inventory") == "suspended"
    second = rig.push(web=web(TWO))
    rig.api.stop(rig.container()["Id"])
    rig.eventually(lambda: rig.status().desired_revision == second and rig.status().sync == "OutOfSync")
    assert "inventory" in rig.held("suspended")
    assert rig.running() == {}
    rig.ask("resume")
    rig.synced(second)


def test_a_suspension_ends_by_itself(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    rig.ask("suspend", for_s=1)
    rig.synced(rig.push(web=web(TWO)))
    assert rig.status().holds == ()


def test_what_was_rejected_is_tried_again_on_request_only(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, x={"min_ready": "500ms"})))
    broken = rig.push(web=web(CRASHING, x={"min_ready": "500ms"}))
    rig.rejected(broken)
    releases = len(rig.store.releases("shop"))
    rig.looks_again()
    assert len(rig.store.releases("shop")) == releases
    assert "may be tried again" in rig.ask("retry")
    rig.eventually(lambda: len(rig.store.releases("shop")) == releases + 1)
    rig.rejected(broken)


def test_a_sync_that_pulls_looks_the_tags_up_anew(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    assert "nothing" in rig.ask("sync", pull=True) or rig.held("image")
    assert rig.running() == {"web-1": ONE}


def test_a_bad_edit_of_the_settings_keeps_the_old_ones_and_names_the_line(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    good = rig.config.read_text()
    rig.config.write_text(good + "moode: auto\n")
    lines = len(good.splitlines())
    assert f"gitopsd.yaml:{lines + 1}:1" in rig.told("SettingsInvalid").message
    rig.synced(rig.push(web=web(TWO)))


def test_an_environment_that_is_new_in_the_settings_is_taken_up_without_a_restart(rig: Rig) -> None:
    first = rig.repository.push({"elsewhere/compose.yaml": f"name: {rig.project}\nservices: {{web: {web(ONE)}}}\n"})
    rig.configure(environments={"shop": {"path": "elsewhere"}})
    rig.synced(first)
