"""`gitopsd init`: a repository to start from. What is there already is never overwritten."""

from pathlib import Path

import click

from gitopsd.cli.door import Door, options

COMPOSE = """\
# One environment: one Compose project. Everything below environments/ is found by itself.
services:
  hello:
    image: busybox:1.36
    command: ["httpd", "-f", "-p", "8080", "-h", "/www"]
    stop_grace_period: 1s      # this server does not heed the stop signal
    volumes:
      - ./www:/www:ro        # content of this repository: a changed file is rolled out
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]
      interval: 2s
      retries: 5
    ports:
      - "8080"               # the engine picks a free port of the host; "80:8080" fixes it
"""
PAGE = "<h1>Hello from Git</h1>\n"
README = """\
# Environments

Each directory below `environments/` is one environment: a Compose file, and what it refers to.

    git init && git add . && git commit -m "A first environment"
    gitopsd validate .
    gitopsd run --repository "$PWD" --branch "$(git branch --show-current)"

From then on a commit releases, and `git revert` rolls back. `gitopsd plan`, `status` and `why hello/hello` tell the
rest.
"""
FILES = {
    "environments/hello/compose.yaml": COMPOSE,
    "environments/hello/www/index.html": PAGE,
    "README.md": README,
}


@click.command("init", help="Write a starting repository; what is there already stays as it is.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@options
def command(door: Door, directory: Path) -> int:
    from gitopsd.model.errors import GitopsdError

    door.here()
    written, kept = [], []
    for name, text in FILES.items():
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
            written.append(name)
        except FileExistsError:
            kept.append(name)
        except OSError as error:
            raise GitopsdError(f"{error.filename or path}: {error.strerror}; name another directory") from None
    if door.as_json:
        door.json({"written": written, "kept": kept})
        return 0
    for name in written:
        door.text(f"wrote  {directory / name}")
    for name in kept:
        door.text(f"kept   {directory / name}")
    return 0
