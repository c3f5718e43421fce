"""What the command line says about the settings."""

from dataclasses import dataclass
from pathlib import Path

from gitopsd.model.mode import Mode


@dataclass(frozen=True, slots=True)
class Flags:
    """None or "": the file or the default says it. `docker_host` counts where neither `engine` nor the file says it."""

    config: Path | None = None
    state_dir: Path | None = None
    repository: str = ""
    branch: str = ""
    mode: Mode | None = None
    engine: str = ""
    listen: str = ""
    docker_host: str = ""
