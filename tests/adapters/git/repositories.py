"""Real bare repositories for tests, written without a work tree."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


@dataclass
class BareRepository:
    """A bare repository that people push to. Commits are a minute apart."""

    path: Path
    branch: str = "main"
    _minutes: int = field(default=0)

    def __post_init__(self) -> None:
        run("init", "--quiet", "--bare", "--initial-branch=main", str(self.path))
        self.git("config", "http.receivepack", "true")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        return run(f"--git-dir={self.path}", *arguments, stdin=stdin)

    def write(
        self,
        changes: Mapping[str, str | bytes | None],
        subject: str | bytes = "Change",
        author: str | bytes = "Ada",
        modes: Mapping[str, str] | None = None,
    ) -> str:
        """Commit to the branch; None removes a file. `modes` are Git's, "100644" otherwise. Returns the commit's id."""
        return self._commit(changes, subject, author, modes or {}, anew=False)

    def rewrite(self, contents: Mapping[str, str | bytes]) -> str:
        """A history that has nothing to do with the old one."""
        return self._commit(contents, "Rewritten", "Ada", {}, anew=True)

    def delete_branch(self) -> None:
        self.git("update-ref", "-d", f"refs/heads/{self.branch}")

    def tag(self, name: str, commit: str) -> None:
        self.git("-c", "user.name=Ada", "-c", "user.email=ada@localhost", "tag", "-f", "-m", "A tag", name, commit)

    def tip(self) -> str:
        return self.git("rev-parse", "--verify", "--end-of-options", f"refs/heads/{self.branch}")

    def _commit(
        self,
        changes: Mapping[str, str | bytes | None],
        subject: str | bytes,
        author: str | bytes,
        modes: Mapping[str, str],
        anew: bool,
    ) -> str:
        self._minutes += 1
        ref = f"refs/heads/{self.branch}".encode()
        exists = bool(self.git("for-each-ref", ref.decode()))
        who = b"%s <ada@localhost> %d +0000" % (as_bytes(author), 1767225600 + 60 * self._minutes)
        lines = [b"commit " + ref, b"author " + who, b"committer " + who, data(subject)]
        if exists and not anew:
            lines.append(b"from " + ref + b"^0")
        for path, content in changes.items():
            if content is None:
                lines.append(b"D " + path.encode())
            elif modes.get(path) == "160000":
                lines.append(b"M 160000 " + as_bytes(content) + b" " + path.encode())
            else:
                lines += [b"M %s inline %s" % (modes.get(path, "100644").encode(), path.encode()), data(content)]
        self.git("fast-import", "--quiet", "--force", stdin=b"\n".join(lines) + b"\n")
        return self.tip()


def run(*arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(
        ["git", *arguments], input=stdin, capture_output=True, env=ENVIRONMENT, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace").strip()


def data(content: str | bytes) -> bytes:
    return b"data %d\n%s" % (len(as_bytes(content)), as_bytes(content))


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
