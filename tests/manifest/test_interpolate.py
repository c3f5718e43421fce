"""Variables in values: the grammar of Compose, compared with the real command, and what errors may tell."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.manifest.interpolate import MAX_LENGTH, Substitution, Variable, interpolate, substitute
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar, plain
from gitopsd.manifest.yaml import parse
from gitopsd.model.errors import Problem
from tests.manifest.oracle import Oracle, unescaped

ENV = "A=va\nE=\nD='$A ${A}'\na_1=low\n"
VARIABLES = {name: Variable(value) for name, value in {"A": "va", "E": "", "D": "$A ${A}", "a_1": "low"}.items()}

TABLE = {
    "$A": "va",
    "${A}": "va",
    "$a_1-$A": "low-va",
    "$U": "",
    "${U}": "",
    "$A_": "",
    "$A.b": "va.b",
    "$$A": "$A",
    "$$$A": "$va",
    "$$$$": "$$",
    "$${A}": "${A}",
    "$": "$",
    "a$": "a$",
    "$ A": "$ A",
    "$1": "$1",
    "$}": "$}",
    "$(A)": "$(A)",
    "${A:-d}": "va",
    "${E:-d}": "d",
    "${U:-d}": "d",
    "${E-d}": "",
    "${U-d}": "d",
    "${A:+r}": "r",
    "${E:+r}": "",
    "${U:+r}": "",
    "${E+r}": "r",
    "${U+r}": "",
    "${A:?m}": "va",
    "${E?m}": "",
    "${U:-}": "",
    "${U:-${A}}": "va",
    "${U:-$A$A}": "vava",
    "${U:-${V:-x}}": "x",
    "${U:-${A:-b}c}d": "vacd",
    "${A:+${U:-q}}": "q",
    "${U:-$${A}}": "${A}",
    "${U:-a:-b}": "a:-b",
    "${U-a:?b}": "a:?b",
    "${A?a-b}": "va",
    "${U:-}}": "}",
    "${U:-{}": "{",
    "${U:-{}}": "{}",
    "${U:-{a}}": "{a}",
    "${U:-x}y}": "xy}",
    "{${A}}": "{va}",
    "${A:-x}${U:-y}z": "vayz",
    "${U:- 'x' }": " 'x' ",
    "x\n${A:-b}\n${U:-c}": "x\nva\nc",
    "$D": "$A ${A}",
    "${U:-$D}": "$A ${A}",
    "é$A→": "éva→",
}
INVALID = (
    *("${", "${}", "${A", "${ A}", "${A }", "${1}", "${-}", "${:-x}", "${A:x}", "${A:}", "${A!}", "${A.b}", "${A=d}"),
    *("${A:=d}", "${A/b/c}", "${#A}", "${A[0]}", "${É}", "${A:-a", "${U:-${}", "${A:-${}", "${U:-${A}", "${U:-a\nb}"),
    *("${U:-{}} ${A}", "${A:?${}"),
)
REQUIRED = ("${U:?m}", "${U?m}", "${E:?m}", "${U:?}", "${U?a:-b}", "${A:-${U:?m}}", "${U:+${U:?m}}", "${A:?${U:?m}}")


@pytest.fixture
def oracle(compose_program: Path, tmp_path: Path) -> Oracle:
    return Oracle(compose_program, tmp_path)


def filled(text: str) -> str | None:
    try:
        return substitute(text, VARIABLES).text
    except ValueError:
        return None


def as_compose_fills(oracle: Oracle, texts: Iterable[str]) -> dict[str, str | None]:
    """One call for all that are valid for us, one for each that is not: Compose stops at the first error."""
    texts = tuple(texts)
    valid = [text for text in texts if filled(text) is not None]
    said: dict[str, str | None] = dict(zip(valid, oracle.labels(valid, ENV), strict=True))
    for text in texts:
        if text not in said:
            answer = oracle.config(json.dumps({"services": {"a": {"image": "x", "hostname": text}}}), {".env": ENV})
            said[text] = None if answer is None else unescaped(answer["services"]["a"].get("hostname", ""))
    return {text: said[text] for text in texts}


@pytest.mark.parametrize("text", TABLE)
def test_an_expression_has_its_value(text: str) -> None:
    assert filled(text) == TABLE[text]


def test_compose_agrees_with_the_table(oracle: Oracle) -> None:
    assert as_compose_fills(oracle, TABLE) == TABLE


def test_compose_refuses_what_we_refuse(oracle: Oracle) -> None:
    texts = (*INVALID, *REQUIRED)
    assert as_compose_fills(oracle, texts) == dict.fromkeys(texts)


SIGNS = (
    "$",
    "$$",
    "${",
    "}",
    "{",
    ":-",
    "-",
    ":?",
    "?",
    ":+",
    "+",
    "A",
    "E",
    "U",
    "D",
    "a_1",
    "x",
    " ",
    "\n",
    "é",
    "1",
)
BEGUN = ("${U:-", "${A:-", "${E-", "${A:+", "${U+", "${E:-", "${A?")
WHOLE = ("$A", "$U", "${A}", "${E}", "${U:-x}", "${A:+r}", "${U:-${A}}")
PIECES = st.sampled_from((*WHOLE, *BEGUN, *SIGNS, *WHOLE))
TEXTS = st.lists(PIECES, min_size=1, max_size=7).map("".join).filter(lambda text: "$" in text)


def test_generated_expressions_have_the_value_that_compose_gives_them(
    compose_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    oracle = Oracle(compose_program, tmp_path_factory.mktemp("expressions"))
    seen: list[str] = []

    @settings(max_examples=8)
    @given(st.lists(TEXTS, min_size=70, max_size=70, unique=True))
    def check(texts: list[str]) -> None:
        valid = [text for text in texts if filled(text) is not None]
        invalid = [text for text in texts if filled(text) is None][:4]
        seen.extend(valid)
        assert as_compose_fills(oracle, valid + invalid) == {text: filled(text) for text in valid + invalid}

    check()
    assert len(set(seen)) > 150


@given(st.text("$A{}:-?+Ux \n", max_size=40))
def test_any_text_is_filled_or_refused_with_a_mend(text: str) -> None:
    try:
        said = substitute(text, VARIABLES)
    except ValueError as error:
        complaint = str(error)
    else:
        assert "$" in text or said == Substitution(text)
        return
    assert "; " in complaint


def test_a_name_without_value_and_default_is_reported_once() -> None:
    assert substitute("$U ${U} $V ${W:-x} ${A:+$X}", VARIABLES).unset == ("U", "V", "X")
    assert substitute("${A:-$U}", VARIABLES).unset == ()


def read(text: str) -> Node:
    return parse("compose.yaml", text.encode())


def run(text: str, variables: dict[str, Variable] = VARIABLES) -> tuple[Node, list[Problem], list[Problem]]:
    problems, unset = Problems(), list[Problem]()
    node = interpolate(read(text), variables, problems, unset)
    return node, problems.found, unset


def test_only_text_values_are_filled_in() -> None:
    node, problems, unset = run("$A: ['$A', $A, 1, {b: \"${A}\"}]\nc: '$$'\n")
    assert plain(node) == {"$A": ["va", "va", 1, {"b": "va"}], "c": "$"}
    assert (problems, unset) == ([], [])


def test_every_problem_is_told_with_place_and_path() -> None:
    _, problems, unset = run("a:\n  - ${A.b}\n  - b: ${U:?set it}\nc: $U\n")
    assert [str(problem).split(";")[0] for problem in problems] == [
        "compose.yaml:2:5: a[0]: invalid interpolation '${A.b}'",
        "compose.yaml:3:8: a[1].b: the required variable U has no value: set it",
    ]
    assert [str(problem) for problem in unset] == [
        "compose.yaml:4:4: c: the variable U is not set; set it in .env or vars_file, or write ${U:-default}"
    ]


def test_tags_and_places_survive() -> None:
    node, _, _ = run("a: !override\n  - !reset $A\n")
    assert isinstance(node, Fields)
    items = node.fields["a"]
    assert isinstance(items, Items)
    assert items.tag == "!override"
    assert isinstance(items.items[0], Scalar)
    assert (items.items[0].tag, items.items[0].value, items.items[0].place.line) == ("!reset", "va", 2)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [("$S", True), ("x${S}y", True), ("${U:-$S}", True), ("${S:+x}", False), ("${A:-$S}", False), ("$A", False)],
)
def test_what_a_hidden_variable_flows_into_is_hidden(text: str, hidden: bool) -> None:
    node, _, _ = run(f"a: {text}", {**VARIABLES, "S": Variable("topsecret", hidden=True)})
    assert isinstance(node, Fields)
    scalar = node.fields["a"]
    assert isinstance(scalar, Scalar)
    assert scalar.hidden is hidden


@pytest.mark.parametrize("text", ["${U:?$S}", "${U:?${S}}", "$S ${U:?m}", "${S.b}", "$S ${", "${U:-$S ${}"])
def test_no_error_shows_what_a_variable_holds(text: str) -> None:
    with pytest.raises(ValueError, match=";") as refused:
        substitute(text, {"S": Variable("topsecret", hidden=True)})
    assert "topsecret" not in str(refused.value)


def test_a_value_with_dollars_and_newlines_is_taken_as_it_is() -> None:
    assert substitute("<$N>", {"N": Variable("$A\n${U:?x}\r\n")}).text == "<$A\n${U:?x}\r\n>"


@pytest.mark.parametrize(
    "text",
    [
        "${U:-" * 5_000 + "}" * 5_000,
        "${A:-{}" * 50_000,
        "$B" * 100_000,
        "${U:-$B}" * 100_000,
        "${" * 100_000,
        "${A:-x}" * 150_000,
        "${A:-{" * 100_000 + "}",
    ],
)
def test_long_and_deep_expressions_end_soon(text: str) -> None:
    variables = {"A": Variable("x"), "B": Variable("b" * 1_000)}
    try:
        said = substitute(text, variables).text
    except ValueError as error:
        said = str(error)
    assert len(said) <= MAX_LENGTH


def test_many_places_cannot_fill_the_memory() -> None:
    _, problems, _ = run("a: [" + "$B, " * 1_000 + "]", {"B": Variable("b" * 1_000_000)})
    assert [problem.message.split(";")[0] for problem in problems] == [
        "more than 16777216 characters once variables are filled in"
    ]
