"""`gitopsd rollout`: steering releases."""

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options


@click.group("rollout", help="Steer releases.")
def command() -> None:
    pass


@command.command("retry", help="Let content that was rejected be tried again.")
@click.argument("name", metavar="ENV[/SERVICE]")
@options
def retry(door: Door, name: str) -> int:
    environment, _, service = name.partition("/")
    return operate(door, "retry", environment, {"service": service} if service else {})
