"""A webhook of anybody's: JSON, signed as standardwebhooks.com has it."""

import base64
import hmac
import json
from binascii import Error as NoBase64
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from gitopsd.adapters.notify.files import secret
from gitopsd.adapters.notify.post import Post, post
from gitopsd.adapters.settings_notify import hook_url
from gitopsd.model.canonical import Json
from gitopsd.model.errors import NotTaken
from gitopsd.model.notice import Message, Notice
from gitopsd.model.receiver import Receiver, Webhook

PREFIX = "whsec_"


class WebhookNotifier:
    """The port Notifier. `link` makes an address of a page, "" where people reach none."""

    def __init__(
        self, receiver: Receiver, way: Webhook, link: Callable[[str], str], now: Callable[[], datetime]
    ) -> None:
        self._receiver, self._way, self._link, self._now = receiver, way, link, now

    def wants(self, message: Message) -> bool:
        return isinstance(message, Notice) and self._receiver.wants(message)

    def send(self, message: Message, id: str) -> None:
        assert isinstance(message, Notice)
        body = json.dumps(shape(message, self._link(message.page))).encode()
        moment = self._now()
        stamp = str(int(moment.timestamp()))
        key = _key(secret(self._way.secret_file, "secret_file"))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(key, id, stamp, body),
        }
        post(Post(self._url(), body, headers), moment)

    def lacks(self) -> str:
        try:
            self._url()
            secret(self._way.secret_file, "secret_file")
        except NotTaken as error:
            return str(error)
        return ""

    def _url(self) -> str:
        if self._way.url_file is None:
            return self._way.url
        try:
            return hook_url(secret(self._way.url_file, "url_file"))
        except ValueError:
            raise NotTaken(f"{self._way.url_file} holds no address such as https://example.com/hook") from None


def signature(key: bytes, id: str, stamp: str, body: bytes) -> str:
    """Over id, time and body, so that none of them can be sent again with another."""
    signed = hmac.new(key, b".".join((id.encode(), stamp.encode(), body)), sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def shape(notice: Notice, link: str) -> dict[str, Json]:
    """A notice as programs read it."""
    return {
        "type": notice.kind,
        "timestamp": notice.at.isoformat(),
        "severity": notice.severity,
        "title": notice.title,
        "text": notice.text,
        "environment": notice.environment or None,
        "repository": notice.repository or None,
        "release": notice.release,
        "revision": notice.revision or None,
        "trouble": notice.trouble,
        "url": link or None,
    }


def _key(text: str) -> bytes:
    """A secret as the standard writes one is base64 behind its prefix; any other is taken as it is."""
    if not text.startswith(PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (NoBase64, ValueError):
        return text.encode()
