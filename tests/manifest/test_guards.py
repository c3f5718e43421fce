"""Guards that are not written as they should be: told with place and mend, and never passed over."""

import pytest

from gitopsd.model.desired import DesiredState
from gitopsd.model.errors import ManifestError
from tests.manifest.compose_builders import a_state

FILE = "x-gitopsd: {{{guard}}}\nservices: {{web: {{image: 'web:1'}}}}\n"
OFFICE = 'allow: "0 8 * * mon-fri", duration: 10h'


@pytest.mark.parametrize(
    ("guard", "told"),
    [
        (
            f"windows: [{{{OFFICE}, timezone: ''}}]",
            "timezone: expected an IANA time zone such as Europe/Berlin, got ''",
        ),
        (f"windows: [{{{OFFICE}, timezone: CEST}}]", "timezone: expected an IANA time zone such as Europe/Berlin, got"),
        ("windows: [{allow: '', duration: 10h}]", "allow: '' has 0 fields and not 5; write minute, hour"),
        ("windows: [{deny: '${UNSET:-}', duration: 10h}]", "deny: '' has 0 fields and not 5"),
        ("windows: [{deny: '@daily', duration: 10h}]", "deny: '@daily' has 1 fields and not 5"),
        ("requires: {environment: ''}", "environment: expected an environment's name, got ''"),
        ("requires: {healthy_for: 30m}", "requires: names no environment"),
        ("rate_limit: {}", "rate_limit: expected a mapping such as {releases_per_hour: 6}, got an empty one"),
        ("circuit_breaker: {}", "circuit_breaker: expected a mapping such as {failures: 3}, got an empty one"),
        ("release_timeout: 10s", "release_timeout: expected at least 1m, got '10s'; no release would end in less"),
        ("approval: {timeout: 1s}", "approval.timeout: expected at least 1m, got '1s'; nobody could answer in less"),
    ],
)
def test_a_guard_that_means_nothing_is_refused_with_its_place(guard: str, told: str) -> None:
    with pytest.raises(ManifestError) as error:
        guarded(guard)
    assert told in str(error.value)
    assert "shop/compose.yaml:1:" in str(error.value)


def test_an_approval_needs_no_more_than_its_name() -> None:
    assert guarded("approval: {}").policy.guards.approval is not None


def guarded(guard: str) -> DesiredState:
    return a_state(FILE.format(guard=guard))
