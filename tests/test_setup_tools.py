"""What the set-up promises is there: waiting with a deadline, the real Compose command, locks that name no host."""

import subprocess
from pathlib import Path

import pytest

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent


def test_waiting_returns_the_first_truthy_value() -> None:
    seen = iter([0, "", "there", "later"])

    assert eventually(lambda: next(seen)) == "there"


def test_waiting_ends_with_what_was_seen_last() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not within 0\.05 s: .*; last seen: \[\]"):
        eventually(list, within=0.05)


def test_waiting_goes_on_after_a_failed_assertion() -> None:
    seen = iter([1, 2])

    def two() -> bool:
        assert next(seen) == 2
        return True

    assert eventually(two)


def test_the_real_compose_command_runs(compose_program: Path) -> None:
    said = subprocess.run([compose_program, "version", "--short"], check=True, capture_output=True, text=True).stdout

    assert said.strip() == "2.40.3"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_a_lock_names_no_host_and_every_package_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert "://" not in text
    assert "--index" not in text
    assert text.count("==") <= text.count("--hash=sha256:")


def test_every_script_says_what_it_is_for() -> None:
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and path.suffix == ""]

    for script in [*scripts, ROOT / ".ci" / "run"]:
        first, second, third = script.read_text(encoding="utf-8").splitlines()[:3]
        assert (first, second[:2], third) == ("#!/usr/bin/env bash", "# ", "set -euo pipefail"), script
