"""Receivers behind HTTP that behave badly, and what a signed webhook looks like from the other side."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import HTTPMessage
from pathlib import Path

import pytest

from gitopsd.adapters.notify import webhook
from gitopsd.adapters.notify.post import Post, post, send
from gitopsd.adapters.notify.webhook import WebhookNotifier
from gitopsd.adapters.patience import LONGEST, patience
from gitopsd.model.errors import NotTaken
from gitopsd.model.receiver import Receiver, Webhook
from tests.apps import free_port
from tests.contract.test_notifier import NOTICE
from tests.receivers import SECRET, Web, signed, web

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Web]:
    with web() as served:
        yield served


def hook(directory: Path, url: str, secret: str = SECRET) -> WebhookNotifier:
    file = directory / "secret"
    file.write_text(secret)
    way = Webhook(file, url)
    return WebhookNotifier(Receiver("hook", way), way, lambda page: "", lambda: datetime.now(UTC))


def test_a_receiver_can_check_the_signature_and_knows_a_second_attempt_by_its_id(server: Web, tmp_path: Path) -> None:
    notifier = hook(tmp_path, f"{server.url}/hooks/gitopsd?for=shop")

    notifier.send(NOTICE, "gitopsd-1")
    notifier.send(NOTICE, "gitopsd-1")

    assert [signed(call) for call in server.calls] == [True, True]
    assert {call.headers["webhook-id"] for call in server.calls} == {"gitopsd-1"}
    assert {call.path for call in server.calls} == {"/hooks/gitopsd?for=shop"}
    assert server.calls[0].json() == {
        "type": "failed",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "severity": "error",
        "title": "shop: release 12 failed",
        "text": "web: shop-web-1 is unhealthy",
        "environment": "shop",
        "repository": None,
        "release": 12,
        "revision": "a" * 40,
        "trouble": None,
        "url": None,
    }


def test_another_secret_or_another_body_does_not_pass_the_check(server: Web, tmp_path: Path) -> None:
    hook(tmp_path, server.url).send(NOTICE, "gitopsd-1")

    [call] = server.calls
    assert not signed(call, "another secret")
    assert not signed(type(call)(call.path, call.headers, call.body.replace(b"failed", b"succeeded")))


def test_the_example_of_the_standard_has_the_signature_that_it_says() -> None:
    key = webhook._key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    said = webhook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_nobody_is_followed_to_another_address(server: Web) -> None:
    server.answers.append((307, {"Location": f"{server.url}/elsewhere"}))

    with pytest.raises(NotTaken, match="status 307, and nobody is followed elsewhere"):
        post(Post(f"{server.url}/here", b"{}"))

    assert [call.path for call in server.calls] == ["/here"]


def test_an_answer_that_drips_ends_at_the_deadline(server: Web) -> None:
    server.drips = True
    begun = time.monotonic()

    with pytest.raises(NotTaken):
        post(Post(server.url, b"{}"), timeout=0.5)

    assert time.monotonic() - begun < 20


def test_of_an_answer_without_an_end_only_the_beginning_is_read(server: Web) -> None:
    server.floods = True

    assert len(send(Post(server.url, b"{}")).body) == 1 << 16


def test_nobody_there_is_not_now() -> None:
    with pytest.raises(NotTaken, match=r"^127\.0\.0\.1 cannot be asked: "):
        post(Post(f"http://127.0.0.1:{free_port()}/{SECRET}", b"{}"))


@pytest.mark.parametrize(
    ("said", "patient"),
    [
        ({"Retry-After": "90"}, timedelta(seconds=90)),
        ({"Retry-After": format_datetime(NOON + timedelta(minutes=5), usegmt=True)}, timedelta(minutes=5)),
        ({"Retry-After": "99999999"}, LONGEST),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOON.timestamp()) + 60)}, timedelta(minutes=1)),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": str(int(NOON.timestamp()) + 60)}, None),
        ({}, None),
    ],
)
def test_patience_is_what_the_answer_asks_for_within_bounds(said: dict[str, str], patient: timedelta | None) -> None:
    headers = HTTPMessage()
    for name, value in said.items():
        headers[name] = value
    assert patience(headers, NOON) == patient
