"""Hands `app.wire` to the command line; nothing else. It is imported when a command needs it, as it is expensive."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitopsd.cli.main import execute

if TYPE_CHECKING:
    from gitopsd.controller.application import Application, Flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return execute(arguments, _wire)


def _wire(flags: "Flags") -> "Application":
    from gitopsd.app import wire

    return wire(flags)


if __name__ == "__main__":
    sys.exit(main())
