"""Who is told of which transitions by which way, as gitopsd.yaml says it under `notify` and `commit_status`."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from gitopsd.model.event import Severity
from gitopsd.model.notice import SEVERITIES, Kind, Notice

Forge = Literal["github", "gitlab", "gitea"]
Security = Literal["starttls", "tls", "none"]
USUAL: frozenset[Kind] = frozenset(
    ("succeeded", "failed", "rolled-back", "cancelled", "waiting", "degraded", "unknown", "drifted", "recovered")
)


@dataclass(frozen=True, slots=True)
class AppriseUrl:
    """Any service that Apprise knows, by a URL, which is a secret."""

    url_file: Path


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes signed JSON; either it is written down, or it is a secret too."""

    secret_file: Path
    url: str = ""
    url_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """A server that takes mail for these people."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    security: Security = "starttls"
    username: str = ""
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """`severity` is the least that is told, `environments` are patterns of names."""

    name: str
    way: AppriseUrl | Webhook | Mail
    on: frozenset[Kind] = USUAL
    severity: Severity = "info"
    environments: tuple[str, ...] = ("*",)

    def wants(self, notice: Notice) -> bool:
        """Of a recovery: what it ends was told. A good release after a bad one is a good release as well."""
        if notice.trouble is None:
            heard = notice.kind in self.on
        else:
            good = notice.release is not None and "succeeded" in self.on
            heard = good or {notice.trouble, "recovered"} <= self.on
        grave = SEVERITIES.index(notice.weight) >= SEVERITIES.index(self.severity)
        return heard and grave and any(fnmatchcase(e, p) for e in notice.concerns for p in self.environments)


@dataclass(frozen=True, slots=True)
class CommitStatusSettings:
    """Where a repository's forge takes states of commits; `project` is the repository's name there."""

    forge: Forge
    api: str
    project: str
    token_file: Path
