"""One Git command at a time: fixed arguments, a closed environment, a deadline that ends the whole process group.

Whatever fails becomes one line for people, without secrets and without control characters.
"""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gitopsd.adapters.git.address import Address
from gitopsd.adapters.git.hardening import environment, foreign_variables, options, write_home
from gitopsd.adapters.git.reason import in_one_line, mend
from gitopsd.adapters.git.trace import TRACED, told_apart
from gitopsd.adapters.patience import patience
from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.settings import Repository

# Without a git program the library fails at its import; with this the first command says what is missing.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Git
from git.exc import GitCommandNotFound

_REAP_S = 5.0


class GitFailed(SourceUnavailable):
    """A Git command failed, with this exit status and error output; neither is there when it was `timed_out`."""

    def __init__(
        self, message: str, status: int = -1, said: str = "", timed_out: bool = False, wait: timedelta | None = None
    ) -> None:
        super().__init__(message, wait)
        self.status = status
        self.said = said
        self.timed_out = timed_out


class Commands:
    """Runs Git for one repository. Safe to use from several threads: each command is a process of its own."""

    def __init__(self, repository: Repository, address: Address, home: Path) -> None:
        self._repository = repository
        self._address = address
        self._home = home
        self._timeout_s = repository.timeout.total_seconds()
        configuration = options(address, self._timeout_s)
        self._options = [part for key, value in configuration.items() for part in ("-c", f"{key}={value}")]
        write_home(home, address, configuration)

    def run(
        self,
        git_dir: Path | None,
        *arguments: str,
        stdin: bytes = b"",
        variables: Mapping[str, str] | None = None,
        patience: float = 1.0,
        held: int | None = None,
    ) -> bytes:
        """What a command writes to its standard output; without `git_dir` it runs outside of any repository.

        GitFailed: its status is not 0, or it took too long.

        `patience` multiplies the repository's timeout. `held` is a descriptor of a lock that the process shall share,
        so that the lock lives as long as the process, even when the daemon is killed.
        """
        # Bare whatever its own file says, even if that is lost.
        place = [] if git_dir is None else [f"--git-dir={git_dir}", "-c", "core.bare=true"]
        command = ["git", *place, *self._options, *arguments]
        process = self._started(command, variables or {}, held)
        try:
            output, errors = process.communicate(stdin, timeout=self._timeout_s * patience)
        except subprocess.TimeoutExpired:
            raise GitFailed(self._late(arguments[0], patience), timed_out=True) from None
        finally:
            _end_group(process)
        if process.returncode != 0:
            raise self._failure(arguments[0], process.returncode, errors.decode(errors="replace"))
        return bytes(output)

    def _started(self, command: list[str], variables: Mapping[str, str], held: int | None) -> "subprocess.Popen[bytes]":
        own = environment(self._repository, self._address, self._home) | dict(variables)
        if self._address.protocol in ("http", "https"):
            own |= TRACED
        unwanted = [part for name in foreign_variables() if name not in own for part in ("-u", name)]
        try:
            handle = Git(str(self._home)).execute(
                ["env", *unwanted, *command] if unwanted else command,
                istream=subprocess.PIPE,
                as_process=True,
                env=own,
                # A group of its own: git's helpers (git-remote-https, ssh) hold its pipes open and must end with it.
                start_new_session=True,
                pass_fds=() if held is None else (held,),
            )
        except GitCommandNotFound as error:
            raise SourceUnavailable("there is no git program; install git") from error
        process: subprocess.Popen[bytes] | None = handle.proc
        assert process is not None
        # From here on the process is ours to end; the library's handle would wait for it without a deadline.
        handle.proc = None
        return process

    def _late(self, command: str, patience: float) -> str:
        seconds = self._timeout_s * patience
        return f"repository {self._repository.name}: git {command}: no answer within {seconds:g} s"

    def _failure(self, command: str, status: int, errors: str) -> GitFailed:
        said, headers = told_apart(errors)
        reason = in_one_line(said, self._secrets()) or f"ended with status {status}"
        message = f"repository {self._repository.name}: git {command}: {reason}{mend(said)}"
        return GitFailed(message, status, said, wait=patience(headers, datetime.now(UTC)))

    def _secrets(self) -> list[str]:
        file = self._repository.credentials.password_file
        if file is None:
            return []
        with suppress(OSError):
            return file.read_text(errors="replace").splitlines()
        return []


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_REAP_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
