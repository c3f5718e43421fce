"""Whether an image is for the platform that a service asks for."""

import pytest

from gitopsd.engine_json.platform import fits


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64", ""),
        ("", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64", "aarch64"),
        ("linux/amd64", "linux/x86_64"),
        ("linux/amd64", "linux"),
        ("linux/arm/v6", "linux/arm/v7"),
    ],
)
def test_an_image_fits_where_nothing_speaks_against_it(held: str, wanted: str) -> None:
    assert fits(held, wanted)


@pytest.mark.parametrize(("held", "wanted"), [("linux/amd64", "linux/arm64"), ("linux/arm64/v8", "x86_64")])
def test_an_image_for_other_machines_does_not_fit(held: str, wanted: str) -> None:
    assert not fits(held, wanted)
