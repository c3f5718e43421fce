"""The release under way, as people and programs see it: instances old and new, timers, and what comes next."""

import json
import textwrap
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result

from gitopsd.model.operation import Operation
from tests.cli.shop import Shop, compose, service, web
from tests.fakes.containers import Behaviour
from tests.waiting import eventually

WAITING = Behaviour(healthcheck=True, healthy_after=None, check_output="no route to db")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A second release is under way: its one new instance is not healthy yet."""
    made = Shop(tmp_path / "state")
    made.image("web:2", WAITING)
    made.release(compose(web()), "First")
    made.commit(compose(web("web:2"), service("api", "depends_on: {web: {condition: service_healthy}}")), "Second")
    made.work(until=lambda: sum(len(each.seen) for each in made.store.journal("shop").rollouts.values()) == 2)
    return made


def steer(shop: Shop, *words: str) -> None:
    shop.ask("rollout", *words)
    shop.work(until=lambda: not shop.store.pending())


def test_a_release_under_way_is_shown_with_its_instances_and_what_comes_next(shop: Shop) -> None:
    shop.wait(20)
    lines = shop.text("rollout", "show", "shop")
    commit = shop.source.head()
    assert commit is not None
    assert lines == textwrap.dedent(
        f"""\
        shop: release 2 of {commit[:8]} (Second) is rolled out, begun 20s ago
        SERVICE  PHASE        SERVING  INSTANCE              IS   STATE              READY
        api      Pending      0/1      -                     -    -                  -
        web      Progressing  0/1      shop-web-1            old  running            for 20s
                                       shop-web-1.gitopsd-2  new  running, starting  no
        api: new service, image db:1
        api: next: it begins once web is good
        web: image web:1 -> web:2
        web: against it: shop-web-1.gitopsd-2 is not healthy yet: no route to db
        web: at 2026-03-01 12:05:00 UTC (in 280s): shop-web-1.gitopsd-2 has failed unless it is ready by then
        web: at 2026-03-01 12:10:00 UTC (in 580s): it turns back, if nothing has moved by then
        """
    )


def test_a_pause_is_shown_by_status_and_by_the_rollout(shop: Shop) -> None:
    steer(shop, "pause", "shop/web", "--reason", "lunch")
    shown = shop.json("rollout", "show", "shop/web")
    (found,) = shown["services"]
    assert (found["phase"], found["paused"]["reason"], found["deadline"]) == ("Paused", "lunch", None)
    assert found["next"] == [{"at": None, "what": "nothing until a person says `gitopsd rollout resume shop`"}]
    (environment,) = shop.json("status", "shop")["environments"]
    (hold,) = environment["holds"]
    assert (hold["guard"], hold["release"], hold["reason"].endswith(": lunch")) == ("paused", 2, True)
    assert {each["name"]: each["health"] for each in environment["services"]}["web"] == "Suspended"


def test_the_shape_of_a_rollout(shop: Shop) -> None:
    shown = shop.json("rollout", "show", "shop")
    assert set(shown) == {"environment", "over", "returning", "release", "services"}
    assert shown["release"]["id"] == 2
    web_ = {each["name"]: each for each in shown["services"]}["web"]
    assert {"phase", "kind", "cause", "deadline", "paused", "wanted", "serving", "evidence", "next"} <= set(web_)
    assert [(each["name"], each["role"], each["ready"]) for each in web_["instances"]] == [
        ("shop-web-1", "old", True),
        ("shop-web-1.gitopsd-2", "new", False),
    ]


def test_following_ends_with_the_release_and_tells_how_it_ended(shop: Shop) -> None:
    steer(shop, "abort", "shop", "--reason", "wrong price")
    shop.work()
    result = shop.ask("rollout", "show", "shop", "--watch")
    assert result.exit_code == 3
    assert "cancelled now: aborted by" in result.stdout
    assert shop.ask("rollout", "show", "shop").exit_code == 0


def test_a_pipe_that_follows_gets_each_change_until_the_release_has_ended(shop: Shop) -> None:
    results: list[Result] = []
    words = ("rollout", "show", "shop", "--watch", "-o", "json")
    following = Thread(target=lambda: results.append(shop.ask(*words)))
    looks = len(shop.flags)
    following.start()
    eventually(lambda: len(shop.flags) > looks)
    shop.store.submit(Operation("abort", "shop", "ada", shop.clock.now()))
    shop.work()
    following.join(20)
    (result,) = results
    shown = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, shown[-1]["over"], shown[-1]["release"]["outcome"]) == (3, True, "cancelled")
    assert not any(each["over"] for each in shown[:-1])


def test_a_service_that_is_not_there_is_told(shop: Shop) -> None:
    result = shop.ask("rollout", "show", "shop/cache")
    assert (result.exit_code, "has no service cache; it has api, web" in result.stderr) == (1, True)
