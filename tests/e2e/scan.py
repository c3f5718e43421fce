"""All that a daemon writes down, says, answers and starts programs with, to look in it for what must never be there."""

import json
import os
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from click.testing import CliRunner
from fastapi.routing import APIRoute

from gitopsd.__main__ import Wired
from gitopsd.cli.main import gitopsd
from gitopsd.web import live, metrics, pages, probes
from gitopsd.web.api import api
from tests.e2e.rig import Rig

ASKED = (
    ("status",),
    ("plan", "shop"),
    ("drift", "shop"),
    ("drift", "shop", "--history"),
    ("history", "shop"),
    ("show", "1"),
    ("show", "2"),
    ("diff", "shop", "1", "2"),
    ("why", "shop/web"),
    ("events",),
    ("rollout", "show", "shop"),
    ("secret", "list", "shop"),
    ("doctor",),
)
OPENED = {"name": "shop", "number": "1"}  # what the routes of pages and API are filled with
QUESTIONS = {"diff": "?a=1&b=2", "stream": "?after=0"}
RECORDING = """#!/bin/sh
cat /proc/$$/cmdline /proc/$$/environ >>{record}
exec {program} "$@"
"""


def recorded(rig: Rig, *programs: str) -> Path:
    """A directory of these programs, which note their arguments and environment and then do what they always do.

    The daemon finds it first, and puts its temporary files beside it.
    """
    directory, temporary = rig.directory / "programs", rig.directory / "temporary"
    directory.mkdir()
    temporary.mkdir()
    for program in programs:
        there = shutil.which(program)
        assert there is not None, program
        path = directory / Path(program).name
        path.write_text(RECORDING.format(record=rig.directory / f"{path.name}.record", program=there))
        path.chmod(0o755)
    rig.process.by = ("env", f"PATH={directory}:{os.environ['PATH']}", f"TMPDIR={temporary}")
    return directory


def found(rig: Rig, canaries: tuple[str, ...], *keeping: Path) -> list[str]:
    """Where a canary shows, as it is or coded. `keeping`: the files that are there to keep one."""
    forms = [form for canary in canaries for form in (canary.encode(), b64encode(canary.encode())[:-4])]
    places = dict(said(rig))
    assert any(place.endswith(".db-wal") for place in places)
    return [place for place, data in places.items() if Path(place) not in keeping and any(f in data for f in forms)]


def said(rig: Rig) -> Iterator[tuple[str, bytes]]:
    """Whatever gitopsd has written down, says now or was started with, each with where that was."""
    for path in (*rig.state.rglob("*"), *(rig.directory / "temporary").rglob("*"), *rig.directory.glob("*.record")):
        with suppress(FileNotFoundError):  # what a daemon has for a moment only
            if path.is_file():
                yield str(path), path.read_bytes()
    yield "log", rig.process.words().encode()
    for words in ASKED:
        command = [*words, "--config", str(rig.config)]  # what they say with `-o json` the API answers, too
        yield " ".join(words), CliRunner().invoke(gitopsd, command, obj=Wired()).output.encode()
    yield from _labels(rig)
    for process in family(rig.process.pid):
        for part in ("cmdline", "environ"):
            with suppress(FileNotFoundError, ProcessLookupError):
                yield f"{part} of {process}", Path(f"/proc/{process}/{part}").read_bytes()
    for path in _routes():
        yield path, _answer(f"http://{rig.process.listen}{path}")


def family(process: int) -> Iterator[int]:
    """A process, and whatever it has started and what that has."""
    yield process
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in file.read_text().split():
                yield from family(int(child))


def _labels(rig: Rig) -> Iterator[tuple[str, bytes]]:
    for row in rig.rows():
        yield f"labels of {row['Names']}", json.dumps([row["Names"], row["Labels"]]).encode()
    for volume in rig.api.volumes()["Volumes"] or ():
        yield f"volume {volume['Name']}", json.dumps([volume["Name"], volume["Labels"]]).encode()
    for network in rig.api.networks():
        yield f"network {network['Name']}", json.dumps([network["Name"], network["Labels"]]).encode()


def _routes() -> Iterator[str]:
    """Everything that answers a GET: whoever adds a page adds it to the scan."""
    yield "/openapi.json"
    for router in (api, live.streams, pages.pages, probes.probes, metrics.exposition):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            if "GET" in route.methods:
                path = route.path.format(**OPENED)
                yield path + QUESTIONS.get(path.rpartition("/")[2], "")
                if "{number}" in route.path:
                    yield route.path.format(number="2")


def _answer(url: str) -> bytes:
    """What is answered, of what never ends the begin; an error's words count, too."""
    whole = b""
    request = Request(url, headers={"Accept": "text/html"} if "/api/" not in url else {})
    with suppress(TimeoutError):
        try:
            with urlopen(request, timeout=90) as answer:
                endless = answer.headers.get_content_type() == "text/event-stream"
                if endless:
                    answer.fp.raw._sock.settimeout(1)
                while piece := answer.read1(1 << 20):
                    whole += piece
        except HTTPError as refused:
            whole += refused.read()
    assert whole, f"{url} answers nothing"
    return whole
