"""The daemon's log on standard error: each event of the ledger as a line, at the moment it is written down."""

import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from gitopsd.cli.happenings import where_and_what
from gitopsd.cli.inert import inert
from gitopsd.controller.ports import NOTHING_NEW, Found, Store
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Release
from gitopsd.model.settings import LogFormat
from gitopsd.model.status import EnvironmentStatus

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_log = logging.getLogger("gitopsd")


def log_to_stderr(form: LogFormat = "text") -> None:
    """Our lines from `info` on, those of libraries from `warning` on; in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Structured() if form == "json" else _Inert())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _log.setLevel(logging.INFO)


class _Inert(logging.Formatter):
    """Lines for people. Messages hold text of commits and containers."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        event = _event_of(record)
        logs = event.data.get("logs") if event is not None else None
        lines = [super().format(record)]
        for line in str(logs).splitlines() if logs else ():
            lines.append(super().format(logging.makeLogRecord({**record.__dict__, "msg": f"  | {line}", "args": ()})))
        return "\n".join(inert(line, lines=True) for line in lines)


class _Structured(logging.Formatter):
    """One JSON document a line, with the same keys in each; JSON itself escapes what would steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        event = _event_of(record)
        data = dict(event.data) if event is not None else {}
        at = event.at if event is not None else datetime.fromtimestamp(record.created, UTC)
        document = {
            "time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": event.reason if event is not None else None,
            "message": event.message if event is not None else record.getMessage(),
            "environment": event.environment or None if event is not None else None,
            "service": event.service or None if event is not None else None,
            "release": event.release if event is not None else None,
            "cause": data.pop("cause", None),
            "data": data,
            "logger": record.name,
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document)


def _event_of(record: logging.LogRecord) -> Event | None:
    """The event that a line is of; None for what was only logged."""
    event = getattr(record, "event", None)
    return event if isinstance(event, Event) else None


def telling(store: Store) -> Store:
    """The store, which also logs each event that is written to it."""
    return cast(Store, _Telling(store, log_event))


def log_event(event: Event) -> None:
    _log.log(LEVELS[event.severity], "%s", f"{event.reason} {where_and_what(event)}", extra={"event": event})


class _Telling:
    """Everything is the store's but for the ways in which events come."""

    def __init__(self, store: Store, tell: Callable[[Event], None]) -> None:
        self._store, self._tell = store, tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, events: Sequence[Event]) -> None:
        self._store.append(events)
        self._tell_all(events)

    def save(
        self,
        journal: Journal,
        events: Sequence[Event] = (),
        ended: Sequence[Release] = (),
        done: Sequence[Operation] = (),
        found: Found = NOTHING_NEW,
    ) -> None:
        self._store.save(journal, events, ended, done, found)
        self._tell_all(events)

    def complete(self, number: int, result: str, at: datetime, events: Sequence[Event] = ()) -> None:
        self._store.complete(number, result, at, events)
        self._tell_all(events)

    def save_status(self, status: EnvironmentStatus, events: Sequence[Event] = ()) -> None:
        self._store.save_status(status, events)
        self._tell_all(events)

    def _tell_all(self, events: Sequence[Event]) -> None:
        for event in events:
            self._tell(event)
