"""The table of bad inputs names tests that exist, one row an item, in order."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROWS = re.findall(r"(?m)^\| (\d+) \| .+ \| (.+) \|$", (TESTS / "BAD_INPUT.md").read_text())


def test_every_item_has_one_row_and_they_are_in_order() -> None:
    items = [int(item) for item, _ in ROWS]
    assert len(items) > 15
    assert items == sorted(set(items))


def test_every_test_of_the_table_exists() -> None:
    for item, named in ROWS:
        found = re.findall(r"`([\w/]+\.py)::(\w+)`", named)
        assert found, item
        for path, name in found:
            assert re.search(rf"(?m)^(def {name}\(|{name} = )", (TESTS / path).read_text()), (item, path, name)
