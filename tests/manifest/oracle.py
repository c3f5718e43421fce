"""Asks the real Compose command what a Compose file means; many questions go into one call, as a call costs 70 ms."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Oracle:
    """`directory` is where the files go; the command gets an empty environment, so that only `.env` counts."""

    program: Path
    directory: Path

    def config(self, compose: str | bytes, files: Mapping[str, str | bytes] | None = None) -> Any:
        """The resolved file; None when Compose refuses it."""
        for name, data in {"compose.yaml": compose, **(files or {})}.items():
            (self.directory / name).write_bytes(data.encode() if isinstance(data, str) else data)
        command = [self.program, "-f", self.directory / "compose.yaml", "config", "--format", "json"]
        home = {"HOME": str(self.directory), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, env=home, capture_output=True, check=False, timeout=60)
        return None if done.returncode else json.loads(done.stdout)

    def labels(self, texts: Sequence[str], env: str) -> list[str]:
        """What each text becomes as a label's value. All must be valid."""
        labels = {f"l{index}": text for index, text in enumerate(texts)}
        said = self.config(json.dumps({"services": {"a": {"image": "x", "labels": labels}}}), {".env": env})
        assert said is not None, f"Compose refuses one of {texts}"
        return [unescaped(said["services"]["a"]["labels"][f"l{index}"]) for index in range(len(texts))]


def unescaped(text: str) -> str:
    """Compose writes each dollar sign twice, so that its output can be its input."""
    return text.replace("$$", "$")
