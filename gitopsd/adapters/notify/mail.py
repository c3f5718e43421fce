"""Mail through a server of the operator's."""

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime

from gitopsd.adapters.notify.files import secret
from gitopsd.adapters.notify.post import TIMEOUT_S
from gitopsd.model.errors import NotTaken, Refused
from gitopsd.model.notice import Message, Notice
from gitopsd.model.receiver import Mail, Receiver

MOST_SUBJECT = 200


class MailNotifier:
    """The port Notifier. `link` makes an address of a page, "" where people reach none."""

    def __init__(self, receiver: Receiver, way: Mail, link: Callable[[str], str]) -> None:
        self._receiver, self._way, self._link = receiver, way, link

    def wants(self, message: Message) -> bool:
        return isinstance(message, Notice) and self._receiver.wants(message)

    def send(self, message: Message, id: str) -> None:
        assert isinstance(message, Notice)
        way, password = self._way, self._password()
        try:
            with self._opened() as server:
                if way.security == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if way.username:
                    server.login(way.username, password)
                server.send_message(self._mail(message, id))
        except smtplib.SMTPResponseException as error:
            raise self._wrong(error.smtp_code) from None
        except smtplib.SMTPRecipientsRefused as error:
            raise self._wrong(max(code for code, _ in error.recipients.values())) from None
        except (smtplib.SMTPException, OSError) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise NotTaken(f"{way.host}:{way.port} cannot be asked: {said}") from None

    def lacks(self) -> str:
        try:
            self._password()
        except NotTaken as error:
            return str(error)
        return ""

    def _opened(self) -> smtplib.SMTP:
        way = self._way
        if way.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(way.host, way.port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(way.host, way.port, timeout=TIMEOUT_S)

    def _password(self) -> str:
        return secret(self._way.password_file, "password_file") if self._way.password_file is not None else ""

    def _mail(self, notice: Notice, id: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = self._way.sender, ", ".join(self._way.to)
        mail["Subject"] = f"[gitopsd] {' '.join(notice.title.split())}"[:MOST_SUBJECT]
        mail["Date"] = format_datetime(notice.at)
        mail["Message-ID"] = f"<{id}@gitopsd>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n\n".join(each for each in (notice.title, notice.text, self._link(notice.page)) if each))
        return mail

    def _wrong(self, code: int) -> NotTaken | Refused:
        """A server's 4 is for now; its 5 is for good, but for who may not come in yet."""
        said = f"{self._way.host}:{self._way.port} answers with code {code}"
        return NotTaken(said) if code < 500 or code in (530, 534, 535, 538) else Refused(said)
