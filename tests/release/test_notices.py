"""Which transitions are told, when, and in which words; and which are not."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitopsd.model.drift import DriftItem, FieldDrift
from gitopsd.model.event import Event, Severity
from gitopsd.model.notice import KINDS, Kind, Notice, Told
from gitopsd.model.receiver import AppriseUrl, Receiver
from gitopsd.model.release import Outcome, Release
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus, ServiceStatus
from gitopsd.release.notices import Seen, noticed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WELL = EnvironmentStatus("shop", "shop", "auto", "a" * 40, "a" * 40, "Synced", "Healthy", "", NOON, "a" * 40, 1)


def service(health: Any, reason: str = "") -> ServiceStatus:
    return ServiceStatus("web", "Synced", health, "v1:a", "web:1", 1, 1, reason)


SICK = replace(WELL, health="Degraded", services=(service("Degraded", "shop-web-1 is unhealthy"),))
ITEM = DriftItem(
    "container",
    "shop-web-1",
    "web",
    "c1",
    "modified",
    "memory changed",
    NOON,
    NOON,
    changes=(FieldDrift(("resources", "memory"), "1", "1", "2", "engine", "in-place"),),
)


@dataclass
class Line:
    """What is told as time passes."""

    told: Told = field(default_factory=lambda: Told(0))
    now: datetime = NOON
    news: list[Notice] = field(default_factory=list)

    def after(self, seconds: float, *statuses: EnvironmentStatus, **seen: Any) -> list[str]:
        """The titles that another look, so much later, adds."""
        self.now += timedelta(seconds=seconds)
        self.told, found = noticed(self.told, Seen(statuses=statuses or (WELL,), **seen), self.now)
        self.news += found
        return [each.title for each in found]

    def release(self, number: int, outcome: Outcome | None, reason: str = "") -> list[str]:
        ended = self.now if outcome is not None else None
        told = ("a" * 40, "i", "c", "Ada", "Ship it", "newer content in Git")
        release = Release(number, "shop", *told, NOON, finished_at=ended, outcome=outcome, reason=reason)
        what = "ReleaseEnded" if outcome is not None else "ReleaseStarted"
        event = Event(self.now, what, "", environment="shop", release=number, number=self.told.after + 1)
        return self.after(1, events=(event,), releases={number: release})


def test_a_release_is_told_by_its_outcome_with_reason_commit_and_author() -> None:
    line = Line()
    assert line.release(1, None) == ["shop: release 1 begins"]
    assert line.release(1, "failed", "web: shop-web-1 exited with code 1") == ["shop: release 1 failed"]
    assert line.news[-1].text.splitlines() == [
        "web: shop-web-1 exited with code 1",
        "aaaaaaaaaaaa Ship it, by Ada",
        "`gitopsd show 1` has the evidence",
    ]


@pytest.mark.parametrize("outcome", ["failed", "rolled-back"])
def test_a_good_release_after_a_bad_one_is_a_recovery(outcome: Outcome) -> None:
    line = Line()
    line.release(1, outcome)
    line.release(2, outcome)
    assert line.release(3, "succeeded") == ["shop recovered: release 3 succeeded"]
    assert line.news[-1].trouble == outcome
    assert line.release(4, "succeeded") == ["shop: release 4 succeeded"]


def test_a_sickness_is_told_once_it_lasts_and_so_is_its_end() -> None:
    line = Line()
    assert line.after(0, SICK) == []
    assert line.after(59, SICK) == []
    assert line.after(1, SICK) == ["shop is degraded: web"]
    assert line.news[-1].text == "web: shop-web-1 is unhealthy"
    assert line.after(600, SICK) == []
    assert line.after(10, WELL) == []
    assert line.after(60, WELL) == ["shop is healthy again"]


def test_what_flaps_is_told_once() -> None:
    line = Line()
    line.after(0, SICK)
    found = [title for _ in range(20) for title in line.after(45, SICK) + line.after(15, WELL) + line.after(1, SICK)]
    assert found == ["shop is degraded: web"]


def test_what_mends_itself_soon_is_not_told() -> None:
    line = Line()
    assert [*line.after(0, SICK), *line.after(40, WELL), *line.after(300, WELL)] == []


def test_what_a_release_does_on_its_way_is_its_own_story() -> None:
    line = Line()
    line.release(2, None)
    assert [*line.after(0, SICK), *line.after(300, SICK)] == []
    assert line.release(2, "rolled-back") == ["shop: release 2 was rolled back"]


def test_what_a_failed_release_left_behind_is_not_told_again_as_a_sickness() -> None:
    line = Line()
    line.release(2, "failed")
    assert [*line.after(0, SICK), *line.after(300, SICK)] == []


def test_while_nothing_is_known_no_trouble_begins_or_ends() -> None:
    line = Line()
    line.after(0, SICK)
    line.after(60, SICK)
    blind = replace(WELL, sync="Unknown", health="Unknown", reason="unix:///x does not answer", services=())
    assert line.after(60, blind) == []
    assert line.after(120, blind) == ["shop cannot be judged"]
    assert line.after(60, SICK) == []
    assert line.after(60, SICK) == ["shop can be judged again"]


def test_a_repository_that_does_not_answer_is_told_once_and_not_for_every_environment() -> None:
    away = RepositoryStatus("default", "https://git.example.com/x.git", "main", "a" * 40, NOON, "no answer in 60 s")
    stale = [replace(WELL, name=name, sync="Unknown", reason="Git does not answer") for name in ("shop", "blog")]
    whose = {"shop": "default", "blog": "default"}
    line = Line()
    line.after(0, *stale, repositories=(away,), repository_of=whose)

    found = line.after(300, *stale, repositories=(away,), repository_of=whose)

    assert found == ["repository default cannot be followed"]
    assert line.news[-1].concerns == ("blog", "shop")
    back = replace(away, error="")
    line.after(1, WELL, repositories=(back,), repository_of=whose)
    assert line.after(60, WELL, repositories=(back,), repository_of=whose) == [
        "repository default can be followed again"
    ]


def test_a_drift_that_is_not_healed_is_told_by_its_fields_and_never_by_its_values() -> None:
    line = Line()
    line.after(0, drifts={"shop": (ITEM,)})
    assert line.after(60, drifts={"shop": (ITEM,)}) == ["shop drifts: 1 field of 1"]
    assert line.news[-1].text.splitlines() == [
        "container shop-web-1: resources.memory",
        "`gitopsd drift shop` shows it, `gitopsd heal shop` mends it",
    ]


def test_what_waits_for_a_person_is_told_at_once_and_not_when_it_is_over() -> None:
    line = Line()
    waits = {"shop": "release 2 waits for approval; `gitopsd approve shop` lets it begin"}
    assert line.after(0, waits=waits) == ["shop waits for a person"]
    assert line.after(5, waits=waits) == []
    assert line.after(5) == []
    assert line.after(60, waits=waits) == ["shop waits for a person"]


def test_what_a_commit_says_steers_no_terminal() -> None:
    line = Line()
    line.release(1, "failed", "\x1b[31mred\x1b[0m\x00")
    assert line.news[-1].text.splitlines()[0] == " [31mred [0m "


def test_an_environment_that_is_gone_is_forgotten() -> None:
    line = Line()
    line.after(0, SICK)
    line.after(0, replace(WELL, name="blog"))
    assert set(line.told.environments) == {"blog"}


def receiver(*on: Kind, severity: Severity = "info", environments: tuple[str, ...] = ("*",)) -> Receiver:
    return Receiver("chat", AppriseUrl(Path("/x")), frozenset(on or KINDS), severity, environments)


def notice(kind: Kind, trouble: Kind | None = None, release: int | None = None) -> Notice:
    return Notice(kind, NOON, "", "", "shop", release=release, trouble=trouble, concerns=("shop",))


@pytest.mark.parametrize(
    ("who", "what", "heard"),
    [
        (receiver("failed"), notice("failed"), True),
        (receiver("failed"), notice("rolled-back"), False),
        (receiver("failed", "recovered"), notice("recovered", "failed", 3), True),
        (receiver("failed", "recovered"), notice("recovered", "degraded"), False),
        (receiver("failed"), notice("recovered", "failed", 3), False),
        (receiver("succeeded"), notice("recovered", "failed", 3), True),
        (receiver("succeeded"), notice("recovered", "degraded"), False),
        (receiver(severity="error"), notice("drifted"), False),
        (receiver(severity="error"), notice("recovered", "degraded"), True),
        (receiver(severity="error"), notice("recovered", "drifted"), False),
        (receiver(environments=("prod*", "shop")), notice("failed"), True),
        (receiver(environments=("prod*",)), notice("failed"), False),
    ],
)
def test_a_receiver_hears_what_it_asks_for_and_the_end_of_what_it_heard(
    who: Receiver, what: Notice, heard: bool
) -> None:
    assert who.wants(what) is heard
