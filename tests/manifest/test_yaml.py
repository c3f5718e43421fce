"""How YAML documents are read: Compose's scalars, places, and what is refused before it can do harm."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.manifest.node import Fields, Items, Node, Scalar, plain
from gitopsd.manifest.yaml import MAX_BYTES, parse, resolve, text_of
from gitopsd.model.errors import ManifestError, Place
from tests.manifest.oracle import Oracle

SCALARS = """
yes no on off y Y True true TRUE tRue False null Null NULL ~ nUll 22:22 1:30:30 1.2.3 = inf nan 0x 1e _1
0o17 017 0x1F 0X1F 0b11 0B11 -0b1 1_000 0o1_7 0O17 08 0888 0777 -017 +0o17 0o8 0x_1 0x1_F 1__0 1_ 00 -0 +1 -1 -0x1F
1e3 1E3 1e+3 1.5e3 .5 -.5 +.5 5. .e3 1.e3 09.5 00.5 1_0.5 .5_5 ._5 0.1 1.0 1e400 1e20 1e3_0 100000000000000000000
9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775809
0xFFFFFFFFFFFFFFFF 0xFFFFFFFFFFFFFFFFFF
"""
AS_TEXT = "1.0 1e20 1e3 true 0o17 22:22 1.5e-7 123456789.5 1e21 100000.0 1234567.0 0.0001 0.00001 -0.0 08 0 -1.5"
NUMBERS = st.from_regex(r"[-+]?(0[xXoObB])?[0-9a-f_.]{1,5}(e[0-9])?", fullmatch=True)


@pytest.fixture
def oracle(compose_program: Path, tmp_path: Path) -> Oracle:
    return Oracle(compose_program, tmp_path)


def read(text: str | bytes) -> Node:
    return parse("compose.yaml", text.encode() if isinstance(text, str) else text)


def fields(text: str | bytes) -> Fields:
    node = read(text)
    assert isinstance(node, Fields)
    return node


def refusals(text: str | bytes) -> list[str]:
    with pytest.raises(ManifestError) as refused:
        read(text)
    return str(refused.value).split("\n")


def as_compose(value: object, expected: object) -> bool:
    """Equal, and of one kind; JSON does not tell 1.0 from 1."""
    if isinstance(value, float):
        return isinstance(expected, int | float) and float(expected) == value
    return type(value) is type(expected) and value == expected


def differences(oracle: Oracle, texts: list[str]) -> list[tuple[str, object, object]]:
    said = oracle.config("\n".join(["services: {a: {image: x}}", "x-v:", *(f"- {text}" for text in texts)]))
    values = [(text, resolve(text), expected) for text, expected in zip(texts, said["x-v"], strict=True)]
    return [(text, value, expected) for text, value, expected in values if not as_compose(value, expected)]


def test_scalars_have_the_type_that_compose_gives_them(oracle: Oracle) -> None:
    assert differences(oracle, SCALARS.split()) == []


def test_generated_numbers_have_the_value_that_compose_gives_them(
    compose_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    oracle = Oracle(compose_program, tmp_path_factory.mktemp("numbers"))

    @settings(max_examples=4)
    @given(st.lists(NUMBERS, min_size=80, max_size=80))
    def check(texts: list[str]) -> None:
        assert differences(oracle, texts) == []

    check()


def test_dates_stay_text() -> None:
    assert plain(read("[2026-01-01, 2026-01-01T00:00:00Z]")) == ["2026-01-01", "2026-01-01T00:00:00Z"]


def test_scalars_become_text_as_compose_writes_them(oracle: Oracle) -> None:
    labels = ", ".join(f"l{index}: {text}" for index, text in enumerate(AS_TEXT.split()))
    said = oracle.config(f"services: {{a: {{image: x, labels: {{{labels}}}}}}}")["services"]["a"]["labels"]
    assert {f"l{index}": text_of(resolve(text)) for index, text in enumerate(AS_TEXT.split())} == said
    assert text_of(None) == ""


def test_quotes_make_text_and_the_node_knows_it() -> None:
    node = fields("a: '1'\nb: |\n  x\nc: yes\nd: !!str 1\n")
    assert plain(node) == {"a": "1", "b": "x\n", "c": "yes", "d": "1"}
    assert [getattr(node.fields[key], "quoted", None) for key in "abcd"] == [True, True, False, True]


def test_every_node_and_key_knows_its_place() -> None:
    node = fields("services:\n  web:\n    ports:\n      - 80\n    image:\n")
    web = node.fields["services"].fields["web"]  # type: ignore[union-attr]
    assert isinstance(web, Fields)
    ports = web.fields["ports"]
    assert isinstance(ports, Items)
    assert ports.items[0].place == Place("compose.yaml", 4, 9)
    assert web.keys["image"] == Place("compose.yaml", 5, 5)
    assert web.fields["image"] == Scalar(None, Place("compose.yaml", 5, 11))


def test_an_empty_document_is_a_mapping_without_fields() -> None:
    for text in ("", "\n", "# only a comment\n"):
        assert plain(read(text)) == {}


def test_a_byte_order_mark_and_crlf_are_accepted() -> None:
    assert plain(read(b"\xef\xbb\xbfa:\r\n  b: 1\r\n")) == {"a": {"b": 1}}


def test_anchors_and_merge_keys_are_written_out_as_compose_does(oracle: Oracle) -> None:
    text = """
