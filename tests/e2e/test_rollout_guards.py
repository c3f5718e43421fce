"""What happens to a rollout where much goes wrong at once: what is tolerated, what restarts, and a fleet that flaps.

What restarts does so three times and no more, as an engine waits longer and longer between two of them.
"""

from typing import Any

import pytest

from tests.e2e.client import client_of
from tests.e2e.conftest import CRASHING, ONE, TWO, MakeRig
from tests.e2e.rig import RESTING, WITHIN, Rig, answering, web
from tests.images import Images

LOST, FLAPS = "gitopsd-test/lost:1", "gitopsd-test/flaps:1"
RESTARTS, RESTARTS_WHEN_TOLD = "gitopsd-test/restarts:1", "gitopsd-test/restarts-when-told:1"
WELL = "echo one > /www/index.html"
THREE_TIMES = "echo again >> /again; [ $(grep -c again /again) -gt 3 ] || exit 3; exec sleep 3600"
PATIENT = {"crash_loop": {"restarts": 90}}  # what restarts is no crash loop, but for all that restarts beside it


@pytest.fixture(scope="module", autouse=True)
def _servers(images: Images) -> None:
    images.web(LOST, "lost")
    images.web(FLAPS, "one", [f'CMD ["sh", "-c", "{WELL}; exec httpd -f -p 8080 -h /www"]'])
    images.busybox(RESTARTS, changes=[f'CMD ["sh", "-c", "{THREE_TIMES}"]'])
    told = "until test -e /tmp/enough; do sleep 0.1; done"
    images.busybox(RESTARTS_WHEN_TOLD, changes=[f'CMD ["sh", "-c", "{told}; {THREE_TIMES}"]'])


def test_where_failures_are_to_be_passed_over_nothing_stops_and_nothing_is_rejected_and_all_are_told(rig: Rig) -> None:
    going_on = {"update_config": {"order": "start-first", "failure_action": "continue"}}
    rig.synced(rig.push(web=answering(ONE), beside=web(ONE)))
    client = client_of(rig)

    commit = rig.push(web=answering(LOST, deploy=going_on, x={"healthy_deadline": "2s"}), beside=web(TWO))
    rig.eventually(lambda: rig.release().outcome == "succeeded" and rig.release().number == 2)

    seen = client.seen()
    assert seen.fewest("one") >= 2, seen.failures()
    assert rig.running()["beside-1"] == TWO
    reason = rig.release().reason
    assert "web-1.gitopsd-2 was not ready within 2 s" in reason
    assert "web-2.gitopsd-2 was not ready within 2 s" in reason
    told = [event.message for event in rig.events("RolloutPassedOver")]
    assert [each.endswith("the rollout goes on (failure_action: continue)") for each in told] == [True, True]
    rig.eventually(lambda: (rig.status().revision, rig.status().sync) == (commit, "OutOfSync"))
    assert not rig.status().holds
    assert not rig.store.journal("shop").rejected


@pytest.mark.long  # Docker 20.10 takes up to a minute to stop what it is about to restart
def test_new_instances_that_restart_too_often_together_are_turned_back_though_none_is_in_a_loop(rig: Rig) -> None:
    how: dict[str, Any] = {"restart": "always", "x": {**PATIENT, "restart_storm": {"restarts": 5}, "min_ready": "60s"}}
    at_once = {"replicas": 2, "update_config": {"parallelism": 2}}
    rig.synced(rig.push(web=web(ONE, deploy={"replicas": 2})))

    reason = rig.rejected(rig.push(web=web(RESTARTS, deploy=at_once, **how)), within=2 * WITHIN)

    assert "restarts of new instances within 600 s" in reason
    assert rig.running() == {"web-1": ONE, "web-2": ONE}


def test_where_much_restarts_on_an_engine_nothing_begins_and_what_is_under_way_holds_until_it_is_over(
    make_rig: MakeRig,
) -> None:
    storms = {"restarts": 3, "within": "1h"}
    rig = make_rig(guards={"restart_storm": storms}).start()
    rig.synced(rig.push("raging", web=web(RESTARTS_WHEN_TOLD, restart="always", x=PATIENT)), "raging")
    rig.synced(rig.push(web=answering(ONE)))
    rig.push(web=answering(TWO, deploy=RESTING))
    rig.eventually(lambda: rig.running() == {"web-1": TWO, "web-2": ONE})

    made = rig.api.exec_create(rig.container(environment="raging")["Id"], ["touch", "/tmp/enough"])
    rig.api.exec_start(made["Id"])
    assert "restarts on this engine within 3600 s" in rig.held("restart-storm")
    newest = rig.push("late", web=web(ONE))
    assert "restarts on this engine within 3600 s" in rig.held("restart-storm", "late")
    rig.ask("promote", service="", rollout=True)  # nobody waits for the rest between two slots any more
    rig.looks_again()
    assert rig.running() == {"web-1": TWO, "web-2": ONE}
    assert rig.store.releases("late") == ()

    rig.configure(guards={"restart_storm": {**storms, "restarts": 1000}})
    rig.synced(newest)
    rig.synced(newest, "late")
    assert rig.running() == {"web-1": TWO, "web-2": TWO}


def test_a_fleet_that_fails_its_checks_for_a_moment_loses_one_place_at_a_time_to_newer_content(rig: Rig) -> None:
    def push(image: str) -> str:
        fleet = answering(image, 3, deploy={"update_config": {"order": "stop-first"}})
        return rig.push_document({"services": {"web": fleet}, "x-gitopsd": {"heal": {"unhealthy": "report"}}})

    rig.synced(push(FLAPS))
    before, seen = rig.ids(), rig.witness()
    for name in rig.names():
        rig.run_inside(name, "rm", "/www/index.html")
    rig.eventually(lambda: rig.status().health == "Degraded")

    commit = push(CRASHING)
    rig.told("RolloutRollingBack")
    for name in ("web-2", "web-3"):
        rig.run_inside(name, "sh", "-c", WELL)

    assert "web-1.gitopsd-2 exited with code 3" in rig.rejected(commit)
    assert [each.removeprefix(f"die {rig.project}-") for each in seen.story("die")] == ["web-1", "web-1.gitopsd-2"]
    assert rig.ids() == before
