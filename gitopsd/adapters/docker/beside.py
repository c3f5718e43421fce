"""Runs a command beside an instance: in its network, from its image, with its settings and files, and reads its end."""

import contextlib
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.logs import read_logs
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import live
from gitopsd.engine_json.labels import PROBE
from gitopsd.model.analysis import NoData, Number, Reading, Trouble
from gitopsd.model.errors import Conflict, EngineError, NotFound

TIMED_OUT: Final = 124  # as timeout(1) ends
LINES: Final = 10
_LOOK_S: Final = 0.3


def run_beside(connection: Connection, container: str, command: Sequence[str], timeout: timedelta) -> Reading:
    """Its exit code with the last lines that it wrote; TIMED_OUT where it had to be ended."""
    try:
        made = _create(connection, container, command)
    except NotFound:
        return NoData("the instance beside which it should run is gone")
    except EngineError as error:
        return Trouble(f"it could not be run: {error}")
    try:
        connection.call("POST", f"/containers/{made}/start", doing="start a job")
        code = _ended(connection, made, timeout)
        said = " ".join(read_logs(connection, made, LINES).split())
        if code is None:
            return Number(TIMED_OUT, f"it did not end within {timeout.total_seconds():g} s; {said}".rstrip("; "))
        return Number(code, said)
    except EngineError as error:
        return Trouble(f"it could not be run: {error}")
    finally:
        with contextlib.suppress(EngineError):
            _remove(connection, made)


def _create(connection: Connection, container: str, command: Sequence[str]) -> str:
    """One beside an instance at a time, so that what a killed daemon left is found by its name."""
    doing = f"inspect {container[:12]}"
    found = connection.json("GET", f"/containers/{escaped(container)}/json", doing=doing)
    with understood(doing):
        body = _body(found, command)
    name = f"gitopsd-job-{container[:12]}"
    doing, params = f"create {name}", {"name": name}
    try:
        answer = connection.json("POST", "/containers/create", doing=doing, params=params, json=body)
    except Conflict:
        _remove(connection, name)
        answer = connection.json("POST", "/containers/create", doing=doing, params=params, json=body)
    with understood(doing):
        return live.named(answer)


def _body(instance: dict[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """It reads what the instance has mounted, and changes nothing there."""
    config = instance["Config"]
    return {
        "Image": instance["Image"],
        "Entrypoint": list(command[:1]),
        "Cmd": list(command[1:]),
        "Env": config.get("Env") or [],
        "User": config.get("User") or "",
        "WorkingDir": config.get("WorkingDir") or "",
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {PROBE: instance["Id"]},
        "HostConfig": {
            "NetworkMode": f"container:{instance['Id']}",
            "VolumesFrom": [f"{instance['Id']}:ro"],
            "LogConfig": {"Type": "json-file"},
        },
    }


def _ended(connection: Connection, made: str, timeout: timedelta) -> int | None:
    """Its exit code; None: its time is over."""
    deadline, doing = time.monotonic() + timeout.total_seconds(), "look at a job"
    while True:
        found = connection.json("GET", f"/containers/{made}/json", doing=doing)
        with understood(doing):
            if found["State"]["Status"] in ("exited", "dead"):
                return int(found["State"]["ExitCode"])
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_S)


def _remove(connection: Connection, container: str) -> None:
    with contextlib.suppress(NotFound):
        params = {"force": "true", "v": "true"}
        connection.call("DELETE", f"/containers/{escaped(container)}", doing="remove a job", params=params)
