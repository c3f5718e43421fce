"""What programs read: the shapes that are promised, key by key."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import MANIFEST, Shop, compose, service, web


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    made.release(compose(web()), "First")
    return made


def has(value: Any, *keys: str) -> Any:
    assert set(keys) <= set(value), f"{set(keys) - set(value)} missing in {value}"
    return value


def test_status(shop: Shop) -> None:
    found = has(shop.json("status"), "repositories", "environments")
    has(found["repositories"][0], "name", "url", "branch", "revision", "seen_at", "age_s", "error")
    environment = has(
        found["environments"][0],
        *("name", "project", "mode", "revision", "desired_revision", "sync", "health", "reason", "since"),
        *("serving", "holds", "warnings", "next", "services"),
    )
    assert environment["since"] == "2026-03-01T12:00:00Z"
    assert environment["serving"] == {"revision": environment["revision"], "release": 1}
    has(environment["services"][0], "name", "sync", "health", "fingerprint", "image", "desired", "ready")


def test_holds_of_a_status(shop: Shop) -> None:
    shop.mode = "manual"
    shop.release(compose(web("web:2")))
    hold = shop.json("status")["environments"][0]["holds"][0]
    assert has(hold, "guard", "release", "until", "by", "reason")["guard"] == "manual"


def test_plan(shop: Shop) -> None:
    commit = shop.commit(compose(web("web:2")))
    (environment,) = shop.json("plan")["environments"]
    assert has(environment, "name", "revision", "changes", "holds", "warnings")["revision"] == commit
    change = has(
        environment["changes"][0],
        *("service", "change", "cause", "fields", "strategy", "order", "interruption_s"),
    )
    assert (change["change"], change["cause"], change["interruption_s"]) == ("replace", "image web:1 -> web:2", 0.0)
    assert change["fields"] == [{"path": "image", "before": "web:1", "after": "web:2", "hidden": False}]


def test_failures_of_a_plan_stand_beside_what_could_be_planned(shop: Shop) -> None:
    shop.commit({"environments/blog/compose.yaml": "services: [oops]\n"})
    found = shop.json("plan")
    assert [each["name"] for each in found["environments"]] == ["shop"]
    assert found["failures"][0]["environment"] == "blog"


def test_drift(shop: Shop) -> None:
    shop.engine.rename_by_hand("shop-web-1", "precious")
    (environment,) = shop.json("drift")["environments"]
    has(environment, "name", "revision", "sync", "items", "not_checked")
    item = has(
        environment["items"][0],
        *("resource", "name", "service", "instance", "kind", "state", "cause", "first_seen", "last_seen", "changes"),
    )
    assert (item["resource"], item["kind"], item["state"]) == ("container", "modified", "open")
    assert item["changes"] == [
        {
            "path": "name",
            "desired": "shop-web-1",
            "applied": "shop-web-1",
            "live": "precious",
            "source": "manifest",
            "cure": "in-place",
        }
    ]


def test_history_and_show(shop: Shop) -> None:
    (release,) = shop.json("history", "shop")["releases"]
    has(release, "id", "revision", "author", "subject", "started_at", "finished_at", "outcome", "services")
    has(release["services"][0], "name", "image", "digest", "fingerprint", "config_digest")
    assert (release["id"], release["outcome"]) == (1, "succeeded")
    shown = shop.json("show", "1")
    assert {key: shown[key] for key in release} == release
    assert shown["events"][0]["reason"] == "ReleaseStarted"


def test_show_tells_whether_a_release_can_be_returned_to_offline(shop: Shop) -> None:
    image = shop.engine.images["web:1"].image
    shop.release(compose(web("web:2")), "Second")
    assert shop.json("show", "1")["offline"] == {"possible": True, "lacks": []}

    shop.engine.remove_by_hand("shop-web-1")
    shop.engine.remove_image_by_hand(image.id)
    assert shop.json("show", "1")["offline"] == {
        "possible": False,
        "lacks": [f"image web:1 ({image.id[:19]}) is not on the engine"],
    }
    assert shop.json("show", "2")["offline"] == {"possible": True, "lacks": []}

    shop.engine.away = True
    unknown = shop.json("show", "1")["offline"]
    assert unknown["possible"] is None
    assert "did not answer" in unknown["lacks"][0]


def test_a_release_whose_commit_was_lost_cannot_be_returned_to_offline(shop: Shop) -> None:
    first = shop.json("show", "1")["revision"]
    shop.release(compose(web("web:2")), "Second")
    shop.source.lose(first)

    assert shop.json("show", "1")["offline"]["lacks"] == [f"commit {first[:8]} is not in the mirror"]


def test_releases_come_newest_first(shop: Shop) -> None:
    shop.release(compose(web("web:2")))
    assert [each["id"] for each in shop.json("history", "shop")["releases"]] == [2, 1]


def test_diff(shop: Shop) -> None:
    shop.release(compose(web("web:2"), service("new", "networks: [inner]")) + "networks: {inner: {}}\n")
    found = has(shop.json("diff", "shop", "1", "2"), "environment", "a", "b", "services", "resources")
    assert [(each["name"], each["change"]) for each in found["services"]] == [("new", "added"), ("web", "changed")]
    assert found["resources"] == [{"name": "network inner", "change": "added"}]
    assert (found["a"]["release"], found["b"]["release"]) == (1, 2)


def test_what_code_accepts_of_a_database_is_a_difference(shop: Shop) -> None:
    schema = "services: {web: {image: web:1, x-gitopsd: {schema: {database: shop, accepts: '%s'}}}}\n"
    before, after = shop.commit(schema % "14"), shop.commit(schema % "14-15")

    (changed,) = shop.json("diff", "shop", before, after)["services"]

    path = "x-gitopsd.schema.accepts"
    assert changed["fields"] == [{"path": path, "before": "14", "after": "14-15", "hidden": False}]


def test_a_revision_that_cannot_be_loaded_any_more_is_compared_by_what_the_ledger_keeps(
    shop: Shop, tmp_path: Path
) -> None:
    shop.release(compose(web("web:2")))
    shop.environments["shop"] = EnvironmentSettings("shop", path="environments/elsewhere")
    shop.release({MANIFEST: None, "environments/elsewhere/compose.yaml": compose(web("web:2"))})
    (changed,) = shop.json("diff", "shop", "1", "2")["services"]
    assert {"path": "image", "before": "web:1", "after": "web:2", "hidden": False} in changed["fields"]


def test_why(shop: Shop) -> None:
    found = has(shop.json("why", "shop/web"), "environment", "service", "release", "events")
    assert found["service"]["name"] == "web"
    assert found["release"]["id"] == 1
    assert found["events"][0]["reason"] == "ReleaseStarted"


def test_events(shop: Shop) -> None:
    events = shop.json("events")["events"]
    has(events[0], "id", "at", "reason", "message", "severity", "environment", "service", "release", "data")
    assert [each["id"] for each in events] == sorted(each["id"] for each in events)


def test_a_secret_is_in_no_output(shop: Shop, tmp_path: Path) -> None:
    variables = tmp_path / "vars.env"
    variables.write_text("PASSWORD=hunter2\n")
    shop.environments["shop"] = EnvironmentSettings("shop", vars_file=variables)
    shop.release(compose(web("web:2", "environment: {PASSWORD: '${PASSWORD}'}")))
    variables.write_text("PASSWORD=hunter3\n")
    for command in (
        ("status", "shop"),
        ("plan",),
        ("plan", "--revision", "main"),
        ("diff", "shop", "1", "2"),
        ("show", "2"),
        ("why", "shop"),
        ("drift",),
        ("events",),
        ("history", "shop"),
    ):
        for output in ("json", "text"):
            assert "hunter" not in shop.ask(*command, "-o", output).output, command


def test_rollback(shop: Shop) -> None:
    shop.release(compose(web("web:2")))
    made = has(
        shop.json("rollback", "shop", "--push"),
        *("environment", "branch", "to", "base", "commit", "pushed", "changed", "also_concerns", "command"),
    )
    assert (made["pushed"], made["command"], made["to"]["release"]) == (True, None, 1)


def test_an_operation_that_is_queued_has_no_result_yet(shop: Shop) -> None:
    asked = has(shop.json("resume", "shop"), "operation", "verb", "environment", "by", "at", "done_at", "result")
    assert (asked["verb"], asked["done_at"], asked["result"]) == ("resume", None, None)


def test_sync_tells_the_answer_and_the_release_that_came_of_it(shop: Shop) -> None:
    shop.mode = "manual"
    shop.release(compose(web("web:2")))
    over = threading.Event()

    def daemon() -> None:
        with shop.store.lock():
            ready.set()
            while not shop.store.pending() and not over.wait(0.005):
                pass
            shop.work()
            over.wait(10)

    ready = threading.Event()
    thread = threading.Thread(target=daemon)
    thread.start()
    ready.wait(10)
    try:
        (found,) = shop.json("sync", "shop")["operations"]
    finally:
        over.set()
        thread.join()
    assert found["result"] == "release 2 has begun"
    assert found["release"]["outcome"] == "succeeded"


def test_validate_and_config(shop: Shop, tmp_path: Path) -> None:
    place = tmp_path / "bad"
    place.mkdir()
    (place / "compose.yaml").write_text("services:\n  web: {image: 5}\n")
    (environment,) = shop.json("validate", str(place))["environments"]
    problem = has(environment["problems"][0], "file", "line", "column", "path", "message")
    assert (problem["file"], problem["line"], problem["column"]) == ("compose.yaml", 2, 16)
    (place / "compose.yaml").write_text(compose(web()))
    resolved = shop.json("config", str(place))
    assert (resolved["name"], resolved["services"]["web"]["image"]) == ("bad", "web:1")
    assert shop.json("config", str(place), "--defaults")["services"]["web"]["x-gitopsd"]["min_ready"]


def test_doctor_and_version(shop: Shop) -> None:
    checks = shop.json("doctor")["checks"]
    has(checks[0], "name", "ok", "found", "mend", "support")
    (engine,) = [check for check in checks if check["name"].startswith("engine")]
    has(engine["support"][0], "row", "verdict", "lacks", "proof")
    assert shop.json("version")["version"]


def test_json_has_no_control_characters_whatever_a_commit_says(shop: Shop) -> None:
    shop.release(compose(web("web:2")), "Evil \x1b[2J \u202e")
    result = shop.ask("history", "shop", "-o", "json")
    assert result.stdout.isascii()
    assert not any(ord(each) < 32 and each != "\n" for each in result.stdout)
    assert json.loads(result.stdout)["releases"][0]["subject"] == "Evil \x1b[2J \u202e"


def test_a_heal_is_asked_for_a_service_or_for_all(shop: Shop) -> None:
    shop.release(compose(web()))
    shop.json("heal", "shop/web")
    (operation,) = shop.store.pending()
    assert (operation.verb, operation.environment, dict(operation.arguments)) == ("heal", "shop", {"service": "web"})


def test_an_explanation_names_every_property_of_a_field(shop: Shop) -> None:
    (field,) = has(shop.json("explain", "restart"), "fields")["fields"]
    keys = (
        "of",
        "path",
        "at",
        "comparator",
        "owner",
        "cure",
        "severity",
        "keys",
        "api",
        "secret",
        "droppable",
        "words",
        "on_a_swarm",
    )
    assert has(field, *keys)["keys"] == ["restart", "deploy.restart_policy"]


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        (("status", "nowhere", "-o", "json"), "GitopsdError", "there is no environment nowhere; there are shop"),
        (("show", "99", "--output=json"), "GitopsdError", "there is no release 99"),
        (("show", "x", "-ojson"), "usage", "Invalid value for 'RELEASE'"),
        (("diff", "shop", "1", "nonsense", "-o", "json"), "RevisionNotFound", "nonsense"),
    ],
)
def test_an_error_is_an_object_on_standard_error(shop: Shop, arguments: tuple[str, ...], kind: str, says: str) -> None:
    result = shop.ask(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    error = has(json.loads(result.stderr)["error"], "kind", "message", "problems")
    assert error["kind"] == kind
    assert says in error["message"]


def test_an_error_of_a_manifest_names_every_place(shop: Shop) -> None:
    broken = shop.commit("services: [oops]\n")
    shop.source.poll()
    result = shop.ask("diff", "shop", "1", broken, "-o", "json")
    error = json.loads(result.stderr)["error"]
    assert error["kind"] == "ManifestError"
    assert error["problems"][0] == {
        "file": MANIFEST,
        "line": 1,
        "column": 11,
        "path": "services",
        "message": error["problems"][0]["message"],
    }
