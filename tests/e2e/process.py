"""A gitopsd of its own process, which tests start, stop and kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENDS_WITHIN_S = 15
PROGRAM = (sys.executable, "-m", "gitopsd")
COMMAND = (*PROGRAM, "run")


class Process:
    """`gitopsd run` on a settings file; its words go to a log beside it.

    `by` is the program that it is started with, `listen` where its pages are.
    """

    def __init__(self, config: Path) -> None:
        self.by: tuple[str, ...] = ()
        self.listen = "off"
        self._config = config
        self._log = config.with_suffix(".log")
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                [*self.by, *COMMAND, "--listen", self.listen, "--config", str(self._config)],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def once(self, *flags: str) -> "subprocess.CompletedProcess[str]":
        """`gitopsd run --once`, to its end."""
        return subprocess.run(
            [*COMMAND, "--config", str(self._config), "--once", *flags],
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def command(self, *words: str, code: int = 0) -> str:
        """Another command on the same settings; all that it prints."""
        done = subprocess.run(
            [*PROGRAM, *words, "--config", str(self._config)],
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def kill(self) -> None:
        """SIGKILL, as the out-of-memory killer sends it."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code. One that does not end says what its threads are at."""
        try:
            return self._end(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self._end(signal.SIGABRT)
            raise AssertionError(f"it does not end: {self.words()[-6000:]}") from None

    @property
    def pid(self) -> int:
        """Of the one that runs."""
        assert self._running is not None
        return self._running.pid

    def alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def words(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def _end(self, number: signal.Signals) -> int:
        if self._running is None:
            return 0
        self._running.send_signal(number)
        return self._running.wait(timeout=ENDS_WITHIN_S)


def ask(config: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One command of gitopsd on a settings file, to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments, "--config", str(config)],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"}
