"""Several environments: what one does wrong is not held against another, and nobody takes what another one has."""

import re

import pytest

from tests.e2e.conftest import CRASHING, ONE, TWO, MakeRig, free_port_number
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.rig import Rig, web


def test_a_broken_environment_does_not_stop_another(rig: Rig) -> None:
    rig.repository.push({"environments/broken/compose.yaml": "services: [", "environments/bomb/compose.yaml": BOMB})
    rig.push("crash", web=web(CRASHING, x={"min_ready": "500ms"}))
    rig.synced(rig.push(web=web(ONE)))
    assert rig.held("manifest", "broken")
    assert rig.held("manifest", "bomb")
    assert rig.running() == {"web-1": ONE}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize("thing", ["port", "container_name", "network", "volume", "project"])
def test_of_two_environments_that_claim_one_thing_only_the_newcomer_is_refused(
    make_rig: MakeRig, proxy: EngineProxy, free_port: int, thing: str
) -> None:
    rig = make_rig(engine=proxy.url).start()
    rig.synced(rig.push_document(claiming(rig, thing, free_port)))
    before = len(proxy.writes)
    rig.push_document(claiming(rig, thing, free_port), "blog", project=rig.project if thing == "project" else "")
    assert "is claimed by environment shop too" in rig.held("claim", "blog")
    rig.looks_again("blog")
    rig.looks_again("shop")
    assert proxy.writes[before:] == []
    assert rig.status("shop").sync == "Synced"
    changed = claiming(rig, thing, free_port)
    changed["services"]["web"]["image"] = TWO
    rig.synced(rig.push_document(changed))


def claiming(rig: Rig, thing: str, port: int) -> dict[str, dict[str, dict[str, object]]]:
    """An environment's document that claims something by name."""
    name = f"{rig.project}-shared"
    match thing:
        case "port":
            return {"services": {"web": web(ONE, ports=[f"127.0.0.1:{port}:8080"])}}
        case "container_name":
            return {"services": {"web": web(ONE, container_name=name)}}
        case "network":
            return {"services": {"web": web(ONE, networks=["front"])}, "networks": {"front": {"name": name}}}
        case "volume":
            return {"services": {"web": web(ONE, volumes=["data:/data"])}, "volumes": {"data": {"name": name}}}
        case _:
            return {"services": {"web": web(ONE)}}


def test_two_newcomers_that_claim_one_port_both_wait_until_one_gives_way(rig: Rig, free_port: int) -> None:
    rig.push_locally("shop", web=web(ONE, ports=[f"127.0.0.1:{free_port}:8080"]))
    rig.push("blog", web=web(ONE, ports=[f"127.0.0.1:{free_port}:8080"]))
    assert rig.held("claim", "shop")
    assert rig.held("claim", "blog")
    assert rig.rows() == []
    commit = rig.push("blog", web=web(ONE))
    rig.synced(commit, "shop")
    rig.synced(commit, "blog")


def test_a_port_that_another_process_has_holds_only_its_environment_until_it_is_free(rig: Rig, free_port: int) -> None:
    give_up = rig.occupy(free_port)
    rig.push("blog", web=web(ONE, ports=[f"127.0.0.1:{free_port}:8080"]))
    commit = rig.push(web=web(ONE))
    rig.synced(commit)
    assert re.search(rf":{free_port}\b.*: address already in use; free the port", rig.held("host", "blog"))
    assert rig.store.journal("blog").rejected == {}
    give_up()
    rig.synced(commit, "blog")


def test_a_port_that_another_process_has_leaves_the_old_one_serving(rig: Rig, free_port: int) -> None:
    rig.synced(rig.push(web=web(ONE, ports=[f"127.0.0.1:{free_port}:8080"])))
    before, taken = rig.ids(), another_port(free_port)
    give_up = rig.occupy(taken)
    commit = rig.push(web=web(TWO, ports=[f"127.0.0.1:{taken}:8080"]))
    assert str(taken) in rig.held("host")
    rig.eventually(lambda: rig.running() == {"web-1": ONE})
    assert before.items() <= rig.ids().items()
    give_up()
    rig.ask("sync")
    rig.synced(commit)
    assert rig.fetch(taken) == "two\n"


def another_port(than: int) -> int:
    while (found := free_port_number()) == than:
        continue
    return found


def test_a_name_that_somebody_else_uses_fails_only_its_environment(rig: Rig) -> None:
    rig.api.create_container(ONE, name=f"{rig.project}-blog-web-1", labels={"com.docker.compose.project": rig.project})
    rig.push("blog", web=web(ONE))
    rig.synced(rig.push(worker=web(ONE)))
    assert "already in use" in rig.rejected(rig.repository.head(), "blog")


def test_an_engine_that_hangs_does_not_delay_the_environments_of_another(make_rig: MakeRig, proxy: EngineProxy) -> None:
    rig = make_rig()
    rig.configure(environments={"slow": {"target": {"docker": proxy.url}}})
    rig.start()
    rig.push_locally("slow", web=web(ONE))
    first = rig.push(web=web(ONE))
    rig.synced(first)
    rig.synced(first, "slow")
    proxy.fault("/", "hang", times=10_000)
    rig.api.kill(rig.container("web-1", "slow")["Id"])
    rig.synced(rig.push(web=web(TWO)))
    rig.api.remove_container(rig.container()["Id"], force=True)
    rig.eventually(lambda: rig.running() == {"web-1": TWO})
    proxy.mend()
    rig.eventually(lambda: rig.running("slow") == {"web-1": ONE}, within=90)


def test_a_subnet_that_overlaps_another_one_holds_only_its_environment(rig: Rig) -> None:
    rig.synced(rig.push(web=web(ONE)))
    taken = rig.api.inspect_network(f"{rig.project}_default")["IPAM"]["Config"][0]["Subnet"]
    before = rig.ids()
    rig.push_document(
        {"services": {"web": web(ONE)}, "networks": {"default": {"ipam": {"config": [{"subnet": taken}]}}}}, "blog"
    )
    assert "overlaps with other one on this address space; remove the other network" in rig.held("host", "blog")
    assert rig.ids() == before
    rig.synced(rig.push(web=web(TWO)))


def test_values_of_great_length_work(rig: Rig) -> None:
    many = {f"NAME_{number}": "x" * 20 for number in range(10_000)}
    rig.synced(rig.push(web=web(ONE, labels={"long": "x" * 65_536}, environment=many)))
    found = rig.container()["Config"]
    assert len(found["Labels"]["long"]) == 65_536
    assert len(found["Env"]) >= 10_000


def test_a_service_whose_name_is_too_long_for_the_engine_fails_only_its_environment(rig: Rig) -> None:
    rig.push_document({"services": {"w" * 300: web(ONE)}}, "blog")
    rig.synced(rig.push(web=web(ONE)))
    rig.eventually(lambda: rig.status("blog").holds or rig.status("blog").sync == "Synced")
