"""A way from the loopback of an engine in a network of its own to a port of this machine's: by a socket in a directory.

Run as a program, it passes on what comes in at one place to another: `python -m tests.e2e.passage FROM TO`, each a path
or a port.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.images import ROOT
from tests.waiting import eventually


@contextmanager
def passage(engine: int, port: int, directory: Path) -> Iterator[None]:
    """While it lasts, `127.0.0.1:port` leads to the same port here, also for the engine, whose process id that is."""
    between = directory / f"passage-{port}"
    here = [sys.executable, "-m", "tests.e2e.passage"]
    there = ["nsenter", f"--net=/proc/{engine}/ns/net", *here]
    programs = [
        subprocess.Popen([*here, str(between), str(port)], cwd=ROOT),
        subprocess.Popen([*there, str(port), str(between)], cwd=ROOT),
    ]
    try:
        eventually(between.exists)
        yield
    finally:
        for each in programs:
            each.terminate()
            each.wait()


async def _pass_on(source: str, target: str) -> None:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await _reach(target)
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    if source.isdigit():
        server = await asyncio.start_server(met, "127.0.0.1", int(source))
    else:
        server = await asyncio.start_unix_server(met, source)
    await server.serve_forever()


async def _reach(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.isdigit():
        return await asyncio.open_connection("127.0.0.1", int(target))
    return await asyncio.open_unix_connection(target)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(_pass_on(sys.argv[1], sys.argv[2]))
