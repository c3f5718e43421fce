"""`.env` and `env_file`: read as the real Compose command reads them, with errors that name the line."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.manifest.dotenv import parse
from gitopsd.manifest.interpolate import Variable
from gitopsd.model.errors import ManifestError, Problem
from tests.manifest.oracle import Oracle, unescaped

COMPOSE = "services: {a: {image: x, env_file: [e.env]}}"
VARIABLES = {"X": Variable("xv"), "E": Variable("")}

TABLE = {
    "A=b\n": {"A": "b"},
    " A = b \n": {"A": "b"},
    "\tA=b\r\nB=c\r\n": {"A": "b", "B": "c"},
    "export A=b\n": {"A": "b"},
    "export\t A=b c\n": {"A": "b c"},
    "export=b\n": {"export": "b"},
    "exportA=b\n": {"exportA": "b"},
    "A: b\n": {"A": "b"},
    "A: b: c\n": {"A": "b: c"},
    "A.b-c[0]=d\n": {"A.b-c[0]": "d"},
    "1A=b\n": {"1A": "b"},
    "É=é\n": {"É": "é"},
    "A==b=c\n": {"A": "=b=c"},
    "A=\n\nB= \nC=''\nD=\"\"\n": {"A": "", "B": "", "C": "", "D": ""},
    "A=1\nA=2": {"A": "2"},
    "\ufeffA=b\n": {"A": "b"},
    "# c\n#d\n  # e\nA=b\n": {"A": "b"},
    "A=b #c\nB=b#c\nC=#c\nD= #c\nE1=b\t#c\n": {"A": "b", "B": "b#c", "C": "#c", "D": "#c", "E1": "b\t#c"},
    "A='#b' # c\nB=\"#b\"#c\n": {"A": "#b", "B": "#b"},
    'A=`b`\nB=b\'c\nC=b"c"\nD=\\"b\n': {"A": "`b`", "B": "b'c", "C": 'b"c"', "D": '\\"b'},
    "A=\"b'c\"\nB='b\"c'\n": {"A": "b'c", "B": 'b"c'},
    "A='b\\'c'\nB='b\\nc'\nC='\\\\'\n": {"A": "b'c", "B": "b\\nc", "C": "\\\\"},
    r'A="\n\t\r\a\b\f\v\"\\"' + "\n": {"A": '\n\t\r\a\b\f\v"\\'},
    r'A="\q\x41\u0041\c"' + "\n": {"A": r"\q\x41\u0041\c"},
    r'A="\0101\012\0777\0"' + "\n": {"A": "A\\12\\777\\"},
    r"A=b\nc\\" + "\n": {"A": r"b\nc\\"},
    "A=\"b\n\n B=c\"\nC='d\ne'\nD=f\n": {"A": "b\n\n B=c", "C": "d\ne", "D": "f"},
    'A="a\\\nb"\n': {"A": "a\\\nb"},
    'A="a\r\nb"\n': {"A": "a\r\nb"},
    'A={"a": [1]}\n': {"A": '{"a": [1]}'},
    "A=$X\nB=\"$X\"\nC='$X'\n": {"A": "xv", "B": "xv", "C": "$X"},
    "A=$$X\nB=\"\\$X\"\nC=\\$X\nD='$$X'\n": {"A": "$X", "B": "$X", "C": "\\xv", "D": "$$X"},
    "A=${E:-d} #c\nB=${E-d}\nC=${U:-${X}}\n": {"A": "d", "B": "", "C": "xv"},
    "A=1\nB=$A$A\nX=2\nC=$X\n": {"A": "1", "B": "11", "X": "2", "C": "xv"},
    "B=$A\nA=1\nA=$A$A\n": {"B": "", "A": "11"},
    "X\nU\nexport E\n": {"X": "xv", "E": ""},
    "A=b\u2028c\nB=d\xa0\n": {"A": "b\u2028c", "B": "d"},
}
REFUSED = {
    "A=b\nA B=c\n": "2:1: the name of the variable is not valid",
    "A b\n": "1:1: the name of the variable is not valid",
    "\n\n!A=b\n": "3:1: the name of the variable is not valid",
    "A #c\n": "1:1: the name of the variable is not valid",
    "A/B=c\n": "1:1: the name of the variable is not valid",
    "A='b\nc\n": "1:1: the quote that opens the value of A is never closed",
    'A="b\\"\n': "1:1: the quote that opens the value of A is never closed",
    "A='it''s'\n": "1:1: text follows the closing quote of A",
    "A=b\nB=${\n": "2:1: B: invalid interpolation '${'",
    'A="\n${U?set it}"\n': "1:1: A: the required variable U has no value: set it",
}
ONLY_WE_REFUSE = {
    "=b\n": "1:1: the name of the variable is not valid",
    "A\tB=c\n": "1:1: the name of the variable is not valid",
    "A='b' c\nB=d\n": "1:1: text follows the closing quote of A",
    "A=\0\n": "1:1: a NUL byte is not allowed",
    b"A=b\nB=\xe9\n": "2:1: the byte 0xe9 is not UTF-8",
}


@pytest.fixture
def oracle(compose_program: Path, tmp_path: Path) -> Oracle:
    return Oracle(compose_program, tmp_path)


def values(text: str | bytes) -> dict[str, str] | None:
    try:
        found = parse("e.env", text.encode() if isinstance(text, str) else text, VARIABLES, [])
    except ManifestError:
        return None
    return {name: variable.value for name, variable in found.items()}


def as_compose(oracle: Oracle, text: str) -> dict[str, str] | None:
    said = oracle.config(COMPOSE, {"e.env": text, ".env": "X=xv\nE=\n"})
    return None if said is None else environment(said["services"]["a"])


def environment(service: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: unescaped(value) for name, value in service.get("environment", {}).items()}


@pytest.mark.parametrize("text", TABLE)
def test_a_file_has_its_variables(text: str) -> None:
    assert values(text) == TABLE[text]


def test_compose_agrees_with_the_table(oracle: Oracle) -> None:
    services = {f"s{index}": {"image": "x", "env_file": [f"{index}.env"]} for index in range(len(TABLE))}
    files = {f"{index}.env": text for index, text in enumerate(TABLE)}
    said = oracle.config(json.dumps({"services": services}), {**files, ".env": "X=xv\nE=\n"})["services"]
    assert {text: environment(said[f"s{index}"]) for index, text in enumerate(TABLE)} == TABLE


def test_compose_refuses_what_we_refuse(oracle: Oracle) -> None:
    assert {text: as_compose(oracle, text) for text in REFUSED} == dict.fromkeys(REFUSED)


@pytest.mark.parametrize(("text", "message"), [*REFUSED.items(), *ONLY_WE_REFUSE.items()])
def test_an_error_names_the_line_and_the_mend(text: str | bytes, message: str) -> None:
    with pytest.raises(ManifestError) as refused:
        parse("e.env", text.encode() if isinstance(text, str) else text, VARIABLES, [])
    assert str(refused.value).startswith(f"e.env:{message}")
    assert ";" in str(refused.value)


def test_all_wrong_lines_are_told_at_once() -> None:
    with pytest.raises(ManifestError) as refused:
        parse("e.env", b"A b\nC=d\nE='f' g\nH=${\n", VARIABLES, [])
    assert [problem.place.line for problem in refused.value.problems] == [1, 3, 4]


VALUES = st.text("ab \"'\\#$XE{}:-?n0=\t", max_size=12)
LINES = st.lists(VALUES, min_size=25, max_size=25).map(lambda found: [f"V{i}={text}" for i, text in enumerate(found)])


def test_generated_lines_have_the_values_that_compose_gives_them(
    compose_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    oracle = Oracle(compose_program, tmp_path_factory.mktemp("lines"))
    seen: list[str] = []

    @settings(max_examples=12)
    @given(LINES)
    def check(lines: list[str]) -> None:
        text = "".join(f"{line}\n" for line in lines if values(f"{line}\n") is not None)
        seen.extend(text.splitlines())
        assert values(text) == as_compose(oracle, text)

    check()
    assert len(set(seen)) > 100


@given(st.binary(max_size=60) | st.text("A=b'\"\\\n#$ {}", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_mend(data: bytes) -> None:
    try:
        parse("e.env", data, VARIABLES, [])
    except ManifestError as refused:
        complaints = [problem.message for problem in refused.problems]
    else:
        return
    assert all("; " in complaint for complaint in complaints)


def test_what_is_not_set_is_reported_with_its_line() -> None:
    unset: list[Problem] = []
    parse("e.env", b"A=1\nB=$A$U\n", VARIABLES, unset)
    assert [str(problem).split(";")[0] for problem in unset] == ["e.env:2:1: B: the variable U is not set"]


def test_everything_of_a_secret_file_is_hidden_and_so_is_what_it_flows_into() -> None:
    secrets = parse("/etc/gitopsd/production.env", b"PASSWORD=hunter2\n", {}, [], hidden=True)
    assert secrets == {"PASSWORD": Variable("hunter2", hidden=True)}
    found = parse(".env", b"URL=db://$PASSWORD@x\nPLAIN=1\nPASSWORD\n", secrets, [])
    assert [(name, variable.hidden) for name, variable in found.items()] == [
        ("URL", True),
        ("PLAIN", False),
        ("PASSWORD", True),
    ]


@pytest.mark.parametrize("text", ["P=hunter2${", "hunter2 x", "P='hunter2", "P='x' hunter2", "P=${U:?hunter2}"])
def test_no_error_of_a_secret_file_shows_its_content(text: str) -> None:
    with pytest.raises(ManifestError) as refused:
        parse("vars.env", text.encode(), {}, [], hidden=True)
    assert "hunter2" not in str(refused.value)


def test_values_that_double_from_line_to_line_are_refused() -> None:
    lines = ["V0=" + "x" * 1_000, *(f"V{n}=$V{n - 1}$V{n - 1}" for n in range(1, 60))]
    with pytest.raises(ManifestError, match="longer than 1048576 characters"):
        parse("e.env", "\n".join(lines).encode(), {}, [])


def test_many_long_values_are_refused() -> None:
    lines = ["A=" + "x" * 900_000, *(f"V{n}=$A" for n in range(1_000))]
    with pytest.raises(ManifestError, match="more than 16777216 characters"):
        parse("e.env", "\n".join(lines).encode(), {}, [])
