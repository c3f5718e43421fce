"""Mail over a real connection."""

import base64
import ssl
from pathlib import Path

import pytest

from gitopsd.adapters.notify.mail import MailNotifier
from gitopsd.model.errors import NotTaken
from gitopsd.model.notice import Notice
from gitopsd.model.receiver import Mail, Receiver
from tests.certificates import certificate
from tests.contract.test_notifier import NOON
from tests.receivers import mail_server

EVIL = Notice("failed", NOON, "shop: release 1 failed\r\nBcc: eve@example.com", "web: naïve\n.\nQUIT", "shop")


def test_a_mail_has_one_subject_and_cannot_be_given_more_headers_or_an_early_end(tmp_path: Path) -> None:
    with mail_server() as server:
        way = Mail("127.0.0.1", server.port, "gitopsd@example.com", ("ada@example.com", "bob@example.com"), "none")
        MailNotifier(Receiver("mail", way), way, lambda page: "").send(EVIL, "gitopsd-7")

    [mail] = server.mails
    assert mail["Subject"] == "[gitopsd] shop: release 1 failed Bcc: eve@example.com"
    assert mail["Bcc"] is None
    assert mail["To"] == "ada@example.com, bob@example.com"
    assert mail["Message-ID"] == "<gitopsd-7@gitopsd>"
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().replace("\r\n", "\n").rstrip().endswith("web: naïve\n.\nQUIT")


def test_who_has_a_login_uses_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush\n")
    with mail_server() as server:
        server.asks_who = True
        way = Mail("127.0.0.1", server.port, "a@example.com", ("b@example.com",), "none", "me", tmp_path / "password")
        MailNotifier(Receiver("mail", way), way, lambda page: "").send(EVIL, "gitopsd-7")

    assert server.logins == [("me", "hush")]
    assert base64.b64encode(b"hush") not in server.mails[0].as_bytes()


def speaking_tls(directory: Path) -> ssl.SSLContext:
    """A server for `localhost`, whose certificate is left as `authority`."""
    own, key = certificate(directory, "localhost")
    (directory / "authority").write_text(own)
    (directory / "both").write_text(own + key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(directory / "both")
    return made


def test_a_login_goes_over_tls_alone_and_to_a_server_that_proves_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("hush")
    with mail_server() as server:
        server.asks_who, server.tls = True, speaking_tls(tmp_path)
        way = Mail(
            "localhost", server.port, "a@example.com", ("b@example.com",), "starttls", "me", tmp_path / "password"
        )
        notifier = MailNotifier(Receiver("mail", way), way, lambda page: "")
        with pytest.raises(NotTaken, match="localhost"):
            notifier.send(EVIL, "gitopsd-7")
        assert (server.logins, server.mails) == ([], [])

        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority"))
        notifier.send(EVIL, "gitopsd-8")

    assert server.logins == [("me", "hush")]
    assert len(server.mails) == 1
