"""Measures what rollouts are judged by beside the router, in threads of its own, each metric at its interval."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.ports import Clock, EngineView, Probe, Timer
from gitopsd.model.analysis import (
    NOTHING_MEASURED,
    Answer,
    Answered,
    Measures,
    Metric,
    NoData,
    Number,
    Reading,
    Trouble,
    Usage,
)
from gitopsd.model.errors import GitopsdError
from gitopsd.model.live import Used
from gitopsd.release.metering import Metered

AT_ONCE = 16  # so many sources may be slow, and no other waits for them
ENGINE = ""  # the task of looking at instances; the others have the names of their metrics

_log = logging.getLogger(__name__)
Key = tuple[str, str, int]  # environment, service, release


@dataclass(frozen=True, slots=True)
class Looked:
    """What an instance had used of processors, in seconds, at a moment of the monotonic clock."""

    at: float
    worked: float


@dataclass(frozen=True, slots=True)
class Watched:
    """`number` tells it from one that was forgotten meanwhile."""

    number: int
    subject: Metered
    measures: Measures = NOTHING_MEASURED
    looked: Mapping[str, Looked] = field(default_factory=dict)


class Metering:
    """One engine's. What was measured is kept here only: a new process measures anew."""

    def __init__(self, engine: EngineView, metrics: Metrics, probe: Probe, clock: Clock, timer: Timer) -> None:
        self.metrics, self._probe = metrics, probe
        self._engine, self._clock, self._timer = engine, clock, timer
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._watched: dict[Key, Watched] = {}
        self._lock = threading.Lock()
        self._count = 0
        self._stopped = False

    def keep(self, environment: str, subjects: Mapping[str, Metered]) -> None:
        """The services of an environment that are measured from now on; a new one at once."""
        keys = {(environment, each.service, each.release): each for each in subjects.values()}
        fresh: list[tuple[Key, int, str]] = []
        with self._lock:
            for key in [key for key in self._watched if key[0] == environment and key not in keys]:
                del self._watched[key]
            for key, subject in keys.items():
                if (known := self._watched.get(key)) is not None:
                    self._watched[key] = replace(known, subject=subject)
                    continue
                self._count += 1
                self._watched[key] = Watched(self._count, subject)
                fresh += [(key, self._count, task) for task in _tasks(subject)]
        for key, number, task in fresh:
            self._begin(key, number, task)

    def measures(self, environment: str) -> dict[str, Measures]:
        """The newest of what was measured, by service."""
        with self._lock:
            return {key[1]: each.measures for key, each in self._watched.items() if key[0] == environment}

    def stop(self) -> None:
        """Measure no more. Nobody waits for what is under way."""
        with self._lock:
            self._stopped = True

    def _begin(self, key: Key, number: int, task: str) -> None:
        threading.Thread(target=self._measure, args=(key, number, task), name="metrics", daemon=True).start()

    def _measure(self, key: Key, number: int, task: str) -> None:
        with self._places:
            subject = self._subject(key, number)
            if subject is None:
                return
            if task == ENGINE:
                used = self._used(subject)
                self._note(key, number, lambda known: self._weighed(known, used))
            else:
                answer = self._asked(_metric(subject, task), subject)
                self._note(key, number, lambda known: self._told(known, task, answer))
        if self._subject(key, number) is None:
            return
        when = self._clock.now() + _interval(subject, task)
        # Its own name, as an alarm that rings still bears its.
        self._timer.at(f"metrics {key} {number} {task}", when, lambda: self._begin(key, number, task))

    def _subject(self, key: Key, number: int) -> Metered | None:
        with self._lock:
            known = self._watched.get(key)
            return known.subject if known is not None and known.number == number and not self._stopped else None

    def _note(self, key: Key, number: int, change: Callable[[Watched], Watched]) -> None:
        """The moment is read under the lock: whoever reads the clock later sees what was noted before."""
        with self._lock:
            known = self._watched.get(key)
            if known is not None and known.number == number:
                self._watched[key] = change(known)

    def _told(self, known: Watched, name: str, answer: Answer) -> Watched:
        answers = {**known.measures.answers, name: Answered(self._clock.now(), answer)}
        return replace(known, measures=replace(known.measures, answers=answers))

    def _weighed(self, known: Watched, used: Mapping[str, Used]) -> Watched:
        """Processors are told by how much more was used since the last look."""
        now = self._clock.monotonic()
        looked = {id: Looked(now, each.processor) for id, each in used.items() if each.processor is not None}
        taken = {
            id: Usage(cpu=_cores(known.looked.get(id), looked.get(id)), memory=float(each.memory))
            for id, each in used.items()
        }
        return replace(known, looked=looked, measures=replace(known.measures, looked_at=self._clock.now(), used=taken))

    def _asked(self, metric: Metric, subject: Metered) -> Answer:
        if metric.source == "job":
            return Answer(self._ran(metric, subject))
        canary = self._read(metric, subject.canary)
        return Answer(canary, self._read(metric, subject.stable)) if metric.sided else Answer(canary)

    def _ran(self, metric: Metric, subject: Metered) -> Reading:
        """What a job came to, beside an instance of the canary. The last of what it wrote is for people."""
        if not subject.beside:
            return NoData("no instance of the canary runs")
        try:
            return self._probe.run(subject.beside, metric.command, metric.timeout)
        except Exception as error:  # noqa: BLE001  one job that goes wrong may not end the measuring
            _log.error("job %s: unexpected %s", metric.name, type(error).__name__)
            return Trouble(f"unexpected {type(error).__name__}")

    def _read(self, metric: Metric, variables: Mapping[str, str]) -> Reading:
        try:
            return self.metrics.read(metric, variables)
        except Exception as error:  # noqa: BLE001  one question that goes wrong may not end the asking
            _log.error("metric %s: unexpected %s", metric.name, type(error).__name__)
            return Trouble(f"unexpected {type(error).__name__}")

    def _used(self, subject: Metered) -> Mapping[str, Used]:
        """An engine that does not answer has told nothing of any instance."""
        try:
            return self._engine.used(subject.instances)
        except GitopsdError:
            return {}
        except Exception as error:  # noqa: BLE001  one look that goes wrong may not end the looking
            _log.error("instances of %s: unexpected %s", subject.service, type(error).__name__)
            return {}


def without_secrets(measures: Measures, masked: Callable[[str], str]) -> Measures:
    """The same, but for what a job has written of what nobody may read."""
    return replace(measures, answers={name: _masked(each, masked) for name, each in measures.answers.items()})


def _masked(answered: Answered, masked: Callable[[str], str]) -> Answered:
    found = answered.answer.canary
    if not isinstance(found, Number) or not found.said:
        return answered
    return replace(answered, answer=replace(answered.answer, canary=replace(found, said=masked(found.said))))


def _tasks(subject: Metered) -> tuple[str, ...]:
    queries = tuple(each.name for each in subject.metrics if each.source != "engine")
    return (ENGINE, *queries) if len(queries) < len(subject.metrics) else queries


def _metric(subject: Metered, name: str) -> Metric:
    return next(each for each in subject.metrics if each.name == name)


def _interval(subject: Metered, task: str) -> timedelta:
    if task != ENGINE:
        return _metric(subject, task).interval
    return min(each.interval for each in subject.metrics if each.source == "engine")


def _cores(before: Looked | None, now: Looked | None) -> float | None:
    """None: this is the first look since the instance was started."""
    if before is None or now is None or now.at <= before.at or now.worked < before.worked:
        return None
    return (now.worked - before.worked) / (now.at - before.at)
