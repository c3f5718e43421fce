"""Asks the HTTP API of a gitopsd, with a token from a file or from the environment."""

import json
import os
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from gitopsd.adapters.settings_values import web_url
from gitopsd.model.errors import ServerError

TIMEOUT_S: Final = 120.0  # a plan or a look at drift asks an engine
MOST: Final = 64 << 20  # bytes of an answer
TOKEN, TOKEN_FILE = "GITOPSD_TOKEN", "GITOPSD_TOKEN_FILE"


class HttpServer:
    """The port Server. Nobody is followed to another address: a token is for who was named."""

    def __init__(self, url: str, token_file: Path | None, timeout_s: float = TIMEOUT_S) -> None:
        try:
            self._url = urlsplit(web_url(url))
        except ValueError as error:
            raise ServerError(f"--server: {error}") from None
        self._token, self._timeout_s = _token(token_file), timeout_s

    def get(self, path: str, **query: str | int) -> Any:
        asked = urlencode({key: value for key, value in query.items() if value != ""})
        return self._asked("GET", f"{path}?{asked}" if asked else path, None, {})

    def post(self, path: str, body: Any) -> Any:
        return self._asked("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _asked(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        host = self._url.netloc
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        login = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            connection = kind(self._url.hostname or "", self._url.port, timeout=self._timeout_s)
            try:
                connection.request(method, f"{self._url.path}/api/v1{path}", body, {**headers, **login})
                answer = connection.getresponse()
                status, text = answer.status, answer.read(MOST)
            finally:
                connection.close()
        except TimeoutError:
            raise ServerError(f"{host} does not answer within {self._timeout_s:g} s") from None
        except (OSError, HTTPException, ValueError) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise ServerError(f"{host} cannot be asked: {said}") from None
        return _read(host, status, text)


def _read(host: str, status: int, text: bytes) -> Any:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise ServerError(f"{host} answers with status {status}, and not as a gitopsd does") from None
    if 200 <= status < 300:
        return body
    error = body.get("error") if isinstance(body, dict) else None
    said = str(error.get("message", "")) if isinstance(error, dict) else ""
    mends = {
        401: f"; give a token with --token-file, {TOKEN_FILE} or {TOKEN}",
        403: "; another token may be allowed to (`gitopsd token list` there)",
    }
    raise ServerError(f"{host}: {said or f'status {status}'}{mends.get(status, '')}")


def _token(file: Path | None) -> str:
    """From the file that a flag or the environment names, or from the environment itself; "" for none."""
    named = file or (Path(os.environ[TOKEN_FILE]) if os.environ.get(TOKEN_FILE) else None)
    if named is None:
        return os.environ.get(TOKEN, "").strip()
    try:
        return named.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(f"{named} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
