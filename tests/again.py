"""What failed is told once more, alone; loaded by `make again` (docs/decisions/0062)."""

from typing import Final

import pytest

AT_MOST: Final = 5
ENDED: Final = "gitopsd/ended"
"""What a whole run ended with, in pytest's cache."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    assert config.cache is not None
    if config.cache.get(ENDED, None) != int(pytest.ExitCode.TESTS_FAILED):
        pytest.exit("the run before did not come to its end, so there is nothing to tell again", 1)
    if len(items) > AT_MOST:
        pytest.exit(f"{len(items)} tests failed, which is no accident; at most {AT_MOST} are told again", 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("passed", ()):
        terminalreporter.write_line(f"passed only the second time, a fault to be found: {report.nodeid}")
