"""Projects of several files mean what they mean to Compose: merging, `include`, `extends`, variables, profiles.

`cases/*.txt` hold them, each a title and the files of a directory: what Compose takes in files of its theme, what it
refuses in `refused.txt`, and in `stricter.txt` what it takes and gitopsd refuses, each with the reason beside it.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.manifest.parity import Contents, Verdict, verdicts

CASES = Path(__file__).parent / "cases"
THEMES = ("documents", "extends", "files", "include")


def projects(theme: str) -> Iterator[tuple[str, Contents]]:
    """Each title with its files."""
    for block in f"\n{(CASES / f'{theme}.txt').read_text()}".split("\n# ")[1:]:
        title, *files = block.split("\n== ")
        named = (each.partition("\n") for each in files)
        yield title.strip(), {path: f"{text.rstrip()}\n" if text.strip() else "" for path, _, text in named}


def titles(*themes: str) -> list[tuple[str, str]]:
    return [(theme, title) for theme in themes for title, _ in projects(theme)]


@cache
def found(program: Path, theme: str) -> dict[str, Verdict]:
    """The verdicts on all projects of a theme, asked for at once."""
    named = dict(projects(theme))
    return dict(zip(named, verdicts(program, named.values()), strict=True))


@pytest.mark.parametrize(("theme", "title"), titles(*THEMES))
def test_a_project_means_what_it_means_to_compose(theme: str, title: str, compose_program: Path) -> None:
    verdict = found(compose_program, theme)[title]

    assert not verdict.compose.refusal, verdict
    assert verdict.alike, verdict


@pytest.mark.parametrize(("theme", "title"), titles("refused"))
def test_what_compose_refuses_is_refused_with_place_and_mend(theme: str, title: str, compose_program: Path) -> None:
    verdict = found(compose_program, theme)[title]

    assert verdict.compose.refusal, verdict
    assert verdict.gitopsd.problems, verdict
    assert [str(each) for each in verdict.gitopsd.problems if not has_mend(each.message) or not each.place.file] == []


@pytest.mark.parametrize(("theme", "title"), titles("stricter"))
def test_what_compose_takes_and_gitopsd_refuses(theme: str, title: str, compose_program: Path) -> None:
    verdict = found(compose_program, theme)[title]

    assert not verdict.compose.refusal, verdict
    assert all(has_mend(each.message) for each in verdict.gitopsd.problems), verdict
    assert verdict.gitopsd.refusal, verdict


def has_mend(message: str) -> bool:
    """Whether an error says how to mend what is wrong, too."""
    return any(words in message for words in ("; ", "did you mean", "expected "))
