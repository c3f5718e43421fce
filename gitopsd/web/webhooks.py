"""`POST /webhooks/{github,gitlab,gitea,generic}`: a forge says that something was pushed; all it does is "poll now".

A delivery that is replayed, unknown or about another branch does no harm: Git is asked what there is, as by the timer.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as PathParameter

from gitopsd.controller.page_port import Doorbell
from gitopsd.model.settings import Repository

hooks = APIRouter()
Forge = Literal["github", "gitlab", "gitea", "generic"]

SIGNED = {  # header, and what stands before the hexadecimal HMAC-SHA256 of the body in it
    "github": ("x-hub-signature-256", "sha256="),
    "gitea": ("x-gitea-signature", ""),
    "generic": ("x-signature", "sha256="),
}
URL_KEYS = ("clone_url", "ssh_url", "html_url", "git_url", "url", "git_http_url", "git_ssh_url", "http_url", "homepage")


@hooks.post("/webhooks/{forge}", status_code=202, summary="A forge says that something was pushed")
async def webhook(forge: Annotated[Forge, PathParameter()], request: Request) -> dict[str, Any]:
    """Signed with the secret of the settings, or refused; what it says decides only which repository is asked."""
    access, doorbell = request.app.state.access, request.app.state.doorbell
    now, address = doorbell.application().clock.now(), request.client.host if request.client is not None else ""
    if access.failures.too_many(address, now):
        raise HTTPException(429, "too many wrong signatures from here; try again in a minute", {"Retry-After": "60"})
    body = await request.body()
    if not _signed(forge, request, body, _secret(doorbell, forge)):
        access.failures.note(address, now)
        raise HTTPException(401, "the signature is not that of this body and the secret in http.webhooks")
    asked = _meant(body, doorbell.application().settings.repositories)
    for name in asked:
        doorbell.poll(name)
    return {"polled": asked}


def _secret(doorbell: Doorbell, forge: Forge) -> bytes:
    file = doorbell.application().settings.http.webhooks.get(forge)
    if file is None:
        raise HTTPException(404, f"no secret is set for {forge}; set http.webhooks.{forge}.secret_file")
    try:
        return _read(file)
    except OSError:
        raise HTTPException(503, f"the secret file of {forge} cannot be read") from None


def _read(file: Path) -> bytes:
    secret = file.read_bytes().strip()
    if not secret:
        raise OSError("is empty")
    return secret


def _signed(forge: Forge, request: Request, body: bytes, secret: bytes) -> bool:
    if forge == "gitlab":
        return hmac.compare_digest(request.headers.get("x-gitlab-token", "").encode(), secret)
    header, prefix = SIGNED[forge]
    wanted = prefix + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(request.headers.get(header, "").encode(), wanted.encode())


def _meant(body: bytes, repositories: dict[str, Repository]) -> list[str]:
    """The repositories that a delivery is about; all of them where it does not say, or names none of ours."""
    told = {_plain(url) for url in _urls(body)}
    named = [name for name, each in repositories.items() if _plain(each.url) in told]
    return sorted(named or repositories)


def _urls(body: bytes) -> list[str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    about = [document.get(key) for key in ("repository", "project")] if isinstance(document, dict) else []
    found = [each.get(key) for each in about if isinstance(each, dict) for key in URL_KEYS]
    return [url for url in found if isinstance(url, str)]


def _plain(url: str) -> str:
    """`git@HOST:shop/x.git`, `ssh://git@HOST/shop/x` and `https://HOST/shop/x.git` are one repository."""
    rest = url.partition("://")[2] or url.replace(":", "/", 1)
    host, _, path = rest.rpartition("@")[2].partition("/")
    return f"{host.partition(':')[0].lower()}/{path.strip('/').removesuffix('.git')}"
