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


def _json(example: object) -> dict[str, Any]:
    return {"application/json": {"example": example}}


ERROR = _json({"error": {"message": "there is no environment shop; there are production, staging"}})
STATUS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": _json(
            {"repositories": [_REPOSITORY], "environments": [_ENVIRONMENT], "problems": [], "daemon": True}
        )
    }
}
ENVIRONMENT: dict[int | str, dict[str, Any]] = {200: {"content": _json(_ENVIRONMENT)}}
OPERATION: dict[int | str, dict[str, Any]] = {
    202: {"content": _json(_OPERATION)},
    403: {"description": "The token may not do that."},
}
