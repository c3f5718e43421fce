"""What the engine's host cannot have now (a taken port, a full disk) is waited for, and what served before serves."""

from gitopsd.model.desired import SealedState
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

TAKEN = "listen tcp4 0.0.0.0:81: bind: address already in use"
FULL = "no space left on device"
ENDS_WELL = Behaviour(exits_after=2, restart="no")


def shop(image: str, port: int = 80) -> SealedState:
    return a_state(a_service(image=image, ports=[port], volumes=["data:/data"]))


def serving(state: SealedState) -> Daemon:
    daemon = Daemon().commit(state).settle()
    daemon.done.clear()
    return daemon


def hold(daemon: Daemon, part: str, words: str, seconds: float) -> None:
    """Let the host refuse what `part` says for a while."""
    daemon.world.unfit[part] = words
    daemon.settle(within=seconds)
    del daemon.world.unfit[part]


def test_in_stop_first_order_the_old_one_comes_back_until_the_host_has_room_for_the_new_one() -> None:
    daemon = serving(shop("web:1"))
    first = daemon.world.named("shop-web-1").id
    daemon.commit(shop("web:2", 81))
    hold(daemon, "Start    shop-web-1.gitopsd-2", TAKEN, 9)
    assert [box.id for box in daemon.world.boxes.values() if box.up] == [first]
    assert daemon.world.named(first).policy == "always"
    daemon.settle()
    assert daemon.outcome() == "succeeded"
    assert [box.fingerprint for box in daemon.world.boxes.values()] == [shop("web:2", 81).services["web"].fingerprint]


def test_it_is_tried_again_and_again_and_never_rejected_whatever_the_deadline() -> None:
    daemon = serving(shop("web:1"))
    daemon.commit(shop("web:2", 81))
    hold(daemon, "Start    shop-web-1.gitopsd-2", TAKEN, 3000)
    assert daemon.journal.rejected == {}
    assert daemon.moves().count("Start shop-web-1") > 10
    assert daemon.settle().outcome() == "succeeded"


def test_in_start_first_order_the_old_one_goes_on_serving() -> None:
    daemon = serving(a_state(a_service()))
    daemon.commit(a_state(a_service(image="web:2")))
    hold(daemon, "Create", FULL, 700)
    assert daemon.moves() == []
    assert daemon.world.running() == ["shop-web-1 web:1"]
    assert daemon.settle().outcome() == "succeeded"


def test_a_first_release_waits_too() -> None:
    daemon = Daemon().commit(shop("web:1", 81))
    hold(daemon, "Start", TAKEN, 700)
    assert daemon.journal.release is not None
    assert daemon.settle().outcome() == "succeeded"


def test_a_network_that_the_host_has_no_addresses_for_holds_the_release_before_anything_is_touched() -> None:
    daemon = serving(a_state(a_service()))
    daemon.commit(a_state(a_service(image="web:2", networks=["back"])))
    hold(daemon, "Create   network", "all predefined address pools have been fully subnetted", 700)
    assert daemon.moves() == []
    assert daemon.settle().outcome() == "succeeded"


def test_a_one_shot_waits_for_the_host_without_using_up_its_time() -> None:
    daemon = serving(a_state(a_service()))
    daemon.commit(a_state(a_service(), a_service("job", job=True, timeout=60)))
    daemon.world.behaviours["job:1"] = ENDS_WELL
    hold(daemon, "Start    shop-job-1", FULL, 300)
    assert daemon.settle().outcome() == "succeeded"


def test_other_services_of_the_release_go_on_meanwhile() -> None:
    daemon = serving(a_state(a_service("api"), a_service()))
    daemon.commit(a_state(a_service("api", "api:2"), a_service(image="web:2")))
    hold(daemon, "Start    shop-web-1", TAKEN, 60)
    assert "shop-api-1 api:2" in daemon.world.running()
    assert "shop-web-1 web:1" in daemon.world.running()


def test_going_back_in_git_ends_the_waiting_and_touches_nothing_that_serves() -> None:
    daemon = serving(a_state(a_service()))
    before = set(daemon.world.boxes)
    daemon.commit(a_state(a_service(image="web:2")))
    hold(daemon, "Start    shop-web-1", TAKEN, 30)
    daemon.commit(a_state(a_service())).settle()
    assert set(daemon.world.boxes) == before


def test_a_repair_waits_for_the_host_and_comes_in_the_end() -> None:
    daemon = serving(a_state(a_service()))
    daemon.world.vanish("shop-web-1")
    hold(daemon, "Create", FULL, 1200)
    assert daemon.world.running() == []
    assert daemon.wait(60).settle().world.running() == ["shop-web-1 web:1"]


def test_a_daemon_that_dies_again_and_again_while_it_waits_never_runs_two_and_arrives() -> None:
    daemon = serving(shop("web:1"))
    daemon.commit(shop("web:2", 81))
    daemon.world.unfit["Start    shop-web-1.gitopsd-2"] = TAKEN
    for _ in range(40):
        daemon.look()
        if daemon.pending:
            daemon.step()
        daemon.die()
        daemon.wait()
        assert len(daemon.world.running()) <= 1
    daemon.world.unfit.clear()
    assert daemon.settle().outcome() == "succeeded"
