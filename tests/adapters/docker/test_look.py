"""When an inspection still holds: a look that finds nothing new costs one list."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from gitopsd.adapters.docker.engine import connect
from gitopsd.adapters.docker.look import age_range
from gitopsd.model.settings import TargetEngine
from tests.adapters.docker.scripted import Answer, Request, Said, ScriptedEngine, Stream
from tests.engine_json.test_live import INSPECTED

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW: dict[str, Any] = {
    "Id": "0a93",
    "Names": ["/shop-web-1"],
    "State": "running",
    "Status": "Up 5 minutes",
    "Ports": [{"PrivatePort": 80}, {"PrivatePort": 443}],
    "Mounts": [{"Destination": "/a"}, {"Destination": "/b"}],
    "NetworkSettings": {"Networks": {"shop_default": {}}},
}


class Listed:
    """An engine with one container, whose row, start and clock a test moves."""

    def __init__(self) -> None:
        self.row = dict(ROW)
        self.inspected = {**INSPECTED, "State": {**INSPECTED["State"], "StartedAt": NOON.isoformat()}}
        self.now = NOON + timedelta(minutes=5, seconds=10)

        self.told: tuple[dict[str, Any], ...] = ()  # what the engine's events say, one a request

    def __call__(self, request: Request) -> Said | None:
        path = request.path.partition("?")[0]
        if path.endswith("/events"):
            lines = [json.dumps({"timeNano": 1, "Actor": {"ID": "0a93"}, **each}).encode() for each in self.told]
            return Stream(tuple(line + b"\n" for line in lines), then_hang=True)
        if path.endswith("/containers/json"):
            return Answer(body=[self.row], headers={"Date": format_datetime(self.now, usegmt=True)})
        if path.endswith("/0a93/json"):
            return Answer(body=self.inspected)
        if path.endswith("/volumes"):
            return Answer(body={"Volumes": None})
        if path.endswith("/networks"):
            return Answer(body=[])
        return Answer(404) if "/volumes/" in path else None

    def later(self, seconds: float, **row: Any) -> None:
        self.now += timedelta(seconds=seconds)
        self.row = {**self.row, **row}

    def state(self, **state: Any) -> None:
        self.inspected = {**self.inspected, "State": {**self.inspected["State"], **state}}


@pytest.fixture
def listed() -> Listed:
    return Listed()


@pytest.fixture
def inspections(listed: Listed, tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Looks, and says how many inspections that took."""
    server = ScriptedEngine(tmp_path / "docker.sock", listed)
    engine = connect(TargetEngine(server.url), {}, timeout=5)

    def look(thorough: bool = False) -> int:
        before = len(server.requests)
        engine.observe("shop", thorough)
        return sum(path.endswith("/0a93/json") for path in server.paths()[before:])

    yield look
    engine.close()
    server.close()


def test_a_second_look_inspects_nothing(inspections: Callable[..., int]) -> None:
    assert [inspections(), inspections(), inspections()] == [1, 0, 0]


def test_a_thorough_look_inspects_everything(inspections: Callable[..., int]) -> None:
    assert [inspections(), inspections(thorough=True), inspections()] == [1, 1, 0]


def test_time_that_passes_is_no_change(listed: Listed, inspections: Callable[..., int]) -> None:
    inspections()
    listed.later(60, Status="Up 6 minutes")

    assert inspections() == 0


def test_the_order_of_ports_and_mounts_is_no_change(listed: Listed, inspections: Callable[..., int]) -> None:
    inspections()
    listed.later(0, Ports=ROW["Ports"][::-1], Mounts=ROW["Mounts"][::-1])

    assert inspections() == 0


@pytest.mark.parametrize(
    "row",
    [
        {"Names": ["/renamed"]},
        {"State": "paused", "Status": "Up 5 minutes (Paused)"},
        {"Status": "Up 5 minutes (unhealthy)"},
        {"NetworkSettings": {"Networks": {}}},
        {"State": "exited", "Status": "Exited (137) 5 minutes ago"},
    ],
)
def test_a_change_in_the_list_is_inspected(
    listed: Listed, inspections: Callable[..., int], row: dict[str, Any]
) -> None:
    inspections()
    listed.later(0, **row)

    assert inspections() == 1


def test_a_restart_shows_in_the_age(listed: Listed, inspections: Callable[..., int]) -> None:
    inspections()
    listed.later(30, Status="Up 2 seconds")

    assert inspections() == 1


@pytest.mark.parametrize("status", ["Up Less than a second", "Up 3 seconds"])
def test_an_instance_that_has_just_started_is_inspected_every_time(
    listed: Listed, inspections: Callable[..., int], status: str
) -> None:
    listed.row["Status"] = status
    listed.now = NOON + timedelta(seconds=3)

    assert [inspections(), inspections()] == [1, 1]


START = {"Type": "container", "Action": "start"}
VOLUME = {"Type": "volume", "Action": "destroy", "Actor": {"ID": "shop_data"}}


