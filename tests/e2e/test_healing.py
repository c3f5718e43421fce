"""What people and accidents do to containers behind gitopsd's back, and what comes back."""

import json
from functools import partial

import pytest

from tests.conftest import gone_is_fine
from tests.e2e.conftest import ONE, TWO, MakeRig
from tests.e2e.engine_proxy import EngineProxy, How
from tests.e2e.rig import Rig, web
from tests.images import Images

KEPT_UP = {"restart": "unless-stopped"}


@pytest.fixture
def healthy(rig: Rig) -> Rig:
    """Two instances serve."""
    rig.synced(rig.push(web=web(ONE, deploy={"replicas": 2}, **KEPT_UP)))
    return rig


def serves_again(rig: Rig) -> bool:
    return rig.running() == {"web-1": ONE, "web-2": ONE} and rig.status().sync == "Synced"


def test_a_container_removed_by_hand_comes_back(healthy: Rig) -> None:
    other = healthy.container("web-2")["Id"]
    healthy.api.remove_container(healthy.container()["Id"], force=True)
    healthy.eventually(partial(serves_again, healthy))
    assert healthy.container("web-2")["Id"] == other
    assert "web: repair: " in healthy.told("RolloutProgressing").message


def test_a_container_killed_by_hand_runs_again(healthy: Rig) -> None:
    before = healthy.ids()
    healthy.api.kill(healthy.container()["Id"])
    healthy.eventually(partial(serves_again, healthy))
    assert healthy.ids() == before


def test_a_container_stopped_by_hand_runs_again(healthy: Rig) -> None:
    before = healthy.ids()
    healthy.api.stop(healthy.container()["Id"])
    healthy.eventually(partial(serves_again, healthy))
    assert healthy.ids() == before


def test_a_paused_container_goes_on(healthy: Rig) -> None:
    before = healthy.ids()
    healthy.api.pause(healthy.container()["Id"])
    healthy.eventually(partial(serves_again, healthy))
    assert healthy.ids() == before


def test_a_renamed_container_gets_its_name_back(healthy: Rig) -> None:
    before = healthy.ids()
    healthy.api.rename(healthy.container()["Id"], f"{healthy.project}-somebody")
    healthy.eventually(lambda: healthy.ids() == before)


def test_all_containers_removed_by_hand_come_back(healthy: Rig) -> None:
    for container in healthy.ids().values():
        healthy.api.remove_container(container, force=True)
    healthy.eventually(partial(serves_again, healthy))


def test_a_network_removed_by_hand_with_its_containers_comes_back(healthy: Rig) -> None:
    healthy.process.stop()
    for container in healthy.ids().values():
        healthy.api.remove_container(container, force=True)
    healthy.api.remove_network(f"{healthy.project}_default")
    healthy.start()
    healthy.eventually(partial(serves_again, healthy))
    assert healthy.networks() == ["default"]


def test_a_foreign_container_with_copied_labels_is_left_alone(healthy: Rig) -> None:
    labels = healthy.container()["Config"]["Labels"]
    name = f"{healthy.project}-foreign"
    foreign = healthy.api.create_container(ONE, name=name, labels=labels)["Id"]
    healthy.api.start(foreign)
    healthy.looks_again()
    assert healthy.api.inspect_container(name)["State"]["Running"]
    healthy.synced(healthy.push(web=web(TWO, deploy={"replicas": 2}, **KEPT_UP)))
    assert healthy.api.inspect_container(name)["State"]["Running"]


def test_healing_goes_on_from_the_last_good_commit_while_git_is_away(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    rig.repository.hide()
    rig.eventually(lambda: rig.status().sync == "Unknown")
    assert "s old" in rig.status().reason
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.running() == {"web-1": ONE})
    rig.repository.show()
    rig.eventually(lambda: rig.status().sync == "Synced")
    assert rig.events("FetchRecovered")


def test_a_silent_end_of_the_event_stream_is_noticed(make_rig: MakeRig, proxy: EngineProxy) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=web(ONE)))
    proxy.cut_events()
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.running() == {"web-1": ONE})


