"""What every store does: the same tests over the one on disk, the one in PostgreSQL, and the one in memory."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.store.postgresql.store import PostgresStore
from gitopsd.adapters.store.sqlite import open_store
from gitopsd.controller.ports import Found, Inputs, Store
from gitopsd.model.baseline import Baseline
from gitopsd.model.desired import Image
from gitopsd.model.drift import Drifted, DriftItem, FieldDrift, PastDrift
from gitopsd.model.errors import StoreError
from gitopsd.model.event import Event
from gitopsd.model.image import Asked, PulledImage
from gitopsd.model.notice import CommitStatus, Delivery, Notice, Reported, Standing, Told, Trouble
from gitopsd.model.operation import Operation
from gitopsd.model.release import Former, Journal, Placed, Release, Suspension
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus
from tests.fakes.store import FakeStore
from tests.postgres_server import Server

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield FakeStore()
        return
    made = open_store(tmp_path / "state") if request.param == "sqlite" else shared(request, tmp_path / "state")
    yield made
    made.close()


def shared(request: pytest.FixtureRequest, state: Path) -> PostgresStore:
    server: Server = request.getfixturevalue("postgres")
    return PostgresStore(server.settings(server.schema()), state, "web1")


def a_release(number: int, environment: str = "shop", **changes: object) -> Release:
    facts = {"revision": "a" * 40, "input_digest": "i", "content_digest": "c", "author": "Ada", "subject": "Ship it"}
    return Release(number, environment, **{**facts, "cause": "commit", "started_at": NOON, **changes})  # type: ignore[arg-type]


def a_status(name: str, reason: str = "") -> EnvironmentStatus:
    return EnvironmentStatus(name, name, "auto", "a", "a", "Synced", "Healthy", reason, NOON)


def a_sync(environment: str) -> Operation:
    return Operation("sync", environment, "ada", NOON, {"pull": True})


def test_an_unknown_environment_has_an_empty_journal(store: Store) -> None:
    assert store.journal("shop") == Journal("shop")


def test_a_saved_journal_comes_back_equal(store: Store) -> None:
    inventory = {"c1": Placed("web", 1, "v1:a", "b", 1, "shop-web-1")}
    asked = {"shop/web:1": Asked(NOON, "inputs"), "shop/db:1": Asked(None, "", "inputs")}
    journal = Journal("shop", release=a_release(1), inventory=inventory, asked=asked)
    store.save(journal)
    assert store.journal("shop") == journal


def test_the_last_save_wins_and_environments_stay_apart(store: Store) -> None:
    store.save(Journal("shop", project="one"))
    store.save(Journal("blog", project="two"))
    store.save(Journal("shop", project="three"))
    assert (store.journal("shop").project, store.journal("blog").project) == ("three", "two")


def test_environments_are_those_with_a_journal(store: Store) -> None:
    assert store.environments() == ()
    store.save(Journal("shop"))
    store.save(Journal("blog"))
    store.save_status(a_status("never saved"))
    assert store.environments() == ("blog", "shop")
    store.forget("blog")
    assert store.environments() == ("shop",)


def test_only_one_daemon_holds_the_store(store: Store) -> None:
    with store.lock(), pytest.raises(StoreError, match=r"another gitopsd \(process \d+"), store.lock():
        pass
    with store.lock():
        pass


def test_a_look_tells_whether_a_daemon_runs_and_takes_nothing_from_it(store: Store) -> None:
    assert not store.daemon_runs()
    with store.lock():
        assert store.daemon_runs()
        assert store.daemon_runs()
    assert not store.daemon_runs()
    with store.lock():
        pass


def test_a_journals_release_and_ended_ones_are_in_the_ledger_newest_first(store: Store) -> None:
    store.save(Journal("shop", release=a_release(1)))
    ended = a_release(1, outcome="superseded", phase="ended", finished_at=NOON + timedelta(minutes=1))
    store.save(Journal("shop", release=a_release(3)), ended=[ended])
    store.save(Journal("blog", release=a_release(2, "blog")))
    assert store.releases("shop") == (a_release(3), ended)
    assert store.releases("shop", limit=1) == (a_release(3),)
    assert store.release(2) == a_release(2, "blog")
    assert store.release(9) is None


def test_the_ledger_says_which_releases_it_has_and_whose_they_are(store: Store) -> None:
    store.save(Journal("shop", release=a_release(2)), ended=[a_release(1)])
    store.save(Journal("blog"), ended=[a_release(3, "blog")])
    assert store.release_numbers() == {1: "shop", 2: "shop", 3: "blog"}


def test_release_numbers_never_repeat_even_when_many_threads_ask(store: Store) -> None:
    numbers: list[int] = []
    threads = [
        threading.Thread(target=lambda: numbers.extend(store.next_release() for _ in range(10))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 41))


def test_numbers_of_addresses_go_on_for_each_engine_by_itself(store: Store) -> None:
    assert [store.next_address("one") for _ in range(3)] == [0, 1, 2]
    assert store.next_address("other") == 0
    assert store.next_release() == 1
    assert store.next_address("one") == 3


def test_no_two_threads_get_one_number_of_an_address(store: Store) -> None:
    numbers: list[int] = []
    ask = lambda: numbers.extend(store.next_address("one") for _ in range(10))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(40))


def test_a_forgotten_environment_keeps_its_ledger_and_events(store: Store) -> None:
    store.save(Journal("shop", project="p", release=a_release(1)), [Event(NOON, "Removed", "gone", environment="shop")])
    store.save_status(a_status("shop"))
    store.save_inputs("shop", Inputs("digest", frozenset(), {}))
    store.forget("shop")
    assert store.journal("shop") == Journal("shop")
    assert store.statuses() == ()
    assert store.inputs("shop", "digest") is None
    assert [release.number for release in store.releases("shop")] == [1]
    assert [event.message for event in store.events()] == ["gone"]


def test_inputs_are_found_by_environment_and_digest(store: Store) -> None:
    image = Image("shop/web:1", "sha256:1", "shop/web@sha256:2", ("/data",), True)
    inputs = Inputs("digest", frozenset({"env/compose.yaml", "env/"}), {"shop/web:1": image})
    store.save_inputs("shop", inputs)
    assert store.inputs("shop", "digest") == inputs
    assert store.inputs("blog", "digest") is None
    assert store.inputs("shop", "other") is None


def test_what_was_pulled_is_kept_by_engine_and_image(store: Store) -> None:
    web = PulledImage("engine", "sha256:1", frozenset({"shop/web:1"}), "shop", NOON)
    elsewhere = replace(web, engine="other")
    store.save_pulled(web)
    store.save_pulled(elsewhere)
    again = replace(web, references=frozenset({"shop/web:1", "shop/web:latest"}))
    store.save_pulled(again)
    assert store.pulled() == (elsewhere, again)
    store.forget_pulled("engine", "sha256:1")
    store.forget_pulled("engine", "sha256:1")
    assert store.pulled() == (elsewhere,)


def test_what_was_pulled_outlives_its_environment(store: Store) -> None:
    store.save_pulled(PulledImage("engine", "sha256:1", frozenset({"shop/web:1"}), "shop", NOON))
    store.forget("shop")
    assert [each.id for each in store.pulled()] == ["sha256:1"]


def test_events_are_numbered_in_the_order_of_their_coming(store: Store) -> None:
    store.append([Event(NOON, "One", "1"), Event(NOON, "Two", "2")])
    store.save(Journal("shop"), [Event(NOON, "Three", "3")])
    assert [(event.number, event.reason) for event in store.events()] == [(1, "One"), (2, "Two"), (3, "Three")]
    assert [event.reason for event in store.events(after=1, limit=1)] == ["Two"]
    assert [event.reason for event in store.events(newest=True, limit=2)] == ["Two", "Three"]
    assert [event.reason for event in store.events(after=2, newest=True)] == ["Three"]


def test_events_are_told_apart_by_environment_and_service(store: Store) -> None:
    store.append(
        [
            Event(NOON, "A", "", environment="shop", service="web", release=4, data={"old": ["1"]}, severity="error"),
            Event(NOON, "B", "", environment="shop"),
            Event(NOON, "C", "", environment="blog", service="web"),
        ]
    )
    assert [event.reason for event in store.events(environment="shop")] == ["A", "B"]
    assert [event.reason for event in store.events(environment="shop", service="web")] == ["A"]
    (event,) = store.events(environment="shop", service="web")
    assert (event.release, event.data, event.severity) == (4, {"old": ["1"]}, "error")


def test_operations_wait_until_they_are_complete(store: Store) -> None:
    first, second = store.submit(a_sync("shop")), store.submit(a_sync("blog"))
    assert [(each.number, each.environment) for each in store.pending()] == [(first, "shop"), (second, "blog")]
    store.complete(first, "release 4", NOON + timedelta(seconds=3))
    done = store.operation(first)
    assert [each.number for each in store.pending()] == [second]
    assert done is not None
    assert (done.number, done.result, done.done_at) == (first, "release 4", NOON + timedelta(seconds=3))
    assert done.arguments == {"pull": True}
    assert store.operation(99) is None


def test_an_operation_is_done_together_with_the_journal_that_took_it_in(store: Store) -> None:
    number = store.submit(a_sync("shop"))
    asked = store.operation(number)
    assert asked is not None
    store.save(Journal("shop", project="p"), done=[replace(asked, done_at=NOON, result="suspended")])
    assert store.pending() == ()
    assert store.operation(number) == replace(asked, done_at=NOON, result="suspended")


def test_what_a_pass_found_is_kept_with_its_journal_its_releases_and_what_it_tells(store: Store) -> None:
    item = DriftItem("volume", "v", "", "", "missing", "gone", NOON, NOON)
    past = PastDrift(replace(item, name="w"), NOON, "healed", "repair: w")
    found = Found(a_status("shop", "v is missing"), Drifted("shop", (item,)), (past,))
    store.save(Journal("shop", project="p"), [Event(NOON, "DriftFound", "v", environment="shop")], found=found)
    assert (store.journal("shop").project, store.statuses()) == ("p", (a_status("shop", "v is missing"),))
    assert (store.drift("shop").items, store.past_drift("shop")) == ((item,), (past,))
    store.save(Journal("shop", project="q"))
    assert (store.statuses(), store.drift("shop").items) == ((a_status("shop", "v is missing"),), (item,))


def test_an_answer_and_a_status_come_with_the_events_that_tell_of_them(store: Store) -> None:
    number = store.submit(a_sync("shop"))
    store.complete(number, "removed", NOON, [Event(NOON, "OperationRemove", "ada asked")])
    store.save_status(a_status("shop"), [Event(NOON, "PassFailed", "the engine is away")])
    assert [each.reason for each in store.events()] == ["OperationRemove", "PassFailed"]


def test_completing_an_unknown_operation_changes_nothing(store: Store) -> None:
    store.complete(7, "done", NOON)
    assert store.operation(7) is None


def test_statuses_come_sorted_by_name_and_the_last_one_counts(store: Store) -> None:
    store.save_status(a_status("shop"))
    store.save_status(a_status("blog"))
    store.save_status(a_status("shop", "newer"))
    assert store.statuses() == (a_status("blog"), a_status("shop", "newer"))


def test_repositories_come_sorted_by_name_and_the_last_one_counts(store: Store) -> None:
    seen = RepositoryStatus("infra", "file:///x", "main", "b" * 40, NOON, environments=("a", "b"))
    store.save_repository(RepositoryStatus("infra", "file:///x", "main", "", None, error="timed out"))
    store.save_repository(RepositoryStatus("apps", "file:///y", "main", "", None))
    store.save_repository(seen)
    assert store.repositories() == (RepositoryStatus("apps", "file:///y", "main", "", None), seen)


def test_instance_id_and_key_stay_the_same(store: Store) -> None:
    assert store.instance_id() == store.instance_id()
    assert store.key() == store.key()
    assert len(store.key()) == 32


def test_a_backup_brings_back_what_was_there_when_it_was_taken(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "state.backup"
    store.save(Journal("shop", project="then"), ended=[a_release(store.next_release())])
    taken = store.backup(file, NOON)
    store.save(Journal("shop", project="now"))
    store.save(Journal("blog"))

    restored, _ = store.restore(file, NOON + timedelta(hours=1))

    assert (store.journal("shop").project, store.environments()) == ("then", ("shop",))
    assert [each.number for each in store.releases("shop")] == [1]
    assert restored == taken
    assert (taken.instance_id, taken.at) == (store.instance_id(), NOON)
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_is_restored_while_a_daemon_runs(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "state.backup"
    store.save(Journal("shop"))
    store.backup(file, NOON)
    with store.lock(), pytest.raises(StoreError, match="another gitopsd"):
        store.restore(file, NOON)


def test_what_is_no_backup_is_refused_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    store.save(Journal("shop", project="now"))
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(StoreError, match="is no backup"):
        store.restore(tmp_path / "other", NOON)
    assert store.journal("shop").project == "now"


def test_a_moved_environment_has_all_that_was_kept_under_its_old_name(store: Store) -> None:
    store.save(
        Journal("shop", project="shop", release=a_release(2)),
        [Event(NOON, "ReleaseStarted", "release 2", environment="shop", service="web")],
        [a_release(1)],
    )
    store.save_inputs("shop", Inputs("i", frozenset({"a"}), {"web": Image("web:1", "sha256:1")}))
    store.save_status(a_status("shop"))
    store.save_baselines("shop", {"c1": Baseline({}, "20.10")})
    done, waiting = store.submit(a_sync("shop")), store.submit(a_sync("shop"))
    store.complete(done, "", NOON)
    store.append([Event(NOON, "RevisionSeen", "", environment="blog")])

    store.move("shop", "store", "environments/shop")

    journal = store.journal("store")
    assert journal == replace(
        Journal("store", project="shop", release=a_release(2, "store")), formerly=(Former("shop", "environments/shop"),)
    )
    assert store.environments() == ("store",)
    assert [(each.number, each.environment) for each in store.releases("store")] == [(2, "store"), (1, "store")]
    assert [each.environment for each in store.events()] == ["store", "blog"]
    assert [each.reason for each in store.events(environment="store", service="web")] == ["ReleaseStarted"]
    assert store.inputs("store", "i") is not None
    assert set(store.baselines("store")) == {"c1"}
    assert [(each.number, each.environment) for each in store.pending()] == [(waiting, "store")]
    assert store.statuses() == ()
    assert store.releases("shop") == ()


def test_an_unknown_old_name_is_remembered_and_what_was_said_of_the_new_one_stays(store: Store) -> None:
    suspension = Suspension("ada", "not yet", NOON)
    store.save(Journal("store", suspension=suspension))
    store.move("shop", "store", "")
    assert store.journal("store") == Journal("store", suspension=suspension, formerly=(Former("shop"),))


def test_baselines_are_kept_by_container_and_dropped_one_by_one(store: Store) -> None:
    one, two = (
        Baseline({"resources.memory": 64, "networks": {"back": {}}}, "20.10", ("restart",)),
        Baseline({}, "20.10"),
    )
    store.save_baselines("shop", {"c1": one, "c2": two})
    store.save_baselines("blog", {"c1": two})
    store.save_baselines("shop", {"c2": None, "c3": two, "c4": None})
    assert store.baselines("shop") == {"c1": one, "c3": two}
    assert store.baselines("blog") == {"c1": two}


def test_what_drifted_is_remembered_until_the_next_pass(store: Store) -> None:
    changes = (FieldDrift(("resources.memory",), 128, 64, 32, "declared", "in-place", conflict=True),)
    item = DriftItem("container", "shop-web-1", "web", "c1", "modified", "update", NOON, NOON, "conflict", changes)
    store.save(Journal("shop"), found=Found(None, Drifted("shop", (item,))))
    assert store.drift("shop").items == (item,)
    store.save(Journal("shop"), found=Found(None, Drifted("shop")))
    assert store.drift("shop") == Drifted("shop")


def test_what_drifted_once_is_told_newest_first_whatever_becomes_of_its_environment(store: Store) -> None:
    first, second, third = (
        PastDrift(DriftItem("volume", name, "", "", "missing", "gone", NOON, NOON), NOON, "healed", "repair: gone")
        for name in ("a", "b", "c")
    )
    store.save(Journal("shop"), found=Found(None, Drifted("shop"), (first, second)))
    store.save(Journal("shop"), found=Found(None, Drifted("shop", (second.item,)), (third,)))
    assert store.past_drift("shop") == (third, second, first)
    assert store.past_drift("shop", limit=1) == (third,)
    assert store.past_drift("blog") == ()
    store.move("shop", "store", "environments/shop")
    store.forget("store")
    assert (store.past_drift("shop"), store.past_drift("store")) == ((), (third, second, first))


def test_a_forgotten_environment_leaves_no_baselines_and_no_drift(store: Store) -> None:
    store.save_baselines("shop", {"c1": Baseline({}, "20.10")})
    item = DriftItem("volume", "v", "", "", "missing", "gone", NOON, NOON)
    store.save(Journal("shop"), found=Found(None, Drifted("shop", (item,))))
    store.forget("shop")
    assert (store.baselines("shop"), store.drift("shop")) == ({}, Drifted("shop"))


def a_delivery(receiver: str = "chat", title: str = "shop: release 1 failed") -> Delivery:
    notice = Notice("failed", NOON, title, "it is unhealthy", "shop", release=1, concerns=("shop",))
    return Delivery(receiver, notice, NOON, NOON)


def test_nobody_was_told_of_anything_before_the_first_time(store: Store) -> None:
    assert store.told() is None
    assert (store.deliveries("chat", 10), store.receivers()) == ((), ())


def test_what_was_told_comes_back_equal_and_what_waits_in_its_order(store: Store) -> None:
    troubles = {"health": Trouble("degraded", NOON, told=True, well_since=NOON)}
    standing = Standing(7, troubles, Reported("a" * 40, "pending", "release 7"))
    told = Told(12, {"shop": standing}, {"default": Trouble("unknown", NOON)})
    status = CommitStatus("default", "a" * 40, "success", "gitopsd/shop", "release 7 serves it")

    assert store.save_told(told, [a_delivery(), Delivery("forge", status, NOON, NOON)], 10) == 0
    store.save_told(told, [a_delivery(title="second")], 10)

    assert store.told() == told
    assert [each.message for each in store.deliveries("forge", 10)] == [status]
    first, second = store.deliveries("chat", 10)
    assert replace(first, number=0) == a_delivery()
    assert (second.message, first.number < second.number) == (a_delivery(title="second").message, True)
    assert store.deliveries("chat", 1) == (first,)
    assert store.receivers() == ("chat", "forge")


def test_a_later_attempt_is_kept_and_what_was_delivered_stays_gone(store: Store) -> None:
    store.save_told(Told(1), [a_delivery(), a_delivery(title="second")], 10)
    first, second = store.deliveries("chat", 10)
    later = replace(first, due=NOON + timedelta(minutes=1), tries=1)

    store.save_delivery(later)
    store.drop_delivery(second.number)
    store.save_delivery(replace(second, tries=5))

    assert store.deliveries("chat", 10) == (later,)


def test_of_too_many_the_oldest_go_and_other_receivers_lose_nothing(store: Store) -> None:
    store.save_told(Told(1), [a_delivery("forge", "other")], 3)

    assert store.save_told(Told(2), [a_delivery(title=str(number)) for number in range(5)], 3) == 2

    assert [each.message.title for each in store.deliveries("chat", 10) if isinstance(each.message, Notice)] == [
        *("2", "3", "4")
    ]
    assert len(store.deliveries("forge", 10)) == 1


def test_where_nobody_is_told_any_more_nothing_is_left(store: Store) -> None:
    store.save_told(Told(1), [a_delivery()], 3)

    store.save_told(None, (), 3)

    assert (store.told(), store.receivers()) == (None, ())
