"""A lost key or store replaces nothing: what runs is compared by reading it, and only a real difference is a change."""

from pathlib import Path

import pytest

from gitopsd.model.errors import EngineRefused
from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import Shop, compose, service, web
from tests.fakes.containers import exits
from tests.fakes.store import FakeStore

SECRETIVE = compose(
    web(
        "web:1",
        "environment: {TOKEN: '${TOKEN}', PLAIN: x}",
        "command: [serve, '--password', '${TOKEN}']",
        "labels: {note: '${TOKEN}'}",
        "hostname: ${NAME}",
        "secrets: [db]",
        "deploy: {replicas: 2}",
    ),
    service("quiet"),
    service("sealed", "read_only: true", "secrets: [db]"),
    service("migrate", "environment: [TOKEN]", 'restart: "no"', image="job:1"),
)
TOP = "secrets: {db: {external: true}}\nnetworks: {default: {labels: {note: '${TOKEN}'}}}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "shop.env").write_text("TOKEN=s3cret\nNAME=pelican\n")
    named = EnvironmentSettings("shop", vars_file=tmp_path / "shop.env")
    made = Shop(tmp_path / "state", environments={"shop": named})
    made.image("job:1", exits(0))
    made.secrets.keep("shop", "db", b"password")
    made.release(SECRETIVE + TOP)
    return made


def ids(shop: Shop) -> dict[str, str]:
    return {each.name: each.id for each in shop.engine.observe("shop").instances}


def causes(shop: Shop) -> set[str]:
    """Why containers were made, their first making left out."""
    told = [each.message for each in shop.store.events() if each.message.startswith("Create")]
    return {cause for message in told if not (cause := message.partition("# ")[2]).startswith(("new ", "one-", "serv"))}


def lose_key(shop: Shop) -> None:
    shop.store.lose_key()


def lose_both(shop: Shop) -> None:
    lost = shop.store
    shop.store = FakeStore(lost.instance_id())
    shop.store.lose_key()


@pytest.mark.parametrize("lose", [lose_key, lose_both])
def test_a_lost_key_replaces_nothing_and_everything_is_synced(shop: Shop, lose: object) -> None:
    before, writes = ids(shop), len(shop.engine.writes)

    lose(shop)  # type: ignore[operator]
    shop.work()

    (status,) = shop.store.statuses()
    made = [each for each in shop.engine.writes[writes:] if not each.startswith(("update", "collect"))]
    assert (made, ids(shop)) == ([], before)
    assert (status.sync, status.health, status.holds) == ("Synced", "Healthy", ())
    assert shop.json("drift")["environments"][0]["items"] == []
    assert "No changes." in shop.text("plan")


def test_a_lost_key_is_no_release_where_the_ledger_is_still_there(shop: Shop) -> None:
    lose_key(shop)
    shop.work()

    assert len(shop.store.releases("shop")) == 1
    told = [each.message for each in shop.store.events() if each.reason == "SecretsCompared"]
    assert told == ["what runs was made with another key, so that its secrets were compared by reading them: the same"]


def test_what_was_read_once_is_not_read_again(shop: Shop) -> None:
    lose_key(shop)
    shop.work()
    calls = len(shop.engine.calls)

    shop.work()

    assert [call for call in shop.engine.calls[calls:] if call.startswith("read")] == []


def test_a_plan_after_a_lost_key_says_no_changes_before_a_daemon_was_started(shop: Shop) -> None:
    lose_both(shop)

    assert "No changes." in shop.text("plan")
    assert shop.store.environments() == ()


@pytest.mark.parametrize("lose", [lose_key, lose_both])
def test_a_secret_that_changed_meanwhile_replaces_just_who_uses_it_and_is_told_by_its_name(
    shop: Shop, lose: object
) -> None:
    before = ids(shop)

    lose(shop)  # type: ignore[operator]
    shop.secrets.keep("shop", "db", b"another")
    shop.work()

    changed = {name.rpartition("-")[0] for name, id in ids(shop).items() if before.get(name) != id}
    assert changed == {"shop-web", "shop-sealed"}
    assert causes(shop) == {"secret db changed"}


def test_a_variable_that_changed_meanwhile_is_found_in_the_environment(shop: Shop, tmp_path: Path) -> None:
    before = ids(shop)

    lose_both(shop)
    (tmp_path / "shop.env").write_text("TOKEN=s3cret\nNAME=toucan\n")
    shop.work()

    changed = {name.rpartition("-")[0] for name, id in ids(shop).items() if before.get(name) != id}
    assert (changed, causes(shop)) == ({"shop-web"}, {"hostname changed"})


def test_a_one_shot_does_not_run_again_because_the_key_was_lost_even_where_its_container_is_gone(shop: Shop) -> None:
    shop.engine.remove_by_hand("shop-migrate-1")

    lose_key(shop)
    shop.work()

    assert "shop-migrate-1" not in shop.engine.names()


def test_what_was_rejected_stays_rejected(shop: Shop) -> None:
    shop.image("web:3", exits(1))
    shop.release(SECRETIVE.replace("web:1", "web:3") + TOP)
    releases = len(shop.store.releases("shop"))

    lose_key(shop)
    shop.work()

    (status,) = shop.store.statuses()
    assert [hold.guard for hold in status.holds] == ["rejected"]
    assert len(shop.store.releases("shop")) == releases


def test_files_that_may_not_be_read_are_taken_for_unchanged_and_that_is_told(shop: Shop) -> None:
    before = ids(shop)
    shop.engine.fail("read", EngineRefused("read /run/secrets/db: denied by the proxy", 403), times=99)

    lose_key(shop)
    shop.work()

    told = [each for each in shop.store.events() if each.reason == "SecretsCompared"]
    assert ids(shop) == before
    assert [each.severity for each in told] == ["warning"]
    assert "not to be read and are taken for unchanged (read /run/secrets/db: denied by the proxy)" in told[0].message


def test_no_value_is_in_what_is_told_of_the_comparison(shop: Shop) -> None:
    lose_both(shop)
    shop.secrets.keep("shop", "db", b"toucan")
    shop.work()

    said = "\n".join(each.message for each in shop.store.events())
    assert "not the same: sealed: secret db, web: secret db" in said
    assert not [
        value for value in ("s3cret", "password:", "another", "pelican") if value in said.replace("another key", "")
    ]
