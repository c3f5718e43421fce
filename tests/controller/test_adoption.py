"""What somebody started with `docker compose up` is left alone until it is adopted, and then stays as it is."""

from pathlib import Path

import pytest

from gitopsd.model.live import LiveVolume
from gitopsd.model.operation import Operation, Verb
from tests.cli.shop import Shop, compose, service, web
from tests.fakes.composed import WORKING_DIR, compose_up
from tests.fakes.containers import STEADY, exits

DB = service("db", "volumes: ['data:/data', './conf:/etc/conf:ro', './host:/host']", "mem_limit: 64m")
FILE = compose(web("web:1", "environment: {COLOUR: blue}", "deploy: {replicas: 2}"), DB) + "volumes: {data: }\n"
CONTENT = {"environments/shop/conf/a": "one\n"}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop whose containers Compose started, and whose manifest has just come into Git."""
    made = Shop(tmp_path / "state")
    compose_up(made.engine, {"compose.yaml": FILE, "conf/a": "one\n"})
    made.commit({"environments/shop/compose.yaml": FILE, **CONTENT})
    return made


def ids(shop: Shop) -> dict[str, str]:
    return {each.name: id for id, each in shop.engine.containers.items()}


def asked(shop: Shop, verb: Verb, **arguments: bool) -> str:
    """Ask the daemon, let it work, and give its answer."""
    number = shop.store.submit(Operation(verb, "shop", "ada", shop.clock.now(), arguments))
    shop.work()
    operation = shop.store.operation(number)
    assert operation is not None
    return operation.result


def changed(shop: Shop, old: str, new: str) -> None:
    """Commit the manifest with one thing changed."""
    shop.commit({"environments/shop/compose.yaml": FILE.replace(old, new), **CONTENT})


def replaced(shop: Shop, before: dict[str, str]) -> list[str]:
    now = ids(shop)
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def test_until_it_is_adopted_nothing_is_touched_and_the_way_is_told(shop: Shop) -> None:
    before = list(shop.engine.writes)

    shop.work()

    assert shop.engine.writes == before
    assert "`gitopsd adopt shop` takes them over" in shop.text("plan")


def test_what_is_as_the_manifest_wants_is_adopted_without_a_touch(shop: Shop) -> None:
    before, writes = ids(shop), len(shop.engine.writes)

    result = asked(shop, "adopt")

    assert result == "3 containers of project shop adopted, as the manifest wants them"
    assert (ids(shop), shop.engine.writes[writes:]) == (before, ["claim shop"])
    assert "No changes." in shop.text("plan")
    assert "Synced" in shop.text("status")


def test_without_a_daemon_the_command_adopts_by_itself(shop: Shop) -> None:
    before = ids(shop)

    told = shop.text("adopt", "shop")
    shop.work()

    assert "shop-db-1: as the manifest wants it" in told
    assert ids(shop) == before
    assert "No changes." in shop.text("plan")


def test_a_dry_run_changes_nothing_and_names_the_fields(shop: Shop) -> None:
    changed(shop, "blue", "red")
    before = list(shop.engine.writes)

    told = shop.text("adopt", "shop", "--dry-run")

    assert "environment.COLOUR: blue -> red" in told
    assert "shop-db-1: as the manifest wants it" in told
    assert shop.engine.writes == before


def test_what_differs_is_named_by_the_plan_and_it_alone_is_replaced(shop: Shop) -> None:
    changed(shop, "blue", "red")
    before = ids(shop)
    shop.mode = "manual"
    asked(shop, "adopt")
    plan = shop.text("plan")
    shop.mode = "auto"

    shop.work()

    assert "web: replace, adopted, and not as the manifest says: environment.COLOUR" in plan
    assert "environment.COLOUR: blue -> red" in plan
    assert replaced(shop, before) == ["shop-web-1", "shop-web-2"]


def test_a_limit_that_differs_is_changed_in_place(shop: Shop) -> None:
    changed(shop, "64m", "32m")
    before = ids(shop)

    asked(shop, "adopt")
    shop.work()

    assert replaced(shop, before) == []
    assert shop.engine.container("shop-db-1").limits["Memory"] == 32 << 20


def test_content_that_differs_is_told_by_its_file(shop: Shop) -> None:
    shop.commit({"environments/shop/compose.yaml": FILE, "environments/shop/conf/a": "two\n"})

    (project,) = shop.json("adopt", "shop", "--dry-run")["projects"]

    changes = {each["name"]: [change["path"] for change in each["changes"]] for each in project["instances"]}
    assert changes == {"shop-db-1": ["content./etc/conf/a"], "shop-web-1": [], "shop-web-2": []}


def test_a_manifest_that_is_mended_after_the_adoption_replaces_nothing(shop: Shop) -> None:
    changed(shop, "blue", "red")
    shop.mode = "manual"
    asked(shop, "adopt")
    before = ids(shop)
    shop.commit({"environments/shop/compose.yaml": FILE, **CONTENT})
    shop.mode = "auto"

    shop.work()

    assert replaced(shop, before) == []
    assert "Synced" in shop.text("status")


def test_one_key_changed_later_replaces_that_service_alone_and_a_revert_brings_it_back(shop: Shop) -> None:
    asked(shop, "adopt")
    before = ids(shop)
    changed(shop, "blue", "red")

    shop.work()

    assert replaced(shop, before) == ["shop-web-1", "shop-web-2"]
    assert "Synced" in shop.text("status")


def test_host_data_stays_where_compose_had_it(shop: Shop) -> None:
    asked(shop, "adopt")
    changed(shop, "64m", "64m\n    environment: {A: b}")

    shop.work()

    assert f"{WORKING_DIR}/host:/host:rw" in shop.engine.container("shop-db-1").body["HostConfig"]["Binds"]


def test_a_project_of_another_gitopsd_is_refused_unless_it_is_to_be_taken_over(shop: Shop) -> None:
    shop.engine.volumes["gitopsd-owner-shop"] = LiveVolume("gitopsd-owner-shop", {"gitopsd.owner": "another"})

    refused = asked(shop, "adopt")
    taken = asked(shop, "adopt", take_over=True)

    assert refused.startswith("refused: project shop belongs to another gitopsd (another)")
    assert taken.endswith("; taken over from gitopsd another")
    assert "Synced" in shop.text("status")


def test_an_observer_tells_what_it_would_take_over_and_takes_nothing(shop: Shop) -> None:
    shop.mode = "observe"
    before = list(shop.engine.writes)

    told = shop.text("adopt", "shop", "--dry-run")
    refused = asked(shop, "adopt")

    assert "3 containers would be adopted" in told
    assert refused == "refused: the mode of shop is observe; set `mode: manual` or `auto` for it first"
    assert shop.engine.writes == before


def test_what_the_manifest_does_not_have_is_left_alone(shop: Shop) -> None:
    shop.engine.run_by_hand("shop-debug-1", project="shop", service="debug")
    before = ids(shop)

    result = asked(shop, "adopt")

    assert result.endswith("; left alone: shop-debug-1")
    assert ids(shop) == before


def test_a_service_that_does_not_run_is_created_by_the_next_release(shop: Shop) -> None:
    shop.engine.remove_by_hand("shop-db-1")
    before = ids(shop)

    result = asked(shop, "adopt")
    shop.work()

    assert "db (does not run)" in result
    assert replaced(shop, before) == ["shop-db-1"]


def test_a_tag_that_moved_meanwhile_replaces_nothing(shop: Shop) -> None:
    shop.engine.add_image("web:1")
    before = ids(shop)

    told = shop.text("adopt", "shop")
    shop.work()

    assert "web:1 means another image by now" in told
    assert ids(shop) == before
    assert "No changes." in shop.text("plan")


def test_an_image_that_is_not_there_yet_is_told_as_a_change(shop: Shop) -> None:
    changed(shop, "web:1", "web:9")

    (project,) = shop.json("adopt", "shop", "--dry-run")["projects"]

    (change,) = project["instances"][1]["changes"]
    assert (change["path"], change["before"], change["after"]) == ("image", "web:1", "web:9")


def test_a_project_that_no_environment_names_is_refused(shop: Shop) -> None:
    result = shop.ask("adopt", "blog")

    assert result.exit_code == 1
    assert "no environment is project blog; there are shop" in result.stderr


def test_what_compose_started_again_behind_gitopsds_back_is_adopted_again(shop: Shop) -> None:
    asked(shop, "adopt")
    for name in ids(shop):
        shop.engine.remove_by_hand(name)
    compose_up(shop.engine, {"compose.yaml": FILE, "conf/a": "one\n"})
    before = ids(shop)

    shop.work()
    held = shop.text("plan")
    result = asked(shop, "adopt")

    assert "held by foreign" in held
    assert result == "3 containers of project shop adopted, as the manifest wants them"
    assert ids(shop) == before


def test_all_projects_that_environments_name_are_adopted_at_once(shop: Shop) -> None:
    blog = compose(web())
    compose_up(shop.engine, blog, project="blog")
    shop.source.write({"environments/blog/compose.yaml": blog})

    found = shop.json("adopt", "--all")["projects"]

    assert [(each["project"], each["adopted"]) for each in found] == [("blog", True), ("shop", True)]


def test_what_replaces_it_and_fails_gives_way_to_what_was_adopted(shop: Shop) -> None:
    shop.image("db:2", exits(1))
    changed(shop, "db:1", "db:2")
    database = shop.engine.container("shop-db-1")
    database.restart_policy = {"Name": "unless-stopped", "MaximumRetryCount": 0}

    asked(shop, "adopt")
    shop.work()

    assert shop.engine.container("shop-db-1") is database
    assert (database.state, database.restart_policy["Name"]) == ("running", "unless-stopped")
    assert "was rejected" in shop.ask("status").stdout


def test_what_was_adopted_and_is_gone_leaves_the_newer_one_serving(shop: Shop) -> None:
    shop.image("web:2", STEADY)
    shop.image("db:2", exits(1))
    text = FILE.replace("web:1", "web:2").replace("db:1", "db:2\n    depends_on: [web]")
    shop.commit({"environments/shop/compose.yaml": text, **CONTENT})

    asked(shop, "adopt")
    shop.work()

    running = {name: shop.engine.container(name).image.image.reference for name in shop.engine.names(running=True)}
    assert running == {"shop-db-1": "db:1", "shop-web-1": "web:2", "shop-web-2": "web:2"}
    assert shop.store.releases("shop", 1)[0].outcome == "failed"


@pytest.fixture
def renamed(shop: Shop) -> Shop:
    """A shop that serves as project shop, and whose files say another name by now."""
    asked(shop, "adopt")
    changed(shop, "services:", "name: store\nservices:")
    shop.work()
    return shop


def test_another_project_name_holds_everything_and_says_how_to_go_on(renamed: Shop) -> None:
    said = renamed.text("plan")

    assert "the project's name changed from shop to store" in said
    assert "`gitopsd adopt store` if that one runs already, or `gitopsd remove shop` first" in said


def test_what_runs_under_the_new_name_is_adopted_and_the_old_project_is_given_up_as_it_runs(renamed: Shop) -> None:
    compose_up(renamed.engine, {"compose.yaml": FILE, "conf/a": "one\n"}, "store")
    before, writes = ids(renamed), len(renamed.engine.writes)

    first = renamed.text("adopt", "store", "--dry-run")
    result = asked(renamed, "adopt")

    assert "! project shop is given up: its containers keep running, and its volumes stay" in first
    assert result == "3 containers of project store adopted, as the manifest wants them"
    assert (ids(renamed), renamed.engine.writes[writes:]) == (before, ["claim store", "disclaim shop"])
    assert "No changes." in renamed.text("plan")
    assert "Synced" in renamed.text("status")


def test_a_new_name_under_which_nothing_runs_gives_nothing_up(renamed: Shop) -> None:
    writes = len(renamed.engine.writes)

    result = asked(renamed, "adopt")

    assert result.startswith("refused: nothing of project store runs, and shop manages project shop; `gitopsd remove")
    assert renamed.engine.writes[writes:] == []
    assert renamed.store.journal("shop").project == "shop"


def test_the_old_name_is_no_project_to_adopt(renamed: Shop) -> None:
    refused = renamed.ask("adopt", "shop")

    assert refused.exit_code == 1
    assert "shop has project shop already, and is to be project store; set `project: shop`" in refused.output
