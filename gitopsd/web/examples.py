"""The examples of the OpenAPI document: one environment on its way."""

from typing import Any

_COMMIT = "8f3b2c1d9e0a4b5c6d7e8f9a0b1c2d3e4f5a6b7c"

_SERVICE = {
    "name": "web",
    "sync": "Synced",
    "health": "Healthy",
    "fingerprint": "v1:5d1f6c0e",
    "image": "shop/web:1.4.2",
    "desired": 4,
    "ready": 4,
    "reason": "",
}
_ENVIRONMENT = {
    "name": "production",
    "project": "shop",
    "engine": "unix:///var/run/docker.sock",
    "mode": "auto",
    "revision": _COMMIT,
    "desired_revision": _COMMIT,
    "sync": "Synced",
    "health": "Healthy",
    "reason": "",
    "since": "2026-03-01T12:00:00Z",
    "serving": {"revision": _COMMIT, "release": 41},
    "holds": [],
    "warnings": [],
    "next": None,
    "services": [_SERVICE],
}
_REPOSITORY = {
    "name": "default",
    "url": "https://git.example.com/shop/environments.git",
    "branch": "main",
    "revision": _COMMIT,
    "seen_at": "2026-03-01T12:00:00Z",
    "age_s": 4.2,
    "error": None,
}
WANTED: dict[str, Any] = {
    "verb": "suspend",
    "environment": "production",
    "arguments": {"reason": "the sale", "for_s": 7200},
}
_OPERATION = {
    "operation": 7,
    "verb": "suspend",
    "environment": "production",
    "by": "alice from 10.0.0.2",
    "at": "2026-03-01T12:00:00Z",
    "done_at": "2026-03-01T12:00:00Z",
    "result": "suspended",
}
BACK: dict[str, Any] = {"to": "40", "push": True}
OVER: dict[str, Any] = {"from": "staging", "push": True}
_MADE = {
    "environment": "production",
    "branch": "main",
    "to": {"revision": _COMMIT, "release": 40},
    "base": "1c9d0e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d",
    "commit": "5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d",
    "pushed": True,
    "changed": ["environments/production/compose.yaml"],
    "also_concerns": [],
    "command": None,
    "note": None,
}
_LINK = {
    "at": "2026-03-01T12:00:00Z",
    "what": "drift",
    "words": "resources.memory: 512MiB -> 256MiB",
    "seconds": None,
    "failed": False,
    "logs": None,
}
_DECISION = {
    "kind": "repair",
    "subject": "resources.memory changed by hand",
    "release": None,
    "began_at": "2026-03-01T12:00:00Z",
    "ended_at": "2026-03-01T12:00:02Z",
    "outcome": "healed in place",
    "links": [_LINK],
}


def _json(example: object) -> dict[str, Any]:
    return {"application/json": {"example": example}}


ERROR = _json({"error": {"message": "there is no environment shop; there are production, staging"}})
STATUS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": _json(
            {
                "repositories": [_REPOSITORY],
                "environments": [_ENVIRONMENT],
                "problems": [],
                "daemon": True,
                "acting": None,
            }
        )
    }
}
ENVIRONMENT: dict[int | str, dict[str, Any]] = {200: {"content": _json(_ENVIRONMENT)}}
OPERATION: dict[int | str, dict[str, Any]] = {
    202: {"content": _json(_OPERATION)},
    403: {"description": "The token may not do that."},
}
EXPLANATION: dict[int | str, dict[str, Any]] = {
    200: {
        "content": _json(
            {"environment": _ENVIRONMENT, "service": _SERVICE, "release": None, "events": [], "decisions": [_DECISION]}
        )
    }
}
MADE: dict[int | str, dict[str, Any]] = {
    200: {"content": _json(_MADE)},
    403: {"description": "The token may not do that."},
}
