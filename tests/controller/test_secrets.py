"""Secrets and variables of the host as inputs: a missing one holds, a changed one is rolled out, what runs goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from gitopsd.model.settings import EnvironmentSettings, KeySettings, SecretPlaces
from tests.cli.shop import Shop, compose, service, web
from tests.controller.house import SETTINGS, House, with_environments
from tests.controller.house import compose as house_compose

EXTERNAL = compose(web("web:1", "secrets: [db]"), service("other")) + "secrets: {db: {external: true}}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


def holds(shop: Shop) -> dict[str, str]:
    (status,) = shop.store.statuses()
    return {hold.guard: hold.reason for hold in status.holds}


def inside(shop: Shop, path: str = "/run/secrets/db") -> bytes:
    return shop.engine.container("shop-web-1").files[path]


def test_a_secret_of_the_host_is_a_file_in_the_container(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"s3cret\n")

    shop.release(EXTERNAL)

    assert inside(shop) == b"s3cret\n"


def test_a_missing_secret_holds_a_first_release_and_its_coming_begins_it(shop: Shop) -> None:
    shop.release(EXTERNAL)
    held, names = holds(shop), shop.engine.names()

    shop.secrets.keep("shop", "db", b"s3cret")
    shop.work()

    assert held["secrets"].startswith("environments/shop/compose.yaml:9:11: secrets.db: the host has no secret db; ")
    assert names == []
    assert shop.engine.names(running=True) == ["shop-other-1", "shop-web-1"]


def test_a_single_run_that_lacks_a_secret_ends_with_the_code_of_what_needs_a_person() -> None:
    house = House()
    house.push({"shop/compose.yaml": house_compose(more="    secrets: [db]\nsecrets: {db: {external: true}}\n")})

    assert house.once() == 2
    assert house.guards("shop") == {"secrets"}


def test_a_secret_that_vanishes_holds_and_what_runs_goes_on_and_is_healed(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"s3cret")
    shop.release(EXTERNAL)
    served = shop.engine.container("shop-web-1").id

    shop.secrets.drop("shop", "db")
    shop.engine.remove_by_hand("shop-other-1")
    shop.work()

    assert "the host has no secret db" in holds(shop)["secrets"]
    assert shop.engine.container("shop-web-1").id == served
    assert shop.engine.names(running=True) == ["shop-other-1", "shop-web-1"]


def test_a_changed_secret_replaces_who_uses_it_and_nobody_else(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"first")
    shop.release(EXTERNAL)
    before = {name: shop.engine.container(name).id for name in shop.engine.names()}

    shop.secrets.keep("shop", "db", b"second")
    shop.work()

    after = {name: shop.engine.container(name).id for name in shop.engine.names()}
    assert inside(shop) == b"second"
    assert {name for name in after if after[name] != before[name]} == {"shop-web-1"}


def test_a_secret_that_comes_back_as_it_was_is_no_change(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"s3cret")
    shop.release(EXTERNAL)
    writes = len(shop.engine.writes)

    shop.secrets.drop("shop", "db")
    shop.work()
    shop.secrets.keep("shop", "db", b"s3cret")
    shop.work()

    assert shop.engine.writes[writes:] == []
    assert holds(shop) == {}


def test_a_changed_secret_waits_for_a_person_where_releases_do(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"first")
    shop.release(EXTERNAL)
    shop.mode = "manual"

    shop.secrets.keep("shop", "db", b"second")
    shop.work()

    assert inside(shop) == b"first"
    assert set(holds(shop)) == {"manual"}


def test_one_environments_broken_vars_file_holds_only_that_one(tmp_path: Path) -> None:
    variables = tmp_path / "blog.env"
    variables.write_text("A=1\nTOKEN='open\n")
    shop = Shop(tmp_path / "state", environments={"blog": EnvironmentSettings("blog", vars_file=variables)})

    shop.release({f"environments/{name}/compose.yaml": compose(web()) for name in ("shop", "blog")})

    held = {each.name: [(hold.guard, hold.reason) for hold in each.holds] for each in shop.store.statuses()}
    assert held["blog"] == [
        ("vars_file", f"{variables}:2:1: the quote that opens the value of TOKEN is never closed; close it")
    ]
    assert held["shop"] == []
    assert shop.engine.names(running=True) == ["shop-web-1"]


def test_a_variable_that_the_vars_file_leaves_open_holds(tmp_path: Path) -> None:
    variables = tmp_path / "shop.env"
    variables.write_text("URL=http://${USER}@db\n")
    shop = Shop(tmp_path / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})

    shop.release(compose(web("web:1", "environment: {URL: '${URL}'}")))

    assert holds(shop)["variables"].startswith(f"{variables}:1:1: URL: the variable USER is not set")
    assert shop.engine.names() == []


def test_the_vars_file_wins_over_the_env_file_of_the_revision_and_neither_is_the_daemons_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY_MINE", "of the daemon")
    monkeypatch.setenv("BOTH", "of the daemon")
    variables = tmp_path / "shop.env"
    variables.write_text("BOTH=of the host\n")
    shop = Shop(tmp_path / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})
    text = compose(web("web:1", "environment: {BOTH: '${BOTH}', GIT: '${GIT}', NONE: '${ONLY_MINE:-nobody}'}"))

    shop.release({"environments/shop/compose.yaml": text, "environments/shop/.env": "BOTH=of Git\nGIT=of Git\n"})

    assert shop.engine.container("shop-web-1").body["Env"] == ["BOTH=of the host", "GIT=of Git", "NONE=nobody"]


def test_a_change_on_the_host_is_acted_on_when_it_happens() -> None:
    named = EnvironmentSettings("shop", secrets=SecretPlaces({"db": Path("/run/secrets/db")}))
    house = House(with_environments(SETTINGS, named))
    house.secrets.files[Path("/run/secrets/db")] = b"first"
    text = house_compose(more="    secrets: [db]\nsecrets: {db: {external: true}}\n")
    try:
        house.synced(house.push({"shop/compose.yaml": text}) if house.start() else "", "shop")
        begun = house.clock.monotonic()
        house.secrets.files[Path("/run/secrets/db")] = b"second"
        house.watcher.changed("variables and secrets")
        house.eventually(lambda: house.engine().container("shop-web-1").files["/run/secrets/db"] == b"second")
        took = house.clock.monotonic() - begun
        watched, _ = house.watcher.watched["variables and secrets"]
    finally:
        house.stop()

    assert took < SETTINGS.resync.total_seconds() / 2
    assert set(watched) == {Path("/run/secrets/db"), Path("/state/secrets/shop")}


# --- in words ---------------------------------------------------------------------------------------------------------


def causes(shop: Shop) -> list[str]:
    """Why the newest release did what it did."""
    events = shop.store.events(environment="shop", limit=1000)
    newest = max(event.release or 0 for event in events)
    begun = next(event.number for event in events if event.release == newest)
    told = [event.message for event in events if event.number > begun and event.message.startswith("Create")]
    return [message.partition("# ")[2] for message in told]


def test_a_changed_secret_is_told_by_its_name(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"first")
    shop.release(EXTERNAL)

    shop.secrets.keep("shop", "db", b"second")
    planned = shop.text("plan", "shop")
    shop.work()
    difference = shop.text("diff", "shop", "1", "2")

    assert causes(shop) == ["secret db changed"]
    assert "-/+ web: replace, secret db changed" in planned
    assert "secret db: changed (hidden)" in planned
    assert "~ web: changed\n      secret db: changed (hidden)" in difference
    assert "other" not in difference


def test_a_changed_variable_is_told_by_the_fields_that_it_flows_into(tmp_path: Path) -> None:
    variables = tmp_path / "shop.env"
    variables.write_text("TOKEN=first\nFLAG=-v\n")
    shop = Shop(tmp_path / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})
    shop.release(compose(web("web:1", "environment: {A: '${TOKEN}', B: b}", "command: [run, '${FLAG}']")))

    variables.write_text("TOKEN=second\nFLAG=-q\n")
    shop.work()

    assert causes(shop) == ["command, environment.A changed"]


def test_a_secret_and_a_field_that_change_together_are_both_told(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"first")
    shop.release(EXTERNAL)

    shop.secrets.keep("shop", "db", b"second")
    shop.release(EXTERNAL.replace("secrets: [db]", "secrets: [db]\n    hostname: web", 1))

    assert causes(shop) == ["hostname, secret db changed"]


def test_a_secret_of_the_revision_that_changed_is_told_by_its_name_too(shop: Shop) -> None:
    text = compose(web("web:1", "secrets: [db]")) + "secrets: {db: {file: ./db.txt}}\n"
    shop.release({"environments/shop/compose.yaml": text, "environments/shop/db.txt": "first"})

    shop.release({"environments/shop/db.txt": "second"})

    assert causes(shop) == ["secret db changed"]


def test_a_key_that_comes_opens_what_is_encrypted_at_once() -> None:
    key = Path("/run/secrets/age.key")
    house = House(replace(SETTINGS, keys=KeySettings(key)))
    locked = "age-encryption.org/v1\nlocked"
    manifest = house_compose(more="    secrets: [db]\nsecrets: {db: {file: ./db.age}}\n")
    commit = house.push({"shop/compose.yaml": manifest, "shop/db.age": locked})
    house.start()
    house.eventually(lambda: "manifest" in house.guards("shop"))
    assert key in house.watcher.watched["variables and secrets"][0]

    house.secrets.opened[locked.encode()] = b"s3cret\n"
    house.watcher.changed("variables and secrets")

    house.synced(commit, "shop")
    assert house.engine().container("shop-web-1").files["/run/secrets/db"] == b"s3cret\n"
