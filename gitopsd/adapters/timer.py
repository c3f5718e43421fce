"""Timers on APScheduler: polls, resyncs and deadlines, none of which is ever dropped for being late."""

import contextlib
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from gitopsd.controller.ports import Clock

SPREAD = 0.1  # of the interval: many polls do not meet
JUMP_S = 2.0
WORKERS = 64  # a thread is made when it is needed; remotes that hang hold one each
WATCH_S = 1.0


class Workers(ThreadPoolExecutor):  # type: ignore[misc]
    """The threads that calls run in, which a shutdown of the scheduler leaves to end by themselves.

    The scheduler holds its locks while it waits for them, and a call that sets a timer waits for those locks.
    """

    def shutdown(self, wait: bool = True) -> None:
        super().shutdown(wait=False)

    def join(self) -> None:
        """Wait until the last call has ended."""
        self._pool.shutdown(wait=True)


class SchedulerTimer:
    """The port's timer. APScheduler goes by the wall clock: a jump of it brings every call forward, once.

    Its defaults drop a job that is a second late; here a late job runs, several missed runs are one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._workers = Workers(WORKERS)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self._workers},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._watch_clock, name="clock watch", daemon=True)

    def every(self, name: str, interval: timedelta, call: Callable[[], None]) -> None:
        seconds = interval.total_seconds()
        self._scheduler.add_job(
            call,
            "interval",
            seconds=seconds,
            jitter=seconds * SPREAD,
            next_run_time=datetime.now(UTC),
            id=name,
            replace_existing=True,
        )

    def at(self, name: str, when: datetime, call: Callable[[], None]) -> None:
        # A name that is set anew while its call is still under way is called again, and not dropped for being busy.
        job = {"id": name, "replace_existing": True, "max_instances": WORKERS}
        self._scheduler.add_job(call, "date", run_date=when, **job)

    def cancel(self, name: str) -> None:
        with contextlib.suppress(JobLookupError):
            self._scheduler.remove_job(name)

    def running(self) -> bool:
        return bool(self._scheduler.running)

    def start(self) -> None:
        self._scheduler.start()
        self._watch.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._scheduler.running:
            # A shutdown in the middle of a round ends the scheduler's thread with an error. Paused, it begins no new
            # round, and listing the jobs waits for the present one.
            self._scheduler.pause()
            self._scheduler.get_jobs()
            self._scheduler.shutdown()
            self._workers.join()

    def _watch_clock(self) -> None:
        """The two clocks walk together; where they part, the wall clock jumped."""
        apart = self._apart()
        while not self._stopped.wait(WATCH_S):
            now = self._apart()
            if abs(now - apart) > JUMP_S:
                self._bring_forward()
            apart = now

    def _apart(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _bring_forward(self) -> None:
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))
