"""Durations and sizes in bytes: what they stand for, how they are printed, and what is refused."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.manifest.durations import duration, duration_text, size
from tests.manifest.oracle import Oracle

DURATIONS = {
    "1m30s": "1m30s",
    "90s": "1m30s",
    "500ms": "500ms",
    "1us": "1µs",
    "1µs": "1µs",
    "1μs": "1µs",
    "1500us": "1.5ms",
    "1000ns": "1µs",
    "0": "0s",
    "0s": "0s",
    "+1s": "1s",
    "1.5s": "1.5s",
    ".5s": "500ms",
    "1.s1ms": "1.001s",
    "100ms1s": "1.1s",
    "1h": "1h0m0s",
    "25h": "25h0m0s",
    "1.5h": "1h30m0s",
    "1d": "24h0m0s",
    "1d12h": "36h0m0s",
    "1w": "168h0m0s",
    "1000h": "1000h0m0s",
    "0.0000000001s": "0s",
    "2562047h": "2562047h0m0s",
}
NO_DURATIONS = (
    "5",
    "1.5",
    "1e3s",
    "1e99",
    "NaN",
    "3 h",
    " 3h",
    "1m 30s",
    "",
    "s",
    "-",
    "1S",
    "1y",
    ".s",
    "9" * 30 + "h",
)
SIZES = {
    "64m": 64 << 20,
    "1.5gb": 3 << 29,
    "1gib": 1 << 30,
    "1GiB": 1 << 30,
    "1kb": 1024,
    "1K": 1024,
    "1": 1,
    "10b": 10,
    "10B": 10,
    "1 gb": 1 << 30,
    "1e3": 1000,
    "1e3m": 1000 << 20,
    "1.9": 1,
    ".5m": 1 << 19,
    "5.m": 5 << 20,
    "+1m": 1 << 20,
    "1t": 1 << 40,
    "1p": 1 << 50,
    "8191p": 8191 << 50,
}
NO_SIZES = (
    "",
    "m",
    "-1",
    "-1m",
    "1.5.5m",
    "1  gb",
    " 1gb",
    "1gb ",
    "1e",
    "1mi",
    "1ib",
    "1bb",
    "0x10",
    "1,5m",
    "NaN",
    "٣m",
)


@pytest.fixture
def oracle(compose_program: Path, tmp_path: Path) -> Oracle:
    return Oracle(compose_program, tmp_path)


def as_compose(oracle: Oracle, field: str, texts: list[str]) -> list[str]:
    services = {f"s{index}": {"image": "x", field: text} for index, text in enumerate(texts)}
    said = oracle.config(json.dumps({"services": services}))
    return [said["services"][f"s{index}"][field] for index in range(len(texts))]


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_is_printed_as_compose_prints_it(text: str) -> None:
    assert duration_text(duration(text)) == DURATIONS[text]


def test_compose_agrees_about_durations(oracle: Oracle) -> None:
    assert as_compose(oracle, "stop_grace_period", list(DURATIONS)) == list(DURATIONS.values())
    for text in NO_DURATIONS:
        answer = oracle.config(json.dumps({"services": {"a": {"image": "x", "stop_grace_period": text}}}))
        assert (text, answer) == (text, None)


@pytest.mark.parametrize("text", [*NO_DURATIONS, "-1s", "-1.5h", "1ns", "1.5us", "2562048h", "9" * 19 + "h"])
def test_what_is_no_duration_is_refused_with_a_mend(text: str) -> None:
    with pytest.raises(ValueError, match="; write "):
        duration(text)


def test_a_plain_number_is_told_to_have_no_unit() -> None:
    with pytest.raises(ValueError, match="'5' has no unit; write a number with a unit"):
        duration("5")


@given(st.timedeltas(timedelta(), timedelta(days=100_000)))
def test_what_is_printed_is_read_as_the_same_duration(value: timedelta) -> None:
    assert duration(duration_text(value)) == value


@pytest.mark.parametrize("text", SIZES)
def test_a_size_is_a_number_of_bytes(text: str) -> None:
    assert size(text) == SIZES[text]


def test_compose_agrees_about_sizes(oracle: Oracle) -> None:
    assert as_compose(oracle, "mem_limit", list(SIZES)) == [str(value) for value in SIZES.values()]
    for text in NO_SIZES:
        answer = oracle.config(json.dumps({"services": {"a": {"image": "x", "mem_limit": text}}}))
        assert (text, answer) == (text, None)


@pytest.mark.parametrize("text", [*NO_SIZES, "8192p", "9" * 400, "1e400", "inf m", "9223372036854775807"])
def test_what_is_no_size_is_refused_with_a_mend(text: str) -> None:
    with pytest.raises(ValueError, match="; write "):
        size(text)
