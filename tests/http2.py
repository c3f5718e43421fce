"""As much of HTTP/2 as a client needs that sends several POSTs at a time and reads short answers (RFC 9113)."""

import socket
import struct
from typing import Final

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_LAST, _ACK, _HEAD_ENDS = 1, 1, 4
# Of HPACK's static table.
_POST, _HTTPS, _ROOT, _AUTHORITY = b"\x83", b"\x87", b"\x84", b"\x01"
_STATUS: Final = {b"\x88": "200", b"\x8c": "400", b"\x8d": "404", b"\x8e": "500"}
_REFUSED: Final = 7

Outcome = tuple[str, bytes]
"""`200` and the body, or what was wrong with the answer."""


class Http2:
    """One connection. `leaving`: the other side begins no new requests on it."""

    def __init__(self, wire: socket.socket, host: str) -> None:
        self._wire, self._next, self._received = wire, 1, b""
        self.leaving = False
        authority = _AUTHORITY + bytes((len(host),)) + host.encode()
        self._head = _POST + _HTTPS + _ROOT + authority
        self._send(_PREFACE, _frame(_SETTINGS))

    def post(self, count: int, body: bytes) -> list[Outcome]:
        """So many requests together. Those that the other side says it has not begun are left out, and come again."""
        waiting = {self._next + 2 * each: b"" for each in range(count)}
        self._next += 2 * count
        for stream in waiting:
            self._send(_frame(_HEADERS, _HEAD_ENDS, stream, self._head), _frame(_DATA, _LAST, stream, body))
        done: list[Outcome] = []
        status: dict[int, str] = {}
        while waiting:
            kind, flags, stream, payload = self._frame()
            if kind == _HEADERS:
                status[stream] = _STATUS.get(payload[:1], f"status {payload[:8].hex()}")
            elif kind == _DATA and stream in waiting:
                waiting[stream] += payload
                self._send(_frame(_WINDOW, payload=struct.pack(">I", len(payload))) if payload else b"")
            elif kind == _RESET and struct.unpack(">I", payload) != (_REFUSED,):
                status[stream] = f"reset {payload.hex()}"
            if (kind in (_HEADERS, _DATA) and flags & _LAST) or kind == _RESET:
                found = waiting.pop(stream, b"")
                done += [(status[stream], found)] if stream in status else []
            last = self._control(kind, flags, payload)
            waiting = {stream: found for stream, found in waiting.items() if stream <= last}
        return done

    def _control(self, kind: int, flags: int, payload: bytes) -> int:
        """What is to be answered is; the last stream that the other side serves."""
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._send(_frame(kind, _ACK, payload=payload if kind == _PING else b""))
        if kind != _GOAWAY:
            return (1 << 31) - 1
        self.leaving = True
        return int(struct.unpack(">I", payload[:4])[0])

    def _frame(self) -> tuple[int, int, int, bytes]:
        head = self._exactly(9)
        length = int.from_bytes(head[:3], "big")
        return head[3], head[4], int.from_bytes(head[5:], "big"), self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        while len(self._received) < length:
            more = self._wire.recv(1 << 16)
            if not more:
                raise OSError("ended without an answer")
            self._received += more
        found, self._received = self._received[:length], self._received[length:]
        return found

    def _send(self, *frames: bytes) -> None:
        self._wire.sendall(b"".join(frames))


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
