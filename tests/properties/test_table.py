"""Every law of rollouts is found under its number, where it is checked too."""

import re

from tests.properties.table import LAWS, NOT_HERE


def test_every_law_is_checked_or_told_why_not() -> None:
    assert sorted((*LAWS, *NOT_HERE)) == list(range(1, 31))


def test_every_check_begins_with_the_numbers_that_it_is_listed_under() -> None:
    for number, law in LAWS.items():
        for check in law.checks:
            numbers = re.match(r"[\d, ]+:", check.__doc__ or "")
            assert numbers is not None, check
            assert number in [int(each) for each in numbers.group().rstrip(":").split(",")], check
