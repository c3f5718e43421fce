"""What runs again does not show how it ended; the engine's events told it."""

from dataclasses import replace
from datetime import UTC, datetime

from gitopsd.controller.endings import with_endings
from gitopsd.controller.witness import Witness
from gitopsd.model.live import EngineEvent, Instance, LiveState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEB = Instance("1", "shop-web-1", "web", 1, "running", NOON, restart_count=1)


def heard(*events: tuple[str, str]) -> Witness:
    witness = Witness()
    for action, code in events:
        witness.hear(EngineEvent(NOON, "container", action, "1", attributes={"exitCode": code} if code else {}))
    return witness


def seen(instance: Instance, witness: Witness) -> tuple[int, bool]:
    [found] = with_endings(LiveState((instance,)), witness).instances
    return found.exit_code, found.oom_killed


def test_the_exit_code_of_the_last_end_is_known_though_it_runs_again() -> None:
    assert seen(WEB, heard(("die", "1"), ("start", ""), ("die", "7"), ("start", ""))) == (7, False)


def test_memory_that_ran_out_is_known_though_it_runs_again() -> None:
    assert seen(WEB, heard(("oom", ""), ("die", "137"), ("start", ""))) == (137, True)


def test_what_was_never_heard_of_stays_unknown() -> None:
    assert seen(WEB, heard()) == (0, False)


def test_one_that_its_policy_never_started_again_is_as_the_engine_shows_it() -> None:
    assert seen(replace(WEB, restart_count=0), heard(("die", "7"), ("start", ""))) == (0, False)
