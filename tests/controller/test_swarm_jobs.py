"""Services of a swarm that end: told once for a content, in their places of a release, over a fake swarm."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.controller.test_swarm import ON_SWARM, SwarmHouse

HEAD = "services:\n"
WEB = "  web:\n    image: {image}\n    x-gitopsd: {{min_ready: 0s}}\n"
WAITS = "    depends_on: {job: {condition: service_completed_successfully}}\n"
JOB = "  job:\n    image: {image}\n{keys}"


@pytest.fixture
def house() -> Iterator[SwarmHouse]:
    made = SwarmHouse(ON_SWARM)
    for image in ("job:1", "job:2", "bad:1"):
        made.engine().add_image(image)
    made.swarm.failing = {"bad:1"}
    made.swarm.said = {"bad:1": "connecting\nno such table\n"}
    made.start()
    yield made
    made.stop()


def push(house: SwarmHouse, job: str = "job:1", web: str = "web:1", keys: str = '    restart: "no"\n') -> str:
    document = HEAD + WEB.format(image=web) + WAITS + JOB.format(image=job, keys=keys)
    return house.push({"shop/compose.yaml": document})


def released(house: SwarmHouse, **how: str) -> str:
    commit = push(house, **how)
    house.synced(commit, "shop")
    return commit


def runs(house: SwarmHouse) -> int:
    return house.swarm.calls.count("create shop_job") + house.swarm.calls.count("update shop_job")


def rejected(house: SwarmHouse) -> str:
    house.eventually(lambda: "rejected" in house.guards("shop"))
    return house.store.releases("shop", 1)[0].reason


def test_a_job_runs_before_what_waits_for_it_and_is_good_once_it_has_ended(house: SwarmHouse) -> None:
    released(house)
    assert house.swarm.calls[-2:] == ["create shop_job", "create shop_web"]
    assert house.swarm.services["shop_job"].body["Mode"] == {
        "ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}
    }
    shown = {each.name: (each.health, each.ready, each.desired) for each in house.status("shop").services}  # type: ignore[union-attr]
    assert shown == {"job": ("Healthy", 1, 1), "web": ("Healthy", 1, 1)}


def test_what_waits_for_a_job_is_not_told_while_that_runs(house: SwarmHouse) -> None:
    house.swarm.endless = {"job:1"}
    push(house)
    house.eventually(lambda: "shop_job" in house.swarm.services)
    for _ in range(5):
        house.timer.tick(10)
    assert "shop_web" not in house.swarm.services
    house.swarm.endless = set()
    house.eventually(lambda: house.outcome() == "succeeded")


def test_a_job_runs_again_for_other_content_only_and_once_for_each(house: SwarmHouse) -> None:
    released(house)
    released(house, web="web:2")
    assert runs(house) == 1
    released(house, web="web:2", job="job:2")
    assert (runs(house), house.swarm.services["shop_job"].iteration) == (2, 1)
    released(house, web="web:2", job="job:1")
    assert runs(house) == 2  # that content has run already
    house.timer.tick(600)
    assert runs(house) == 2


def test_a_job_that_fails_rejects_the_release_with_its_exit_code_and_its_last_words(house: SwarmHouse) -> None:
    good = released(house)
    push(house, job="bad:1", web="web:2")
    assert rejected(house) == "job: task: non-zero exit (3)"
    assert house.outcome() == "rolled-back"
    (event,) = (each for each in house.store.events() if each.reason == "RolloutRollingBack")
    assert (event.service, event.data["exit_code"]) == ("job", 3)
    assert "no such table" in str(event.data["logs"])
    assert house.image() == "web:1"
    assert "shop_job" not in house.swarm.services  # as on a plain engine, nothing of a failed run stays
    told = runs(house)
    for _ in range(5):
        house.timer.tick(60)
        house.swarm.step()
    assert (told, runs(house)) == (2, 2)
    assert house.store.journal("shop").serving.revision == good  # type: ignore[union-attr]


def test_a_job_of_a_first_release_that_fails_stays_for_diagnosis_and_is_tried_again_on_retry(house: SwarmHouse) -> None:
    push(house, job="bad:1")
    rejected(house)
    assert house.outcome() == "failed"
    assert "shop_job" in house.swarm.services
    house.swarm.failing = set()
    house.asks("retry", rollout=True)
    house.eventually(lambda: house.outcome() == "succeeded")
    assert house.swarm.services["shop_job"].iteration == 1


def test_retries_are_left_to_swarm_and_counted(house: SwarmHouse) -> None:
    push(house, job="bad:1", keys="    x-gitopsd: {job: {retries: 2}}\n")
    assert rejected(house) == "job: task: non-zero exit (3), as did 2 tries before"
    assert runs(house) == 1


def test_a_job_that_does_not_end_in_its_time_is_taken_away(house: SwarmHouse) -> None:
    house.swarm.endless = {"job:1"}
    push(house, keys="    x-gitopsd: {job: {timeout: 2m}}\n")
    house.eventually(lambda: "shop_job" in house.swarm.services)
    house.timer.tick(130)
    assert rejected(house) == "job: it has not ended after 2 minutes"
    house.eventually(lambda: "shop_job" not in house.swarm.services)


def test_a_job_with_a_run_on_each_node_has_succeeded_when_all_have(house: SwarmHouse) -> None:
    house.swarm.nodes = (*house.swarm.nodes, replace(house.swarm.nodes[0], id="n2", hostname="beta"))
    released(house, keys="    deploy: {mode: global-job}\n")
    assert house.swarm.services["shop_job"].body["Mode"] == {"GlobalJob": {}}
    assert sorted(each.node for each in house.swarm.services["shop_job"].tasks) == ["n1", "n2"]


def test_a_job_of_several_runs_has_succeeded_when_as_many_have(house: SwarmHouse) -> None:
    released(house, keys="    deploy: {mode: replicated-job, replicas: 3}\n")
    assert [each.state for each in house.swarm.services["shop_job"].tasks] == ["complete"] * 3


def test_a_job_of_every_release_runs_again_though_it_is_told_the_same(house: SwarmHouse) -> None:
    keys = "    x-gitopsd: {job: {run: every-release}}\n"
    released(house, keys=keys)
    released(house, web="web:2", keys=keys)
    assert (runs(house), house.swarm.services["shop_job"].iteration) == (2, 1)
    house.timer.tick(600)
    assert runs(house) == 2


def test_a_job_for_failures_runs_whenever_a_release_goes_back_and_never_else(house: SwarmHouse) -> None:
    house.swarm.failing = {"web:2"}
    called = JOB.format(image="job:1", keys="    x-gitopsd: {job: {phase: on-failure}}\n")

    def commit(image: str, label: str) -> str:
        labelled = f"    labels: {{colour: {label}}}\n"
        return house.push({"shop/compose.yaml": HEAD + WEB.format(image=image) + labelled + called})

    house.synced(commit("web:1", "red"), "shop")
    assert runs(house) == 0
    assert [each.health for each in house.status("shop").services] == ["Healthy", "Healthy"]  # type: ignore[union-attr]
    commit("web:2", "red")
    house.eventually(lambda: house.outcome() == "rolled-back")
    assert runs(house) == 1
    commit("web:2", "blue")
    house.eventually(lambda: len(house.store.releases("shop", 9)) == 3 and house.outcome() == "rolled-back")
    assert runs(house) == 2
    assert house.image() == "web:1"


def test_a_finished_job_is_never_healed(house: SwarmHouse) -> None:
    released(house)
    house.swarm.by_hand("shop_job", lambda spec: spec["Labels"].update(note="by hand"))
    house.swarm.remove_service(house.swarm.services["shop_job"].id)
    for _ in range(5):
        house.timer.tick(60)
    assert (runs(house), house.told("DriftFound")) == (1, [])
    assert house.status("shop").sync == "Synced"  # type: ignore[union-attr]


def test_a_job_that_was_cut_off_runs_anew_where_that_does_no_harm(house: SwarmHouse) -> None:
    house.swarm.endless = {"job:1"}
    push(house)
    house.eventually(lambda: "shop_job" in house.swarm.services)
    house.timer.tick(5)
    cut = house.swarm.services["shop_job"]
    cut.tasks = [replace(each, wanted="shutdown", why="node down") for each in cut.tasks]
    house.eventually(lambda: runs(house) == 2)
    house.swarm.endless = set()
    house.eventually(lambda: house.outcome() == "succeeded")
    assert runs(house) == 2


def test_a_job_that_may_not_run_twice_and_was_cut_off_needs_a_person(house: SwarmHouse) -> None:
    house.swarm.endless = {"job:1"}
    push(house, keys="    x-gitopsd: {job: {phase: before}}\n")
    house.eventually(lambda: "shop_job" in house.swarm.services)
    house.timer.tick(5)
    cut = house.swarm.services["shop_job"]
    cut.tasks = [replace(each, state="orphaned", wanted="shutdown") for each in cut.tasks]
    assert "it was cut off (orphaned), and nobody knows how far it came" in rejected(house)
    assert runs(house) == 1


def test_a_daemon_that_dies_while_a_job_runs_does_not_run_it_twice(house: SwarmHouse) -> None:
    house.swarm.endless = {"job:1"}
    push(house)
    house.eventually(lambda: "shop_job" in house.swarm.services)
    house.upgrade("v2")
    house.timer.tick(30)
    house.swarm.endless = set()
    house.eventually(lambda: house.outcome() == "succeeded")
    assert runs(house) == 1


def test_a_job_that_left_the_manifest_goes(house: SwarmHouse) -> None:
    released(house)
    commit = house.push({"shop/compose.yaml": HEAD + WEB.format(image="web:1")})
    house.synced(commit, "shop")
    assert list(house.swarm.services) == ["shop_web"]


def test_a_service_that_becomes_a_job_is_made_anew_as_swarm_changes_no_mode(house: SwarmHouse) -> None:
    lone = HEAD + JOB.format(image="job:1", keys="    x-gitopsd: {min_ready: 0s}\n")
    house.synced(house.push({"shop/compose.yaml": lone}), "shop")
    ended = HEAD + JOB.format(image="job:1", keys='    restart: "no"\n')
    house.synced(house.push({"shop/compose.yaml": ended}), "shop")
    assert [each for each in house.swarm.calls if "service" in each or "shop_job" in each] == [
        "create shop_job",
        "remove service",
        "create shop_job",
    ]


SCHEMA = """\
services:
  web:
    image: {web}
    x-gitopsd: {{min_ready: 0s, schema: {{database: shop, accepts: "{accepts}"}}}}
  job:
    image: {job}
    x-gitopsd: {{job: {{phase: expand, database: shop, provides: {provides}}}}}
