"""The schemas of the operator's files and their readers know the same keys."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from gitopsd.adapters import settings_file
from gitopsd.adapters.file_schemas import servers_schema, settings_schema
from gitopsd.adapters.fleet_file import fleet
from gitopsd.manifest.keys.json_schema import Schema
from gitopsd.manifest.manifest_schema import keys
from gitopsd.model.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
SETTINGS, SERVERS = settings_schema(), servers_schema()
VALIDATORS = {
    file: jsonschema_rs.Draft202012Validator(dict(schema))
    for file, schema in (("settings", SETTINGS), ("servers", SERVERS))
}
Way = tuple[str | int, ...]


def sections(schema: Schema, way: Way = ()) -> Iterator[tuple[Way, Mapping[str, Any]]]:
    """Every mapping with keys of its own, and the way to one such: `name` stands for a name, 0 for an item."""
    if "properties" in schema:
        yield way, schema["properties"]
        for key, inner in schema["properties"].items():
            yield from sections(inner, (*way, key))
    for each in schema.get("anyOf", ()):
        yield from sections(each, way)
    if isinstance(inner := schema.get("items"), dict):
        yield from sections(inner, (*way, 0))
    if isinstance(inner := schema.get("additionalProperties"), dict):
        yield from sections(inner, (*way, "name"))


def written(way: Way, value: Any) -> Any:
    for step in reversed(way):
        value = [value] if step == 0 else {step: value}
    return value


def unknown(file: str, document: Any, place: Path) -> list[str]:
    """The keys of a document that the reader of such a file does not know."""
    place.write_text(yaml.safe_dump(document))
    try:
        settings_file.load(place) if file == "settings" else fleet(place, 1.0)
    except SettingsError as error:
        return [each.path for each in error.problems if each.message.startswith("unknown key")]
    return []


@pytest.mark.parametrize(("file", "schema"), [("settings", SETTINGS), ("servers", SERVERS)])
def test_the_reader_knows_every_key_of_the_schema_and_both_refuse_others(
    file: str, schema: Schema, tmp_path: Path
) -> None:
    for way, known in sections(schema):
        assert unknown(file, written(way, dict.fromkeys(known)), tmp_path / "file.yaml") == [], way
        wrong = written(way, {"unknown": 1})
        assert len(unknown(file, wrong, tmp_path / "file.yaml")) == 1, way
        assert not VALIDATORS[file].is_valid(wrong), way


def test_every_key_of_the_settings_is_described() -> None:
    assert [key.path for schema in (SETTINGS, SERVERS) for key in keys(schema) if not key.words] == []


def test_the_settings_file_of_this_repository_is_valid_with_every_line_of_it() -> None:
    text = (ROOT / "deploy/gitopsd.yaml").read_text()

    for each in (text, re.sub(r"(?m)^# ", "", text)):
        document = yaml.safe_load(each) or {}
        assert [error.message for error in VALIDATORS["settings"].iter_errors(document)] == []


@pytest.mark.parametrize(
    "document",
    [
        {"mode": "automatic"},
        {"resync": 60},
        {"repository": {"branch": "main"}},
        {"notify": [{"on": ["broken"]}]},
        {"policy": {"deny": ["privilege"]}},
        {"images": {"keep_releases": 0}},
        {"http": {"webhooks": {"github": {}}}},
    ],
    ids=str,
)
def test_what_the_reader_refuses_by_its_value_the_schema_does_too(document: Any, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text(yaml.safe_dump(document))

    with pytest.raises(SettingsError):
        settings_file.load(tmp_path / "file.yaml")
    assert not VALIDATORS["settings"].is_valid(document)
