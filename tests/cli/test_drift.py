"""`gitopsd drift` beyond one look: what drifted once, for a ticket, and what tells one look from the next."""

import textwrap
from pathlib import Path

import pytest

from gitopsd.controller.queries.drifts import drifts
from gitopsd.drift.detect import UNSEEN
from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import MANIFEST, Shop, compose, service, web

REPORT = "x-gitopsd: {heal: report}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A service that had less memory for a minute, which somebody gave back, and then was paused."""
    variables = tmp_path / "vars.env"
    variables.write_text("PASSWORD=hunter2\n")
    shop = Shop(tmp_path / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})
    secret = "environment: {COLOUR: blue, PASSWORD: '${PASSWORD}'}"
    shop.release({MANIFEST: compose(web("web:1", "mem_limit: 64m", secret), service("db")) + REPORT})
    shop.engine.update_by_hand("shop-web-1", Memory=32 << 20)
    shop.work()
    shop.wait(60)
    shop.engine.update_by_hand("shop-web-1", Memory=64 << 20)
    shop.work()
    shop.engine.pause_by_hand("shop-db-1")
    shop.work()
    return shop


def test_the_past_is_told_with_values_times_and_how_it_ended(shop: Shop) -> None:
    wanted = """
        ENVIRONMENT  WHAT        KIND      FIRST SEEN (UTC)     LAST SEEN (UTC)      LASTED  ENDED             CHANGE
        shop         shop-web-1  modified  2026-03-01 12:00:00  2026-03-01 12:00:00  60s     reverted by hand  FIELD
        """
    shown = shop.text("drift", "--history").replace("resources.memory: 64MiB -> 32MiB", "FIELD")
    assert shown == textwrap.dedent(wanted).lstrip("\n")
    assert shop.text("drift", "shop", "--history", "--limit", "1").count("shop-web-1") == 1


def test_the_past_as_json(shop: Shop) -> None:
    (environment,) = shop.json("drift", "--history")["environments"]
    (past,) = environment["past"]
    assert (environment["name"], past["end"], past["ended_by"], past["kind"]) == ("shop", "reverted", None, "modified")
    assert past["first_seen"] == "2026-03-01T12:00:00Z"
    assert past["ended_at"] == "2026-03-01T12:01:00Z"
    assert [(each["path"], each["applied"], each["live"]) for each in past["changes"]] == [
        ("resources.memory", 64 << 20, 32 << 20)
    ]


def test_the_past_of_an_environment_that_nobody_knows_is_an_error(shop: Shop) -> None:
    result = shop.ask("drift", "nowhere", "--history")
    assert (result.exit_code, result.stderr) == (1, "gitopsd: there is no environment nowhere; there are shop\n")


def test_nothing_is_past_where_nothing_ended(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    shop.release(compose(web()))
    assert shop.text("drift", "--history") == "Nothing that drifted is over yet.\n"


def test_a_report_for_a_ticket_holds_whatever_comes_from_outside_in_code(shop: Shop) -> None:
    first = shop.source.remote["main"][:8]
    shop.engine.rename_by_hand("shop-web-1", "a|b`<img>")
    assert shop.text("drift", "-o", "markdown") == textwrap.dedent(
        rf"""
        ### Drift of shop at {first}: 2 drifted

        | what | kind | field | left as | is now | comes from | cure | first seen (UTC) |
        | --- | --- | --- | --- | --- | --- | --- | --- |
        | `shop-db-1` | paused | - | - | - | - | in place | 2026-03-01 12:01:00 |
        | `a\|b'<img>` | modified | `name` | `shop-web-1` | `a\|b'<img>` | declared | in place | 2026-03-01 12:01:00 |

        - `shop-db-1`: `paused, and not by gitopsd`
        - `a\|b'<img>`: `renamed`

        2 can be mended in place: `gitopsd heal shop`, or commit the change

        Not checked: {"; ".join(UNSEEN)}.
        """
    ).lstrip("\n")


def test_the_past_for_a_ticket(shop: Shop) -> None:
    last = shop.text("drift", "-o", "markdown", "--history").strip().splitlines()[-1]
    assert last == (
        "| `shop-web-1` | modified | `resources.memory: 64MiB -> 32MiB` "
        "| 2026-03-01 12:00:00 | 2026-03-01 12:00:00 | 2026-03-01 12:01:00 | reverted by hand |"
    )


@pytest.mark.parametrize("how", ["text", "json", "markdown"])
def test_a_secret_value_is_only_told_to_have_changed(shop: Shop, how: str) -> None:
    container = shop.engine.container("shop-web-1")
    container.body = {**container.body, "Env": ["COLOUR=red", "PASSWORD=hunter3"]}
    shown = shop.text("drift", "-o", how)
    assert "red" in shown
    assert "hidden" in shown
    assert "hunter" not in shown
    assert how == "json" or "changed (hidden)" in shown


def test_only_what_is_new_makes_another_look_different(shop: Shop) -> None:
    view = shop.view()
    first = drifts(view)
    shop.wait(5)
    second = drifts(view.later(), "", first)
    assert second.news == first.news
    shop.engine.pause_by_hand("shop-web-1")
    third = drifts(view.later(), "", second)
    assert third.news != second.news
    shop.wait(5)
    fourth = drifts(view.later(), "", third)
    assert [item.first_seen for item in fourth.reports[0].items] == [item.first_seen for item in third.reports[0].items]


def test_what_drifts_now_and_what_drifted_once_are_two_questions(shop: Shop) -> None:
    result = shop.ask("drift", "--watch", "--history")
    assert result.exit_code == 1
    assert "give one of them" in result.stderr


def test_a_secret_that_drifted_once_is_in_no_history(shop: Shop) -> None:
    container = shop.engine.container("shop-web-1")
    before = container.body
    shop.mode = "manual"
    container.body = {**before, "Env": ["COLOUR=red", "PASSWORD=hunter3"]}
    shop.work()
    container.body = before
    shop.work()
    shown = [
        shop.text(*asked, "-o", how)
        for asked in (("drift", "--history"), ("why", "shop/web"), ("events",))
        for how in (("text", "json", "markdown") if "--history" in asked else ("text", "json"))
    ]
    assert "environment.PASSWORD" in shown[0]
    assert not [text for text in shown if "hunter" in text]
    assert "hunter" not in repr(shop.store.past_drift("shop"))
