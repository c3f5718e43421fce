"""What a host knows, in memory: files by path, and secrets that were set."""

from datetime import UTC, datetime
from pathlib import Path

from gitopsd.model.errors import HostFileError, LockedError
from gitopsd.model.secret import HostFile, Lock, is_secret_name

LIMIT = 1 << 20


class FakeSecrets:
    """Implements `controller.ports.Secrets`. `files` is the host's disk: bytes, or why they cannot be read.

    `opened` are the clear bytes of encrypted files.
    """

    def __init__(self) -> None:
        self.files: dict[Path, bytes | str] = {}
        self.opened: dict[bytes, bytes] = {}
        self._kept: dict[tuple[str, str], bytes] = {}

    def unlock(self, data: bytes, lock: Lock) -> bytes:
        if data not in self.opened:
            raise LockedError(f"no key fits ({lock})")
        return self.opened[data]

    def file(self, path: Path) -> HostFile | None:
        data = self.files.get(path)
        if data is None:
            return None
        if isinstance(data, str):
            raise HostFileError(f"{path} cannot be read: {data}; mend its path or mode")
        if len(data) > LIMIT:
            raise HostFileError(f"{path} has more than {LIMIT} bytes; name a smaller file")
        return HostFile(str(path), data, datetime(2026, 1, 1, tzinfo=UTC))

    def kept(self, environment: str, name: str) -> HostFile | None:
        value = self._kept.get((environment, name))
        place = str(self.directory(environment) / name)
        return HostFile(place, value, datetime(2026, 1, 1, tzinfo=UTC)) if value is not None else None

    def names(self, environment: str) -> tuple[str, ...]:
        return tuple(sorted(name for owner, name in self._kept if owner == environment))

    def keep(self, environment: str, name: str, value: bytes) -> None:
        if not is_secret_name(name) or "/" in environment or environment.startswith("."):
            raise HostFileError(f"{environment}/{name!a} cannot be the name of a secret")
        if not value:
            raise HostFileError("the secret is empty; nothing was written")
        if len(value) > LIMIT:
            raise HostFileError(f"the secret has more than {LIMIT} bytes; nothing was written")
        self._kept[environment, name] = value

    def drop(self, environment: str, name: str) -> bool:
        return self._kept.pop((environment, name), None) is not None

    def directory(self, environment: str) -> Path:
        return Path("/state/secrets") / environment