x-b: &b {c: 1, d: 2}
x-l: &l {c: 3, e: 4}
x-m: &m [{g: 1}]
x-1: {<<: *b, d: 9}
x-2: {d: 9, <<: [*b, *l]}
x-3: {'<<': *b}
x-4: {<<: {q: 1}}
x-5: {<<: *m}
x-6: [*b, *b]
x-7: {<<: [*b, {z: 1}]}
"""
    said = oracle.config(text + "services: {a: {image: x}}\n")
    assert plain(read(text)) == {key: value for key, value in said.items() if key.startswith("x-")}


def test_merged_fields_keep_the_place_where_they_are_written() -> None:
    node = fields("x: &x\n  a: 1\ny:\n  <<: *x\n  b: 2\n").fields["y"]
    assert isinstance(node, Fields)
    assert (node.fields["a"].place.line, node.keys["a"].line, node.keys["b"].line) == (2, 2, 5)


def test_reset_and_override_are_kept_for_the_merge_of_several_files() -> None:
    node = fields("a: !reset []\nb: !override {A: b}\nc: !reset null\nd: !override 5\n")
    assert [node.fields[key].tag for key in "abcd"] == ["!reset", "!override", "!reset", "!override"]
    assert plain(node) == {"a": [], "b": {"A": "b"}, "c": "null", "d": "5"}


def test_core_tags_are_followed() -> None:
    assert plain(read("[!!int '7', !!float 1, !!bool 'true', !!null '', !!seq [1], !!map {a: 1}, ! 1]")) == [
        7,
        1.0,
        True,
        None,
        [1],
        {"a": 1},
        1,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object:os.system {}", "1:4: a: the tag !!python/object:os.system is not supported"),
        ("a: !!python/object/apply:os.system [id]", "1:4: a: the tag !!python/object/apply:os.system is not supported"),
        ("a: !!binary aGk=", "1:4: a: the tag !!binary is not supported"),
        ("a: !vault x", "1:4: a: the tag !vault is not supported"),
        ("a: !!int x", "1:4: a: 'x' is not a value of the tag !!int"),
        ("a: {1: b}", "1:5: a: the key 1 is not text; write it in quotes"),
        ("a: {~: b}", "1:5: a: the key null is not text"),
        ("a: {true: b}", "1:5: a: the key true is not text"),
        ("a: {[x]: b}", "1:5: a: the key (a list or mapping) is not text"),
        ("a: .inf", "1:4: a: .inf is no number"),
        ("a:\n  b: 1\n  b: 2\n", "3:3: a.b: the key 'b' is already defined in line 2"),
        ("a:\n  - x: 1\n    x: 2\n", "3:5: a[0].x: the key 'x' is already defined in line 2"),
        ("a: 1\n---\nb: 1\n", "2:1: a second document begins"),
        ("a:\n\tb: 1\n", "2:1: a tab indents this line; use spaces"),
        ("a: *b", "1:4: a: the alias *b has no anchor above it"),
        ("a: &a {<<: *a}", "1:12: a: the alias *a stands inside what it names"),
        ("a: &a [*a]", "1:8: a[0]: the alias *a stands inside what it names"),
        ("a: {<<: x}", "1:9: a: the merge key << takes a mapping"),
        ("a: {<<: }", "1:9: a: the merge key << takes a mapping"),
        ("a: {<<: {b: 1}, <<: {c: 1}}", "1:17: a: the merge key << is written twice"),
        ("a: [1\nb: 2\n", "2:2: not valid YAML"),
        ("a: 'x\n", "2:1: not valid YAML"),
        ("a: b: c", "1:5: not valid YAML"),
        (b"a: 'x\0'", "1:6: the control character U+0000 is not allowed"),
        (b"a: x\x07", "1:5: the control character U+0007 is not allowed"),
        (b"b: 1\na: \xe9", "2:4: the byte 0xe9 is not UTF-8"),
        ("a: 1".encode("utf-16"), "1:1: the file is UTF-16; save it as UTF-8"),
    ],
)
def test_an_error_names_the_place_and_the_mend(text: str | bytes, message: str) -> None:
    [said] = refusals(text)
    assert said.startswith(f"compose.yaml:{message}")
    assert ";" in said


def test_all_errors_of_a_document_are_told_at_once() -> None:
    said = refusals("a: !vault x\nb: {1: 2}\nc: 1\nc: 2\n")
    assert [line.split(":")[1] for line in said] == ["1", "2", "4"]


def test_a_file_above_the_size_cap_is_refused() -> None:
    [said] = refusals(b"a: " + b"x" * MAX_BYTES)
    assert "more than 1048576" in said


def bomb(line: str) -> bytes:
    return ("a0: &a0 {x: 1, y: 2}\n" + "".join(line.format(n=n, before=n - 1) for n in range(1, 14))).encode()


HARMFUL = {
    "open brackets": b"[" * 30_000,
    "open braces": b"{a: " * 30_000,
    "closed brackets": b"[" * 30_000 + b"]" * 30_000,
    "dashes": b"- " * 30_000,
    "question marks": b"? " * 30_000,
    "indentation": b"\n".join(b" " * depth + b"a:" for depth in range(1_000)),
    "aliases": bomb("a{n}: &a{n} [*a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}]\n"),
    "merge keys": bomb("a{n}: &a{n} {{<<: [*a{before}, *a{before}, *a{before}, *a{before}], k{n}: 1}}\n"),
    "a chain of aliases": b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (n, n, n - 1) for n in range(1, 5_000)),
    "long text often": b"a: &a '" + b"x" * 500_000 + b"'\nb: [" + b"*a, " * 10_000 + b"]\n",
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", HARMFUL)
def test_what_would_grow_or_nest_without_end_is_refused_at_once(name: str) -> None:
    said = refusals(HARMFUL[name])
    assert any("nested deeper" in line or "more than 100000 values" in line for line in said)
    assert max(map(len, said)) < 300


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(exclude_categories=["C"]))
KEYS = st.text("abc<- é", min_size=1, max_size=4)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


@given(JSON)
def test_json_is_read_as_it_is(value: object) -> None:
    text = json.dumps({"x": value}, ensure_ascii=False)
    assert plain(read(text)) == {"x": value}
