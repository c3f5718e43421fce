"""`gitopsd rollout`: following and steering the release under way."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.model.operation import Verb

REASON = click.option("--reason", default="", help="Why; status and ledger show it.")


@click.group("rollout", help="Follow and steer the release under way.")
def command() -> None:
    pass


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("name", metavar="ENV[/SERVICE]")(function)


def _ask(door: Door, verb: "Verb", name: str, **arguments: object) -> int:
    environment, _, service = name.partition("/")
    said = {"service": service, **arguments}
    return operate(door, verb, environment, {key: value for key, value in said.items() if value})


@command.command("show", help="Show the release under way: its instances, its timers, and what comes next.")
@_named
@click.option("--watch", "until_over", is_flag=True, help="Go on until it has ended. JSON is then one document a line.")
@options
def shown(door: Door, name: str, until_over: bool) -> int:
    environment, _, service = name.partition("/")
    from gitopsd.cli.progress import show, watch

    return watch(door, environment, service) if until_over else show(door, environment, service)


@command.command("pause", help="Hold it where it is. What turns out to be bad goes back all the same.")
@_named
@REASON
@options
def pause(door: Door, name: str, reason: str) -> int:
    return _ask(door, "pause", name, reason=reason)


@command.command("resume", help="Let what is paused go on, with as much time as it had left.")
@_named
@options
def resume(door: Door, name: str) -> int:
    return _ask(door, "resume", name, rollout=True)


@command.command("promote", help="Do not wait any longer: what is ready counts as good, a pause is over.")
@_named
@options
def promote(door: Door, name: str) -> int:
    return _ask(door, "promote", name)


@command.command("abort", help="Go back to what served before. The content is not tried again until `retry`.")
@_named
@REASON
@options
def abort(door: Door, name: str, reason: str) -> int:
    return _ask(door, "abort", name, reason=reason)


@command.command("retry", help="Let content that was rejected or aborted be tried again.")
@_named
@options
def retry(door: Door, name: str) -> int:
    return _ask(door, "retry", name)