def test_events_that_never_come_are_made_up_for_by_the_next_full_look(make_rig: MakeRig, proxy: EngineProxy) -> None:
    """An engine keeps 256 of them, and drops what a slow reader does not take."""
    rig = make_rig(engine=proxy.url, resync="1s").start()
    rig.synced(rig.push(web=web(ONE)))
    proxy.deaf = True
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.running() == {"web-1": ONE})


def test_a_flood_of_events_true_and_false_costs_few_looks_and_hides_nothing(
    make_rig: MakeRig, proxy: EngineProxy
) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=web(ONE)))
    rig.looks_again()
    before = len(proxy.calls)
    flood = [an_event(rig.project, number) for number in range(1000)]
    for round in range(10):
        proxy.tell(*flood, *reversed(flood), *MALFORMED)
        if round == 5:
            rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.running() == {"web-1": ONE})
    rig.looks_again()
    assert sum("/containers/json" in call for call in proxy.calls[before:]) < 200
    rig.synced(rig.push(web=web(TWO)))


def an_event(project: str, number: int) -> bytes:
    """Something happened a day ago, or will tomorrow, to a container of the project that does not exist."""
    attributes = {"com.docker.compose.project": project, "name": f"{project}-gone-{number}"}
    actor = {"ID": f"{number:064x}", "Attributes": attributes}
    at = (NOON - 86_400 if number % 2 else NOON + 86_400) * 10**9 + number
    return json.dumps({"Type": "container", "Action": "start", "Actor": actor, "timeNano": at}).encode() + b"\n"


NOON = 1_700_000_000
MALFORMED = (b"\n", b"{\n", b"[]\n", b"null\n", b"\xff\xfe\n", b'{"Type":"container","Action":7,"Actor":null}\n')


def test_an_engine_that_fails_for_a_while_shows_as_unknown_and_is_healed_afterwards(
    make_rig: MakeRig, proxy: EngineProxy
) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=web(ONE)))
    proxy.fault("/containers/json", "error after", times=1000)
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: (rig.status().sync, rig.status().health) == ("Unknown", "Unknown"))
    proxy.mend()
    rig.eventually(lambda: rig.running() == {"web-1": ONE} and rig.status().sync == "Synced")


@pytest.mark.parametrize(
    "how",
    [
        "lose the answer",
        pytest.param("reset", marks=pytest.mark.long),
        pytest.param("error after", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("call", ["/containers/create", "/start", "/stop", "/rename", "DELETE /"])
def test_a_call_that_fails_once_is_made_again_and_makes_nothing_twice(
    make_rig: MakeRig, proxy: EngineProxy, call: str, how: How
) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=web(ONE)))
    seen = rig.witness()
    fault = proxy.fault(call, how)
    rig.synced(rig.push(web=web(TWO)))
    assert fault.times == 0
    assert rig.names() == ["web-1"]
    assert rig.running() == {"web-1": TWO}
    assert not seen.unserved("web")


def test_nothing_to_do_means_no_write(make_rig: MakeRig, proxy: EngineProxy) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=web(ONE, volumes=["data:/data"], mem_limit="64m")))
    rig.looks_again()
    before = len(proxy.writes)
    rig.synced(rig.repository.push({"README.md": "Hello\n"}))
    rig.looks_again()
    assert proxy.writes[before:] == []


def test_a_repair_uses_the_recorded_image_and_not_what_its_tag_means_now(rig: Rig, images: Images) -> None:
    tag = f"{rig.project}/web:latest"
    rig.at_end(partial(gone_is_fine, partial(rig.api.remove_image, tag, force=True)))
    images.web(tag, "first")
    rig.synced(rig.push(web=web(tag)))
    before = rig.container()["Image"]
    images.web(tag, "second")
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.names() == ["web-1"] and rig.status().sync == "Synced")
    assert rig.container()["Image"] == before
    assert rig.page() == "first\n"


def test_a_proxy_that_denies_a_call_holds_the_release_and_is_named(make_rig: MakeRig, proxy: EngineProxy) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push(web=web(ONE)))
    before = rig.ids()
    proxy.fault("/containers/create", "deny", times=1000)
    commit = rig.push(web=web(TWO))
    assert "create" in rig.told("ActionFailed").message
    rig.eventually(lambda: "denied by the proxy" in rig.status().reason)
    assert rig.ids() == before
    proxy.mend()
    rig.synced(commit)
