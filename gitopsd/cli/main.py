"""The program `gitopsd`: a group of commands, each imported when it is called, and the one place of exit codes."""

import importlib
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gitopsd.cli.door import Wiring
    from gitopsd.model.errors import Problem

# Name, module under gitopsd.cli.commands, and the line that `gitopsd --help` shows; in the order of a first day.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write a starting repository into a directory."),
    "validate": ("validate", "Check manifests on disk; needs no daemon and no engine."),
    "config": ("config", "Print the resolved manifest, as docker compose config does."),
    "run": ("run", "Watch, compare, act: the daemon."),
    "plan": ("plan", "Show what would change, why, in which order, at which cost."),
    "status": ("status", "Show how the environments stand."),
    "fleet": ("fleet", "Show how the environments of many machines stand, in one table."),
    "sync": ("sync", "Bring environments to what Git says now."),
    "drift": ("drift", "Show what differs from what was left behind."),
    "heal": ("heal", "Mend what drifted, also where it is only reported or was given up."),
    "explain": ("explain", "Tell how a field is compared, and what a key of a manifest means."),
    "schema": ("schema", "Print the JSON Schema of manifests or settings, for editors."),
    "history": ("history", "List the releases of an environment."),
    "show": ("show", "Show one release and what happened in it."),
    "diff": ("diff", "Compare two releases or revisions."),
    "why": ("why", "Tell the chain of causes behind a service."),
    "events": ("events", "List what happened; -f follows."),
    "rollback": ("rollback", "Make the commit that takes an environment back."),
    "promote": ("promote", "Make the commit that carries image versions to another environment."),
    "rollout": ("rollout", "Follow and steer the release under way: show, pause, promote, abort."),
    "approve": ("approve", "Let the release that waits for a person begin, or go on."),
    "deny": ("deny", "Keep it from beginning; everything stays as it is."),
    "pin": ("pin", "Go back to a kept release now, with no Git and no registry."),
    "unpin": ("unpin", "End a pin."),
    "suspend": ("suspend", "Stop releases and heals of an environment."),
    "resume": ("resume", "End a suspension."),
    "adopt": ("adopt", "Take over what docker compose or docker stack started."),
    "eject": ("eject", "Give an environment up: it keeps running, by a plain Compose or stack file."),
    "remove": ("remove", "Take an environment down; its volumes stay."),
    "volumes": ("volumes", "List the volumes of environments, and which of them nobody needs."),
    "secret": ("secret", "Keep the secrets that Compose files call external."),
    "token": ("token", "Make and revoke what page and API are asked with."),
    "state": ("state", "Back the state directory up, and restore it."),
    "doctor": ("doctor", "Check settings, repositories, engines and clock."),
    "completion": ("completion", "Print what a shell reads to complete commands."),
    "version": ("version", "Print the version."),
}
INTERRUPTED = 130  # as a shell says it of SIGINT


class Gitopsd(click.Group):
    """The group. Its `main` turns every error into a message and an exit code: usage errors are 1, too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gitopsd.cli.commands.{COMMANDS[cmd_name][0]}")
        found = module.command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table above, so that none of them is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **extra: Any
    ) -> int:
        code = self._code(args, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _code(self, args: Sequence[str] | None, extra: dict[str, Any]) -> int:
        extra["prog_name"] = extra.get("prog_name") or "gitopsd"
        try:
            found = super().main(args=args, standalone_mode=False, **extra)
        except click.ClickException as error:
            if _as_json(args):
                _in_json("usage", error.format_message())
            else:
                error.show()
            return 1
        except (click.Abort, KeyboardInterrupt):
            return INTERRUPTED
        except BrokenPipeError:
            sys.stdout = None  # whoever read us is gone: flushing at the end would fail again
            return 0
        except Exception as error:  # noqa: BLE001  what is not ours is raised again
            return _told(error, as_json=_as_json(args))
        return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _as_json(args: Sequence[str] | None) -> bool:
    """Whether JSON was asked for, also by a command line that could not be understood."""
    words = list(sys.argv[1:] if args is None else args)
    pairs = pairwise(words)
    return (
        "-ojson" in words or "--output=json" in words or any(p in (("-o", "json"), ("--output", "json")) for p in pairs)
    )


def _told(error: Exception, *, as_json: bool) -> int:
    """What gitopsd raises on purpose is meant for people; anything else is a defect and keeps its traceback."""
    from gitopsd.cli.inert import inert
    from gitopsd.model.errors import GitopsdError, ProblemsError

    if not isinstance(error, GitopsdError):
        raise error
    if as_json:
        _in_json(type(error).__name__, str(error), error.problems if isinstance(error, ProblemsError) else ())
        return 1
    for line in str(error).splitlines():
        click.echo(inert(f"gitopsd: {line}"), err=True)
    return 1


def _in_json(kind: str, message: str, problems: "Sequence[Problem]" = ()) -> None:
    """An error as a program reads it: one document on standard error."""
    import json

    from gitopsd.controller import shapes

    body = {"kind": kind, "message": message, "problems": [shapes.problem(each) for each in problems]}
    click.echo(json.dumps({"error": body}, indent=2), err=True)


gitopsd = Gitopsd(
    name="gitopsd",
    help="Keeps the containers of a Docker engine as the Compose files in a Git repository say.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def execute(arguments: Sequence[str] | None, wiring: "Wiring") -> int:
    """Run one command line. Returns the exit code."""
    return gitopsd.main(arguments, standalone_mode=False, obj=wiring)
