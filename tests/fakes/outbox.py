"""The part of the store in memory that tells the outside."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from gitopsd.model.notice import Delivery, Told


class FakeOutbox:
    """Implements `controller.notify_port.Outbox`."""

    def __init__(self) -> None:
        self._sending = threading.Lock()
        self._told: Told | None = None
        self._waiting: dict[int, Delivery] = {}
        self._last = 0

    def told(self) -> Told | None:
        return self._told

    def save_told(self, told: Told | None, deliveries: Sequence[Delivery], most: int) -> int:
        with self._sending:
            self._told = told
            if told is None:
                self._waiting.clear()
                return 0
            for each in deliveries:
                self._last += 1
                self._waiting[self._last] = replace(each, number=self._last)
            gone = [
                number
                for receiver in {each.receiver for each in deliveries}
                for number in self._of(receiver)[: -most or None]
            ]
            for number in gone:
                del self._waiting[number]
            return len(gone)

    def deliveries(self, receiver: str, limit: int) -> tuple[Delivery, ...]:
        with self._sending:
            return tuple(self._waiting[number] for number in self._of(receiver)[:limit])

    def save_delivery(self, delivery: Delivery) -> None:
        with self._sending:
            if delivery.number in self._waiting:
                self._waiting[delivery.number] = delivery

    def drop_delivery(self, number: int) -> None:
        with self._sending:
            self._waiting.pop(number, None)

    def receivers(self) -> tuple[str, ...]:
        with self._sending:
            return tuple(sorted({each.receiver for each in self._waiting.values()}))

    def _of(self, receiver: str) -> list[int]:
        return [number for number, each in sorted(self._waiting.items()) if each.receiver == receiver]
