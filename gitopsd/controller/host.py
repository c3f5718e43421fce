"""What a host adds to an environment that is not in Git: the variables of its vars_file, and secrets by name."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Secrets
from gitopsd.controller.variables import read_variables
from gitopsd.model.errors import HostFileError, Problem
from gitopsd.model.secret import HostFile, Lock, is_secret_name


class Host:
    """The host's words about one environment at one look: each is read when it is first asked for, and once."""

    def __init__(self, secrets: Secrets, environment: Environment) -> None:
        self._secrets, self._environment = secrets, environment
        self._found: dict[str, HostFile | HostFileError] = {}

    @cached_property
    def _read(self) -> tuple[Mapping[str, str], tuple[Problem, ...]]:
        return read_variables(self._secrets, self._environment.vars_file)

    @property
    def variables(self) -> Mapping[str, str]:
        """Names and values of the vars_file, all secret. HostFileError: it cannot be read, or not be understood."""
        return self._read[0]

    def unlock(self, data: bytes, lock: Lock) -> bytes:
        """An encrypted file of the repository in the clear. LockedError: the host has no key that fits."""
        return self._secrets.unlock(data, lock)

    @property
    def unset(self) -> tuple[Problem, ...]:
        """Variables that the vars_file uses and that have neither value nor default."""
        return self._read[1]

    def given(self, names: Iterable[str]) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        """The values of the secrets that are there, and in words why the others are not."""
        found = {name: self._secret(name) for name in sorted(names)}
        values = {name: each.data for name, each in found.items() if isinstance(each, HostFile)}
        return values, {name: str(each) for name, each in found.items() if isinstance(each, HostFileError)}

    def _secret(self, name: str) -> HostFile | HostFileError:
        if name not in self._found:
            try:
                self._found[name] = find_secret(self._secrets, self._environment, name)
            except HostFileError as error:
                self._found[name] = error
        return self._found[name]


def find_secret(secrets: Secrets, environment: Environment, name: str) -> HostFile:
    """A secret from the file that the settings name for it, else from secrets_dir, else from gitopsd's own store."""
    places = environment.secrets
    named = places.files.get(name)
    if named is not None:
        mend = f"{named} does not exist; write it, or mend its path in gitopsd.yaml"
        return _usable(secrets.file(named), mend)
    by_name = places.directory / name if places.directory is not None and is_secret_name(name) else None
    found = secrets.file(by_name) if by_name is not None else None
    found = found or next(filter(None, (secrets.kept(each, name) for each in names_of(environment))), None)
    neither = f": neither {by_name} nor gitopsd's own store has it" if by_name is not None else ""
    mend = f"`gitopsd secret set {environment.name} {name}` writes it, or name a file for it in gitopsd.yaml"
    return _usable(found, f"the host has no secret {name}{neither}; {mend}")


def names_of(environment: Environment) -> tuple[str, ...]:
    """The environment's name and its earlier ones, newest first: what was kept for them is its own."""
    return environment.name, *(former.name for former in reversed(environment.formerly))


def _usable(found: HostFile | None, absent: str) -> HostFile:
    """An empty file is one that is being written, or that nobody has written yet."""
    if found is None:
        raise HostFileError(absent)
    if not found.data:
        raise HostFileError(f"{found.place} is empty; write the secret into it")
    return found


def host_paths(secrets: Secrets, environment: Environment) -> Iterator[Path]:
    """Whatever on the host may change what an environment is."""
    if environment.vars_file is not None:
        yield environment.vars_file
    yield from environment.secrets.files.values()
    if environment.secrets.directory is not None:
        yield environment.secrets.directory
    yield from map(secrets.directory, names_of(environment))
