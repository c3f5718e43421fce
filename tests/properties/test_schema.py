"""Releases, returns, pins, expands and contracts in any order: no version ever serves outside what it accepts."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.daemon import Daemon
from tests.properties.databases import BADLY, COMMITS, Code, Commit, Truth
from tests.properties.mutants import HUNT, Mutant, loaded

FEW = settings(max_examples=max(60, settings().max_examples // 8))
FIRST = Commit(Code(0, 3), Code(0, 4), expand=1)
SEQUENCES = some.lists(COMMITS, min_size=2, max_size=7)
MUTANTS = {
    "nobody is asked": ("    return list(each)\n", "    return []\n"),
    "one service speaks for all": (
        "next((user for user in each if not schema.suits(user.accepts)), None)",
        "next((user for user in [*each][:1] if not schema.suits(user.accepts)), None)",
    ),
    "a job moves nothing until it has ended": ("if before.high >= terms.provides:", "if before.high >= 0:"),
}
SHOWN_BY = {
    "nobody is asked": [Commit(Code(0, 3), "same", expand=3)],
    "one service speaks for all": [Commit(Code(0, 4), Code(0, 1)), Commit(Code(0, 4), "same", expand=3)],
    "a job moves nothing until it has ended": [
        Commit(Code(1, 2), "same", expand=1, job=BADLY),
        Commit(Code(1, -1), "same"),
    ],
}


def lived(pushed: list[Commit], daemon: Daemon) -> Truth:
    truth = Truth(daemon)
    for commit in (FIRST, *pushed):
        truth.push(commit)
    truth.returns()
    return truth


@FEW
@given(SEQUENCES)
def test_no_version_serves_with_a_schema_that_it_does_not_accept(pushed: list[Commit]) -> None:
    """27: whatever is released, returned to, expanded and contracted, in whatever order and with deaths in between."""
    lived(pushed, Daemon())


def test_these_sequences_expand_contract_and_serve() -> None:
    """Were everything refused, nothing would ever be out of range either."""
    daemon = Daemon()
    expand, anew = Commit(Code(0, 3), "same", expand=2), Commit(Code(0, 3), Code(0, 3), expand=1)
    truth = lived([expand, anew, Commit(Code(0, 3), "same", contract=1)], daemon)
    assert [release.outcome for release in daemon.ended] == ["succeeded"] * 5
    assert truth.schema.words == daemon.journal.schemas["shop"].words == "5"


def mutant(name: str) -> Callable[[], Daemon]:
    """Makes daemons whose gate has a mistake."""
    changed = Mutant("gitopsd.release.schema", *MUTANTS[name])
    release, schema = loaded(changed, "gitopsd.release", "gitopsd.release.schema")
    return partial(Daemon, advance=release.advance, gate=schema.refusal)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_gate_with_a_mistake_is_caught(name: str) -> None:
    lived(SHOWN_BY[name], Daemon())
    with pytest.raises(AssertionError, match=r"accepts|begins under"):
        lived(SHOWN_BY[name], mutant(name)())


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_gate_with_a_mistake_is_caught_by_sequences_that_nobody_wrote(name: str) -> None:
    begin = mutant(name)

    @settings(HUNT, max_examples=3000)
    @given(SEQUENCES)
    def mistaken(pushed: list[Commit]) -> None:
        lived(pushed, begin())

    with pytest.raises(AssertionError, match=r"accepts|begins under|is behind"):
        mistaken()
