"""The Git server of a fleet: one branch, and every request that anybody made, second by second."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.files import Files
from tests.fakes.source import FakeSource
from tests.simulation.wheel import Wheel


class GitServer:
    """`away`: it refuses all. A request is one `git ls-remote` or one `git fetch`."""

    def __init__(self, wheel: Wheel) -> None:
        self.away = False
        self.requests: Counter[int] = Counter()
        self.origin = FakeSource()
        self._wheel = wheel
        self._files: dict[str, Files] = {}

    def push(self, files: Mapping[str, str | bytes | None]) -> str:
        return self.origin.write(files)

    def request(self) -> None:
        self.requests[int(self._wheel.seconds)] += 1
        if self.away:
            raise SourceUnavailable("repository default: git ls-remote: Connection refused")

    def files(self, commit: str) -> Files:
        """The files of a commit, of which all mirrors have the same."""
        if commit not in self._files:
            self.origin.poll()
            self._files[commit] = self.origin.files(commit)
        return self._files[commit]

    def mirror(self) -> "Mirror":
        """What one host has of it: the branch as it is now, from before it was looked at."""
        self.origin.poll()
        shared = {name: getattr(self.origin, name) for name in ("remote", "_commits", "_contents")}
        made = Mirror(**shared, server=self)
        made.know(self.origin.remote[self.origin.branch])
        return made


@dataclass
class Mirror(FakeSource):
    """One host's mirror of the server's branch."""

    server: GitServer | None = None

    def know(self, commit: str) -> None:
        self._fetched |= set(self._line(commit))
        self._head = commit

    def files(self, commit: str) -> Files:
        self._at(commit)
        assert self.server is not None
        return self.server.files(commit)

    def _ask_remote(self) -> None:
        assert self.server is not None
        self.server.request()

    def _fetch(self, commit: str) -> None:
        if commit not in self._fetched:
            self._ask_remote()
            super()._fetch(commit)
