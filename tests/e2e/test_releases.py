"""What a person sees who pushes commits: releases, upgrades, changes of configuration, ways back."""

import random
from typing import Any

from tests.adapters.docker.registry import Registry
from tests.e2e.conftest import CRASHING, DONE, FAILING, ONE, SICK, SOUND, TWO
from tests.e2e.rig import Rig, web

SOON = {"min_ready": "700ms"}


def test_a_first_push_brings_the_containers_up(rig: Rig) -> None:
    commit = rig.push(web=web(ONE, deploy={"replicas": 2}), worker=web(ONE))
    status = rig.synced(commit)
    assert rig.running() == {"web-1": ONE, "web-2": ONE, "worker-1": ONE}
    assert rig.page() == "one\n"
    assert rig.release().outcome == "succeeded"
    assert (status.serving_release, status.reason) == (1, "")


def test_an_upgrade_never_leaves_a_start_first_service_without_a_running_instance(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, deploy={"replicas": 2})))
    seen = rig.witness()
    rig.synced(rig.push(web=web(TWO, deploy={"replicas": 2})))
    assert rig.running() == {"web-1": TWO, "web-2": TWO}
    assert rig.names() == ["web-1", "web-2"]
    starts_and_ends = [each.split()[0] for each in seen.story("start", "die")]
    assert starts_and_ends == ["start", "die", "start", "die"]


def test_an_upgrade_waits_for_the_healthcheck_before_it_ends_the_old_instance(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    seen = rig.witness()
    rig.synced(rig.push(web=web(SOUND)))
    assert [each.split()[0] for each in seen.story("start", "health_status", "die")] == [
        "start",
        "health_status",
        "die",
    ]


def test_a_service_with_a_volume_is_replaced_one_after_the_other_and_keeps_its_data(rig: Rig) -> None:
    rig.synced(rig.push(store=web(ONE, volumes=["data:/data"])))
    rig.run_inside("store-1", "touch", "/data/kept")
    seen = rig.witness()
    rig.synced(rig.push(store=web(TWO, volumes=["data:/data"])))
    assert seen.most_at_once("store") == 1
    assert rig.run_inside("store-1", "ls", "/data") == "kept\n"


def test_what_the_engine_refuses_to_create_never_interrupts_what_serves(rig: Rig) -> None:
    rig.synced(rig.push(store=web(ONE, volumes=["data:/data"])))
    seen = rig.witness()
    assert "NO_SUCH" in rig.rejected(rig.push(store=web(TWO, volumes=["data:/data"], cap_add=["NO_SUCH"])))
    assert seen.story("die") == []
    assert rig.running() == {"store-1": ONE}


def test_a_service_with_a_fixed_address_is_replaced_one_after_the_other_and_keeps_it(rig: Rig) -> None:
    def shop(image: str, subnet: str) -> dict[str, Any]:
        network = {"ipam": {"config": [{"subnet": subnet}]}}
        address = subnet.replace(".0/24", ".7")
        return {
            "services": {"web": web(image, networks={"back": {"ipv4_address": address}})},
            "networks": {"back": network},
        }

    subnet = free_subnet()
    rig.synced(rig.push_document(shop(ONE, subnet)))
    seen = rig.witness()
    rig.synced(rig.push_document(shop(TWO, subnet)))
    assert seen.most_at_once("web") == 1
    assert rig.container()["NetworkSettings"]["Networks"][f"{rig.project}_back"]["IPAddress"].endswith(".7")


def free_subnet() -> str:
    """A network that neither the engine's pools nor, in all likelihood, another test uses."""
    return f"172.{random.randrange(33, 250)}.{random.randrange(250)}.0/24"


def test_an_anonymous_volume_is_carried_into_the_replacement(rig: Rig) -> None:
    rig.synced(rig.push(store=web(ONE, volumes=["/data"])))
    rig.run_inside("store-1", "touch", "/data/kept")
    rig.synced(rig.push(store=web(TWO, volumes=["/data"])))
    assert rig.running() == {"store-1": TWO}
    assert rig.run_inside("store-1", "ls", "/data") == "kept\n"


def test_a_changed_configuration_file_rolls_out(rig: Rig) -> None:
    service = web(ONE, configs=[{"source": "page", "target": "/www/index.html"}])
    document = {"services": {"web": service}, "configs": {"page": {"file": "./page.html"}}}
    rig.synced(rig.push_document(document, **{"page.html": "first\n"}))
    assert rig.page() == "first\n"
    rig.synced(rig.push_document(document, **{"page.html": "second\n"}))
    assert rig.page() == "second\n"


def test_a_commit_that_concerns_nothing_here_replaces_nothing(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    rig.synced(rig.repository.push({"README.md": "Hello\n"}))
    assert rig.ids() == before
    assert len(rig.store.releases("shop")) == 1


def test_a_broken_image_leaves_the_old_one_serving_and_a_revert_touches_nothing(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, x=SOON)))
    before = rig.ids()
    seen = rig.witness()
    assert "exited with code 3" in rig.rejected(rig.push(web=web(CRASHING, x=SOON)))
    assert rig.ids() == before
    assert rig.status().health == "Degraded"
    assert rig.release().outcome == "rolled-back"
    rig.synced(rig.repository.revert())
    assert rig.ids() == before
    assert not [each for each in seen.story("die", "stop") if each.endswith("web-1")]


