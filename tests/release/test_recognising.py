"""Which containers are ours after a crash, and after the journal itself is lost."""

from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

GOOD_JOB = Behaviour(exits_after=2, restart="no")


def test_a_container_that_was_created_just_before_a_crash_is_ours_and_is_made_anew() -> None:
    daemon = Daemon().commit(a_state(a_service()))
    daemon.look()
    daemon.act()
    daemon.look()
    daemon.step()  # Create, and the daemon dies before it hears of it
    daemon.die()
    daemon.settle()
    assert daemon.moves()[1:] == ["Create shop-web-1", "Remove shop-web-1", "Create shop-web-1", "Start shop-web-1"]
    assert [box.name for box in daemon.world.boxes.values()] == ["shop-web-1"]


def test_a_lost_journal_is_made_anew_from_labels_and_nothing_is_replaced() -> None:
    state = a_state(a_service(replicas=2), a_service("db", volumes=["data:/data"], container_name="Data"))
    daemon = Daemon().commit(state).settle()
    ids = set(daemon.world.boxes)
    daemon.lose_journal()
    daemon.done.clear()
    daemon.settle()
    daemon.run().settle()
    assert set(daemon.world.boxes) == ids
    assert {move.split()[0] for move in daemon.moves()} <= {"Update"}
    assert daemon.plan().empty
    assert not daemon.look()


def test_limits_that_changed_while_the_journal_was_lost_are_brought_up_to_date() -> None:
    daemon = Daemon().commit(a_state(a_service(limits="1g"))).settle()
    daemon.lose_journal()
    daemon.commit(a_state(a_service(limits="2g"))).settle()
    daemon.run().settle()
    assert daemon.world.named("shop-web-1").limits == "limits 2g"


def test_a_one_shot_does_not_run_again_because_the_journal_was_lost() -> None:
    daemon = Daemon().commit(a_state(a_service("job", job=True), a_service()), job=GOOD_JOB).settle()
    daemon.lose_journal()
    daemon.done.clear()
    daemon.settle()
    assert not [move for move in daemon.moves() if "job" in move]


def test_of_two_that_run_in_a_slot_the_one_with_the_slot_s_name_served() -> None:
    daemon = Daemon().commit(a_state(a_service(image="web:9"))).settle()
    daemon.commit(a_state(a_service(image="web:10")), web=Behaviour(check=True, healthy_after=None)).run()
    daemon.lose_journal()
    daemon.look()
    assert daemon.journal.before["web"].fingerprint == "web:9"


def test_another_environment_s_containers_are_not_taken() -> None:
    daemon = Daemon().commit(a_state(a_service())).settle()
    daemon.lose_journal()
    daemon.world.environment = "staging"
    daemon.look()
    assert daemon.journal.inventory == {}


def test_a_journal_from_a_backup_takes_up_what_later_releases_made() -> None:
    daemon = Daemon().commit(a_state(a_service())).settle()
    backup = daemon.journal
    daemon.commit(a_state(a_service(image="web:2"), a_service("worker"))).settle()
    ids = set(daemon.world.boxes)
    daemon.die()
    daemon.journal = backup
    daemon.settle()
    assert set(daemon.world.boxes) == ids
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-worker-1 worker:1"]
    assert daemon.outcome() == "succeeded"


def test_a_copy_of_our_labels_under_another_name_is_not_taken_for_a_later_release() -> None:
    daemon = Daemon().commit(a_state(a_service())).settle()
    backup = daemon.journal
    daemon.commit(a_state(a_service(image="web:2"))).settle()
    daemon.world.named("shop-web-1").name = "somebody-s"
    daemon.die()
    daemon.journal = backup
    daemon.look()
    assert daemon.journal.inventory == {}
