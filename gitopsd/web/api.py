"""`/api/v1`: what the command line prints as JSON, and its operations, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gitopsd.controller import accounts, proofs, shapes
from gitopsd.controller.guarding import proof
from gitopsd.controller.page_port import Role
from gitopsd.controller.queries import ledger
from gitopsd.controller.queries.differences import difference
from gitopsd.controller.queries.drifts import drifts
from gitopsd.controller.queries.plans import plans
from gitopsd.controller.queries.progress import rollout_progress
from gitopsd.controller.queries.promotion import promote
from gitopsd.controller.queries.rollback import rollback
from gitopsd.controller.queries.status import status
from gitopsd.controller.queries.volumes import volumes
from gitopsd.controller.queries.why import why
from gitopsd.model.canonical import Json
from gitopsd.model.operation import Verb
from gitopsd.web import examples
from gitopsd.web.access import Visitor, allow, checked_form, reading
from gitopsd.web.asking import Asking

Shape = dict[str, Any]
Name = Annotated[str, Path(description="The environment's name.", max_length=255)]
Number = Annotated[int, Path(ge=1, le=2**53, description="The release's or operation's number.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Reader = Annotated[Visitor, Depends(reading)]

ADMINS: frozenset[Verb] = frozenset({"adopt", "eject", "remove"})  # what a `sync` does not bring back
WRONG = {
    401: {"description": "No token, or one that opens nothing."},
    404: {"description": "There is no such thing.", "content": examples.ERROR},
    409: {"description": "It cannot be said now, and why.", "content": examples.ERROR},
}

api = APIRouter(prefix="/api/v1", responses=WRONG)  # type: ignore[arg-type]


class Wanted(BaseModel):
    """An operation: what the command of that name asks, with its options as arguments."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": dict(examples.WANTED)})

    verb: Verb
    environment: Annotated[str, Field(min_length=1, max_length=255)]
    arguments: Annotated[dict[str, str | bool | int | float], Field(max_length=10)] = {}


class Back(BaseModel):
    """A commit that takes an environment back: to the last good other content, or to a release or revision."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": dict(examples.BACK)})

    to: Annotated[str, Field(max_length=255)] = ""
    push: bool = False


class Over(BaseModel):
    """A commit that gives an environment the image versions that another one serves."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"example": dict(examples.OVER)})

    first: Annotated[str, Field(alias="from", min_length=1, max_length=255)]
    push: bool = False


def asking(request: Request) -> Asking:
    found: Asking = request.app.state.asking
    return found


Asked = Annotated[Asking, Depends(asking)]


@api.get("/environments", summary="How all environments stand", responses=examples.STATUS)
def environments(asked: Asked, visitor: Reader) -> Shape:
    view = asked.view()
    return shapes.status_report(status(view), view.now)


@api.get("/environments/{name}", summary="How one environment stands", responses=examples.ENVIRONMENT)
def environment(name: Name, asked: Asked, visitor: Reader) -> Shape:
    found = status(asked.view(), name).environments
    if not found:
        raise HTTPException(404, f"there is no environment {name}")
    return shapes.environment(found[0])


@api.get(
    "/environments/{name}/proof",
    summary="What it proves to those that `requires` lets begin after it",
    responses=examples.PROOF,
)
def proof_of(name: Name, asked: Asked, visitor: Reader) -> Shape:
    """From the ledger alone: a whole fleet may ask, and looks at no repository for it."""
    view = asked.view()
    if name not in {each.name for each in view.store.statuses()}:
        raise HTTPException(404, f"there is no environment {name}")
    return proofs.shape(proof(name, view.store), view.now)


@api.get("/environments/{name}/plan", summary="What would change, why, and at which cost", responses=examples.PLAN)
def plan(
    name: Name,
    asked: Asked,
    visitor: Reader,
    revision: Annotated[str, Query(max_length=255, description="Any commit, branch or tag; the newest one.")] = "",
) -> Shape:
    found = plans(asked.view(), name, revision)
    return {
        "environments": [shapes.plan(each) for each in found.plans],
        "problems": shapes.failures(found.failures),
    }


@api.get(
    "/environments/{name}/drift",
    summary="What differs from what was left behind, looked at now",
    responses=examples.DRIFT,
)
def drift(name: Name, asked: Asked, visitor: Reader) -> Shape:
    found = drifts(asked.view(), name)
    return {
        "environments": [shapes.drift(each) for each in found.reports],
        "problems": shapes.failures(found.failures),
    }


@api.get("/environments/{name}/drift/history", summary="What drifted once, newest first", responses=examples.DRIFTED)
def drift_history(name: Name, asked: Asked, visitor: Reader, limit: Limit = 100) -> Shape:
    view = asked.view()
    view.select(name)
    return {"items": [shapes.past_drift(each) for each in view.store.past_drift(name, limit)]}


@api.get("/environments/{name}/releases", summary="The releases, newest first", responses=examples.RELEASES)
def releases(name: Name, asked: Asked, visitor: Reader, limit: Limit = 20) -> Shape:
    view = asked.view()
    found = ledger.history(view, name, limit)
    same = ledger.same_content(view, found)
    gone = ledger.not_returnable(view, found)
    return {"releases": [shapes.release(each, same, gone) for each in found]}


