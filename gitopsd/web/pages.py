"""The pages: each one template, made from the store where that is enough, so that looking costs the engine nothing."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from gitopsd.controller.queries import ledger
from gitopsd.controller.queries.differences import Difference, difference
from gitopsd.controller.queries.plans import plans
from gitopsd.controller.queries.progress import Progress, rollout_progress
from gitopsd.controller.queries.status import status
from gitopsd.controller.queries.view import View
from gitopsd.model.canonical import Json
from gitopsd.model.errors import GitopsdError
from gitopsd.model.operation import Verb
from gitopsd.model.release import Release
from gitopsd.model.status import EnvironmentStatus
from gitopsd.web import looks
from gitopsd.web.access import COOKIE, SESSION, Access, Visitor, allow, checked_form, reading
from gitopsd.web.api import Asked, Number, Reader, role_for
from gitopsd.web.asking import Asking
from gitopsd.web.rendering import rendered

RELEASES = 10
ON_TIMELINE = 100

pages = APIRouter(include_in_schema=False)


@pages.get("/")
def overview(request: Request, asked: Asked, visitor: Reader) -> Response:
    view = asked.view()
    report = status(view)
    cards = looks.worst_first(_card(asked, view, each) for each in report.environments)
    values = {"report": report, "cards": cards, "summary": looks.summary(cards), "json": "/api/v1/environments"}
    return rendered(request, "overview.html", values, visitor)


@pages.get("/environments/{name}")
def environment(
    request: Request, name: str, asked: Asked, visitor: Reader, said: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> Response:
    view = asked.view()
    card = _card(asked, view, _status(view, name))
    progress, trouble = _progress(view, name)
    values = {
        "card": card,
        "progress": progress,
        "trouble": trouble,
        "moving": [looks.moving(each) for each in progress.services] if progress else [],
        "drifts": view.store.drift(name).items,
        "releases": view.store.releases(name, RELEASES),
        "answer": view.store.operation(said) if said else None,
        "json": f"/api/v1/environments/{name}",
    }
    return rendered(request, "environment.html", values, visitor)


@pages.get("/environments/{name}/plan")
def plan(request: Request, name: str, asked: Asked, visitor: Reader) -> Response:
    view = asked.view()
    found = plans(view, name)
    values = {
        "card": _card(asked, view, _status(view, name)),
        "plan": found.plans[0] if found.plans else None,
        "failures": found.failures,
        "json": f"/api/v1/environments/{name}/plan",
    }
    return rendered(request, "plan.html", values, visitor)


@pages.get("/environments/{name}/drift")
def drift(request: Request, name: str, asked: Asked, visitor: Reader) -> Response:
    view = asked.view()
    values = {
        "card": _card(asked, view, _status(view, name)),
        "drifts": view.store.drift(name).items,
        "past": view.store.past_drift(name, RELEASES),
        "json": f"/api/v1/environments/{name}/drift",
    }
    return rendered(request, "drift.html", values, visitor)


@pages.get("/environments/{name}/timeline")
def timeline(request: Request, name: str, asked: Asked, visitor: Reader) -> Response:
    view = asked.view()
    entries = looks.timeline(
        view.store.releases(name, ON_TIMELINE),
        view.store.events(environment=name, limit=2 * ON_TIMELINE, newest=True),
        view.store.drift(name).items,
        view.store.past_drift(name, ON_TIMELINE),
        lambda environment, revision: asked.commit(view, environment, revision),
    )
    values = {
        "card": _card(asked, view, _status(view, name)),
        "entries": entries,
        "json": f"/api/v1/environments/{name}/events",
    }
    return rendered(request, "timeline.html", values, visitor)


@pages.get("/releases/{number}")
def release(request: Request, number: Number, asked: Asked, visitor: Reader) -> Response:
    view = asked.view()
    found, events = ledger.show(view, number)
    before = _before(view, found)
    done = ledger.parts(found, events)
    values = {
        "release": found,
        "before": before,
        "same": ledger.same_content(view, [found]).get(number),
        "changes": looks.service_changes(found, before, done),
        "drawn": {each.service: looks.charts_of(each) for each in done},
        "happened": tuple(looks.happenings(found, events)),
        "json": f"/api/v1/releases/{number}",
    }
    return rendered(request, "release.html", values, visitor)


@pages.get("/releases/{number}/changes")
def changes(request: Request, number: Number, asked: Asked, visitor: Reader) -> Response:
    """What differs from the release before, field by field and line by line."""
    view = asked.view()
    found, _ = ledger.show(view, number)
    before = _before(view, found)
    differs: Difference | None = None
    if before is not None:
        differs = difference(view, found.environment, str(before.number), str(found.number))
    twin = f"/environments/{found.environment}/diff?a={before.number}&b={number}" if before else f"/releases/{number}"
    values = {"release": found, "before": before, "differs": differs, "json": f"/api/v1{twin}"}
    return rendered(request, "changes.html", values, visitor)


class Wish(BaseModel):
    """A form that asks for an operation; empty fields are not said."""

    verb: Verb
    csrf: Annotated[str, Field(max_length=200)] = ""
    service: Annotated[str, Field(max_length=255)] = ""
    reason: Annotated[str, Field(max_length=1000)] = ""
    rollout: bool = False

    @property
    def arguments(self) -> dict[str, Json]:
        given: dict[str, Json] = {"service": self.service, "reason": self.reason, "rollout": self.rollout}
        return {key: value for key, value in given.items() if value}


@pages.post("/environments/{name}/operations")
def operate(request: Request, name: str, asked: Asked, wish: Annotated[Wish, Form()]) -> Response:
    visitor = allow(request, role_for(wish.verb))
    checked_form(visitor, wish.csrf)
    done = asked.ask(visitor, wish.verb, name, wish.arguments)
    return RedirectResponse(f"/environments/{quote(name)}?said={done.number}", 303)


@pages.get("/login")
def login_page(request: Request, to: Annotated[str, Query(max_length=500)] = "/") -> Response:
    return rendered(request, "login.html", {"to": _within(to), "wrong": ""}, _visitor(request))


@pages.post("/login")
def login(
    request: Request, token: Annotated[str, Form(max_length=200)], to: Annotated[str, Form(max_length=500)] = "/"
) -> Response:
    access: Access = request.app.state.access
    try:
        key, _ = access.login(token.strip(), request.client.host if request.client is not None else "")
    except HTTPException as error:
        values = {"to": _within(to), "wrong": str(error.detail)}
        return rendered(request, "login.html", values, status=error.status_code)
    answer = RedirectResponse(_within(to), 303)
    secure = request.app.state.doorbell.application().settings.http.public_url.startswith("https:")
    lasts = int(SESSION.total_seconds())
    answer.set_cookie(COOKIE, key, max_age=lasts, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


@pages.post("/logout")
def logout(
    request: Request, visitor: Annotated[Visitor, Depends(reading)], csrf: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    checked_form(visitor, csrf)
    request.app.state.access.sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _card(asked: Asking, view: View, each: EnvironmentStatus) -> looks.Card:
    def commit(environment: str, revision: str) -> Any:
        return asked.commit(view, environment, revision)

    journal = view.store.journal(each.name) if each.health == "Progressing" else None
    return looks.card(each, commit, view.store.drift(each.name).items, journal)


def _status(view: View, name: str) -> EnvironmentStatus:
    found = status(view, name).environments
    if not found:
        view.select(name)
        raise HTTPException(404, f"nothing is known of environment {name} yet")
    return found[0]


def _progress(view: View, name: str) -> tuple[Progress | None, str]:
    """The rollouts that are open, which only a look at the engine tells; why not, where it does not answer."""
    journal = view.store.journal(name)
    if journal.release is None and not any(rollout.open for rollout in journal.rollouts.values()):
        return None, ""
    try:
        return rollout_progress(view, name), ""
    except GitopsdError as error:
        return None, str(error)


def _before(view: View, release: Release) -> Release | None:
    """The good release that this one was to follow."""
    known = view.store.releases(release.environment, ledger.EVERYTHING)
    return next((each for each in known if each.number < release.number and each.outcome == "succeeded"), None)


def _visitor(request: Request) -> Visitor | None:
    access: Access = request.app.state.access
    return access.visitor(request)


def _within(to: str) -> str:
    """A path of this site: anything else would make the login page a way to lead people elsewhere."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() else "/"
