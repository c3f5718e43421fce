"""What every answer goes through: the names that we are asked by, the size of bodies, and headers for browsers."""

from collections.abc import Callable

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 3 << 20  # of a body; forges send a few kilobytes, and the largest of them cap at this
OVER = {"Connection": "close"}  # or the rest of the body would be read, however long it is
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATIC = "/static/"


class Fence:
    """ASGI around the site. `known` says whether a host name is one of ours."""

    def __init__(self, app: ASGIApp, known: Callable[[str], bool]) -> None:
        self._app, self._known = app, known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = self._refusal(headers)
        sending = _with_headers(send, _keeping(scope["path"]))
        if scope["method"] == "HEAD":
            scope, sending = {**scope, "method": "GET"}, _without_body(sending)
        await (answer or self._app)(scope, _capped(receive), sending)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if not self._known(host):
            mend = "set http.public_url to the address that people reach gitopsd by"
            return JSONResponse({"error": {"message": f"{host!a} is no name of this gitopsd; {mend}"}}, 421)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:12]) > MOST_BYTES:
            return JSONResponse({"error": {"message": f"more than {MOST_BYTES} bytes"}}, 413, OVER)
        return None


def _capped(receive: Receive) -> Receive:
    read = 0

    async def capped() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BYTES:
            raise HTTPException(413, f"more than {MOST_BYTES} bytes", OVER)
        return message

    return capped


def _keeping(path: str) -> str:
    """A browser may keep what is no secret and the same for everybody, and asks each time whether it still holds."""
    return "no-cache" if path.startswith(STATIC) else "no-store"


def _with_headers(send: Send, keeping: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in {**HEADERS, "Cache-Control": keeping}.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _without_body(send: Send) -> Send:
    """What answers HEAD: all that GET would, but for its body (RFC 9110, 9.3.2), and a stream ends as it begins."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return sending
