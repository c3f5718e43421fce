"""Secrets of an environment: what it needs of the host, where each lies, and how one is set or taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitopsd.controller.environments import Environment, orphan
from gitopsd.controller.host import find_secret, names_of
from gitopsd.controller.queries.view import View
from gitopsd.model.canonical import keyed_digest
from gitopsd.model.desired import ContentMount, DesiredState
from gitopsd.model.errors import GitopsdError, HostFileError
from gitopsd.model.event import Event
from gitopsd.model.secret import HostFile

DIGITS = 8


@dataclass(frozen=True, slots=True)
class Listed:
    """A secret, its value not among it. `digest` tells two values apart and is good for nothing else.

    `place` "": it is not there, or cannot be used, and `problem` says why. `used_by` are the services that mount it.
    """

    name: str
    place: str = ""
    changed_at: datetime | None = None
    digest: str = ""
    used_by: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """`unread` says why it is not known which service uses what; "" where it is."""

    environment: str
    secrets: tuple[Listed, ...]
    unread: str = ""


def listing(view: View, name: str) -> Listing:
    """The secrets that the newest commit needs, that the settings name, and that are in gitopsd's own store."""
    environment = view.environments.get(name) or orphan(view.settings, name)
    desire = view.desire(environment) if name in view.environments else None
    loaded = desire.loaded if desire is not None else None
    users = _users(loaded.desired) if loaded is not None else {}
    kept = (secret for each in names_of(environment) for secret in view.application.secrets.names(each))
    names = {*users, *environment.secrets.files, *kept}
    unread = "" if loaded is not None else (desire.reason if desire is not None else f"no commit has {name} yet")
    return Listing(name, tuple(_listed(view, environment, each, users.get(each, ())) for each in sorted(names)), unread)


def keep(view: View, name: str, secret: str, value: bytes, by: str) -> tuple[bool, str]:
    """Put a secret into gitopsd's own store; its environment may still be to come.

    Returns whether that changed anything, and what there is to know besides.
    """
    secrets = view.application.secrets
    before = secrets.kept(name, secret)
    secrets.keep(name, secret, value)
    changed = before is None or before.data != value
    if changed:
        _tell(view, name, "SecretSet", f"{by} set secret {secret}")
    return changed, _aside(view, orphan(view.settings, name), secret)


def drop(view: View, name: str, secret: str, by: str) -> str:
    """Take a secret out of gitopsd's own store. What that means for who uses it; GitopsdError: it is not there."""
    if not view.application.secrets.drop(name, secret):
        raise GitopsdError(f"gitopsd's own store has no secret {secret} of {name}; `gitopsd secret list {name}` shows")
    _tell(view, name, "SecretRemoved", f"{by} removed secret {secret}")
    left = next((each for each in listing(view, name).secrets if each.name == secret), Listed(secret))
    if left.place or not left.used_by:
        return ""
    return f"{', '.join(left.used_by)} needs it: what runs goes on, and the next release waits for it"


def digest_of(view: View, value: bytes) -> str:
    return keyed_digest(view.store.key(), value.hex())[:DIGITS]


def _users(desired: DesiredState) -> Mapping[str, tuple[str, ...]]:
    """The services by the secrets that they mount."""
    users: dict[str, tuple[str, ...]] = {each.name: () for each in desired.external}
    for service in desired.services.values():
        mounted = (each.external for each in service.mounts if isinstance(each, ContentMount) and each.external)
        for secret in dict.fromkeys(mounted):
            users[secret] = (*users[secret], service.name)
    return users


def _listed(view: View, environment: Environment, secret: str, users: tuple[str, ...]) -> Listed:
    try:
        found = find_secret(view.application.secrets, environment, secret)
    except HostFileError as error:
        return Listed(secret, used_by=users, problem=str(error))
    return Listed(secret, found.place, found.changed_at, digest_of(view, found.data), users)


def _aside(view: View, environment: Environment, secret: str) -> str:
    """Another place that goes before gitopsd's own store, or that nobody knows the environment."""
    found = _first(view, environment, secret)
    kept = view.application.secrets.directory(environment.name) / secret
    if found is not None and found.place != str(kept):
        return f"{found.place} goes before it, as gitopsd.yaml says"
    known = {*view.settings.environments, *view.store.environments(), *(each.name for each in view.store.statuses())}
    return "" if environment.name in known else f"no environment {environment.name} is known yet"


def _first(view: View, environment: Environment, secret: str) -> HostFile | None:
    try:
        return find_secret(view.application.secrets, environment, secret)
    except HostFileError:
        return None


def _tell(view: View, environment: str, reason: str, message: str) -> None:
    view.store.append([Event(view.now, reason, message, environment=environment)])
