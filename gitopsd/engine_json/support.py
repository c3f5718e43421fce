"""The support table: on which kinds of engine gitopsd works how far. An engine is in one row of age and in others."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from gitopsd.engine_json.lowest_api import LOWEST_API
from gitopsd.model.live import EngineFacts

Verdict = Literal["works", "partly", "not"]
LOWEST: Final = (1, 41)
HIGHEST: Final = (1, 52)  # the newest API whose history was read


@dataclass(frozen=True, slots=True)
class Row:
    """`proof` says how this is known. `lacks` is what does not work, or works otherwise; "" for nothing.

    `age` is the lowest API of a row of age: what it lacks begins with the keys that need a higher one.
    """

    name: str
    verdict: Verdict
    proof: str
    lacks: str
    applies: Callable[[EngineFacts], bool]
    age: tuple[int, int] | None = None


def support(facts: EngineFacts) -> tuple[Row, ...]:
    """The rows that an engine is in, in the order of the table, with what this very engine lacks."""
    return tuple(_told(row, facts.api) for row in TABLE if row.applies(facts))


def table() -> tuple[Row, ...]:
    """The whole table, for people; a row of age says what its oldest engine lacks."""
    return tuple(row if row.age is None else _told(row, row.age) for row in TABLE)


def newer_keys(above: tuple[int, int]) -> str:
    """The Compose keys that an engine of this API refuses, each with the API that it needs."""
    newer = [(api, key) for key, api in LOWEST_API.items() if api > above]
    return ", ".join(f"{key} ({api[0]}.{api[1]})" for api, key in sorted(newer))


def _told(row: Row, api: tuple[int, int]) -> Row:
    keys = newer_keys(api) if row.age is not None else ""
    words = (f"keys that need a newer API fail the plan: {keys}" if keys else "", row.lacks)
    return replace(row, lacks="; ".join(part for part in words if part))


def _docker(lowest: tuple[int, int], highest: tuple[int, int]) -> Callable[[EngineFacts], bool]:
    return lambda facts: facts.product != "Podman" and not facts.windows and lowest <= facts.api <= highest


TABLE: Final[tuple[Row, ...]] = (
    Row(
        "Docker before 20.10 (API below 1.41)",
        "not",
        "refused by `doctor`",
        "upgrade Docker to 20.10 or newer",
        lambda facts: facts.api < LOWEST,
    ),
    Row(
        "Docker 20.10 (API 1.41)",
        "works",
        "every test",
        "a file under `read_only` is mounted by its path on the engine's host; networks after the first are joined "
        "between creation and start",
        _docker(LOWEST, (1, 41)),
        age=LOWEST,
    ),
    Row(
        "Docker 23 to 25 (API 1.42 to 1.44)",
        "works",
        "what it is asked for, byte by byte; run on its neighbours",
        "",
        _docker((1, 42), (1, 44)),
        age=(1, 42),
    ),
    Row(
        "Docker 26 to 29 (API 1.45 to 1.52)",
        "works",
        "engine tests on 26.1 and 28.5; 27 and 29 by the history of their API",
        "",
        _docker((1, 45), HIGHEST),
        age=(1, 45),
    ),
    Row(
        "a newer Docker (API above 1.52)",
        "partly",
        "unknown to this version",
        "what has changed in its API since is not known here",
        _docker((1, 53), (9, 999)),
    ),
    Row(
        "Docker Desktop",
        "partly",
        "by its documentation",
        "containers have addresses inside its virtual machine, which this host does not reach; published ports do; "
        "only directories that are shared with it can be host data",
        lambda facts: facts.product == "Docker Desktop",
    ),
    Row(
        "Podman, by its Docker API",
        "partly",
        "the engine contract by hand on 5.4",
        "health checks need systemd on its host, else they stay `starting`; a changed CPU limit is ignored in place, "
        "which is told; it speaks API 1.41, with the keys of that",
        lambda facts: facts.product == "Podman",
    ),
    Row(
        "Windows containers",
        "not",
        "none",
        "switch the engine to Linux containers",
        lambda facts: facts.windows,
    ),
    Row(
        "rootless",
        "works",
        "engine tests by hand on 26.1",
        "limits and pausing need cgroup v2 with delegation; `network_mode: host` and ports below 1024 are those of its "
        "own namespace; host data must belong to its user",
        lambda facts: facts.rootless,
    ),
    Row(
        "cgroup v1",
        "works",
        "every test",
        "",
        lambda facts: facts.cgroup == 1,
    ),
    Row(
        "cgroup v2",
        "works",
        "by the Engine's documentation",
        "`oom_kill_disable`, `mem_swappiness` and real-time CPU limits do not exist in it",
        lambda facts: facts.cgroup == 2,
    ),
    Row(
        "some limits missing",
        "partly",
        "engine tests by hand",
        "a limit that the engine cannot set does not hold; an update of it fails or is told as not enforceable",
        lambda facts: bool(facts.unlimited),
    ),
    Row(
        "images in containerd's store",
        "works",
        "engine tests on 26.1 and 28.5",
        "before 28 an image is gone when its tag moves on: a repair pulls it by its digest",
        lambda facts: facts.containerd_images,
    ),
    Row(
        "arm64",
        "works",
        "nothing in gitopsd depends on it",
        "an image without a variant for it is rejected before anything is stopped",
        lambda facts: facts.architecture in ("arm64", "aarch64"),
    ),
)
