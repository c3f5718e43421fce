"""`gitopsd run`: the daemon, or with --once one round of its work. What happens is logged to standard error."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.application import Application


@click.command("run", help="Watch the repositories and keep the engines as they say, until a signal comes.")
@click.option("--repository", default="", help="URL or path of the Git repository; wins over the settings.")
@click.option("--branch", default="", help="Its branch.")
@click.option("--engine", default="", help="The Docker engine: unix://, ssh:// or tcp://; default $DOCKER_HOST.")
@click.option("--listen", default="", help="Where page and API answer: HOST:PORT, or off; default 127.0.0.1:8080.")
@click.option("--once", is_flag=True, help="End when all is settled, or when only a person can help (exit code 2).")
@click.option("--observe", is_flag=True, help="Look and report; write nothing to any engine.")
@options
def command(door: Door, repository: str, branch: str, engine: str, listen: str, once: bool, observe: bool) -> int:
    from gitopsd.cli.log import log_to_stderr, telling
    from gitopsd.controller.service import run

    log_to_stderr()
    application = door.application(repository=repository, branch=branch, engine=engine, listen=listen)
    log_to_stderr(application.settings.log.format)
    application = replace(application, store=telling(application.store))
    code = run(application, once=once, observe=observe)
    if once:
        _told(door, application)
    return code


def _told(door: Door, application: "Application") -> None:
    """How everything stands at the end of the one round."""
    from gitopsd.cli.commands.status import show_report
    from gitopsd.controller.queries.status import stored_status

    show_report(door, stored_status(application.store), application.clock.now())
