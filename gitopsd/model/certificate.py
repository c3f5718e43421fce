"""The certificates that a router shows where clients speak TLS, and which of them people should know about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Certificate:
    """By the name of its file."""

    file: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Certificates:
    """What is in a directory of certificates. `edition` is another one whenever the router would show others.

    `bad` are files that cannot be used as they are, each with why. What such a file held before is still among the
    `good`, where it was.
    """

    edition: str = ""
    good: tuple[Certificate, ...] = ()
    bad: Mapping[str, str] = field(default_factory=dict)

    def warnings(self, now: datetime) -> Mapping[str, str]:
        """What a person should see to, by file."""
        ending = {each.file: _ending(each, now) for each in self.good if each.expires - now < SOON}
        bad = {name: f"certificates: {name}: {why}; what was good before goes on" for name, why in self.bad.items()}
        return ending | bad


def _ending(certificate: Certificate, now: datetime) -> str:
    day = f"{certificate.expires:%Y-%m-%d}"
    ends = f"expires on {day}" if certificate.expires > now else f"expired on {day}"
    return f"the certificate {certificate.file} {ends}; put a renewed one in its place"
