"""`gitopsd schema` prints what editors check files with, and `explain` tells a person the same of a key."""

import json
from pathlib import Path

import pytest

from tests.cli.shop import Shop


@pytest.mark.parametrize("arguments", [(), ("manifest",), ("settings",), ("servers",)], ids=str)
def test_a_schema_is_one_document_whether_json_is_asked_for_or_not(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    shop = Shop(tmp_path / "state")

    printed = json.loads(shop.text("schema", *arguments))

    assert printed == shop.json("schema", *arguments)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_without_a_word_it_is_the_manifests(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")

    assert shop.json("schema") == shop.json("schema", "manifest")
    assert "x-gitopsd" in shop.json("schema")["properties"]
    assert "environments" in shop.json("schema", "settings")["properties"]


def test_a_file_that_nobody_reads_and_another_machine_are_usage_errors(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")

    assert shop.ask("schema", "environment").exit_code == 1
    assert "leave --server away" in shop.ask("schema", "--server", "http://127.0.0.1:1").output


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ("strategy", "services.*.x-gitopsd.strategy"),
        ("x-gitopsd.strategy", "services.*.x-gitopsd.strategy"),
        ("services.*.x-gitopsd.strategy", "services.*.x-gitopsd.strategy"),
        ("analysis.metrics.max", "services.*.x-gitopsd.analysis.metrics[].max"),
        ("windows", "x-gitopsd.windows"),
        ("deploy.replicas", "services.*.deploy.replicas"),
    ],
)
def test_a_key_is_explained_in_the_words_of_the_schema(tmp_path: Path, asked: str, key: str) -> None:
    shop = Shop(tmp_path / "state")

    (told,) = shop.json("explain", asked)["keys"]

    assert told["key"] == key
    assert told["words"] in shop.text("explain", asked)
    assert f'"description": {json.dumps(told["words"])}' in shop.text("schema")


def test_an_explanation_says_what_a_key_takes_and_what_it_is_by_default(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")

    assert shop.text("explain", "strategy").splitlines()[2:4] == [
        "  takes one of rolling, canary, blue-green, recreate",
        "  default rolling",
    ]


def test_without_a_name_every_field_and_every_key_of_ours_is_listed(tmp_path: Path) -> None:
    listed = Shop(tmp_path / "state").text("explain")

    assert "resources.memory" in listed
    assert "services.*.x-gitopsd.drain_timeout" in listed
    assert "x-gitopsd.windows[].timezone" in listed


def test_what_is_no_field_and_no_key_is_told(tmp_path: Path) -> None:
    result = Shop(tmp_path / "state").ask("explain", "colour")

    assert result.exit_code == 1
    assert "there is no field or key colour; `gitopsd explain` lists them" in result.output
