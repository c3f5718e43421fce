"""`gitopsd adopt`: take over what `docker compose up` started, as it is.

JSON: {"dry_run", "projects": [{"project", "environment", "revision", "result", "adopted", "instances": [{"name",
"service", "slot", "container", "state", "changes": [{"path", "before", "after", "hidden"}], "in_place": [...]}],
"missing": [SERVICE], "left": [{"name", "reason"}], "notes": [...]}]}. `before` is what runs, `after` what the manifest
says; `changes` need a new container, `in_place` does not. With `--write`: {"directory", "files": [...], "environments":
[{"name", "project", "source", "notes": [...]}]}.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitopsd.cli.asking import ANSWER_S, caller, following
from gitopsd.cli.door import Door, options
from gitopsd.model.errors import GitopsdError

if TYPE_CHECKING:
    from gitopsd.controller.queries.view import View
    from gitopsd.controller.shapes import Shape
    from gitopsd.model.adoption import Adoptee, AdoptionReport
    from gitopsd.model.plan import FieldChange

PATIENCE_S = 4 * ANSWER_S  # content is read from every container that has some


@click.command("adopt", help="Take over what docker compose, or stack deploy, started for PROJECT: it stays as it is.")
@click.argument("project", required=False, default="")
@click.option("--all", "every", is_flag=True, help="Every project that runs and that an environment names.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be taken over, and how it differs.")
@click.option("--take-over", is_flag=True, help="Also from another gitopsd, which is gone for good.")
@click.option(
    "--write",
    "directory",
    type=click.Path(path_type=Path),
    help="Adopt nothing: write a repository of what runs.",
)
@options
def command(door: Door, project: str, every: bool, dry_run: bool, take_over: bool, directory: Path | None) -> int:
    if bool(project) == every:
        raise GitopsdError("name a project, or give --all")
    if directory is not None:
        return _write(door, directory, project)
    from gitopsd.controller.queries import adoption

    view = door.view(fresh=True)
    names = adoption.named_projects(view) if every else (project,)
    done = [_one(door, view, name, dry_run=dry_run, take_over=take_over) for name in names]
    if door.as_json:
        door.json({"dry_run": dry_run, "projects": [shape for shape, _ in done]})
    elif not names:
        door.text("No environment names a project that runs.")
    return 0 if all(good for _, good in done) else 1


def _one(door: Door, view: "View", project: str, *, dry_run: bool, take_over: bool) -> "tuple[Shape, bool]":
    """One project; its shape, and whether it could be taken over."""
    from gitopsd.controller.queries import adoption, operate

    environment = adoption.named_by(view, project)
    found = adoption.report(view, environment, take_over=take_over)
    result = f"refused: {found.refused}" if found.refused else ""
    good = not found.refused
    if not (dry_run or found.refused):
        if view.daemon_runs:
            asked = operate.ask(view, "adopt", environment.name, caller(), {"take_over": take_over})
            answer = following(door, view, asked, PATIENCE_S).answer()
            result = answer.result if answer is not None else "the daemon has not answered yet"
            good = answer is not None
        else:
            result, found = adoption.adopt(view, environment, caller(), take_over=take_over)
    good = good and not result.startswith("refused")
    adopted = good and not dry_run and bool(found.adoptees)
    if not door.as_json:
        _tell(door, found, result)
    return _shape(found, result, adopted=adopted), good


def _tell(door: Door, found: "AdoptionReport", result: str) -> None:
    count = len(found.adoptees)
    would = f"{count} {found.kind}{'s' if count != 1 else ''} would be adopted as environment {found.environment}"
    door.text(f"{found.project}: {result or would}")
    for each in found.adoptees:
        for line in _lines(each):
            door.text(f"  {line}")
    for name in found.missing:
        door.text(f"  + {name}: does not run; the next release creates it")
    for name, reason in found.left.items():
        door.text(f"    {name}: left alone, {reason}")
    for note in found.notes:
        door.text(f"  ! {note}")


def _lines(each: "Adoptee") -> list[str]:
    match, name = each.match, each.instance.name
    if not (match.changes or match.in_place):
        return [f"  {name}: as the manifest wants it"]
    mark, words = ("-/+", "is replaced by the next release") if match.changes else ("~", "is changed in place")
    return [f"{mark} {name}: {words}", *(f"      {_field(change)}" for change in (*match.changes, *match.in_place))]


def _field(change: "FieldChange") -> str:
    from gitopsd.plan.text import field_text

    return field_text(change)


def _shape(found: "AdoptionReport", result: str, *, adopted: bool) -> "Shape":
    from gitopsd.controller import shapes

    return {
        "project": found.project,
        "environment": found.environment,
        "revision": found.revision or None,
        "result": result or None,
        "adopted": adopted,
        "instances": [
            {
                "name": each.instance.name,
                "service": each.instance.service,
                "slot": each.slot,
                "container": each.instance.id,
                "state": each.instance.state,
                "changes": [shapes.field(change) for change in each.match.changes],
                "in_place": [shapes.field(change) for change in each.match.in_place],
            }
            for each in found.adoptees
        ],
        "missing": list(found.missing),
        "left": [{"name": name, "reason": reason} for name, reason in found.left.items()],
        "notes": list(found.notes),
    }


def _write(door: Door, directory: Path, project: str) -> int:
    """Write a repository into a directory that is empty, or not there yet."""
    from gitopsd.controller.queries.view import View
    from gitopsd.controller.queries.writing import repository_of

    place = directory.absolute()
    if place.exists() and any(place.iterdir()):
        raise GitopsdError(f"{directory} is not empty; name a directory that is")
    made = repository_of(View(door.application()), place, project)
    for path, data in sorted(made.files.items()):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        _keep(place / path, data, 0o600 if path in made.private else 0o644)
    found = [
        {"name": each.name, "project": each.name, "source": each.source, "notes": list(each.notes)}
        for each in made.projects
    ]
    if door.as_json:
        door.json({"directory": str(place), "files": sorted(made.files), "environments": found})
        return 0
    for each in made.projects:
        door.text(f"{each.name}: from the {each.source}")
        for note in each.notes:
            door.text(f"  ! {note}")
    steps = f"git -C {place} init -b main && git -C {place} add . && git -C {place} commit -m 'What runs'"
    door.text(f"Look at it, then: {steps}\n      gitopsd adopt --all --config {place / 'gitopsd.yaml'}")
    return 0


def _keep(path: Path, data: bytes, mode: int) -> None:
    """Write a new file that has its mode from the first moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(data)
