"""Manifests at the edge of what people write: they load, or a bounded error says what is too much."""

import pytest

from gitopsd.manifest import load, waves
from gitopsd.model.errors import ManifestError
from gitopsd.model.files import Files


def shop(content: str) -> Files:
    return Files.of({"shop/compose.yaml": content})


def test_500_services_in_a_row_of_dependencies_load() -> None:
    lines = ["services:", "  s0: {image: app:1}"]
    lines += [f"  s{number}: {{image: app:1, depends_on: [s{number - 1}]}}" for number in range(1, 500)]

    desired = load(shop("\n".join(lines)), "shop", "shop")

    assert len(desired.services) == 500
    assert len(waves(desired)) == 500


def test_a_label_of_64_kb_and_10000_variables_load_whole() -> None:
    label = "x" * 65536
    variables = "\n".join(f"      KEY_{number}: value {number}" for number in range(10_000))
    content = f"services:\n  web:\n    image: app:1\n    labels: {{note: {label}}}\n    environment:\n{variables}\n"

    options = load(shop(content), "shop", "shop").services["web"].options

    assert options["labels"] == {"note": label}
    assert len(options["environment"]) == 10_000  # type: ignore[arg-type]


def test_a_manifest_beyond_the_size_cap_is_one_short_error() -> None:
    content = "services:\n  web:\n    image: app:1\n    labels: {note: " + "x" * (2 << 20) + "}\n"

    with pytest.raises(ManifestError) as refused:
        load(shop(content), "shop", "shop")

    assert len(refused.value.problems) == 1
    assert len(str(refused.value)) < 500


def test_a_service_name_of_255_letters_loads() -> None:
    name = "a" * 255

    assert list(load(shop(f"services:\n  {name}: {{image: app:1}}\n"), "shop", "shop").services) == [name]
