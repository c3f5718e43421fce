"""What every command shares: its options, the application behind them, and the way out, as text or as JSON."""

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol

import click

from gitopsd.cli.inert import inert
from gitopsd.model.errors import GitopsdError

if TYPE_CHECKING:
    from gitopsd.controller.application import Application
    from gitopsd.controller.flags import Flags
    from gitopsd.controller.ground import Ground
    from gitopsd.controller.queries.view import View
    from gitopsd.controller.server_port import Member, Server

DEFAULT_CONFIG = Path("/etc/gitopsd/gitopsd.yaml")

P = ParamSpec("P")


class Wiring(Protocol):
    """Makes from flags what a command works with: of the whole application, or of what is enough for files on disk."""

    def application(self, flags: "Flags") -> "Application": ...

    def ground(self, flags: "Flags") -> "Ground": ...

    def server(self, url: str, token_file: Path | None) -> "Server": ...

    def fleet(self, file: Path, timeout_s: float) -> "tuple[Member, ...]": ...

    def schema(self, file: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Door:
    """Between one command and the rest. `output` is text or json, of some commands also markdown."""

    wiring: "Wiring"
    output: str
    config: Path | None
    state_dir: Path | None
    server_url: str = ""
    token_file: Path | None = None

    def server(self) -> "Server | None":
        """Another gitopsd, where one was named; None: this machine's is meant."""
        if not self.server_url:
            return None
        if self.config is not None or self.state_dir is not None:
            raise click.UsageError("--server asks another gitopsd; leave --config and --state-dir away")
        return self.wiring.server(self.server_url, self.token_file)

    def fleet(self, file: Path, timeout_s: float) -> "tuple[Member, ...]":
        """Those that a file names, instead of one."""
        if self.server_url:
            raise click.UsageError("the file says who is asked; leave --server away")
        return self.wiring.fleet(file, timeout_s)

    def schema(self, file: str) -> Mapping[str, Any]:
        """Of `manifest`, `settings` or `servers`: what this version reads."""
        self.here()
        return self.wiring.schema(file)

    def application(self, **flags: Any) -> "Application":
        """The application; `flags` are those of `run`."""
        self.here()
        return self.wiring.application(self._flags(**flags))

    def ground(self) -> "Ground":
        self.here()
        return self.wiring.ground(self._flags())

    def here(self) -> None:
        """Refuse to be asked from elsewhere."""
        if self.server_url:
            raise click.UsageError("this works on the daemon's own machine alone; leave --server away")

    def _flags(self, **flags: Any) -> "Flags":
        from gitopsd.controller.flags import Flags

        config = self.config or (DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None)
        return Flags(config=config, state_dir=self.state_dir, **flags)

    def view(self, *, fresh: bool = False) -> "View":
        from gitopsd.controller.queries.view import View

        application = self.application()
        settings = application.settings
        if not settings.repositories and not settings.state_dir.exists():
            raise GitopsdError(
                f"{settings.state_dir} does not exist, and no settings name a repository; "
                "give the daemon's --state-dir, or --config"
            )
        return View(application, fresh=fresh)

    @property
    def as_json(self) -> bool:
        return self.output == "json"

    @property
    def as_markdown(self) -> bool:
        return self.output == "markdown"

    def json(self, value: object) -> None:
        """One JSON document, indented. Control characters are escaped by JSON itself."""
        click.echo(json.dumps(value, indent=2))

    def json_line(self, value: object) -> None:
        """One JSON document on a line of its own, for what does not end."""
        click.echo(json.dumps(value))
        sys.stdout.flush()

    def text(self, text: str = "") -> None:
        """Lines for people; what would steer the terminal is made inert."""
        click.echo(inert(text, lines=True))

    def note(self, text: str) -> None:
        """A line beside the result, on standard error."""
        click.echo(inert(text), err=True)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from gitopsd.cli.table import table

        click.echo(table(headers, rows), nl=bool(rows) or bool(headers))


def options(function: Callable[Concatenate[Door, P], int | None]) -> Callable[P, int | None]:
    """The options that all commands take; the command gets a Door for them."""
    return options_with(("text", "json"))(function)


def options_with(
    outputs: Sequence[str],
) -> Callable[[Callable[Concatenate[Door, P], int | None]], Callable[P, int | None]]:
    """As `options`, for a command that prints its result in more ways."""

    def decorated(function: Callable[Concatenate[Door, P], int | None]) -> Callable[P, int | None]:
        @click.option("-o", "--output", type=click.Choice(outputs), default="text", help="How to print the result.")
        @click.option("--state-dir", type=click.Path(path_type=Path), help="The daemon's state directory.")
        @click.option(
            "--config", type=click.Path(path_type=Path), help=f"gitopsd.yaml; default {DEFAULT_CONFIG}, if any."
        )
        @click.option("--server", "server_url", default="", help="Ask the gitopsd at this URL, over its HTTP API.")
        @click.option(
            "--token-file", type=click.Path(path_type=Path), help="With --server: the token; default $GITOPSD_TOKEN."
        )
        @click.pass_context
        @functools.wraps(function)
        def wrapped(
            context: click.Context,
            output: str,
            state_dir: Path | None,
            config: Path | None,
            server_url: str,
            token_file: Path | None,
            *args: Any,
            **given: Any,
        ) -> int | None:
            return function(Door(context.obj, output, config, state_dir, server_url, token_file), *args, **given)

        return wrapped  # type: ignore[return-value]

    return decorated
