"""What Prometheus reads: the words and numbers of environments, releases counted once, and labels that are bounded."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families as parse

from gitopsd.model.event import Event
from gitopsd.model.notice import Delivery, Notice, Told
from gitopsd.model.status import EnvironmentStatus, NodeStatus, Quorum, ServiceStatus
from tests.controller.house import compose
from tests.fakes.clock import NOON
from tests.fakes.containers import exits
from tests.web.conftest import Front


def scraped(front: Front) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = front.here.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def value(front: Front, name: str, **labels: str) -> float:
    return scraped(front)[name, tuple(sorted(labels.items()))]


def test_an_environment_stands_there_with_its_two_words(front: Front) -> None:
    words = {"environment": "shop", "sync": "Synced", "health": "Healthy", "mode": "auto"}
    assert value(front, "gitopsd_environment_info", **words) == 1
    assert value(front, "gitopsd_commits_behind", environment="shop") == 0
    assert value(front, "gitopsd_drift_fields", environment="shop") == 0
    assert value(front, "gitopsd_service_instances", environment="shop", service="web", state="ready") == 1


def test_a_release_is_counted_once_however_often_one_looks(own: Front) -> None:
    for _ in range(3):
        assert value(own, "gitopsd_release_total", environment="shop", outcome="succeeded") == 1
    own.house.synced(own.house.push({"shop/compose.yaml": compose("web:2")}), "shop")
    own.house.eventually(lambda: len(own.house.told("ReleaseEnded")) == 2)
    assert value(own, "gitopsd_release_total", environment="shop", outcome="succeeded") == 2
    assert value(own, "gitopsd_release_duration_seconds_count", environment="shop") == 2
    assert value(own, "gitopsd_deployments_per_day", environment="shop") == 2 / 30
    assert value(own, "gitopsd_change_failure_ratio", environment="shop") == 0


def test_what_the_daemon_does_is_counted(front: Front) -> None:
    assert value(front, "gitopsd_git_requests_total", repository="default", result="answered") >= 1
    assert value(front, "gitopsd_reconcile_duration_seconds_count", environment="shop") >= 1
    assert value(front, "gitopsd_engine_events_total", engine="unix:///here") >= 1


def test_nothing_that_somebody_wrote_becomes_a_label(front: Front) -> None:
    known = {"environment", "sync", "health", "mode", "service", "state", "outcome", "repository", "result"}
    found = {label for _, labels in scraped(front) for label, _ in labels}
    assert found <= {*known, "engine", "version", "le", "slot", "receiver"}


def test_a_swarm_is_counted_once_however_many_environments_are_on_it(own: Front) -> None:
    store, engine = own.house.store, "unix:///swarm"
    nodes = [NodeStatus("a", "alpha", "manager", "ready"), NodeStatus("b", "beta", "manager", "unreachable")]
    nodes += [NodeStatus(name, name, "worker", "ready") for name in "cd"]
    web = ServiceStatus("web", "Synced", "Degraded", "v1:x", "web:1", 3, 1, pending=2)
    for name in ("one", "other"):
        known = EnvironmentStatus(name, name, "auto", "", "", "Synced", "Degraded", "", NOON, services=(web,))
        store.save_status(replace(known, engine=engine, nodes=tuple(nodes), quorum=Quorum(3, 2)), [])
    assert value(own, "gitopsd_swarm_nodes", engine=engine, role="worker", standing="ready") == 2
    assert value(own, "gitopsd_swarm_nodes", engine=engine, role="manager", standing="unreachable") == 1
    assert value(own, "gitopsd_swarm_managers", engine=engine) == 3
    assert value(own, "gitopsd_swarm_managers_reachable", engine=engine) == 2
    assert value(own, "gitopsd_swarm_managers_spare", engine=engine) == 0
    assert value(own, "gitopsd_service_tasks_pending", environment="other", service="web") == 2


def test_what_waits_to_be_told_and_what_was_given_up_is_counted(own: Front) -> None:
    now = own.house.clock.now()
    notice = Notice("failed", now, "shop: release 1 failed", "")
    own.house.store.save_told(Told(0), [Delivery("mail", notice, now, now)] * 3, 10)
    lost = Event(now, "NotificationsDropped", "2 messages were given up", "warning", data={"given_up": 2})
    own.house.store.append([lost])

    assert value(own, "gitopsd_notifications_waiting", receiver="mail") == 3
    assert value(own, "gitopsd_notifications_given_up_total") == 2


def test_whoever_may_not_look_does_not_scrape(front: Front) -> None:
    assert front.there.get("/metrics").status_code == 401
    assert front.there.get("/metrics", headers=front.bearer("read")).status_code == 200


NAMED = {
    "gitopsd_environment_info": "gauge",
    "gitopsd_drift_fields": "gauge",
    "gitopsd_release_total": "counter",
    "gitopsd_release_duration_seconds": "histogram",
    "gitopsd_rollout_share": "gauge",
    "gitopsd_commits_behind": "gauge",
    "gitopsd_last_success_timestamp_seconds": "gauge",
    "gitopsd_git_requests_total": "counter",
    "gitopsd_engine_events_total": "counter",
    "gitopsd_reconcile_duration_seconds": "histogram",
    "gitopsd_deployments_per_day": "gauge",
    "gitopsd_lead_time_seconds": "gauge",
    "gitopsd_change_failure_ratio": "gauge",
    "gitopsd_time_to_restore_seconds": "gauge",
    "gitopsd_swarm_nodes": "gauge",
    "gitopsd_swarm_managers": "gauge",
    "gitopsd_swarm_managers_reachable": "gauge",
    "gitopsd_swarm_managers_spare": "gauge",
    "gitopsd_service_tasks_pending": "gauge",
    "gitopsd_notifications_waiting": "gauge",
    "gitopsd_notifications_given_up_total": "counter",
}


def test_every_name_that_dashboards_build_on_is_there_with_its_type(front: Front) -> None:
    lines = front.here.get("/metrics").text.splitlines()
    found = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE "))
    assert {name: found.get(name) for name in NAMED} == NAMED


def test_a_bad_release_and_the_good_one_after_it_show_in_the_four_measures(own: Front) -> None:
    front, house = own, own.house
    begun = house.clock.now()
    house.engine().add_image("web:2", exits(1))
    house.push({"shop/compose.yaml": compose("web:2")})
    house.eventually(lambda: len(house.told("ReleaseEnded")) == 2)
    mended = house.push({"shop/compose.yaml": compose("web:1", "    environment: {A: b}\n")})
    house.synced(mended, "shop")
    house.eventually(lambda: len(house.told("ReleaseEnded")) == 3)

    assert value(front, "gitopsd_release_total", environment="shop", outcome="rolled-back") == 1
    assert value(front, "gitopsd_change_failure_ratio", environment="shop") == 1 / 3
    assert value(front, "gitopsd_time_to_restore_seconds", environment="shop") > 0
    assert value(front, "gitopsd_lead_time_seconds", environment="shop") >= 0
    assert value(front, "gitopsd_last_success_timestamp_seconds", environment="shop") > begun.timestamp()
