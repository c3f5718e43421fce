"""The last lines that a container wrote."""

import struct
from collections.abc import Iterator
from typing import Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.translate import translated
from gitopsd.model.errors import EngineRefused, EngineUnavailable, NotFound

LIMIT: Final = 16 * 1024
# A line may be of any length: reading stops here.
READ_AT_MOST: Final = 1 << 20
_HEADER: Final = struct.Struct(">BxxxL")


def read_logs(connection: Connection, container: str, lines: int, kind: str = "containers") -> str:
    """Both streams, at most 16 KiB; "" where the logging driver keeps nothing to read. `kind` may be `tasks`, too."""
    doing = f"read the log of {container}"
    params: dict[str, str | int] = {"stdout": 1, "stderr": 1, "tail": lines}
    try:
        response = connection.call("GET", f"/{kind}/{escaped(container)}/logs", doing=doing, params=params, stream=True)
    except (NotFound, EngineUnavailable):
        raise
    except EngineRefused:
        return ""
    written = b""
    with response, translated(doing):
        for chunk in response.iter_content(chunk_size=8192):
            written += chunk
            if len(written) >= READ_AT_MOST:
                break
    return b"".join(payloads(written))[-LIMIT:].decode(errors="replace")


def payloads(written: bytes) -> Iterator[bytes]:
    """The frames of stdout and stderr; what has no frames comes from a terminal and is one stream."""
    while written:
        if len(written) < _HEADER.size or written[0] > 2 or written[1:4] != b"\0\0\0":
            yield written
            return
        _, length = _HEADER.unpack_from(written)
        yield written[_HEADER.size : _HEADER.size + length]
        written = written[_HEADER.size + length :]
