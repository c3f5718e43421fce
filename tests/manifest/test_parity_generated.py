"""Whatever valid project is made up means what it means to Compose; what Compose refuses of a broken one, we refuse.

`made_up_keys.py` has a row for each key. `make test` holds 300 projects against the real command and breaks 160,
`make test-long` 20,000 and 10,000. A difference is told by the smallest project that has it.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from tests.manifest.broken import broken_projects, changed, left_out, ways
from tests.manifest.made_up import Project, projects
from tests.manifest.parity import Verdict, verdict, verdicts
from tests.manifest.test_parity_scenarios import has_mend

PARTS = range(4)
# Where gitopsd refuses, and Compose does not, on purpose: it says nothing, or no engine takes it.
REFUSED = re.compile(
    r"is no name of a variable|include\[\d+\]: expected a file, or a mapping with path"
    "|belongs to the container whose network this is|means nothing in the host's network|counts with uts: host"
    "|is memory and swap together|more memory is reserved than the limit|an engine takes only one"
    "|the engine counts attempts only with condition: on-failure"
    r"|says something else than networks\.\w+\.mac_address"  # `docker compose up` refuses it, too
)
MOST_SECONDS = 30  # to find a smaller project
# Where Compose refuses, and gitopsd does not, on purpose.
TAKEN = re.compile(
    "conflicts with imported resource"  # of two equal definitions, when they are written in short forms
    "|volumes.[a-z]+.labels must be a mapping"  # for a label that a file and its override say alike
    "|invalid jsonType time.Time"  # a date without quotes is text
    "|panic: "  # a crash of Compose, as for an override of `logging` without a value
)


@pytest.mark.parametrize("part", PARTS)
def test_any_project_means_what_it_means_to_compose(part: int, compose_program: Path) -> None:
    found = list(answered(projects(), part, how_many(75, 5_000), compose_program))

    tell_first(found, differs, compose_program)
    assert sum(not each.compose.refusal for _, each in found) > 0.9 * len(found)


@pytest.mark.parametrize("part", PARTS)
def test_whatever_compose_refuses_is_refused_with_place_and_mend(part: int, compose_program: Path) -> None:
    found = list(answered(broken_projects(), part, how_many(40, 2_500), compose_program))

    tell_first(found, accepted_although_refused, compose_program)
    tell_first(found, refused_without_place_or_mend, compose_program)
    tell_first(found, accepted_as_something_else, compose_program)
    assert sum(bool(each.compose.refusal) for _, each in found) > 0.3 * len(found)


def differs(each: Verdict) -> bool:
    return not (each.alike or REFUSED.search(each.gitopsd.refusal) or TAKEN.search(each.compose.refusal))


def how_many(quick: int, long: int) -> int:
    return long if settings().max_examples > 1_000 else quick


def answered(
    strategy: st.SearchStrategy[Project], part: int, number: int, program: Path
) -> Iterator[tuple[Project, Verdict]]:
    """Projects with both answers."""
    drawn: list[Project] = []

    @settings(max_examples=number, phases=[Phase.generate])
    @given(strategy)
    def draw(project: Project) -> None:
        drawn.append(project)

    quick = settings().derandomize
    (seed(part)(draw) if quick else draw)()
    yield from zip(drawn, verdicts(program, (project.contents() for project in drawn)), strict=True)


def accepted_although_refused(each: Verdict) -> bool:
    return bool(each.compose.refusal) and not each.gitopsd.refusal and not TAKEN.search(each.compose.refusal)


def accepted_as_something_else(each: Verdict) -> bool:
    return not (each.compose.refusal or each.gitopsd.refusal or each.alike)


def refused_without_place_or_mend(each: Verdict) -> bool:
    problems = each.gitopsd.problems
    return any(not has_mend(problem.message) or not problem.place.file for problem in problems)


def tell_first(found: list[tuple[Project, Verdict]], wrong: Callable[[Verdict], bool], program: Path) -> None:
    """Fails with the smallest project that is wrong in the same way as the first one."""
    first = next((project for project, each in found if wrong(each)), None)
    if first is not None:
        pytest.fail(str(reduced(first, wrong, program)), pytrace=False)


def reduced(project: Project, wrong: Callable[[Verdict], bool], program: Path) -> Verdict:
    """The verdict on a project of which nothing can be left out without it being right."""
    end = time.monotonic() + MOST_SECONDS
    while True:
        for smaller in parts_left_out(project):
            if time.monotonic() > end:
                return verdict(program, project.contents())
            if wrong(verdict(program, smaller.contents())):
                project = smaller
                break
        else:
            return verdict(program, project.contents())


def parts_left_out(project: Project) -> Iterator[Project]:
    """The project without one of its documents, files or values, the largest first."""
    for path in project.documents:
        if path != "compose.yaml":
            yield replace(project, documents={key: each for key, each in project.documents.items() if key != path})
    for path in project.files:
        yield replace(project, files={key: each for key, each in project.files.items() if key != path})
    for path, document in project.documents.items():
        for way in sorted(ways(document), key=len):
            without = changed(document, way[:-1], lambda parent, key=way[-1]: left_out(parent, key))
            yield replace(project, documents={**project.documents, path: without})