def test_a_broken_image_that_is_restarted_again_and_again_is_given_up_too(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, x=SOON)))
    before = rig.ids()
    assert "restarted" in rig.rejected(rig.push(web=web(CRASHING, x=SOON, restart="always")))
    assert rig.ids() == before


def test_the_ledger_shows_what_a_broken_instance_wrote_last(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, x=SOON)))
    rig.rejected(rig.push(web=web(CRASHING, x=SOON)))
    assert rig.told("RolloutRollingBack").data["logs"] == "no database\n"


def test_a_broken_image_of_a_stop_first_service_gives_its_place_back(rig: Rig) -> None:
    rig.synced(rig.push(store=web(ONE, x=SOON, volumes=["data:/data"], restart="unless-stopped")))
    before = rig.ids()
    rig.rejected(rig.push(store=web(CRASHING, x=SOON, volumes=["data:/data"])))
    assert rig.ids() == before
    assert rig.running() == {"store-1": ONE}
    assert rig.container("store-1")["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"


def test_an_image_that_exists_nowhere_holds_the_release_and_stops_nothing(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    rig.push(web=web("127.0.0.1:9/nobody/nothing:1"))
    assert "127.0.0.1:9/nobody/nothing:1" in rig.held("image")
    assert rig.ids() == before
    rig.synced(rig.repository.revert())


def test_a_registry_that_asks_for_patience_holds_the_release_until_it_answers(rig: Rig) -> None:
    registry = Registry(rig.api.version()["Arch"])
    rig.at_end(registry.close)
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    registry.refuse["web"] = 429
    commit = rig.push(web=web(f"{registry.host}/web:1"))
    rig.eventually(lambda: "toomanyrequests" in rig.held("image"))
    assert rig.ids() == before
    registry.refuse.clear()
    rig.ask("sync")  # it would be asked again by itself, in a while
    assert "executable file not found" in rig.rejected(commit), "it came, and there is nothing in it to run"
    assert rig.ids() == before


def test_an_instance_whose_health_flaps_is_given_up_and_the_old_one_stays(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    flaps = {"test": "test $$(($$(date +%s) % 2)) = 0", "interval": "500ms", "timeout": "5s", "retries": 1}
    reason = rig.rejected(rig.push(web=web(ONE, healthcheck=flaps, x={"min_ready": "5s"})))
    assert "unhealthy" in reason
    assert rig.ids() == before


def test_a_one_shot_that_never_ends_is_stopped_at_its_timeout_and_a_newer_commit_does_not_wait_for_it(rig: Rig) -> None:
    def shop(image: str, seconds: int) -> dict[str, dict[str, object]]:
        job = {"job": {"timeout": f"{seconds}s"}}
        waits = {"depends_on": {"hook": {"condition": "service_completed_successfully"}}}
        return {"hook": web(image, command=["sleep", "1000"], x=job), "web": web(image, **waits)}

    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    assert "within 2 s" in rig.rejected(rig.push(**shop(TWO, 2)))
    assert before.items() <= rig.ids().items()
    assert rig.running() == {"web-1": ONE}
    rig.push(**shop(TWO, 1000))
    rig.eventually(lambda: "hook-1" in "".join(rig.running()))
    rig.synced(rig.push(web=web(TWO)))
    assert rig.running() == {"web-1": TWO}


def test_an_instance_that_never_becomes_healthy_is_given_up(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    assert "unhealthy" in rig.rejected(rig.push(web=web(SICK)))
    assert rig.ids() == before


def test_a_failed_first_release_stays_for_diagnosis_and_newer_content_takes_over(rig: Rig) -> None:
    rig.rejected(rig.push(web=web(CRASHING, x=SOON)))
    assert rig.names() == ["web-1"]
    assert rig.release().outcome == "failed"
    rig.synced(rig.push(web=web(ONE, x=SOON)))
    assert rig.running() == {"web-1": ONE}


def test_a_release_that_fails_in_one_service_returns_the_others_too(rig: Rig) -> None:
    rig.synced(rig.push(backend=web(ONE, x=SOON), web=web(ONE, x=SOON, depends_on=["backend"])))
    rig.rejected(rig.push(backend=web(TWO, x=SOON), web=web(CRASHING, x=SOON, depends_on=["backend"])))
    assert rig.running() == {"backend-1": ONE, "web-1": ONE}
    assert rig.names() == ["backend-1", "web-1"]


def test_a_one_shot_runs_once_for_each_fingerprint(rig: Rig) -> None:
    job = {"image": DONE, "restart": "no"}
    rig.synced(rig.push(migrate=job, web=web(ONE)))
    first = rig.container("migrate-1")["Id"]
    rig.synced(rig.push(migrate=job, web=web(TWO)))
    assert rig.container("migrate-1")["Id"] == first
    rig.synced(rig.push(migrate={**job, "environment": {"LEVEL": "2"}}, web=web(TWO)))
    assert rig.container("migrate-1")["Id"] != first
    assert rig.names("migrate") == ["migrate-1"]


def test_a_failing_one_shot_fails_the_release_before_what_waits_for_it_changes(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    waits = {"depends_on": {"migrate": {"condition": "service_completed_successfully"}}}
    reason = rig.rejected(rig.push(migrate={"image": FAILING, "restart": "no"}, web=web(TWO, **waits)))
    assert "exited with code 4" in reason
    assert before.items() <= rig.ids().items()
    assert rig.running() == {"web-1": ONE}


def test_scaling_adds_and_removes_instances_and_keeps_the_others(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    first = rig.container("web-1")["Id"]
    rig.synced(rig.push(web=web(ONE, deploy={"replicas": 3})))
    assert rig.names() == ["web-1", "web-2", "web-3"]
    rig.synced(rig.push(web=web(ONE, deploy={"replicas": 1})))
    assert rig.ids() == {f"/{rig.project}-web-1": first}


def test_a_memory_limit_is_changed_in_place(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, mem_limit="64m")))
    before = rig.ids()
    rig.synced(rig.push(web=web(ONE, mem_limit="96m")))
    assert rig.ids() == before
    assert rig.container()["HostConfig"]["Memory"] == 96 << 20


def test_a_service_that_left_the_manifest_goes_and_its_volume_stays(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE), store=web(ONE, volumes=["data:/data"])))
    rig.synced(rig.push(web=web(ONE)))
    assert rig.names() == ["web-1"]
    assert rig.api.inspect_volume(f"{rig.project}_data")


def test_a_network_that_left_the_manifest_goes(rig: Rig) -> None:
    document = {"services": {"web": web(ONE, networks=["back"])}, "networks": {"back": {}}}
    rig.synced(rig.push_document(document))
    rig.synced(rig.push(web=web(ONE)))
    rig.eventually(lambda: rig.networks() == ["default"])


def test_a_port_moves_from_a_service_that_goes_to_a_new_one(rig: Rig, free_port: int) -> None:
    rig.synced(rig.push(old=web(ONE, ports=[f"127.0.0.1:{free_port}:8080"])))
    rig.synced(rig.approved(rig.push(new=web(TWO, ports=[f"127.0.0.1:{free_port}:8080"]))))
    assert rig.running() == {"new-1": TWO}
    assert rig.fetch(free_port) == "two\n"


def test_a_port_of_a_removed_service_comes_back_when_the_new_one_fails(rig: Rig, free_port: int) -> None:
    rig.synced(rig.push(old=web(ONE, ports=[f"127.0.0.1:{free_port}:8080"])))
    before = rig.ids()
    rig.rejected(rig.approved(rig.push(new=web(CRASHING, x=SOON, ports=[f"127.0.0.1:{free_port}:8080"]))))
    rig.eventually(lambda: rig.running() == {"old-1": ONE})
    assert rig.ids() == before
    assert rig.fetch(free_port) == "one\n"


def test_a_newer_commit_does_not_wait_for_one_that_is_still_being_tried(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    rig.push(web=web(TWO, x={"min_ready": "60s", "healthy_deadline": "90s"}))
    rig.eventually(lambda: len(rig.names()) == 2)
    rig.synced(rig.push(web=web(SOUND)))
    assert rig.running() == {"web-1": SOUND}
    assert [each.outcome for each in rig.store.releases("shop")] == ["succeeded", "superseded", "succeeded"]


def test_a_revert_in_the_middle_of_a_release_returns_without_a_replacement(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    rig.push(web=web(TWO, x={"min_ready": "60s", "healthy_deadline": "90s"}))
    rig.eventually(lambda: len(rig.names()) == 2)
    rig.synced(rig.repository.revert())
    assert rig.ids() == before


def test_a_revert_of_a_revert_is_released_again(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    rig.synced(rig.push(web=web(TWO)))
    rig.synced(rig.repository.revert())
    assert rig.running() == {"web-1": ONE}
    rig.synced(rig.repository.revert())
    assert rig.running() == {"web-1": TWO}
