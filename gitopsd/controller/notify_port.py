"""What the controller needs of those who tell the outside, and of the store that keeps what is still to be told."""

from collections.abc import Sequence
from typing import Protocol

from gitopsd.model.notice import Delivery, Message, Told


class Notifier(Protocol):
    """One receiver. Used from one thread at a time, which may wait for some seconds."""

    def wants(self, message: Message) -> bool:
        """Whether it is told of this at all."""
        ...

    def send(self, message: Message, id: str) -> None:
        """Deliver it; `id` is the same at every attempt, so that a receiver knows what it has already.

        NotTaken: not now; it says when to try again, if the receiver did. Refused: never, however often it is tried.
        No error, and nothing that is logged, has a secret in it.
        """
        ...

    def lacks(self) -> str:
        """What its settings lack for anything ever to be delivered, with the mend; "" for nothing. Sends nothing."""
        ...


class Outbox(Protocol):
    """What is known to have been told, and what waits to be sent. Each method is one transaction."""

    def told(self) -> Told | None:
        """None: nobody was ever told of anything."""
        ...

    def save_told(self, told: Told | None, deliveries: Sequence[Delivery], most: int) -> int:
        """Keep what is told by now with what is to be sent for it, all or nothing.

        At most so many wait for one receiver: the oldest go. Returns how many went.
        """
        ...

    def deliveries(self, receiver: str, limit: int) -> tuple[Delivery, ...]:
        """What waits for a receiver, oldest first."""
        ...

    def save_delivery(self, delivery: Delivery) -> None:
        """Keep a later attempt. One that is gone stays gone."""
        ...

    def drop_delivery(self, number: int) -> None: ...

    def receivers(self) -> tuple[str, ...]:
        """For whom anything waits."""
        ...
