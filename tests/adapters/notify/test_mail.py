"""Mail over a real connection."""

import base64
from pathlib import Path

from gitopsd.adapters.notify.mail import MailNotifier
from gitopsd.model.notice import Notice
from gitopsd.model.receiver import Mail, Receiver
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
