"""Engines of five ages are asked for what they were always asked for, byte by byte."""

import pytest

from gitopsd.engine_json import LOWEST_API
from tests.engine_json.everything import APIS, Api, golden, written


@pytest.mark.parametrize("api", APIS, ids=str)
def test_an_engine_is_asked_for_everything_that_it_knows_as_ever(api: Api) -> None:
    assert written(api) == golden(api).read_text()


def test_the_newest_of_them_knows_every_key() -> None:
    assert max(LOWEST_API.values()) <= max(APIS)
