"""The daemon's log on standard error: each event of the ledger as a line, at the moment it is written down."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from gitopsd.cli.happenings import where_and_what
from gitopsd.cli.inert import inert
from gitopsd.controller.ports import Store
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Release

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_log = logging.getLogger("gitopsd")


def log_to_stderr() -> None:
    """Our lines from `info` on, those of libraries from `warning` on; in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Inert("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _log.setLevel(logging.INFO)


class _Inert(logging.Formatter):
    """Messages hold text of commits and containers."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return inert(super().format(record), lines=True)


def telling(store: Store) -> Store:
    """The store, which also logs each event that is written to it."""
    return cast(Store, _Telling(store, log_event))


def log_event(event: Event) -> None:
    _log.log(LEVELS[event.severity], "%s", f"{event.reason} {where_and_what(event)}")
    logs = event.data.get("logs")
    for line in str(logs).splitlines() if logs else ():
        _log.log(LEVELS[event.severity], "%s", f"  | {line}")


class _Telling:
    """Everything is the store's but for the two ways in which events come."""

    def __init__(self, store: Store, tell: Callable[[Event], None]) -> None:
        self._store, self._tell = store, tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, events: Sequence[Event]) -> None:
        self._store.append(events)
        for event in events:
            self._tell(event)

    def save(
        self,
        journal: Journal,
        events: Sequence[Event] = (),
        ended: Sequence[Release] = (),
        done: Sequence[Operation] = (),
    ) -> None:
        self._store.save(journal, events, ended, done)
        for event in events:
            self._tell(event)