@api.get(
    "/environments/{name}/rollouts",
    summary="The release under way: instances, share, step, verdict, what is next",
    responses=examples.ROLLOUTS,
)
def rollouts(
    name: Name,
    asked: Asked,
    visitor: Reader,
    service: Annotated[str, Query(max_length=255, description="It alone.")] = "",
) -> Shape:
    return shapes.progress(rollout_progress(asked.view(), name, service))


@api.get("/environments/{name}/events", summary="What happened there, oldest first", responses=examples.EVENTS)
def events_there(
    name: Name, asked: Asked, visitor: Reader, after: Annotated[int, Query(ge=0, le=2**53)] = 0, limit: Limit = 200
) -> Shape:
    found = asked.view().store.events(after, name, limit=limit, newest=not after)
    return {"events": [shapes.event(each) for each in found]}


@api.get("/environments/{name}/diff", summary="How two releases or revisions differ", responses=examples.DIFFERENCE)
def diff(
    name: Name,
    asked: Asked,
    visitor: Reader,
    a: Annotated[str, Query(min_length=1, max_length=255)],
    b: Annotated[str, Query(min_length=1, max_length=255)],
) -> Shape:
    return shapes.difference(difference(asked.view(), name, a, b))


@api.get(
    "/environments/{name}/why", summary="The last decisions, each as a chain of causes", responses=examples.EXPLANATION
)
def explained(
    name: Name,
    asked: Asked,
    visitor: Reader,
    service: Annotated[str, Query(max_length=255, description="About this one alone.")] = "",
    limit: Limit = 5,
) -> Shape:
    view = asked.view()
    (stands,) = status(view, name).environments
    return accounts.explanation(why(view, stands, service, limit))


@api.post("/environments/{name}/rollback", summary="Make the commit that takes it back", responses=examples.MADE)
def roll_back(name: Name, wanted: Back, request: Request, asked: Asked) -> Shape:
    visitor = _operator(request)
    made = asked.commit_for(
        visitor, name, f"roll {name} back", lambda view: rollback(view, name, wanted.to, push=wanted.push)
    )
    return accounts.made(made)


@api.post("/environments/{name}/promote", summary="Make the commit that brings images here", responses=examples.MADE)
def bring_over(name: Name, wanted: Over, request: Request, asked: Asked) -> Shape:
    visitor = _operator(request)
    what = f"promote {wanted.first} to {name}"
    made = asked.commit_for(visitor, name, what, lambda view: promote(view, wanted.first, name, push=wanted.push))
    return accounts.made(made)


@api.get("/volumes", summary="The volumes of environments, and who needs them", responses=examples.VOLUMES)
def kept_volumes(
    asked: Asked, visitor: Reader, environment: Annotated[str, Query(max_length=255, description="Of it alone.")] = ""
) -> Shape:
    return accounts.volumes(volumes(asked.view(), environment))


@api.get(
    "/fields",
    summary="How a field is compared and what a key of a manifest means, or all of them",
    responses=examples.FIELDS,
)
def fields(
    visitor: Reader, name: Annotated[str, Query(max_length=255, description="Of this name alone.")] = ""
) -> Shape:
    return accounts.fields(name)


@api.get("/releases/{number}", summary="One release, and what happened in it", responses=examples.RELEASE)
def release(number: Number, asked: Asked, visitor: Reader) -> Shape:
    view = asked.view()
    found, happened = ledger.show(view, number)
    return {
        **shapes.release(found, ledger.same_content(view, [found]), ledger.not_returnable(view, [found])),
        "rollouts": [shapes.part(each) for each in ledger.parts(found, happened)],
        "events": [shapes.event(each) for each in happened],
    }


@api.get(
    "/releases/{number}/offline",
    summary="Whether a release can be returned to with no Git and no registry",
    responses=examples.OFFLINE,
)
def offline(number: Number, asked: Asked, visitor: Reader) -> Shape:
    view = asked.view()
    return shapes.offline(ledger.offline(view, ledger.show(view, number)[0]))


@api.get("/events", summary="What happened anywhere, oldest first", responses=examples.EVENTS)
def events(
    asked: Asked, visitor: Reader, after: Annotated[int, Query(ge=0, le=2**53)] = 0, limit: Limit = 200
) -> Shape:
    found = asked.view().store.events(after, limit=limit, newest=not after)
    return {"events": [shapes.event(each) for each in found]}


@api.post("/operations", status_code=202, summary="Ask for something, as the commands do", responses=examples.OPERATION)
def operate(wanted: Wanted, request: Request, response: Response, asked: Asked) -> Shape:
    visitor = allow(request, role_for(wanted.verb))
    checked_form(visitor, request.headers.get("x-csrf-token", ""))
    arguments: dict[str, Json] = dict(wanted.arguments)
    done = asked.ask(visitor, wanted.verb, wanted.environment, arguments)
    response.headers["Location"] = f"/api/v1/operations/{done.number}"
    return shapes.operation(done)


@api.get("/operations/{number}", summary="What became of an operation", responses=examples.ASKED)
def operation(number: Number, asked: Asked, visitor: Reader) -> Shape:
    found = asked.view().store.operation(number)
    if found is None:
        raise HTTPException(404, f"there is no operation {number}")
    return shapes.operation(found)


def _operator(request: Request) -> Visitor:
    """Who asks for more than to look, by a form of ours or with a token."""
    visitor = allow(request, "operate")
    checked_form(visitor, request.headers.get("x-csrf-token", ""))
    return visitor


def role_for(verb: Verb) -> Role:
    return "admin" if verb in ADMINS else "operate"
