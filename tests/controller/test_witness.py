"""The witness tells which events may mean that a hand was at a container's files."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gitopsd.controller.witness import KEPT_CONTAINERS, Witness
from gitopsd.model.live import EngineEvent, Instance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEB = Instance("1", "shop-web-1", "web", 1, "running", NOON, fields={"healthcheck": {"test": ["CMD", "nc", "-z"]}})


def event(action: str, run: str = "", at: datetime = NOON, container: str = "1") -> EngineEvent:
    return EngineEvent(at, "container", action, container, attributes={"execID": run} if run else {})


def test_the_end_of_a_command_that_somebody_ran_is_a_touch() -> None:
    witness = Witness()
    witness.attend([WEB])

    heard = [witness.hear(event("exec_start: vi /etc/app.conf", "a")), witness.hear(event("exec_die", "a"))]

    assert heard == [False, True]
    assert witness.touched("1", NOON - timedelta(seconds=1))
    assert not witness.touched("1", NOON)


def test_a_healthcheck_touches_nothing() -> None:
    witness = Witness()
    witness.attend([WEB])

    assert not any([witness.hear(event("exec_start: nc -z", "a")), witness.hear(event("exec_die", "a"))])
    assert not witness.touched("1", NOON - timedelta(seconds=1))


def test_files_that_were_copied_in_are_a_touch() -> None:
    witness = Witness()

    assert witness.hear(event("extract-to-dir"))


def test_a_start_is_no_touch() -> None:
    assert not Witness().hear(event("start"))


def test_what_is_remembered_of_touches_is_bounded() -> None:
    witness = Witness()
    for number in range(KEPT_CONTAINERS + 1):
        witness.attend([replace(WEB, id=str(number))])
        witness.hear(event("extract-to-dir", container=str(number)))

    assert not witness.touched("0", NOON - timedelta(seconds=1))
    assert witness.touched(str(KEPT_CONTAINERS), NOON - timedelta(seconds=1))


def test_what_its_own_work_brought_is_forgotten_also_when_it_is_told_late() -> None:
    witness = Witness()
    start = event("start")

    witness.forget([start.id], start.at)
    witness.hear(start)
    witness.hear(event("die"))

    assert [each.action for each in witness.of(start.id)] == ["die"]


def test_a_network_that_tells_late_of_a_container_which_it_calls_by_its_id_tells_nothing_new() -> None:
    witness = Witness()
    create = replace(event("create"), attributes={"name": "shop-web-1"})
    connect = EngineEvent(NOON, "network", "connect", "n", attributes={"container": create.id, "name": "shop_back"})

    witness.hear(create)
    witness.forget(["shop-web-1"], create.at)
    witness.hear(connect)

    assert witness.of(create.id) == ()
