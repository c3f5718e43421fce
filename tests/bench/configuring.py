"""`gitopsd config` over the corpus of the tests, held against the real command in each of its directories."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.ground import Ground, typical
from tests.bench.result import Result

CORPUS = Path(__file__).parents[1] / "manifest" / "corpus"
PROGRAM = str(Path(sys.executable).with_name("gitopsd"))


def configuring(ground: Ground) -> list[Result]:
    """One project after the other, as people ask; and all of them in one call, which Compose does not have."""
    corpus, settings = ground.directory / "corpus", ground.directory / "corpus.yaml"
    shutil.copytree(CORPUS, corpus)
    (corpus / ".git").mkdir()  # one repository, as files reach into each other's directories
    settings.write_text('discover: ["*"]\n')
    projects = sorted(path for path in corpus.iterdir() if path.is_dir() and path.name != ".git")

    def each(*command: str) -> Callable[[], object]:
        return lambda: [_run(*command, at=project)() for project in projects]

    theirs = typical(each(str(ground.compose), "config", "--format", "json"), 3)
    one_by_one = typical(each(PROGRAM, "config", "-o", "json", "."), 3)
    at_once = typical(_run(PROGRAM, "config", "--config", str(settings), "-o", "json", str(corpus)), 5)
    what = f"`gitopsd config` of {len(projects)} projects"
    return [
        Result(f"{what}, one by one, vs. `docker compose config`", one_by_one, theirs, 3.0),
        Result(f"{what}, in one call, vs. `docker compose config`", at_once, theirs, 0.2),
    ]


def _run(*command: str, at: Path | None = None) -> Callable[[], object]:
    """Runs it as it runs where pip has installed it: its modules are compiled once."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(command, cwd=at, check=True, capture_output=True, env=environment)
