"""A receiver in memory."""

from collections.abc import Callable

from gitopsd.model.errors import NotifyError
from gitopsd.model.notice import Message, Notice


class FakeNotifier:
    """Implements `controller.notify_port.Notifier`. `heard` is what it took, by id; `error` is raised instead."""

    def __init__(self, wanted: Callable[[Message], bool] = lambda message: True) -> None:
        self._wanted = wanted
        self.error: NotifyError | None = None
        self.heard: dict[str, Message] = {}
        self.asked = 0

    def wants(self, message: Message) -> bool:
        return self._wanted(message)

    def send(self, message: Message, id: str) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.heard[id] = message

    def lacks(self) -> str:
        return str(self.error) if self.error is not None else ""

    def kinds(self) -> list[str]:
        return [message.kind for message in self.heard.values() if isinstance(message, Notice)]
