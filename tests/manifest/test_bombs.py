"""Small files that would grow without end once they are merged, extended, included or filled in: refused, and soon."""

import time
from collections.abc import Callable, Mapping

import pytest

from gitopsd.manifest import load
from gitopsd.model.errors import ManifestError
from gitopsd.model.files import Files

SOON = 10.0  # seconds of processor time; without the limits each of these takes hours, or all memory


def many_extend_one_large_service() -> dict[str, str]:
    large = ", ".join(f"V{number}: x" for number in range(20_000))
    small = "\n".join(f"  s{number}: {{extends: large}}" for number in range(15_000))
    return {"compose.yaml": f"services:\n  large: {{image: i, environment: {{{large}}}}}\n{small}\n"}


def many_extend_one_long_text() -> dict[str, str]:
    small = "\n".join(f"  s{number}: {{extends: large}}" for number in range(20_000))
    return {"compose.yaml": f"services:\n  large: {{image: i, labels: {{a: {'x' * 500_000}}}}}\n{small}\n"}


def each_extends_the_next() -> dict[str, str]:
    chain = "\n".join(f"  s{number}: {{extends: s{number + 1}}}" for number in range(20_000))
    return {"compose.yaml": f"services:\n{chain}\n  s20000: {{image: i}}\n"}


def each_extends_the_next_file() -> dict[str, str]:
    files = {f"f{n}.yaml": f"services: {{a: {{extends: {{file: f{n + 1}.yaml, service: a}}}}}}" for n in range(1_000)}
    return {**files, "compose.yaml": "services: {a: {extends: {file: f0.yaml, service: a}}}"}


def each_includes_the_next_twice() -> dict[str, str]:
    files = {
        f"f{number}.yaml": f"include: [f{number + 1}.yaml, f{number + 1}.yaml]\nservices: {{s{number}: {{image: i}}}}"
        for number in range(40)
    }
    return {**files, "f40.yaml": "services: {last: {image: i}}", "compose.yaml": "include: [f0.yaml]"}


def each_includes_the_next() -> dict[str, str]:
    files = {f"f{number}.yaml": f"include: [f{number + 1}.yaml]" for number in range(1_000)}
    return {**files, "compose.yaml": "include: [f0.yaml]"}


def one_file_over_itself() -> dict[str, str]:
    ports = ", ".join(f"'{number}:{number}'" for number in range(1, 30_000))
    names = ":".join(["a.yaml"] * 10_000)
    return {"a.yaml": f"services: {{a: {{image: i, ports: [{ports}]}}}}", ".env": f"COMPOSE_FILE={names}\n"}


def one_env_file_over_and_over() -> dict[str, str]:
    """Each time under another path, as one path counts once."""
    files = ", ".join(f"{'./' * number}e.env" for number in range(1, 400))
    lines = "".join(f"V{number}=$V{number}$V{number}\n" for number in range(45_000))
    return {"compose.yaml": f"services: {{a: {{image: i, env_file: [{files}]}}}}", "e.env": lines}


def an_env_file_that_is_filled_in() -> dict[str, str]:
    services = "\n".join(f"  s{number}: {{image: i, env_file: e.env}}" for number in range(2_000))
    lines = "".join(f"V{number}=$LONG\n" for number in range(15))
    return {"compose.yaml": f"services:\n{services}\n", ".env": f"LONG={'x' * 900_000}\n", "e.env": lines}


def a_value_that_is_filled_in() -> dict[str, str]:
    labels = ", ".join(f"l{number}: $LONG" for number in range(10_000))
    return {"compose.yaml": f"services: {{a: {{image: i, labels: {{{labels}}}}}}}", ".env": f"LONG={'x' * 900_000}\n"}


BOMBS = (
    many_extend_one_large_service,
    many_extend_one_long_text,
    each_extends_the_next,
    each_extends_the_next_file,
    each_includes_the_next_twice,
    each_includes_the_next,
    one_file_over_itself,
    one_env_file_over_and_over,
    an_env_file_that_is_filled_in,
    a_value_that_is_filled_in,
)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__.replace("_", " "))
def test_what_would_grow_without_end_is_refused_soon(bomb: Callable[[], Mapping[str, str]]) -> None:
    files = Files.of({f"shop/{path}": text for path, text in bomb().items()})
    begun = time.process_time()

    with pytest.raises(ManifestError, match=r"more than \d+ ") as refused:
        load(files, "shop", "shop")

    assert time.process_time() - begun < SOON
    assert len(str(refused.value)) < 2_000
