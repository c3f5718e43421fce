"""`gitopsd completion`: what a shell reads to complete commands and options."""

import click

from gitopsd.cli.door import Door, options

EXAMPLE = 'eval "$(gitopsd completion bash)"'


@click.command("completion", help=f"Print what SHELL reads to complete commands; in ~/.bashrc: {EXAMPLE}")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@options
def command(door: Door, shell: str) -> int:
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    script = made(click.get_current_context().find_root().command, {}, "gitopsd", "_GITOPSD_COMPLETE").source()
    if door.as_json:
        door.json({"shell": shell, "script": script})
    else:
        click.echo(script, nl=False)
    return 0
