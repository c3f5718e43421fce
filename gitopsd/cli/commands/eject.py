"""`gitopsd eject`: give an environment up. Its containers keep running; standard output is its plain Compose file only.

JSON: {"environments": [{"name", "project", "document", "secrets": [...], "content": [...], "notes": [...], "result"}]}.
`document` is the Compose file, `secrets` the variables that stand in it for secret values, `content` the paths of the
repository that it names. With --all and text, the files are one stream of YAML documents.
"""

from typing import TYPE_CHECKING

import click

from gitopsd.cli.asking import ANSWER_S, caller, following
from gitopsd.cli.door import Door, options
from gitopsd.model.errors import GitopsdError

if TYPE_CHECKING:
    from gitopsd.controller.queries.ejection import PlainFile
    from gitopsd.controller.queries.view import View
    from gitopsd.controller.shapes import Shape


@click.command("eject", help="Give an environment up: it keeps running, and its plain Compose file is printed.")
@click.argument("environment", required=False, default="", metavar="ENV")
@click.option("--all", "every", is_flag=True, help="Every environment that runs something.")
@options
def command(door: Door, environment: str, every: bool) -> int:
    from gitopsd.controller.queries import ejection

    if bool(environment) == every:
        raise GitopsdError("name an environment, or give --all")
    view = door.view()
    chosen = [each for each in view.select(environment) if environment or view.store.journal(each.name).serving]
    files = [ejection.plain_file(view, each) for each in chosen]
    results = [_given_up(door, view, each) for each in files]
    if door.as_json:
        door.json({"environments": [_shape(each, result) for each, result in zip(files, results, strict=True)]})
    else:
        _print(door, files, several=every)
    for file, result in zip(files, results, strict=True):
        for line in (result, *file.notes):
            door.note(f"{file.environment}: {line}")
    return 1 if any(result.startswith("refused") for result in results) else 0


def _given_up(door: Door, view: "View", file: "PlainFile") -> str:
    from gitopsd.controller.queries import ejection, operate

    if not view.daemon_runs:
        return ejection.eject(view, file.environment, caller())
    asked = operate.ask(view, "eject", file.environment, caller(), {})
    answer = following(door, view, asked, ANSWER_S).answer()
    return answer.result if answer is not None else "refused: the daemon has not answered yet"


def _print(door: Door, files: "list[PlainFile]", *, several: bool) -> None:
    import yaml

    for file in files:
        text = yaml.safe_dump(dict(file.plain.document), sort_keys=False, allow_unicode=True).rstrip("\n")
        door.text(f"---\n{text}" if several else text)


def _shape(file: "PlainFile", result: str) -> "Shape":
    return {
        "name": file.environment,
        "project": file.project,
        "document": file.plain.document,
        "secrets": list(file.plain.secrets),
        "content": list(file.plain.content),
        "notes": list(file.notes),
        "result": result,
    }