class Followed:
    """An engine whose events are read, one by one; what a look then asks it for."""

    def __init__(self, listed: Listed, directory: Path) -> None:
        self._server = ScriptedEngine(directory / "docker.sock", listed)
        self._engine = connect(TargetEngine(self._server.url), {}, timeout=5)
        self._events = self._engine.events(None)

    def hear(self) -> None:
        next(self._events)

    def end_of_events(self) -> None:
        self._engine.close_events()
        list(self._events)  # up to its end

    def look(self, thorough: bool = False) -> list[str]:
        """Looks, and says what that took."""
        before = len(self._server.requests)
        self._engine.observe("shop", thorough)
        asked = (path.partition("/v1.41/")[2] for path in self._server.paths()[before:])
        return [path for path in asked if path]

    def close(self) -> None:
        self._engine.close()
        self._server.close()


LIST, INSPECTION = "containers/json", "containers/0a93/json"
RESOURCES = ["networks", "volumes", "volumes/gitopsd-owner-shop"]


@pytest.fixture
def followed(listed: Listed, tmp_path: Path) -> Iterator[Followed]:
    listed.told = (START, START, VOLUME)
    listed.row["Status"] = "Up 3 seconds"
    listed.now = NOON + timedelta(seconds=3)
    made = Followed(listed, tmp_path)
    made.hear()
    yield made
    made.close()


def test_what_the_engine_tells_nothing_of_is_not_asked_again(followed: Followed) -> None:
    assert [followed.look(), followed.look()] == [[LIST, INSPECTION, *RESOURCES], [LIST]]


def test_a_container_that_something_happened_to_is_inspected_again(followed: Followed) -> None:
    followed.look()
    followed.hear()

    assert [followed.look(), followed.look()] == [[LIST, INSPECTION], [LIST]]


def test_a_volume_that_something_happened_to_has_all_of_them_listed_again(followed: Followed) -> None:
    followed.hear()
    followed.look()
    followed.hear()

    assert [followed.look(), followed.look()] == [[LIST, *RESOURCES], [LIST]]


def test_a_thorough_look_asks_for_everything_whatever_was_told(followed: Followed) -> None:
    followed.look()

    assert followed.look(thorough=True) == [LIST, INSPECTION, *RESOURCES]


def test_nothing_goes_without_asking_once_the_events_have_ended(followed: Followed) -> None:
    followed.look()
    followed.end_of_events()

    assert [followed.look(), followed.look()] == [[LIST, INSPECTION, *RESOURCES]] * 2


@pytest.mark.parametrize("health", ["starting", "unhealthy"])
def test_an_instance_that_is_not_well_is_inspected_every_time(
    listed: Listed, inspections: Callable[..., int], health: str
) -> None:
    listed.state(Health={"Status": health, "Log": []})

    assert [inspections(), inspections()] == [1, 1]


def test_a_job_that_has_ended_is_not_inspected_again(listed: Listed, inspections: Callable[..., int]) -> None:
    listed.state(Status="exited", FinishedAt=NOON.isoformat())
    listed.row |= {"State": "exited", "Status": "Exited (0) 5 minutes ago"}

    assert [inspections(), inspections()] == [1, 0]


def test_an_engine_that_does_not_tell_the_time_is_inspected_every_time(
    listed: Listed, inspections: Callable[..., int]
) -> None:
    listed.now = NOON - timedelta(days=1)

    assert [inspections(), inspections()] == [1, 1]


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        ("Up Less than a second", (0, 1)),
        ("Up 1 second", (1, 2)),
        ("Up 59 seconds (healthy)", (59, 60)),
        ("Up About a minute", (60, 120)),
        ("Exited (0) 45 minutes ago", (2700, 2760)),
        ("Up About an hour", (1800, 7200)),
        ("Up 47 hours", (167400, 172800)),
        ("Up 3 days", (257400, 345600)),
        ("Up 2 weeks", (1207800, 1814400)),
    ],
)
def test_an_age_in_words_stands_for_a_range_of_seconds(status: str, seconds: tuple[float, float]) -> None:
    assert age_range(status) == seconds


def test_a_status_without_an_age_fits_no_time() -> None:
    shortest, longest = age_range("Created")

    assert shortest > longest


def test_a_container_that_goes_between_list_and_inspection_is_just_gone(listed: Listed, tmp_path: Path) -> None:
    """An engine names it by its id then, as it names another one that a container lives in."""
    gone = "0a93" * 16
    listed.later(0, Id=gone)

    def without(request: Request) -> Said | None:
        asked = request.path.endswith(f"/{gone}/json")
        return Answer(404, {"message": f"No such container: {gone}"}) if asked else listed(request)

    server = ScriptedEngine(tmp_path / "docker.sock", without)
    engine = connect(TargetEngine(server.url), {}, timeout=5)
    try:
        assert engine.observe("shop").instances == ()
    finally:
        engine.close()
        server.close()
