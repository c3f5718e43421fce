"""In which order the services of a release move: by `depends_on`, with removals last, or first where they must be."""

from gitopsd.model.desired import SealedState
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

SLOW = Behaviour(check=True, healthy_after=20)


def test_independent_services_move_together() -> None:
    daemon = Daemon().commit(a_state(a_service("api"), a_service("web"))).run()
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]


def test_service_started_waits_for_the_start_only() -> None:
    web = a_service(depends_on={"db": "service_started"})
    daemon = Daemon().commit(a_state(a_service("db"), web), db=SLOW).run()
    assert daemon.moves()[1:] == ["Create shop-db-1", "Start shop-db-1", "Create shop-web-1", "Start shop-web-1"]


def test_service_healthy_waits_until_it_is_ready() -> None:
    web = a_service(depends_on={"db": "service_healthy"})
    daemon = Daemon().commit(a_state(a_service("db"), web), db=SLOW).run()
    assert daemon.world.running() == ["shop-db-1 db:1"]
    daemon.wait(20).run().wait(5).run()
    assert daemon.world.running() == ["shop-db-1 db:1", "shop-web-1 web:1"]


def test_what_did_not_change_keeps_nobody_waiting() -> None:
    def state(image: str) -> SealedState:
        return a_state(a_service("db"), a_service(image=image, depends_on={"db": "service_healthy"}))

    daemon = Daemon().commit(state("web:1")).settle()
    daemon.commit(state("web:2")).run()
    assert "shop-web-1.gitopsd-2 web:2" in daemon.world.running()


def test_a_removed_service_goes_after_everything_else_is_good() -> None:
    daemon = Daemon().commit(a_state(a_service("old"), a_service("web"))).settle()
    daemon.commit(a_state(a_service("web", "web:2"))).run()
    assert "shop-old-1 old:1" in daemon.world.running()
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:2"]
    assert "old" not in daemon.journal.stable
    assert [move for move in daemon.moves() if "old" in move][2:] == [
        "Keep shop-old-1", "Stop shop-old-1", "Remove shop-old-1"
    ]  # fmt: skip


def test_a_removed_service_stays_when_the_rest_fails() -> None:
    daemon = Daemon().commit(a_state(a_service("old"), a_service("web"))).settle()
    bad = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
    daemon.commit(a_state(a_service("web", "web:2")), web=bad).settle()
    assert daemon.world.running() == ["shop-old-1 old:1", "shop-web-1 web:1"]


def test_without_prune_nothing_is_removed() -> None:
    daemon = Daemon().commit(a_state(a_service("old"), a_service("web"))).settle()
    daemon.commit(a_state(a_service("web", "web:2"), prune=False)).settle()
    assert daemon.world.running() == ["shop-old-1 old:1", "shop-web-1 web:2"]


def test_a_service_whose_port_a_newcomer_takes_goes_first() -> None:
    daemon = Daemon().commit(a_state(a_service("old", ports=[80]))).settle()
    daemon.done.clear()
    daemon.commit(a_state(a_service("new", ports=[80]))).settle()
    assert daemon.moves() == [
        "Keep shop-old-1",
        "Stop shop-old-1",
        "Rename -> shop-old-1.gitopsd-2",
        "Create shop-new-1",
        "Start shop-new-1",
        "Remove shop-old-1.gitopsd-2",
    ]


def test_it_comes_back_after_the_newcomer_has_gone_when_that_fails() -> None:
    daemon = Daemon().commit(a_state(a_service("old", container_name="front", ports=[80]))).settle()
    first = daemon.world.named("front").id
    bad = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
    daemon.commit(a_state(a_service("new", container_name="front", ports=[80])), new=bad).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.world.named("front").id == first
    assert [box.name for box in daemon.world.boxes.values()] == ["front"]
    assert daemon.world.named("front").policy == "always"


def test_networks_and_volumes_come_before_instances() -> None:
    daemon = Daemon().commit(a_state(a_service("db", volumes=["data:/data"]))).run()
    assert daemon.moves()[:2] == ["Create network shop_default", "Create volume shop_data"]


def test_a_network_that_cannot_be_made_fails_the_release_before_anything_was_touched() -> None:
    daemon = Daemon().commit(a_state(a_service())).settle()
    daemon.done.clear()
    daemon.world.refuse["network shop_back"] = "all predefined address pools have been fully subnetted"
    daemon.commit(a_state(a_service(image="web:2", networks=["back"]))).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.moves() == []
    assert daemon.world.running() == ["shop-web-1 web:1"]


def test_a_network_that_left_the_manifest_goes_when_all_is_done() -> None:
    daemon = Daemon().commit(a_state(a_service(networks=["default", "back"]))).settle()
    daemon.commit(a_state(a_service())).settle()
    assert list(daemon.world.networks) == ["shop_default"]
    assert daemon.moves()[-1] == "Remove network shop_back"


def test_a_network_in_use_elsewhere_is_tried_again_ever_more_seldom() -> None:
    daemon = Daemon().commit(a_state(a_service(networks=["default", "back"]))).settle()
    daemon.world.in_use.add("shop_back")
    daemon.commit(a_state(a_service())).settle()
    tries = 0
    for _ in range(120):
        daemon.wait()
        daemon.look()
        tries += bool(daemon.pending)
        daemon.act()
    assert 4 <= tries <= 6
    daemon.world.in_use.clear()
    daemon.wait(300).run()
    assert list(daemon.world.networks) == ["shop_default"]


def test_foreign_networks_are_left_alone() -> None:
    daemon = Daemon().commit(a_state(a_service())).settle()
    daemon.world.networks["shop_theirs"] = "x"
    daemon.wait(60).settle()
    assert "shop_theirs" in daemon.world.networks
