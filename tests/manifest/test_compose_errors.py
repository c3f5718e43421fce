"""What is wrong in a manifest is told at once, with its place and its mend; `errors/NAME.txt` holds the words.

`UPDATE_GOLDEN=1` writes the words anew, to be read before they are committed.
"""

import os
from pathlib import Path

import pytest

from gitopsd.manifest import load
from gitopsd.model.errors import ManifestError
from gitopsd.model.files import Files

ERRORS = Path(__file__).parent / "errors"


@pytest.mark.parametrize("name", sorted(path.stem for path in ERRORS.glob("*.yaml")))
def test_everything_that_is_wrong_is_told_at_once(name: str) -> None:
    files = Files.of({"shop/compose.yaml": (ERRORS / f"{name}.yaml").read_bytes()})

    with pytest.raises(ManifestError) as raised:
        load(files, "shop", "production")

    golden = ERRORS / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(f"{raised.value}\n")
    assert f"{raised.value}\n" == golden.read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in ERRORS.glob("*.yaml")))
def test_every_error_says_where_and_how_to_mend_it(name: str) -> None:
    for line in (ERRORS / f"{name}.txt").read_text().splitlines():
        assert line.startswith("shop/compose.yaml:"), line
        assert any(mend in line for mend in ("; ", "did you mean", "expected ")), line
