"""Sources under test: in this process and in another one."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from gitopsd.adapters.git.source import open_source
from gitopsd.controller.ports import Source
from gitopsd.model.settings import Repository

POLL = """
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from gitopsd.adapters.git.source import open_source
from gitopsd.model.settings import Repository
print(open_source(Repository("shop", sys.argv[1], timeout=timedelta(seconds=30)), Path(sys.argv[2])).poll())
"""


def opened(url: object, tmp_path: Path, timeout_s: float = 30.0) -> Source:
    return open_source(Repository("shop", str(url), timeout=timedelta(seconds=timeout_s)), tmp_path / "state")


def elsewhere(url: object, tmp_path: Path, before: str = "", **variables: str) -> "subprocess.Popen[str]":
    """Another process that polls; its output is the commit."""
    command = [sys.executable, "-c", before + POLL, str(url), str(tmp_path / "state")]
    environment = {**os.environ, **variables}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
