"""What Git may do: vanish, forget, start anew. None of it takes a container down that nobody gave up."""

from tests.e2e.conftest import ONE, TWO
from tests.e2e.rig import Rig, web


def test_a_directory_that_vanished_leaves_its_containers_running_and_healed(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    rig.repository.push({"environments/shop": None, "README.md": "Empty\n"})
    assert "keeps running" in rig.held("orphaned")
    before = rig.ids()
    rig.looks_again()
    assert rig.ids() == before
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.running() == {"web-1": ONE})


def test_an_orphaned_environment_is_taken_down_on_request_and_its_volumes_stay(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE, volumes=["data:/data"])))
    rig.repository.push({"environments/shop": None, "README.md": "Empty\n"})
    rig.held("orphaned")
    assert "1 containers removed, volumes stay" in rig.ask("remove")
    assert rig.rows() == []
    assert rig.networks() == []
    assert rig.api.inspect_volume(f"{rig.project}_data")
    rig.eventually(lambda: rig.store.statuses() == ())


def test_a_directory_that_comes_back_is_taken_up_again_without_a_replacement(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    rig.repository.push({"environments/shop": None, "README.md": "Empty\n"})
    rig.held("orphaned")
    rig.synced(rig.repository.revert())
    assert rig.ids() == before


def test_a_renamed_directory_keeps_its_containers_its_data_and_its_owner(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE), db=web(ONE, volumes=["data:/data"])))
    rig.run_inside("db-1", "touch", "/data/kept")
    before = rig.ids()

    services = {"web": web(ONE), "db": web(ONE, volumes=["data:/data"])}
    document = {"x-gitopsd": {"moved_from": "shop"}, "services": services}
    rig.synced(rig.push_document(document, "store", project=rig.project, gone="environments/shop"), "store")
    rig.looks_again("store")
    assert rig.ids() == before
    assert rig.api.inspect_volume(f"gitopsd-owner-{rig.project}")["Labels"]["gitopsd.owner"] == rig.store.instance_id()

    services["db"] = web(TWO, volumes=["data:/data"])
    rig.synced(rig.push_document(document, "store", project=rig.project), "store")
    assert rig.running() == {"db-1": TWO, "web-1": ONE}
    assert rig.run_inside("db-1", "ls", "/data").split() == ["kept"]
    assert rig.container("web-1")["Id"] in before.values()


def test_a_manifest_without_services_removes_nothing(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    commit = rig.push_document({"services": {}})
    rig.eventually(lambda: rig.status().desired_revision == commit and rig.status().holds)
    rig.looks_again()
    assert rig.ids() == before
    assert rig.running() == {"web-1": ONE}


def test_a_deleted_branch_changes_nothing_and_is_told(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    rig.repository.git("push", "--quiet", "origin", "--delete", "main")
    assert rig.told("FetchFailed").severity == "error"
    rig.eventually(lambda: rig.status().sync == "Unknown")
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.running() == {"web-1": ONE})
    assert rig.ids().keys() == before.keys()


def test_a_force_push_is_told_and_followed(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    rig.repository.git("checkout", "--quiet", "--orphan", "other")
    rig.repository.git("commit", "--quiet", "-m", "Another history")
    rig.push_locally(web=web(TWO))
    rig.synced(rig.repository.publish(force=True))
    assert rig.running() == {"web-1": TWO}
    assert "is not an ancestor" in rig.told("HistoryRewritten").message


def test_a_force_push_back_to_an_older_commit_is_plain_new_content(rig: Rig) -> None:
    first = rig.synced(rig.push(web=web(ONE))).revision
    rig.synced(rig.push(web=web(TWO)))
    rig.repository.git("reset", "--quiet", "--hard", first)
    rig.repository.publish(force=True)
    rig.synced(first)
    assert rig.running() == {"web-1": ONE}


def test_an_empty_repository_is_waited_for(rig: Rig) -> None:
    rig.told("FetchFailed")
    rig.synced(rig.push(web=web(ONE)))


def test_a_manifest_that_is_wrong_holds_with_its_place_and_the_next_commit_goes_on(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    rig.push(web={**web(TWO), "imagee": "typo"})
    assert "environments/shop/compose.yaml:" in rig.held("manifest")
    rig.looks_again()
    assert rig.ids() == before
    rig.synced(rig.push(web=web(TWO)))


def test_a_variable_without_a_value_holds_the_release(rig: Rig) -> None:
    rig.push(web=web("gitopsd-test/web:${TAG}"))
    assert "TAG" in rig.held("variables")
    assert rig.rows() == []
    rig.synced(rig.push_document({"services": {"web": web("gitopsd-test/web:${TAG}")}}, **{".env": "TAG=2\n"}))
    assert rig.running() == {"web-1": TWO}
