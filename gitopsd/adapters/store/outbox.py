"""The part of the store that tells the outside: what was told, in one row, and each message that waits, in another."""

from collections.abc import Sequence
from dataclasses import replace

from gitopsd.adapters.store.codec import dump, load
from gitopsd.adapters.store.statements import Transactions, add
from gitopsd.model.errors import StoreError
from gitopsd.model.notice import Delivery, Told


class TableOutbox:
    """The port Outbox on the store's database."""

    _connections: Transactions

    def told(self) -> Told | None:
        with self._connections.reading() as connection:
            row = connection.execute("SELECT body FROM told").fetchone()
        try:
            return load(Told, row[0]) if row else None
        except ValueError as error:
            raise StoreError(f"what was told cannot be read ({error}); run the version that wrote it") from error

    def save_told(self, told: Told | None, deliveries: Sequence[Delivery], most: int) -> int:
        gone = 0
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM told")
            if told is None:
                connection.execute("DELETE FROM outbox")
                return 0
            connection.execute(add("told", "body"), (dump(told),))
            rows = [(each.receiver, dump(replace(each, number=0))) for each in deliveries]
            connection.executemany(add("outbox", "receiver", "body"), rows)
            newest = "SELECT number FROM outbox WHERE receiver = ? ORDER BY number DESC LIMIT ?"
            for receiver in {each.receiver for each in deliveries}:
                too_many = f"DELETE FROM outbox WHERE receiver = ? AND number NOT IN ({newest})"
                gone += connection.execute(too_many, (receiver, receiver, most)).rowcount
        return gone

    def deliveries(self, receiver: str, limit: int) -> tuple[Delivery, ...]:
        query = "SELECT number, body FROM outbox WHERE receiver = ? ORDER BY number LIMIT ?"
        with self._connections.reading() as connection:
            rows = connection.execute(query, (receiver, limit)).fetchall()
        try:
            return tuple(replace(load(Delivery, body), number=number) for number, body in rows)
        except ValueError as error:
            raise StoreError(f"a message cannot be read ({error}); run the version that wrote it") from error

    def save_delivery(self, delivery: Delivery) -> None:
        body = dump(replace(delivery, number=0))
        with self._connections.writing() as connection:
            connection.execute("UPDATE outbox SET body = ? WHERE number = ?", (body, delivery.number))

    def drop_delivery(self, number: int) -> None:
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM outbox WHERE number = ?", (number,))

    def receivers(self) -> tuple[str, ...]:
        with self._connections.reading() as connection:
            rows = connection.execute("SELECT DISTINCT receiver FROM outbox ORDER BY receiver").fetchall()
        return tuple(str(name) for (name,) in rows)
