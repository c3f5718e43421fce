"""The store in a real PostgreSQL: several machines, a server that is away or refuses, versions, and other stores."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.store.migrations import STEPS
from gitopsd.adapters.store.postgresql import schema
from gitopsd.adapters.store.postgresql.copying import COLUMNS
from gitopsd.adapters.store.postgresql.database import Database
from gitopsd.adapters.store.postgresql.store import PostgresStore
from gitopsd.adapters.store.sqlite import open_store
from gitopsd.controller.ports import Found, Inputs
from gitopsd.model.baseline import Baseline
from gitopsd.model.drift import Drifted, DriftItem, PastDrift
from gitopsd.model.errors import StoreError
from gitopsd.model.event import Event
from gitopsd.model.image import PulledImage
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Release
from gitopsd.model.settings import LedgerKeeping, StoreSettings
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus
from tests.postgres_server import PASSWORD, Server
from tests.waiting import eventually

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHORT = timedelta(seconds=2)
Machine = Callable[[str], PostgresStore]


@pytest.fixture
def settings(postgres: Server) -> StoreSettings:
    return postgres.settings(postgres.schema(), SHORT)


@pytest.fixture
def machine(settings: StoreSettings, tmp_path: Path) -> Iterator[Machine]:
    """Makes the store of a machine by name, each with a state directory of its own and all on one database."""
    with ExitStack() as stack:

        def made(host: str) -> PostgresStore:
            store = PostgresStore(settings, tmp_path / host, host)
            stack.callback(store.close)
            return store

        yield made


def an_event(at: datetime = NOON, message: str = "") -> Event:
    return Event(at, "Seen", message, environment="shop")


def test_what_one_machine_saved_another_one_reads(machine: Machine) -> None:
    one, other = machine("web1"), machine("web2")

    one.save(Journal("shop", project="here"))

    assert other.journal("shop").project == "here"
    assert (other.instance_id(), other.key()) == (one.instance_id(), one.key())


def test_two_machines_never_get_one_number_twice(machine: Machine) -> None:
    numbers: list[int] = []
    ask: Callable[[PostgresStore], None] = lambda store: numbers.extend(store.next_release() for _ in range(20))  # noqa: E731
    threads = [threading.Thread(target=ask, args=(machine(host),)) for host in ("web1", "web2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 41))


def test_an_operation_that_is_asked_for_elsewhere_wakes_the_daemon_here(machine: Machine, tmp_path: Path) -> None:
    one, other = machine("web1"), machine("web2")
    wake = tmp_path / "web1" / "wake"
    with one.lock():
        eventually(wake.exists)  # it listens
        wake.unlink()

        other.submit(Operation("sync", "shop", "ada", NOON))

        eventually(wake.exists)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("postgres@", "nobody@"), "make it with `createuser`, or name another user"),
        (lambda url: url.replace("/postgres?", "/elsewhere?"), "make it with `createdb`, or name another one"),
        (lambda url: url.replace("host=", "host=%2Fnowhere"), "see that the server runs, and that store.url names"),
        (lambda url: url.replace("search_path%3D", "search_path%3Dno_"), "let its user make tables there"),
    ],
    ids=["unknown user", "unknown database", "no server", "no schema"],
)
def test_a_database_that_cannot_be_used_is_told_with_a_way_out(
    settings: StoreSettings, tmp_path: Path, change: Callable[[str], str], says: str
) -> None:
    store = PostgresStore(replace(settings, url=change(settings.url)), tmp_path, "web1")
    with pytest.raises(StoreError, match=says):
        store.environments()


def test_a_password_comes_from_its_file_and_a_wrong_one_is_told_without_it(
    settings: StoreSettings, postgres: Server, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    over_tcp = settings.url.replace("postgres@/", f"postgres@127.0.0.1:{postgres.port}/").partition("?")
    url = f"{over_tcp[0]}?options={settings.url.rpartition('options=')[2]}"

    def store(password_file: Path | None) -> PostgresStore:
        return PostgresStore(StoreSettings(url, password_file), tmp_path, "web1")

    file.write_text(f"{PASSWORD}\n")
    assert store(file).environments() == ()
    file.write_text("hunter2\n")
    with pytest.raises(StoreError, match=rf"see that {file} holds the password") as refused:
        store(file).environments()
    assert "hunter2" not in str(refused.value)
    with pytest.raises(StoreError, match=r"write store\.password_file"):
        store(None).environments()
    with pytest.raises(StoreError, match=r"missing: No such file.*store\.password_file has to hold"):
        store(tmp_path / "missing").environments()


def test_a_server_that_was_restarted_is_connected_to_again(machine: Machine, postgres: Server) -> None:
    store = machine("web1")
    store.save(Journal("shop", project="before"))

    postgres.stop()
    with pytest.raises(StoreError, match="see that the server runs"):
        store.save(Journal("shop", project="meanwhile"))
    postgres.start()

    assert store.journal("shop").project == "before"
    store.save(Journal("shop", project="after"))
    assert store.journal("shop").project == "after"


def test_a_transaction_that_the_server_cuts_off_leaves_nothing_and_the_next_one_is_whole(
    machine: Machine, postgres: Server
) -> None:
    store = machine("web1")
    store.save(Journal("shop", project="before"))

    with pytest.raises(StoreError):
        cut_off_in_the_middle(store, postgres)

    assert store.journal("shop").project == "before"


def cut_off_in_the_middle(store: PostgresStore, postgres: Server) -> None:
    with store._connections.writing() as session:
        session.execute("UPDATE journal SET body = 'half' WHERE environment = 'shop'")
        postgres.stop()
        postgres.start()
        session.execute("UPDATE journal SET body = 'whole' WHERE environment = 'shop'")


def test_a_daemon_outlives_a_restart_of_the_server(machine: Machine, postgres: Server) -> None:
    store, other = machine("web1"), machine("web2")
    with store.lock():
        postgres.stop()
        postgres.start()

        eventually(store.holds)
        store.save(Journal("shop", project="after"))
        assert other.daemon_runs()


def test_old_events_go_and_one_that_the_database_cannot_look_into_stops_nothing(
    settings: StoreSettings, tmp_path: Path
) -> None:
    store = PostgresStore(settings, tmp_path, "web1", LedgerKeeping(keep_events=40, keep_for=timedelta(days=1)))
    store.append([an_event(NOON - timedelta(days=3), "old"), an_event(message="with a \0 in it")])

    store.append([an_event() for _ in range(3)])

    assert [event.message for event in store.events()] == ["with a \0 in it", "", "", ""]
    store.close()


def test_names_are_sorted_by_their_letters_whatever_language_the_server_speaks(machine: Machine) -> None:
    store = machine("web1")
    for name in ("b", "a-b", "B", "ab", "a_b"):
        store.save(Journal(name))
    assert store.environments() == ("B", "a-b", "a_b", "ab", "b")


def test_who_stops_lets_another_one_begin_at_once_and_who_waits_may_stop_waiting(machine: Machine) -> None:
    one, other = machine("web1"), machine("web2")
    with one.lock():
        assert (one.acting(), other.acting()[:8], other.acting()[-8:]) == ("", "process ", " on web1")
        patience = iter((True, False))
        with (
            pytest.raises(StoreError, match=r"another gitopsd \(process \d+ on web1\) acts on postgresql://"),
            other.lock(lambda: next(patience)),
        ):
            pass
    with other.lock():
        assert (other.holds(), one.holds()) == (True, False)


def test_a_lease_that_is_not_renewed_is_taken_and_the_one_who_had_it_can_write_nothing_more(
    machine: Machine, postgres: Server, settings: StoreSettings
) -> None:
    one, other = machine("web1"), machine("web2")
    with one.lock():
        one.save(Journal("shop", project="first"))
        taken_by_nobody(postgres, settings)  # as if it had slept, and somebody had come and gone meanwhile
        with pytest.raises(StoreError, match=r"another gitopsd acts on .* by now; this one has stopped"):
            one.save(Journal("shop", project="late"))
        assert not one.holds()
        with pytest.raises(StoreError):
            one.next_release()
        one.append([an_event(message="told all the same")])
        asked = one.submit(Operation("sync", "shop", "ada", NOON))

    assert other.journal("shop").project == "first"
    assert [event.message for event in other.events()] == ["told all the same"]
    assert [each.number for each in other.pending()] == [asked]


def taken_by_nobody(postgres: Server, settings: StoreSettings) -> None:
    name = settings.url.rpartition("%3D")[2]
    postgres.ask(f"UPDATE {name}.lease SET token = token + 1, holder = ''")


def test_the_clock_of_the_server_neither_gives_nor_keeps_a_lease(
    machine: Machine, postgres: Server, settings: StoreSettings
) -> None:
    """Somebody who died in the middle of an hour that was lived twice is not waited for an hour."""
    name, other = settings.url.rpartition("%3D")[2], machine("web2")
    other.environments()
    postgres.ask(f"UPDATE {name}.lease SET holder = 'process 1 on web1', seconds = 2, until = now() + '1 hour'")

    with other.lock(lambda: not threading.Event().wait(0.1)):
        assert other.holds()


def test_a_backup_of_one_kind_of_store_goes_into_the_other_and_back(machine: Machine, tmp_path: Path) -> None:
    first, shared, last = open_store(tmp_path / "first"), machine("web1"), open_store(tmp_path / "last")
    everything(first)

    first.backup(tmp_path / "one", NOON)
    shared.restore(tmp_path / "one", NOON)
    shared.backup(tmp_path / "two", NOON)
    last.restore(tmp_path / "two", NOON)

    assert seen(shared) == seen(first)
    assert seen(last) == seen(first)
    assert (last.instance_id(), last.key()) == (first.instance_id(), first.key())
    assert shared.next_release() == last.next_release() == 3
    assert shared.submit(Operation("sync", "shop", "ada", NOON)) == 3
    for store in (first, last):
        store.close()


def test_what_a_restore_replaces_lies_aside_as_a_backup(machine: Machine, tmp_path: Path) -> None:
    store = machine("web1")
    store.save(Journal("shop", project="then"))
    store.backup(tmp_path / "then", NOON)
    store.save(Journal("shop", project="now"))

    _, aside = store.restore(tmp_path / "then", NOON)

    assert aside is not None
    assert store.journal("shop").project == "then"
    store.restore(aside, NOON + timedelta(hours=1))
    assert store.journal("shop").project == "now"


def test_a_state_directory_that_was_used_before_gives_its_identity(settings: StoreSettings, tmp_path: Path) -> None:
    before = open_store(tmp_path / "web1")
    known = (before.instance_id(), before.key())
    before.close()

    store = PostgresStore(settings, tmp_path / "web1", "web1")

    assert (store.instance_id(), store.key()) == known
    store.close()


def everything(store: PostgresStore | object) -> None:
    """Something of each kind."""
    assert hasattr(store, "save")
    release = Release(store.next_release(), "shop", "a" * 40, "i", "c", "Ada", "Ship it", "commit", NOON)
    later = replace(release, number=store.next_release())
    store.next_address("one")
    item = DriftItem("volume", "v", "", "", "missing", "gone", NOON, NOON)
    found = Found(None, Drifted("shop", (item,)), [PastDrift(item, NOON, "healed", "repair")])
    store.save(Journal("shop", release=later), [an_event(message="ä\0")], [release], found=found)
    store.save_inputs("shop", Inputs("i", frozenset({"a"}), {}))
    store.save_baselines("shop", {"c1": Baseline({"memory": 64}, "20.10")})
    store.save_pulled(PulledImage("engine", "sha256:2", frozenset({"b"}), "shop", NOON))
    store.save_pulled(PulledImage("engine", "sha256:1", frozenset({"a"}), "shop", NOON))
    done = store.submit(Operation("sync", "shop", "ada", NOON))
    store.submit(Operation("pause", "shop", "ada", NOON))
    store.complete(done, "done", NOON)
    store.save_status(EnvironmentStatus("shop", "shop", "auto", "a", "a", "Synced", "Healthy", "", NOON))
    store.save_repository(RepositoryStatus("default", "file:///x", "main", "", None))


def seen(store: PostgresStore | object) -> list[object]:
    assert hasattr(store, "journal")
    found = [store.journal("shop"), store.releases("shop"), store.events(), store.pending(), store.operation(1)]
    kept = [store.inputs("shop", "i"), store.baselines("shop"), store.drift("shop"), store.past_drift("shop")]
    return [*found, *kept, store.pulled(), store.statuses(), store.repositories(), store.told()]


NEWEST = ((*STEPS, ("CREATE TABLE later (name TEXT) STRICT",)), "99.2.0")


def test_a_version_that_is_too_old_names_the_one_that_it_met(settings: StoreSettings, machine: Machine) -> None:
    database = Database(settings)
    schema.migrate(database.connect(), database.named, *NEWEST)
    with pytest.raises(
        StoreError, match=rf"by gitopsd 99\.2\.0 \(schema {len(STEPS) + 1}, this one knows {len(STEPS)}"
    ):
        machine("web1").environments()


def test_an_earlier_schema_is_brought_up_to_date_with_all_that_is_in_it(
    settings: StoreSettings, machine: Machine
) -> None:
    store, database = machine("web1"), Database(settings)
    store.save(Journal("shop", project="kept"))

    schema.migrate(database.connect(), database.named, *NEWEST)

    session = database.connect()
    assert schema.version(session, database.named, NEWEST[0]) == len(STEPS) + 1
    assert session.execute("SELECT count(*) FROM journal, lease").fetchone() == (1,)
    assert session.execute("SELECT count(*) FROM later").fetchone() == (0,)


def test_a_newer_version_does_not_migrate_below_an_older_daemon_that_runs(
    settings: StoreSettings, machine: Machine
) -> None:
    store, database = machine("web1"), Database(settings)
    with store.lock(), pytest.raises(StoreError, match=r"\(process \d+ on web1\) is of an older version"):
        schema.migrate(database.connect(), database.named, *NEWEST)
    schema.migrate(database.connect(), database.named, *NEWEST)


def test_every_table_is_in_a_backup_and_only_about_is_written_anew() -> None:
    made = {statement.split()[2] for step in STEPS for statement in step if statement.startswith("CREATE TABLE")}
    assert made - {"about"} == set(COLUMNS)
