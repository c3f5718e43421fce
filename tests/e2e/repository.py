"""A bare Git repository and a work tree to push from, driven with the real `git`."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ALONE = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ada@example.com" for who in ("AUTHOR", "COMMITTER")},
}


@dataclass(frozen=True, slots=True)
class Repository:
    """`bare` is what the daemon reads; `tree` is where a person works."""

    bare: Path
    tree: Path

    @classmethod
    def make(cls, directory: Path) -> "Repository":
        made = cls(directory / "environments.git", directory / "tree")
        _git(directory, "init", "--quiet", "--bare", "--initial-branch=main", str(made.bare))
        _git(made.bare, "config", "receive.denyDeleteCurrent", "ignore")
        _git(directory, "init", "--quiet", "--initial-branch=main", str(made.tree))
        made.git("remote", "add", "origin", str(made.bare))
        return made

    def push(self, files: Mapping[str, str | bytes | None], subject: str = "Change") -> str:
        """Commit files (None: removed) and push; the commit's id."""
        self.commit(files, subject)
        return self.publish()

    def commit(self, files: Mapping[str, str | bytes | None], subject: str = "Change") -> str:
        """Commit files (None: removed); the commit's id."""
        for path, data in files.items():
            place = self.tree / path
            if data is None:
                self.git("rm", "-r", "--quiet", path)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data.encode() if isinstance(data, str) else data)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.head()

    def revert(self, commit: str = "HEAD") -> str:
        """`git revert` and push; the new commit's id."""
        self.git("revert", "--no-edit", commit)
        return self.publish()

    def publish(self, *, force: bool = False) -> str:
        self.git("push", "--quiet", *(["--force"] if force else []), "origin", "HEAD:main")
        return self.head()

    def hide(self) -> None:
        """Let the remote be out of reach."""
        self.bare.rename(self.bare.with_suffix(".away"))

    def show(self) -> None:
        self.bare.with_suffix(".away").rename(self.bare)

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        return _git(self.tree, *arguments)


def _git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env={**os.environ, **ALONE}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
