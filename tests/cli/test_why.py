"""`gitopsd why`: the last decisions about a service, each as a chain of causes that can be followed link by link."""

import textwrap
from pathlib import Path

import pytest

from gitopsd.model.event import Event
from tests.builders import NOON as LATER
from tests.cli.shop import Shop, compose, service, web

WEB = web("web:1", "mem_limit: 64m")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "state")
    shop.release(compose(WEB, service("db")), "First")
    shop.wait(60)
    return shop


def chains(shop: Shop, *arguments: str) -> list[str]:
    """Every decision as text, without how the service stands."""
    return shop.text("why", *arguments).rstrip("\n").split("\n\n")[1:]


def same(shown: str, wanted: str) -> None:
    assert shown == textwrap.dedent(wanted).strip("\n")


def test_a_release_is_told_from_its_commit_to_its_outcome(shop: Shop) -> None:
    second = shop.release(compose(WEB.replace("web:1", "web:2"), service("db")), "Faster")
    _, chain = chains(shop, "shop/web")
    same(
        chain.replace(second[:8], "secondon"),
        """
        2026-03-01 12:01:00 release 2: succeeded
          commit    12:01:00 secondon by Ada: Faster
          release   12:01:00 release 2 began: newer content in Git
          plan      12:01:00 replace: image web:1 -> web:2; start-first, no interruption
          rollout   12:01:00 progressing: image web:1 -> web:2
          action    12:01:00 Create shop-web-1.gitopsd-2 # image web:1 -> web:2  (0.00 s)
          action    12:01:00 Start shop-web-1.gitopsd-2 # image web:1 -> web:2  (0.00 s)
          rollout   12:01:00 finalising: image web:1 -> web:2
          outcome   12:01:00 release 2 succeeded
          action    12:01:00 Stop shop-web-1 # image web:1 -> web:2  (0.00 s)
          action    12:01:00 Remove shop-web-1 # image web:1 -> web:2  (0.00 s)
          action    12:01:00 Rename -> shop-web-1 # takes the slot's name  (0.00 s)
          rollout   12:01:00 succeeded: image web:1 -> web:2  (0.00 s)
        """,
    )


def test_a_release_that_does_not_concern_a_service_is_none_of_its_decisions(shop: Shop) -> None:
    shop.release(compose(WEB.replace("web:1", "web:2"), service("db")), "Faster")
    assert [each.splitlines()[0] for each in chains(shop, "shop/db")] == ["2026-03-01 12:00:00 release 1: succeeded"]


def test_a_heal_in_place_is_told_from_the_drift_to_the_look_that_found_it_well(shop: Shop) -> None:
    shop.engine.update_by_hand("shop-web-1", Memory=32 << 20)
    shop.work()
    same(
        chains(shop, "shop/web")[-1],
        """
        2026-03-01 12:01:00 drift of shop-web-1: healed in place (repair: resources.memory changed by hand)
          drift     12:01:00 shop-web-1 modified: resources.memory changed by hand
          action    12:01:00 Update shop-web-1 # repair: resources.memory changed by hand  (0.00 s)
          look      12:01:00 shop-web-1 is no longer modified: healed in place (repair: resources.memory changed by hand)
        """,  # noqa: E501  as it is shown
    )


def test_a_repair_that_starts_a_container_is_told_with_its_rollout(shop: Shop) -> None:
    shop.engine.kill("shop-web-1")
    shop.work()
    same(
        chains(shop, "shop/web")[-1],
        """
        2026-03-01 12:01:00 drift of shop-web-1: healed in place (repair: shop-web-1 exited with code 137)
          drift     12:01:00 shop-web-1 stopped: exited with code 137
          rollout   12:01:00 progressing: repair: shop-web-1 exited with code 137
          action    12:01:00 Start shop-web-1 # repair: shop-web-1 exited with code 137  (0.00 s)
          rollout   12:01:00 succeeded: repair: shop-web-1 exited with code 137  (0.00 s)
          look      12:01:00 shop-web-1 is no longer stopped: healed in place (repair: shop-web-1 exited with code 137)
        """,
    )


