"""A failure is told with the last words, and the end, of the instance that it is about."""

from pathlib import Path
from typing import Any

from tests.cli.shop import Shop, compose, web
from tests.fakes.containers import Behaviour, exits

DATA = "volumes: ['data:/data']"
TOP = "volumes: {data: {}}\n"


def evidence_of(shop: Shop, bad: Behaviour, *lines: str, old: Behaviour) -> Any:
    """What is told beside the failure of a second version, after a first one served."""
    shop.image("web:1", old)
    shop.image("web:2", bad)
    shop.release(compose(web("web:1", *lines)) + TOP)
    shop.release(compose(web("web:2", *lines)) + TOP)
    (told,) = [each for each in shop.store.events(limit=1000) if each.reason == "RolloutRollingBack"]
    return told.data


def test_one_that_wrote_nothing_is_told_with_how_it_ended(tmp_path: Path) -> None:
    evidence = evidence_of(Shop(tmp_path / "state"), exits(9), old=Behaviour())

    assert (evidence["instance"], evidence["exit_code"]) == ("shop-web-1.gitopsd-2", 9)


def test_the_old_one_that_made_room_is_silent_where_the_new_one_is(tmp_path: Path) -> None:
    evidence = evidence_of(Shop(tmp_path / "state"), exits(9), DATA, old=Behaviour(log="goodbye\n"))

    assert (evidence.get("logs"), evidence["exit_code"]) == (None, 9)


def test_the_old_one_that_made_room_does_not_speak_for_the_new_one(tmp_path: Path) -> None:
    bad = exits(3, log="no such table\n")

    evidence = evidence_of(Shop(tmp_path / "state"), bad, DATA, old=Behaviour(log="goodbye\n"))

    assert (evidence["logs"], evidence["exit_code"]) == ("no such table\n", 3)


def test_a_job_that_ended_well_is_told_with_what_this_run_of_it_wrote_and_how_it_ended(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    job = "look:\n    image: job:1\n    x-gitopsd: {job: {phase: verify, run: every-release}}"
    shop.image("job:1", exits(0, log="all is well\n"))
    for image in ("web:1", "web:2"):
        shop.image(image, Behaviour())
        shop.release(compose(web(image), job))

    told = [each.data for each in shop.store.events(limit=1000) if "job" in each.data and "logs" in each.data]
    assert [(each["logs"], each["exit_code"], each["tries"]) for each in told] == [("all is well\n", 0, 1)] * 2
