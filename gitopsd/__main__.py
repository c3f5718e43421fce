"""Hands the composition root to the command line; nothing else. It is imported when a command needs it: it is dear."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gitopsd.cli.main import execute

if TYPE_CHECKING:
    from pathlib import Path

    from gitopsd.controller.application import Application
    from gitopsd.controller.flags import Flags
    from gitopsd.controller.ground import Ground
    from gitopsd.controller.server_port import Member, Server


class Wired:
    """What commands are given to work with."""

    def application(self, flags: "Flags") -> "Application":
        from gitopsd.app import wire

        return wire(flags)

    def ground(self, flags: "Flags") -> "Ground":
        from gitopsd.ground import ground

        return ground(flags)

    def server(self, url: str, token_file: "Path | None") -> "Server":
        from gitopsd.adapters.server import HttpServer

        return HttpServer(url, token_file)

    def fleet(self, file: "Path", timeout_s: float) -> "tuple[Member, ...]":
        from gitopsd.adapters.fleet_file import fleet

        return fleet(file, timeout_s)

    def schema(self, file: str) -> "Mapping[str, Any]":
        from gitopsd.adapters.file_schemas import schema_of_file

        return schema_of_file(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return execute(arguments, Wired())


if __name__ == "__main__":
    sys.exit(main())