def test_what_is_only_reported_is_still_there(shop: Shop) -> None:
    shop.mode = "manual"
    shop.engine.pause_by_hand("shop-web-1")
    shop.work()
    same(
        chains(shop, "shop/web")[-1],
        """
        2026-03-01 12:01:00 drift of shop-web-1: still there
          drift     12:01:00 shop-web-1 paused: paused, and not by gitopsd
        """,
    )


def test_what_the_engine_said_of_a_drift_stands_before_it(shop: Shop) -> None:
    """Also where the engine's event came after the look that found the drift."""
    data = {"resource": "container", "name": "shop-web-1", "instance": "c1", "kind": "modified", "fields": ["restart"]}
    told = {"environment": "shop", "service": "web", "release": None}
    shop.store.append(
        [
            Event(LATER, "DriftFound", "shop-web-1 modified: restart", "warning", **told, data={**data, "story": ""}),
            Event(LATER, "DriftEnded", "shop-web-1 is no longer modified: reverted by hand", **told,
                  data={**data, "story": "exec of sh at 12:00:01, then update at 12:00:02"}),
        ]
    )  # fmt: skip
    assert chains(shop, "shop/web")[-1].splitlines()[1:3] == [
        "  event     12:00:00 exec of sh at 12:00:01, then update at 12:00:02",
        "  drift     12:00:00 shop-web-1 modified: restart",
    ]


def test_what_a_person_asked_is_a_decision_too(shop: Shop) -> None:
    shop.ask("suspend", "shop", "--reason", "lunch")
    shop.work()
    (line,) = [line for line in chains(shop, "shop/web")[-1].splitlines() if line.startswith("  operation")]
    assert "asked to suspend (lunch): " in line


def test_a_whole_environment_tells_the_decisions_of_all_its_services(shop: Shop) -> None:
    (chain,) = chains(shop, "shop")
    assert "  plan      12:00:00 db: create: new service, image db:1" in chain
    assert "  rollout   12:00:00 succeeded: web: new service, image web:1  (0.00 s)" in chain


def test_only_the_last_decisions_are_told(shop: Shop) -> None:
    for number in range(6):
        shop.release(
            compose(WEB.replace("web:1", f"web:{1 + number % 2}"), service("db", image=f"db:{1 + number % 3}"))
        )
    assert len(chains(shop, "shop/web")) == 5
    (last,) = chains(shop, "shop/web", "--limit", "1")
    assert last.startswith("2026-03-01 12:01:00 release ")


def test_the_chain_as_json(shop: Shop) -> None:
    (decision,) = shop.json("why", "shop/web")["decisions"]
    assert [(decision["kind"], decision["release"], decision["outcome"])] == [("release", 1, "succeeded")]
    assert decision["began_at"] == decision["ended_at"] == "2026-03-01T12:00:00Z"
    assert {each["what"] for each in decision["links"]} == {
        *("commit", "release", "plan", "rollout", "action", "outcome")
    }
    assert set(decision["links"][0]) == {"at", "what", "words", "seconds", "failed", "logs"}


def test_the_ledger_of_an_earlier_version_is_strung_together_as_well(shop: Shop) -> None:
    """Its events have no data to go by."""
    told = {"environment": "shop", "service": "web", "release": 1}
    shop.store.append(
        [
            Event(LATER, "RolloutProgressing", "web: repair: shop-web-1 is gone", **told),
            Event(LATER, "ActionDone", "Create shop-web-1 # repair: shop-web-1 is gone", environment="shop",
                  service="web", data={"action": "Create", "seconds": 0.25}),
            Event(LATER, "RolloutSucceeded", "web: repair: shop-web-1 is gone", **told),
        ]
    )  # fmt: skip
    same(
        chains(shop, "shop/web")[-1],
        """
        2031-05-06 12:00:00 repair of web: succeeded
          rollout   12:00:00 progressing: repair: shop-web-1 is gone
          action    12:00:00 Create shop-web-1 # repair: shop-web-1 is gone  (0.25 s)
          rollout   12:00:00 succeeded: repair: shop-web-1 is gone  (0.00 s)
        """,
    )