"""


def schema(house: SwarmHouse, web: str, accepts: str, job: str, provides: int) -> str:
    return house.push({"shop/compose.yaml": SCHEMA.format(web=web, accepts=accepts, job=job, provides=provides)})


def test_a_job_that_moves_a_schema_comes_first_and_is_on_record(house: SwarmHouse) -> None:
    house.synced(schema(house, "web:1", "15-16", "job:1", 15), "shop")
    house.synced(schema(house, "web:2", "15-16", "job:2", 16), "shop")
    assert house.store.journal("shop").schemas["shop"].low == 16
    assert [each for each in house.swarm.calls if each.startswith("update")] == ["update shop_job", "update shop_web"]


def test_code_that_does_not_work_with_the_schema_is_refused_before_it_starts(house: SwarmHouse) -> None:
    house.synced(schema(house, "web:1", "15", "job:1", 15), "shop")
    schema(house, "web:2", "16", "job:2", 16)
    assert "shop" in rejected(house)
    assert house.swarm.calls.count("update shop_job") == 0


def test_what_a_probe_prints_is_the_version_of_its_database(house: SwarmHouse) -> None:
    house.swarm.said = {"job:1": "looking\n17\n"}
    document = SCHEMA.format(web="web:1", accepts="15-17", job="job:1", provides=0).replace(
        "{phase: expand, database: shop, provides: 0}", "{phase: probe, database: shop}"
    )
    house.synced(house.push({"shop/compose.yaml": document}), "shop")
    assert house.store.journal("shop").schemas["shop"].low == 17
