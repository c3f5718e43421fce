"""The site: all routes, what every request passes, and how errors are told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from gitopsd import __version__
from gitopsd.controller.page_port import Doorbell
from gitopsd.model.errors import GitopsdError, StoreError, TokenError
from gitopsd.web import live, metrics, pages, probes, webhooks
from gitopsd.web.access import Access, known_host
from gitopsd.web.api import api
from gitopsd.web.asking import Asking
from gitopsd.web.fence import Fence
from gitopsd.web.rendering import STATIC, rendered

DESCRIPTION = "What `gitopsd` prints as JSON, and what it can be asked to do. `gitopsd token add NAME` makes a token."


def site(doorbell: Doorbell) -> Fence:
    """The whole site as one ASGI application."""
    application = doorbell.application()
    hub = live.Hub(lambda: doorbell.application().store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with hub.watching():
            yield

    app = FastAPI(
        title="gitopsd",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # the pages behind it load their assets from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.asking, app.state.hub, app.state.doorbell = Asking(doorbell), hub, doorbell
    app.state.admission = live.Admission()
    app.state.collector = metrics.GitopsdCollector(doorbell, app.state.asking)
    app.state.access = Access(lambda: application.tokens(doorbell.application().settings), application.clock.now)
    for router in (api, live.streams, pages.pages, probes.probes, webhooks.hooks, metrics.exposition):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for kind, told in _HANDLERS.items():
        app.add_exception_handler(kind, told)

    def known(host: str) -> bool:
        settings = doorbell.application().settings
        return known_host(host, settings.http, settings.host)

    return Fence(app, known)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 401 and _for_people(request):
        return RedirectResponse(f"/login?to={request.url.path}", 303)
    return _told(request, error.status_code, str(error.detail), dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = (f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
    return _told(request, 422, "; ".join(places))


async def _ours(request: Request, error: Exception) -> Response:
    """What gitopsd raises on purpose: mostly that there is no such thing, else that it cannot be told now."""
    if isinstance(error, StoreError | TokenError):
        return _told(request, 503, str(error))
    return _told(request, 404 if str(error).startswith("there is no ") else 409, str(error))


def _told(request: Request, code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    if _for_people(request):
        return rendered(request, "error.html", {"code": code, "message": message}, status=code)
    return JSONResponse({"error": {"message": message}}, code, headers)


def _for_people(request: Request) -> bool:
    path = request.url.path
    machine = path.startswith(("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics", "/live", "/openapi.json"))
    return not machine and "text/html" in request.headers.get("accept", "")


Handler = Callable[[Request, Exception], Awaitable[Response]]
_HANDLERS: dict[type[Exception], Handler] = {
    HTTPException: _http,
    RequestValidationError: _invalid,
    GitopsdError: _ours,
}
