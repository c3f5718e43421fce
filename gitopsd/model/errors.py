"""The errors of gitopsd, one tree, each saying what is wrong and how to mend it.

GitopsdError
├── ProblemsError            several places of a file, told at once
│   ├── ManifestError        an environment's files
│   └── SettingsError        gitopsd.yaml
├── SourceError              Git
│   ├── SourceUnavailable    the remote did not answer; what was known stays known
│   └── RevisionNotFound     branch, tag or commit does not exist
├── EngineError              Docker
│   ├── EngineUnavailable    no answer, or an answer cut short: nothing is known about the call's effect
│   ├── EngineRefused        the engine answered no (HTTP status)
│   │   ├── NotFound         404
│   │   ├── Conflict         409
│   │   └── HostTrouble      a port, an address or disk space is taken on its host: holds a release, is no evidence
│   ├── ImageMissing         the registry says that the image does not exist: evidence against a release
│   └── ImageUnavailable     the registry could not be asked: holds a release, is no evidence
│       ├── ImageThrottled   it counts who asks, and has had enough (429)
│       └── DiskTooFull      the engine's disk has too little room for an image
├── RouterError              the router did not do what was asked, or not all of it
│   └── RouterUnavailable    no router answers
├── ServerError              a gitopsd on another machine, asked with --server
├── HostFileError            a file of the host that adds to an environment: its vars_file, or a secret
├── NotifyError              somebody could not be told
│   ├── NotTaken             not now
│   └── Refused              never
├── OwnershipError           the project belongs to another gitopsd
└── StoreError               the state directory, or the database in its place
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point in a file. `line` and `column` count from 1; 0 means that the file as a whole is meant."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong at one place: `file:line:column: services.web.ports[0]: what is wrong; how to mend it`."""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        parts = (_cut(str(self.place), 400), _cut(self.path, 400), _cut(self.message, 1_000))
        return ": ".join(part for part in parts if part)


def _cut(text: str, most: int) -> str:
    """Without the middle of what nobody would read whole; the end is where the mend stands."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}...{text[-half:]}"


class GitopsdError(Exception):
    """Everything that gitopsd raises on purpose; `str()` is meant for people."""


class ProblemsError(GitopsdError):
    """Problems of one document or environment, in the order of their places, without repetition."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ManifestError(ProblemsError):
    """An environment's files do not describe a state that gitopsd can bring about."""


class SettingsError(ProblemsError):
    """gitopsd.yaml, or a flag, is wrong."""


class SourceError(GitopsdError):
    """A Git repository could not give what was asked."""


class SourceUnavailable(SourceError):
    """The remote did not answer in time, or refused; what was fetched before stays valid.

    `wait` is how long it wants to be left alone, where it said so.
    """

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RevisionNotFound(SourceError):
    """The branch, tag or commit does not exist in the repository."""


class EngineError(GitopsdError):
    """The Docker engine could not do what was asked."""


class EngineUnavailable(EngineError):
    """The engine did not answer, or not to the end: whether the call took effect is unknown."""


class EngineRefused(EngineError):
    """The engine answered with an error. `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotFound(EngineRefused):
    """The container, network, volume or image is not there (404)."""


class Conflict(EngineRefused):
    """A name is taken, or the state does not allow the call (409)."""


class HostTrouble(EngineRefused):
    """Its host cannot have it now: a taken port, a full disk, no free address, no container to live in.

    Holds a release, is no evidence.
    """


class ImageMissing(EngineError):
    """The registry says that the image does not exist, or for another platform only: evidence against a release."""


class ImageUnavailable(EngineError):
    """The image could not be asked for (network, 429, credentials, full disk): holds a release, is no evidence."""


class ImageThrottled(ImageUnavailable):
    """The registry has answered too many requests (429): to ask again soon makes it worse."""


class DiskTooFull(ImageUnavailable):
    """Less is free on the engine's disk than `images.min_free` wants; nothing was asked of the registry."""


class RouterError(GitopsdError):
    """The router did not take what it was told, or shows something else; names what differs. Holds a release."""


class RouterUnavailable(RouterError):
    """No router answers: whether a call took effect is unknown. What it is to route is on its disk."""


class HostFileError(GitopsdError):
    """What the host adds to an environment, a vars_file or a secret, is not there or cannot be used."""


class NotifyError(GitopsdError):
    """A receiver of notifications did not take one. Neither its address nor anything secret is in the message."""


class NotTaken(NotifyError):
    """It does not answer, or not well: it is tried again, after the time that it asks for, if it does."""

    def __init__(self, message: str, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class Refused(NotifyError):
    """It does not want this message, however often it is sent."""


class ServerError(GitopsdError):
    """A gitopsd that was asked over HTTP did not answer, or refused, and why."""


class TokenError(GitopsdError):
    """The file of tokens cannot be read or written, or has no such token."""


class LockedError(GitopsdError):
    """An encrypted file of a repository cannot be read: no key, a wrong one, or it was tampered with."""


class OwnershipError(GitopsdError):
    """The project on this engine belongs to another gitopsd."""


class StoreError(GitopsdError):
    """What gitopsd knows cannot be read or written, was written by a newer version, or is another one's to write."""
