"""Who is asking, and what they may: tokens, sessions of the login page, and what keeps strangers' pages out."""

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import Headers

from gitopsd.controller.page_port import Caller, Role, Tokens
from gitopsd.model.settings import HttpSettings

COOKIE = "gitopsd_session"
SESSION = timedelta(hours=12)
MOST_SESSIONS = 1000
MOST_FAILURES = 10  # from one address
FAILURES_WITHIN = timedelta(minutes=1)
MOST_ADDRESSES = 10_000
PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")  # then the peer is not who asks

HERE = Caller("this machine", "read")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and from where. `csrf` is what their forms must carry, "" for whoever has no session."""

    caller: Caller
    address: str
    csrf: str = ""

    @property
    def words(self) -> str:
        return f"{self.caller.name} from {self.address}"

    def may(self, role: Role) -> bool:
        return self.caller.may(role)


@dataclass(frozen=True, slots=True)
class Session:
    caller: Caller
    csrf: str
    until: datetime


class Sessions:
    """Who is logged in, in memory: a restart of gitopsd ends them all, a revoked token its own at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Session] = OrderedDict()

    def begin(self, caller: Caller, now: datetime) -> tuple[str, Session]:
        session = Session(caller, secrets.token_urlsafe(32), now + SESSION)
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._open[key] = session
            while len(self._open) > MOST_SESSIONS:
                self._open.popitem(last=False)
        return key, session

    def find(self, key: str, now: datetime) -> Session | None:
        with self._lock:
            session = self._open.get(key)
            if session is not None and now >= session.until:
                del self._open[key]
                return None
            return session

    def end(self, key: str) -> None:
        with self._lock:
            self._open.pop(key, None)


class Failures:
    """How often an address has shown what opens nothing, lately; each is forgotten after a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: OrderedDict[str, list[datetime]] = OrderedDict()

    def note(self, address: str, now: datetime) -> None:
        with self._lock:
            self._at[address] = [*self._lately(address, now), now]
            self._at.move_to_end(address)
            while len(self._at) > MOST_ADDRESSES:
                self._at.popitem(last=False)

    def too_many(self, address: str, now: datetime) -> bool:
        with self._lock:
            return len(self._lately(address, now)) >= MOST_FAILURES

    def _lately(self, address: str, now: datetime) -> list[datetime]:
        return [at for at in self._at.get(address, ()) if timedelta() <= now - at < FAILURES_WITHIN]


class Access:
    """Tells who asks. Without a token only this machine may look, and nobody may steer."""

    def __init__(self, tokens: Callable[[], Tokens], clock: Callable[[], datetime]) -> None:
        self._tokens, self._now = tokens, clock
        self.sessions, self.failures = Sessions(), Failures()

    def login(self, token: str, address: str) -> tuple[str, Session]:
        """A session for a token. 401 when it opens nothing, 429 after too many of those."""
        return self.sessions.begin(self._of_token(token, address), self._now())

    def visitor(self, request: Request) -> Visitor | None:
        """Who asks; None for somebody who has shown nothing and is not this machine."""
        address = request.client.host if request.client is not None else ""
        given = request.headers.get("authorization", "")
        if given:
            scheme, _, token = given.partition(" ")
            return Visitor(self._of_token(token.strip() if scheme.lower() == "bearer" else "", address), address)
        session = self.sessions.find(request.cookies.get(COOKIE, ""), self._now())
        if session is not None and (caller := self._still(session)) is not None:
            return Visitor(caller, address, session.csrf)
        return Visitor(HERE, address) if _is_this_machine(address, request.headers) else None

    def _of_token(self, token: str, address: str) -> Caller:
        now = self._now()
        if self.failures.too_many(address, now):
            raise HTTPException(429, "too many wrong tokens from here; try again in a minute", {"Retry-After": "60"})
        caller = self._tokens().find(token) if token else None
        if caller is None:
            self.failures.note(address, now)
            raise HTTPException(401, "this token opens nothing; `gitopsd token add NAME` makes one", _CHALLENGE)
        return caller

    def _still(self, session: Session) -> Caller | None:
        """The caller as the tokens have it by now: a revoked one is gone, whatever its session says."""
        digest = session.caller.digest
        return next((each for each in self._tokens().callers() if hmac.compare_digest(each.digest, digest)), None)


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="gitopsd"'}


def allow(request: Request, role: Role) -> Visitor:
    """The visitor, if they may do that much; 401 for somebody unknown, 403 for somebody who may not."""
    access: Access = request.app.state.access
    visitor = access.visitor(request)
    if visitor is None:
        raise HTTPException(401, "show a token; `gitopsd token add NAME` makes one", _CHALLENGE)
    if not visitor.may(role):
        name = visitor.caller.name
        what = f"{name} may {visitor.caller.role} only"
        raise HTTPException(403, f"{what}; this wants a token with the role {role}: `gitopsd token add NAME`")
    return visitor


def reading(request: Request) -> Visitor:
    return allow(request, "read")


def shown(request: Request) -> tuple[str, ...]:
    """All by which it is told who asks: two who show the same are the same."""
    address = request.client.host if request.client is not None else ""
    proxied = (name for name in PROXIED if name in request.headers)
    return (address, request.headers.get("authorization", ""), request.cookies.get(COOKIE, ""), *proxied)


def checked_form(visitor: Visitor, given: str) -> None:
    """403 unless a form of ours was sent by whom it was shown to: no page of a stranger knows the session's word."""
    if visitor.csrf and not hmac.compare_digest(visitor.csrf, given):
        raise HTTPException(403, "this form is not from this session; load the page again, and repeat")


def known_host(given: str, settings: HttpSettings, host: str) -> bool:
    """Whether a request was sent to a name of ours. Any address will do: only names can be pointed elsewhere."""
    try:
        name = urlsplit(f"//{given}").hostname or ""
    except ValueError:
        return False
    known = {"localhost", host.lower()}
    if settings.listen is not None:
        known.add(settings.listen.host.lower())
    if settings.public_url:
        known.add((urlsplit(settings.public_url).hostname or "").lower())
    return name.lower() in known or _is_address(name)


def _is_this_machine(address: str, headers: Headers) -> bool:
    """A proxy on this machine asks for somebody else, whose address it names."""
    return _is_address(address) and ip_address(address).is_loopback and not any(key in headers for key in PROXIED)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
