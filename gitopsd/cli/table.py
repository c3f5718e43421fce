"""Tables for terminals and pipes: columns that line up, words in colour on a terminal only."""

import io
import shutil
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gitopsd.cli.inert import inert

WIDE = 10_000  # a pipe has no edge
COLOURS = {
    **dict.fromkeys(("Synced", "Healthy", "succeeded", "OK", "info"), "green"),
    **dict.fromkeys(("OutOfSync", "Progressing", "Suspended", "superseded", "cancelled", "warning"), "yellow"),
    **dict.fromkeys(("Degraded", "Missing", "failed", "rolled-back", "rejected", "FAIL", "error"), "red"),
    "Unknown": "magenta",
}


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as text without a line end. Without headers, only the rows."""
    terminal = sys.stdout.isatty()
    grid = Table(box=None, pad_edge=False, show_header=any(headers), padding=(0, 2, 0, 0), header_style="bold")
    for number, header in enumerate(headers or ([""] * max(map(len, rows), default=0))):
        last = number == len(headers) - 1
        grid.add_column(header, no_wrap=not (terminal and last), overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(each) for each in row))
    out = io.StringIO()
    width = shutil.get_terminal_size().columns if terminal else WIDE
    Console(file=out, width=width, force_terminal=terminal, no_color=not terminal, highlight=False).print(grid)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n"))


def _cell(value: str) -> Text:
    safe = inert(value)
    return Text(safe, style=COLOURS.get(safe, ""))
