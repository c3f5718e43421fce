"""Every key merges as it merges in Compose: over another file, by `extends`, and in the top-level definitions.

`cases/merges.txt` has a line for each way of saying something twice, `KEY: BASE | OVER`; `definitions.txt` has those of
the top level, `values.txt` values that a variable gives. As a call of Compose takes 70 ms, all lines of a file are the
services of one project.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.manifest.parity import Contents, verdict

CASES = Path(__file__).parent / "cases"
MERGES, DEFINITIONS, VALUES = (
    tuple((CASES / f"{name}.txt").read_text().splitlines()) for name in ("merges", "definitions", "values")
)
KINDS = {"networks": "n", "volumes": "vol", "configs": "c", "secrets": "s"}
PLAIN = {"networks": "{}", "volumes": "{}", "configs": "{content: c}", "secrets": "{file: ./f}"}
OTHERS = """
  b1: {image: b}
  b2: {image: b}
  w2: {image: b}
networks: {front: , back: }
volumes: {data: , other: }
configs: {c: {content: c}, d: {content: d}}
secrets: {s: {file: ./f}, t: {file: ./f}}
"""
FILES = {"e": "Z=1\n", "e1": "F=1\nG=1\n", "e2": "F=2\n", "f": "f\n", ".env": "COMPOSE_PROFILES=p,q\nT=true\nN=3\n"}


def parts(line: str) -> tuple[str, str, str]:
    """Key, base and what comes over it."""
    key, _, rest = line.partition(": ")
    base, _, over = rest.partition("|")
    return key, base.strip(), over.strip()


def services(names: str, fields: list[str]) -> str:
    return "services:\n" + "\n".join(f"  {names}{number}: {{{each}}}" for number, each in enumerate(fields))


def with_image(key: str, value: str) -> str:
    return f"{key}: {value}" if key == "image" else f"image: i, {key}: {value}"


def overridden() -> Contents:
    below = services("s", [with_image(key, base) for key, base, _ in map(parts, MERGES)])
    above = services("s", [f"{key}: {over}" for key, _, over in map(parts, MERGES)])
    return {"compose.yaml": below + OTHERS, "compose.override.yaml": above, **FILES}


def extended() -> Contents:
    below = services("b0", [with_image(key, base) for key, base, _ in map(parts, MERGES)])
    above = services("s", [f"extends: {{file: bases.yaml, service: b0{number}}}, {key}: {over}"
                           for number, (key, _, over) in enumerate(map(parts, MERGES))])  # fmt: skip
    return {"compose.yaml": above + OTHERS, "bases.yaml": below, **FILES}


def filled_in() -> Contents:
    values = [with_image(*line.split(": ", 1)) for line in VALUES]
    return {"compose.yaml": services("s", values) + OTHERS, **FILES}


def defined() -> Contents:
    below, above = "", ""
    for kind in KINDS:
        lines = [(number, *parts(line)) for number, line in enumerate(DEFINITIONS)]
        below += f"{kind}:\n" + "\n".join(
            f"  x{number}: {base if key == kind else PLAIN[kind]}" for number, key, base, _ in lines
        )
        above += f"{kind}:\n" + "\n".join(f"  x{number}: {over}" for number, key, _, over in lines if key == kind)
        below, above = below + "\n", above + "\n"
    names = [f"x{number}" for number in range(len(DEFINITIONS))]
    mounts = [f"{name}:/mounted/{name}" for name in names]
    users = f"services: {{w: {{image: i, networks: {names}, volumes: {mounts}, configs: {names}, secrets: {names}}}}}\n"
    return {"compose.yaml": users + below, "compose.override.yaml": above, "g": "g\n", **FILES}


@cache
def answers(program: Path, project: Any) -> tuple[Any, Any]:
    """What both print for a project that neither refuses."""
    found = verdict(program, project())
    assert not found.compose.refusal, found.compose.refusal
    assert not found.gitopsd.refusal, found.gitopsd.refusal
    return found.gitopsd.document, found.compose.document


@pytest.mark.parametrize("line", MERGES)
@pytest.mark.parametrize("project", [overridden, extended])
def test_a_key_merges_as_compose_merges_it(project: Any, line: str, compose_program: Path) -> None:
    ours, theirs = (answer["services"][f"s{MERGES.index(line)}"] for answer in answers(compose_program, project))

    assert ours == theirs


@pytest.mark.parametrize("line", DEFINITIONS)
def test_a_definition_merges_as_compose_merges_it(line: str, compose_program: Path) -> None:
    kind, name = line.partition(":")[0], f"x{DEFINITIONS.index(line)}"

    ours, theirs = (answer[kind][name] for answer in answers(compose_program, defined))

    assert ours == theirs


@pytest.mark.parametrize("line", VALUES)
def test_a_variable_gives_the_value_that_it_gives_in_compose(line: str, compose_program: Path) -> None:
    ours, theirs = (answer["services"][f"s{VALUES.index(line)}"] for answer in answers(compose_program, filled_in))

    assert ours == theirs


@pytest.mark.parametrize("project", [overridden, extended, defined, filled_in])
def test_a_project_of_all_lines_is_what_it_is_to_compose(project: Any, compose_program: Path) -> None:
    ours, theirs = answers(compose_program, project)

    assert ours == theirs
