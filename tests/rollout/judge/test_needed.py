"""Traffic that is too low to judge by is told before the step begins, with what would help."""

from datetime import timedelta

import pytest

from gitopsd.model.analysis import GUARD, Analysis, Metric, Synthetic
from gitopsd.rollout.judge import needed

TWO_MINUTES = timedelta(minutes=2)


def test_too_little_traffic_is_told_with_what_would_help() -> None:
    assert needed(Analysis(GUARD), 1, 500, TWO_MINUTES) == (
        "5 % of 1 requests/s for 2m are 6 on the canary, and error-rate needs 50: make the step at least 16m40s long, "
        "write analysis.synthetic, or write a smaller min_samples"
    )


def test_without_any_traffic_a_longer_step_would_not_help() -> None:
    assert needed(Analysis(GUARD), 0, 2_000, TWO_MINUTES) == (
        "20 % of 0 requests/s for 2m are 0 on the canary, and error-rate needs 50: "
        "send it requests, write analysis.synthetic, or write a smaller min_samples"
    )


@pytest.mark.parametrize(("rps", "share"), [(10, 500), (1, 5_000), (200, 500)])
def test_enough_traffic_is_not_mentioned(rps: float, share: int) -> None:
    assert needed(Analysis(GUARD), rps, share, TWO_MINUTES) == ""


def test_what_counts_no_requests_needs_none() -> None:
    assert needed(Analysis((Metric("memory", "engine", max=0.9),)), 0, 500, TWO_MINUTES) == ""


def test_synthetic_requests_count_and_may_be_too_few_themselves() -> None:
    few, enough = (Analysis(GUARD, Synthetic("/", rate)) for rate in (0.25, 1.0))

    assert needed(enough, 0, 0, TWO_MINUTES) == ""
    assert needed(few, 0, 500, TWO_MINUTES) == (
        "5 % of 0 requests/s and 0.25 synthetic/s for 2m are 30 on the canary, and error-rate needs 50: "
        "make the step at least 3m20s long, raise the rate of synthetic, or write a smaller min_samples"
    )
