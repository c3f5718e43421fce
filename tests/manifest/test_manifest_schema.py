"""The schema of a manifest and its reader say the same: what one takes, or calls unknown, so does the other."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.manifest import extension
from gitopsd.manifest.keys.json_schema import DEFINITIONS, schema_of
from gitopsd.manifest.keys.service import SERVICE
from gitopsd.manifest.manifest_schema import DIALECT, keys, manifest_schema
from gitopsd.manifest.merge import without_resets
from gitopsd.manifest.node import Fields, Problems, plain
from gitopsd.manifest.sentences import SENTENCES
from gitopsd.manifest.yaml import parse
from gitopsd.model.errors import ManifestError
from tests.manifest.broken import broken_projects
from tests.manifest.made_by_schema import values
from tests.manifest.made_up import Project, projects
from tests.manifest.parity import DIRECTORY, gitopsd_says

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = manifest_schema()
WHOLE = jsonschema_rs.Draft202012Validator(dict(SCHEMA))
FEW = settings(max_examples=max(150, settings().max_examples // 4))
READERS = {
    **{f"services.*.{key}": read for key, read in SERVICE.items()},
    **{f"services.*.x-gitopsd.{key}": read for key, read in extension.SERVICE.items()},
    **{f"x-gitopsd.{key}": read for key, read in extension.ENVIRONMENT.items()},
}
VALIDATORS = {
    path: jsonschema_rs.Draft202012Validator({"$schema": DIALECT, **schema_of(read), "$defs": dict(DEFINITIONS)})
    for path, read in READERS.items()
}


def test_the_schema_is_one_of_its_dialect() -> None:
    jsonschema_rs.meta.validate(dict(SCHEMA))
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("file", sorted((ROOT / "example-repo").rglob("*.y*ml")), ids=str)
def test_every_manifest_of_the_example_repository_is_valid(file: Path) -> None:
    if file.name not in ("gitopsd.yaml", "flags.yaml"):
        assert list(complaints(file.read_bytes())) == []


@pytest.mark.parametrize("case", sorted((ROOT / "tests/manifest/corpus").iterdir()), ids=lambda case: case.name)
def test_every_project_that_compose_reads_is_valid(case: Path) -> None:
    for file in case.rglob("compose*.y*ml"):
        said = list(complaints(file.read_bytes()))
        # In a file over another one a key without a value says nothing; editors may well point at it.
        assert [each for each in said if "null is not of type" not in each or "override" not in file.name] == [], file


def test_every_key_of_ours_is_explained_and_nothing_else_is() -> None:
    known = {key.path: key.words for key in keys(SCHEMA)}

    assert [path for path, words in known.items() if "x-gitopsd" in path and not words] == []
    assert set(SENTENCES) - set(known) == set()
    assert {path: known[path] for path in SENTENCES} == dict(SENTENCES)


@FEW
@given(projects() | broken_projects())
def test_what_the_loader_takes_the_schema_takes_and_what_it_does_not_know_neither_does(project: Project) -> None:
    contents = project.contents()
    answer = gitopsd_says({f"{DIRECTORY}/{path}": text for path, text in contents.items()}, "/root")
    manifests = {path: text for path, text in contents.items() if path.endswith(".yaml")}
    said = {path: list(complaints(text.encode())) for path, text in manifests.items()}

    if not answer.refusal:
        assert not any(said.values()), (contents, said)
    for problem in answer.problems:
        path = problem.place.file.removeprefix(f"{DIRECTORY}/")
        if problem.message.startswith("unknown key") and path in manifests:
            assert said[path], (problem, contents[path])


@pytest.mark.parametrize("path", READERS)
@given(data=st.data())
@settings(max_examples=max(40, settings().max_examples // 8))
def test_a_reader_and_its_schema_agree(path: str, data: st.DataObject) -> None:
    read, schema = READERS[path], schema_of(READERS[path])
    value = data.draw(values(schema, DEFINITIONS))
    problems = problems_of(read, value)
    allowed = VALIDATORS[path].is_valid(value)

    if not problems:
        assert allowed, value
    if any(message.startswith("unknown key") for message in problems):
        assert not allowed, value
    if allowed:
        assert not any(message.startswith("unknown key") for message in problems), (value, problems)


def problems_of(read: Callable[..., object], value: Any) -> list[str]:
    """What a reader says of a value, on an engine and on a swarm: what both say, as the schema is for both."""
    document = parse("compose.yaml", json.dumps({"key": value}).encode())
    assert isinstance(document, Fields)
    found: list[list[str]] = []
    for swarm in (False, True):
        problems = Problems(swarm=swarm)
        read(document.fields["key"], "key", problems)
        found.append([each.message for each in problems.found])
    return found[0] if found[0] and found[1] else []


def complaints(text: bytes) -> Iterator[str]:
    """What the schema says against a file; nothing where it is no document at all."""
    try:
        document = plain(without_resets(parse("compose.yaml", text)))
    except ManifestError:
        yield "no document"
        return
    for error in WHOLE.iter_errors(document):
        yield f"{'.'.join(map(str, error.instance_path))}: {error.message}"


def test_a_wrong_word_a_wrong_range_and_an_unknown_key_are_refused_where_they_stand() -> None:
    text = """
services:
  web:
    image: web
    memlimit: 64m
    cpu_count: 2
    x-gitopsd: {strategy: canari, min_ready: 5, health: {http: {port: 0}}, steps: [{set_weight: 101}, {pauze: {}}]}
"""
    said = " ".join(complaints(text.encode()))

    for word in ("memlimit", "cpu_count", "strategy", "min_ready", "port", "steps.0", "steps.1"):
        assert word in said, word
