"""Whatever service Apprise knows: chats, pagers, phones."""

import logging
from collections.abc import Callable
from typing import Any

from gitopsd.adapters.notify.files import secret
from gitopsd.model.errors import NotTaken
from gitopsd.model.event import Severity
from gitopsd.model.notice import Message, Notice
from gitopsd.model.receiver import AppriseUrl, Receiver

TYPES: dict[Severity, str] = {"info": "info", "warning": "warning", "error": "failure"}


class AppriseNotifier:
    """The port Notifier. `link` makes an address of a page, "" where people reach none."""

    def __init__(self, receiver: Receiver, way: AppriseUrl, link: Callable[[str], str]) -> None:
        self._receiver, self._way, self._link = receiver, way, link

    def wants(self, message: Message) -> bool:
        return isinstance(message, Notice) and self._receiver.wants(message)

    def send(self, message: Message, id: str) -> None:
        assert isinstance(message, Notice)
        service = self._service()
        kind = "success" if message.kind in ("succeeded", "recovered") else TYPES[message.severity]
        body = "\n\n".join(each for each in (message.text, self._link(message.page)) if each) or message.title
        try:
            taken = service.notify(body=body, title=message.title, notify_type=kind)
        except Exception as error:  # noqa: BLE001  its plugins raise what they like, and their words hold addresses
            raise NotTaken(f"what {self._way.url_file} names cannot be asked: {type(error).__name__}") from None
        if not taken:
            raise NotTaken(f"what {self._way.url_file} names does not take messages")

    def lacks(self) -> str:
        try:
            self._service()
        except NotTaken as error:
            return str(error)
        return ""

    def _service(self) -> Any:
        try:
            import apprise
        except ImportError:
            raise NotTaken("Apprise is not installed; `pip install 'gitopsd[notify]'` brings it") from None
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines hold addresses
        service = apprise.Apprise()
        if not service.add(secret(self._way.url_file, "url_file")):
            raise NotTaken(f"{self._way.url_file} holds no address that Apprise knows; write one such as ntfys://topic")
        return service
