"""Pulls images: progress, credentials, and whether a failure speaks against the image or only against the way."""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import docker.auth
import docker.errors

from gitopsd.adapters.docker.connection import Connection
from gitopsd.adapters.docker.translate import translated, understood
from gitopsd.engine_json import live
from gitopsd.model.desired import Image
from gitopsd.model.errors import (
    EngineRefused,
    EngineUnavailable,
    ImageMissing,
    ImageThrottled,
    ImageUnavailable,
    NotFound,
)
from gitopsd.model.settings import Registry

# An engine reports every layer about twice a second; only a registry may be slow to begin.
SILENCE: Final = 5  # times the timeout of other calls
REPORT_EVERY: Final = 0.5
# Where an engine tells that the registry itself says no. "denied" is not among them: it may be a matter of credentials.
_MISSING: Final = re.compile(
    r"manifest unknown|manifest for .* not found|name unknown|repository \S+ not found|no matching manifest for"
    r"|does not match the specified platform|: not found$",
    re.IGNORECASE,
)
# An engine tells of a 429 in the registry's own words, without the header that says when to come back.
_THROTTLED: Final = re.compile(r"toomanyrequests|too many requests|rate limit", re.IGNORECASE)
_DONE: Final = ("Pull complete", "Already exists")

Progress = Callable[[str], None]


def image_held(connection: Connection, reference: str) -> Image | None:
    """The image that the engine has for a reference, or None; no registry is asked."""
    doing = f"inspect image {reference}"
    try:
        answer = connection.json("GET", f"/images/{reference}/json", doing=doing)
    except NotFound:
        return None
    with understood(doing):
        return live.image(reference, answer)


def pull(
    connection: Connection,
    reference: str,
    progress: Progress,
    registries: Mapping[str, Registry],
    platform: str = "",
) -> None:
    """Bring an image to the engine. ImageMissing and ImageUnavailable speak of the registry."""
    repository, tag = split_reference(reference)
    doing = f"pull {reference}"
    headers = credentials(docker.auth.resolve_repository_name(repository)[0], registries)
    params = {"fromImage": repository, "tag": tag, **({"platform": platform} if platform else {})}
    patience = SILENCE * connection.timeout
    how: dict[str, Any] = {"params": params, "headers": headers, "timeout": patience, "stream": True}
    try:
        with connection.call("POST", "/images/create", doing=doing, **how) as response:
            layers = Layers(progress)
            for line in _lines(response.iter_lines(), doing):
                if error := line.get("error"):
                    raise verdict(f"{doing}: {error}")
                layers.report(line, time.monotonic())
    except EngineRefused as refused:
        raise verdict(str(refused)) from refused
    except EngineUnavailable as silent:
        if "timed out" not in str(silent):
            raise
        # The engine passes on what it hears of the registry, and while that hangs it says nothing either.
        message = f"{doing}: nothing was heard of it for {patience:.0f} s: the registry hangs, or the engine does"
        raise ImageUnavailable(message) from silent


def split_reference(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest, as the engine wants them; without either it would pull every tag."""
    name, at, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return head + slash + last, digest if at else tag or "latest"


def verdict(message: str) -> ImageMissing | ImageUnavailable:
    """What a refusal means."""
    if _MISSING.search(message):
        return ImageMissing(message)
    return ImageThrottled(message) if _THROTTLED.search(message) else ImageUnavailable(message)


class Layers:
    """Sums up the many lines of a pull: `3 of 5 layers, 12 of 48 MB`, every half second and when a layer is done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._states: dict[str, str] = {}
        self._bytes: dict[str, tuple[int, int]] = {}
        self._next = 0.0
        self._said = ""

    def report(self, line: Mapping[str, Any], now: float) -> None:
        status, layer, detail = str(line.get("status", "")), str(line.get("id", "")), line.get("progressDetail") or {}
        if not layer or status.startswith("Pulling from"):
            self._say(status)
            return
        self._states[layer] = status
        if status == "Downloading" and detail.get("total"):
            self._bytes[layer] = (int(detail.get("current", 0)), int(detail["total"]))
        elif status in ("Download complete", "Pull complete") and layer in self._bytes:
            self._bytes[layer] = (self._bytes[layer][1],) * 2
        if now >= self._next or status in _DONE:
            self._next = now + REPORT_EVERY
            self._say(self._sum())

    def _sum(self) -> str:
        done = sum(state in _DONE for state in self._states.values())
        current, total = (
            (sum(each) / 1e6 for each in zip(*self._bytes.values(), strict=True)) if self._bytes else (0, 0)
        )
        size = f", {current:.0f} of {total:.0f} MB" if total >= 1 else ""
        again = ", retrying" if any(state.startswith("Retrying") for state in self._states.values()) else ""
        return f"{done} of {len(self._states)} layers{size}{again}"

    def _say(self, words: str) -> None:
        if words and words != self._said:
            self._said = words
            self._progress(words)


def _lines(lines: Iterable[bytes], doing: str) -> Iterable[Mapping[str, Any]]:
    """The decoded lines. A stream that is cut short is no finished pull."""
    with translated(doing):
        for line in lines:
            if line.strip():
                decoded = json.loads(line)
                if isinstance(decoded, dict):
                    # Newer engines tell of a failure in its detail only.
                    yield {
                        **decoded,
                        "error": decoded.get("error") or (decoded.get("errorDetail") or {}).get("message"),
                    }


def credentials(registry: str, registries: Mapping[str, Registry]) -> Mapping[str, str]:
    """The header for a registry: from our settings, else from the Docker configuration and its helpers; else none."""
    try:
        found = _from_settings(registry, registries) or _from_docker(registry)
    except (OSError, ValueError, docker.errors.DockerException) as broken:
        raise ImageUnavailable(f"credentials of {registry}: {broken}") from broken
    return {"X-Registry-Auth": docker.auth.encode_header(found).decode()} if found else {}


def _from_settings(registry: str, registries: Mapping[str, Registry]) -> dict[str, str] | None:
    """The password file is read at each use, as it may be renewed."""
    # Copied, as the settings may be read anew meanwhile.
    own = {docker.auth.resolve_index_name(name): entry for name, entry in dict(registries).items()}
    entry = own.get(registry)
    if entry is None or entry.password_file is None:
        return None
    password = Path(entry.password_file).read_text(encoding="utf-8").strip()
    return {"username": entry.username, "password": password, "serveraddress": registry}


def _from_docker(registry: str) -> dict[str, str] | None:
    """Loaded afresh, so that a `docker login` counts at once."""
    found = docker.auth.load_config().resolve_authconfig(registry)
    return dict(found) if found else None
