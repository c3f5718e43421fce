"""How the daemon of a state directory was started, so that commands given that directory alone see what it sees."""

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path

from gitopsd.controller.flags import Flags

NAME = "run.json"


def remember(state_dir: Path, flags: Flags, docker_host: str) -> None:
    """Keep the flags of `run`, and the engine that its environment named. A full disk costs only this convenience."""
    said = {
        "config": str(flags.config.absolute()) if flags.config else "",
        "repository": flags.repository,
        "branch": flags.branch,
        "engine": flags.engine,
        "docker_host": docker_host,
    }
    with contextlib.suppress(OSError):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = state_dir / f"{NAME}.new"
        draft.write_text(json.dumps(said))
        os.replace(draft, state_dir / NAME)


def recall(state_dir: Path, flags: Flags) -> Flags:
    """The flags, with those of the daemon where a command names neither repository nor settings file."""
    if flags.config is not None or flags.repository:
        return flags
    try:
        said = json.loads((state_dir / NAME).read_text())
        config = Path(said["config"]) if said["config"] else None
        repository, branch = str(said["repository"]), str(said["branch"])
        engine, docker_host = str(said["engine"]), str(said.get("docker_host", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return flags
    return replace(
        flags,
        config=config,
        repository=repository,
        branch=flags.branch or branch,
        engine=flags.engine or engine,
        docker_host=docker_host,
    )
