"""The real `docker compose`, called as a person calls it, in a directory of its own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Compose:
    """Compose on one engine. `directory` is where its files lie, if it is given any."""

    program: Path
    engine_url: str
    directory: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One command to its end, whatever that is; both streams are kept."""
        return subprocess.run(
            [self.program, "--progress", "plain", *arguments],
            cwd=self.directory,
            env={**os.environ, "DOCKER_HOST": self.engine_url, "HOME": str(self.directory)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def says(self, *arguments: str) -> str:
        """What a command prints; one that fails is an AssertionError."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
