"""`/healthz`: this process answers. `/readyz`: it knows what it is to do, or says which part it lacks.

One that waits for its turn while another acts is ready, too, and says so: `acts` is false.
"""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from gitopsd.controller.ports import Store
from gitopsd.model.errors import GitopsdError
from gitopsd.model.status import EnvironmentStatus

probes = APIRouter()


@probes.get("/healthz", summary="Whether this process answers")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@probes.get("/readyz", summary="Whether it knows what it is to do; else 503, and which part is not ready")
def readyz(request: Request) -> JSONResponse:
    application = request.app.state.doorbell.application()
    try:
        missing = _missing(application.store, frozenset(application.settings.repositories))
    except GitopsdError as error:
        missing = {"store": str(error)}
    found = {"ready": not missing, "missing": missing, "acts": application.store.holds()}
    return JSONResponse(found, 503 if missing else 200)


def _missing(store: Store, repositories: frozenset[str]) -> dict[str, str]:
    """What is not known yet, by part. Anybody may ask, so that it names no more than is in the settings."""
    known = {each.name: each for each in store.repositories()}
    silent = {
        f"repository {name}": "has not answered yet"
        for name in sorted(repositories)
        if name not in known or known[name].seen_at is None
    }
    loop = {} if store.daemon_runs() else {"daemon": "does not run"}
    return {**silent, **_engines(store.statuses()), **loop}


def _engines(statuses: tuple[EnvironmentStatus, ...]) -> dict[str, str]:
    """Where an engine does not answer, nothing is known of any environment on it. Its address is nobody's business."""
    known = {status.engine: False for status in statuses}
    known |= {status.engine: True for status in statuses if status.health != "Unknown"}
    silent = sum(not answers for answers in known.values())
    if not silent:
        return {}
    return {"engine": "does not answer" if len(known) == 1 else f"{silent} of {len(known)} do not answer"}
