"""Text of other people never steers the terminal that shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.cli.inert import inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fix the shop", "Fix the shop"),
        ("Grüße, 世界 🚀", "Grüße, 世界 🚀"),
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("\x9b31m one byte", "\\x9b31m one byte"),
        ("over\rwritten", "over\\rwritten"),
        ("two\nlines\tand a tab", "two\\nlines\\tand a tab"),
        ("back\b\x7f", "back\\x08\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("line\u2028separator", "line\\u2028separator"),
        ("\udcff from a path", "\\udcff from a path"),
        ("\U000e0041 tag", "\\U000e0041 tag"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ],
)
def test_what_would_steer_is_shown_instead(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_line_ends_and_tabs_may_stay_but_nothing_else() -> None:
    assert inert("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"


@given(st.text())
def test_the_result_is_printable_whatever_comes_and_stays_as_it_is_a_second_time(text: str) -> None:
    once = inert(text)
    assert not any(each in once for each in "\x00\x07\x08\x1b\x9b\x7f\r\n\u202e\u2066")
    once.encode()
    assert inert(once) == once
