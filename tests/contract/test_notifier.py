"""What every receiver does: the same tests over a fake, and over real servers of HTTP, mail, and three forges' APIs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.notify.receivers import open_notifiers
from gitopsd.controller.notify_port import Notifier
from gitopsd.model.errors import NotifyError, NotTaken, Refused
from gitopsd.model.notice import CommitStatus, Message, Notice
from gitopsd.model.receiver import (
    AppriseUrl,
    CommitStatusSettings,
    Forge,
    Mail,
    Receiver,
    Webhook,
)
from gitopsd.model.settings import HttpSettings, Repository, Settings
from tests.fakes.notifier import FakeNotifier
from tests.receivers import SECRET, TOKEN, Web, forge, mail_server, web

COMMIT = "a" * 40
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTICE = Notice(
    "failed",
    NOON,
    "shop: release 12 failed",
    "web: shop-web-1 is unhealthy",
    "shop",
    release=12,
    revision=COMMIT,
    page="/releases/12",
    concerns=("shop",),
)
STATUS = CommitStatus("default", COMMIT, "failure", "gitopsd/shop", "web: shop-web-1 is unhealthy", "/releases/12")


@dataclass
class Ground:
    """One receiver. `heard` are the texts that reached it; the others say what becomes of the next message."""

    notifier: Notifier
    message: Message
    heard: Callable[[], list[str]]
    trouble: Callable[[], None]
    refuse: Callable[[], None] | None
    throttle: Callable[[], None] | None = None
    secret: Path | None = None
    secrets: list[str] = field(default_factory=list)


def fake() -> Ground:
    notifier = FakeNotifier()

    def fails(error: NotifyError) -> Callable[[], None]:
        return lambda: setattr(notifier, "error", error)

    return Ground(
        notifier,
        NOTICE,
        lambda: [each.title + each.text for each in notifier.heard.values() if isinstance(each, Notice)],
        fails(NotTaken("it answers with status 500")),
        fails(Refused("it answers with status 410")),
        fails(NotTaken("it answers with status 429", timedelta(seconds=30))),
    )


def over_http(
    notifier: Notifier, message: Message, server: Web, secret: Path, heard: Callable[[], list[str]] | None = None
) -> Ground:
    said = heard or (lambda: [each.body.decode() for each in server.calls])
    return Ground(
        notifier,
        message,
        said,
        lambda: server.answers.append((500, {})),
        lambda: server.answers.append((422, {})),
        lambda: server.answers.append((429, {"Retry-After": "30"})),
        secret,
    )


def opened(receiver: Receiver) -> Notifier:
    http = HttpSettings(public_url="https://ops.example.com")
    settings = Settings("web1", Path("/state"), http=http, notify=(receiver,))
    return open_notifiers(settings, lambda: datetime.now(UTC))[receiver.name]


def at_forge(kind: Forge, api: str, token: Path) -> Notifier:
    there = CommitStatusSettings(kind, api, "shop/environments", token)
    repository = Repository("default", "https://git.example.com/x.git", commit_status=there)
    http = HttpSettings(public_url="https://ops.example.com")
    settings = Settings("web1", Path("/state"), {"default": repository}, http=http)
    return open_notifiers(settings, lambda: datetime.now(UTC))["commit status of default"]


def file(directory: Path, text: str) -> Path:
    path = directory / "secret"
    path.write_text(f"{text}\n")
    return path


EVERY = ("fake", "webhook", "apprise", "mail", "github", "gitlab", "gitea")


@pytest.fixture(params=EVERY)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        match request.param:
            case "fake":
                yield fake()
            case "webhook":
                server, secret = stack.enter_context(web()), file(tmp_path, SECRET)
                receiver = Receiver("hook", Webhook(secret, f"{server.url}/{SECRET}"))
                yield over_http(opened(receiver), NOTICE, server, secret)
            case "apprise":
                server = stack.enter_context(web())
                secret = file(tmp_path, f"json://user:{SECRET}@127.0.0.1:{server.port}/{SECRET}")
                ground = over_http(opened(Receiver("chat", AppriseUrl(secret))), NOTICE, server, secret)
                ground.refuse = ground.throttle = None
                yield ground
            case "mail":
                mails, secret = stack.enter_context(mail_server()), file(tmp_path, SECRET)
                mails.asks_who = True
                way = Mail("127.0.0.1", mails.port, "gitopsd@example.com", ("ada@example.com",), "none", "me", secret)
                yield Ground(
                    opened(Receiver("mail", way)),
                    NOTICE,
                    lambda: [f"{each['Subject']} {each.get_payload()}" for each in mails.mails],
                    lambda: setattr(mails, "code", 451),
                    lambda: setattr(mails, "code", 554),
                    None,
                    secret,
                )
            case kind:
                there, secret = stack.enter_context(forge(kind, {COMMIT})), file(tmp_path, TOKEN)
                states = lambda: [str(each) for each in there.states.values()]  # noqa: E731
                yield over_http(at_forge(kind, there.api, secret), STATUS, there.web, secret, states)


def test_a_message_arrives_with_its_reason_and_the_page_that_shows_it(ground: Ground) -> None:
    ground.notifier.send(ground.message, "gitopsd-1")

    [said] = ground.heard()
    assert "web: shop-web-1 is unhealthy" in said
    if not isinstance(ground.notifier, FakeNotifier):
        assert "https://ops.example.com/releases/12" in said


def test_one_in_trouble_is_tried_again_later_and_then_takes_it(ground: Ground) -> None:
    ground.trouble()

    with pytest.raises(NotTaken):
        ground.notifier.send(ground.message, "gitopsd-1")


@pytest.mark.parametrize("ground", [each for each in EVERY if each not in ("mail", "apprise")], indirect=True)
def test_one_that_wants_patience_says_how_much(ground: Ground) -> None:
    assert ground.throttle is not None
    ground.throttle()

    with pytest.raises(NotTaken) as refused:
        ground.notifier.send(ground.message, "gitopsd-1")

    assert refused.value.after == timedelta(seconds=30)


@pytest.mark.parametrize("ground", [each for each in EVERY if each != "apprise"], indirect=True)
def test_what_one_never_takes_is_refused_for_good(ground: Ground) -> None:
    assert ground.refuse is not None
    ground.refuse()

    with pytest.raises(Refused):
        ground.notifier.send(ground.message, "gitopsd-1")


@pytest.mark.parametrize("ground", EVERY[1:], indirect=True)
def test_without_its_secret_it_says_which_file_is_missing_and_sends_nothing(ground: Ground) -> None:
    assert ground.secret is not None
    assert ground.notifier.lacks() == ""
    ground.secret.unlink()

    assert str(ground.secret) in ground.notifier.lacks()
    with pytest.raises(NotTaken, match=str(ground.secret)):
        ground.notifier.send(ground.message, "gitopsd-1")
    assert ground.heard() == []


def test_no_error_and_no_log_line_has_a_secret_in_it(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="gitopsd")
    for trouble in (ground.trouble, ground.refuse, ground.throttle):
        if trouble is not None:
            trouble()
            with pytest.raises(NotifyError) as refused:
                ground.notifier.send(ground.message, "gitopsd-1")
            assert SECRET not in str(refused.value) + caplog.text
            assert TOKEN not in str(refused.value) + caplog.text


def test_it_is_told_of_its_own_kind_of_message_alone(ground: Ground) -> None:
    other = STATUS if isinstance(ground.message, Notice) else NOTICE

    assert ground.notifier.wants(ground.message)
    assert isinstance(ground.notifier, FakeNotifier) or not ground.notifier.wants(other)
