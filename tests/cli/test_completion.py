"""What shells read to complete commands, and what they are answered then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shop import Shop

UNTIL = ("requests", "duration", "latency_p95")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_gitopsd_itself(tmp_path: Path, shell: str) -> None:
    shop = Shop(tmp_path / "state")

    assert f"_GITOPSD_COMPLETE={shell}_complete" in shop.text("completion", shell)
    assert shop.json("completion", shell) == {"shell": shell, "script": shop.text("completion", shell)}


@pytest.mark.parametrize(
    ("typed", "number", "offered"),
    [
        ("gitopsd roll", 1, {"rollback", "rollout"}),
        ("gitopsd rollout pa", 2, {"pause"}),
        ("gitopsd volumes --or", 2, {"--orphaned"}),
        ("gitopsd schema se", 2, {"settings", "servers"}),
        ("gitopsd explain pre_warm.un", 2, {"pre_warm.until", *(f"pre_warm.until.{key}" for key in UNTIL)}),
    ],
)
def test_commands_and_options_are_offered_for_what_was_typed(typed: str, number: int, offered: set[str]) -> None:
    words = {"_GITOPSD_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(number)}
    program = [sys.executable, "-m", "gitopsd"]

    done = subprocess.run(program, env={**os.environ, **words}, capture_output=True, text=True, check=False, timeout=60)

    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered
