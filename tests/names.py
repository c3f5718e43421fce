"""A name server on loopback that says what a test has it say, in place of the one that containers of a swarm have."""

import socketserver
import struct
import threading
from collections.abc import Mapping, Sequence

_A, _HEADER, _NO_SUCH_NAME = 1, 12, 3


class Names(socketserver.ThreadingUDPServer):
    """Answers for addresses (RFC 1035) with those that `known` has of a name; any other name does not exist."""

    daemon_threads = True

    def __init__(self) -> None:
        self.known: Mapping[str, Sequence[str]] = {}
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(socketserver.BaseRequestHandler):
    server: Names

    def handle(self) -> None:
        asked, wire = self.request
        labels, at = [], _HEADER
        while length := asked[at]:
            labels.append(asked[at + 1 : at + 1 + length].decode())
            at += 1 + length
        (kind,) = struct.unpack("!H", asked[at + 1 : at + 3])
        found = self.server.known.get(".".join(labels), ())
        addresses = found if kind == _A else ()
        head = asked[:2] + struct.pack("!5H", 0x8180 | (0 if found else _NO_SUCH_NAME), 1, len(addresses), 0, 0)
        wire.sendto(head + asked[_HEADER : at + 5] + b"".join(map(_record, addresses)), self.client_address)


def _record(address: str) -> bytes:
    name, forever = 0xC000 | _HEADER, 600
    return struct.pack("!HHHIH", name, _A, 1, forever, 4) + bytes(map(int, address.split(".")))
