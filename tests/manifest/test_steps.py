"""`x-gitopsd.steps` read: what it stands for, and what is refused with place and mend."""

from datetime import timedelta

import pytest

from gitopsd.manifest.node import Problems
from gitopsd.manifest.steps import steps, steps_of
from gitopsd.manifest.yaml import parse
from gitopsd.model.strategy import (
    Analyse,
    Approve,
    HeaderRoute,
    Pause,
    SetCanaryScale,
    SetWeight,
    Step,
    default_steps,
)

MINUTE = timedelta(minutes=1)
STEPS = "set_weight, pause, analysis, approval, set_canary_scale, set_header_route"


def said(written: str) -> list[str]:
    problems = Problems()
    steps(parse("compose.yaml", written.encode()), "web.steps", problems)
    return [str(each) for each in problems.found]


def read(written: str) -> tuple[Step, ...]:
    problems = Problems()
    found = steps_of(steps(parse("compose.yaml", written.encode()), "web.steps", problems))
    assert problems.found == []
    return found


def test_the_design_s_example_is_read() -> None:
    found = read(
        """
        - {set_weight: 10}
        - {pause: {duration: 2m}}
        - {analysis: {duration: 3m}}
        - {approval: {}}
        - {set_weight: 50}
        """
    )

    assert found == (SetWeight(1_000), Pause(2 * MINUTE), Analyse(3 * MINUTE), Approve(), SetWeight(5_000))


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ("set_weight: 0.5", SetWeight(50)),
        ("set_weight: 5%", SetWeight(500)),
        ("set_weight: 33.33", SetWeight(3_333)),
        ("set_weight: 100", SetWeight(10_000)),
        ("pause: {}", Pause()),
        ("pause:", Pause()),
        ("approval:", Approve()),
        ("set_canary_scale: {replicas: 3}", SetCanaryScale(replicas=3)),
        ("set_canary_scale: {percent: 50}", SetCanaryScale(percent=50)),
        ("set_canary_scale: {match: true}", SetCanaryScale()),
        ("set_header_route: {header: X-Canary, value: '1'}", HeaderRoute("X-Canary", "1")),
        ("set_header_route: {cookie: canary}", HeaderRoute("canary", by="cookie")),
        ("set_header_route: {}", HeaderRoute("")),
        ("set_header_route:", HeaderRoute("")),
    ],
)
def test_each_kind_of_step_is_read(written: str, step: Step) -> None:
    assert read(f"- {written}") == (step,)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("[]", "web.steps: expected a list of steps, such as [{set_weight: 10}, {pause: {duration: 2m}}], got a list"),
        ("[pause]", f"web.steps[0]: expected one step, a mapping with one of the keys {STEPS}, got 'pause'"),
        (
            "[{set_weight: 5, pause: {}}]",
            f"web.steps[0]: expected one step, a mapping with one of the keys {STEPS}, got a mapping",
        ),
        ("[{setWeight: 5}]", "web.steps[0].setWeight: unknown key; did you mean set_weight?"),
        (
            "[{set_weight: 101}]",
            "web.steps[0].set_weight: expected a percentage of the traffic from 0 to 100, got 101",
        ),
        (
            "[{set_weight: 0.001}]",
            "web.steps[0].set_weight: expected a percentage of the traffic from 0 to 100, got 0.001",
        ),
        (
            "[{set_weight: 50}, {pause: {}}, {set_weight: 20}]",
            "web.steps[2].set_weight: is less than the one before it; "
            "a share only grows, and goes back by itself on failure",
        ),
        ("[{pause: {duration: 0s}}]", "web.steps[0].pause.duration: expected at least 1s, got 0s"),
        (
            "[{pause: {until: friday}}]",
            "web.steps[0].pause.until: unknown key; remove it, or prefix it with x- to keep it as a note",
        ),
        (
            "[{analysis: {}}]",
            "web.steps[0].analysis: has no duration; write how long to judge at least, such as {duration: 3m}",
        ),
        (
            "[{set_canary_scale: {}}]",
            "web.steps[0].set_canary_scale: expected one of replicas, percent or match: true; write exactly one",
        ),
        (
            "[{set_canary_scale: {replicas: 1, percent: 5}}]",
            "web.steps[0].set_canary_scale: expected one of replicas, percent or match: true; write exactly one",
        ),
        (
            "[{set_canary_scale: {match: false}}]",
            "web.steps[0].set_canary_scale: match: false says nothing; write replicas or percent",
        ),
        (
            "[{set_header_route: {header: a, cookie: b}}]",
            "web.steps[0].set_header_route: names a header and a cookie; write one of the two",
        ),
        (
            "[{set_header_route: {value: b}}]",
            "web.steps[0].set_header_route: names no header or cookie that has this value; write header: NAME",
        ),
        (
            "[{set_header_route: {header: a b}}]",
            "web.steps[0].set_header_route.header: expected the name of a header or cookie, got 'a b'",
        ),
    ],
)
def test_what_is_wrong_with_a_step_is_told_with_its_mend(written: str, problem: str) -> None:
    assert problem in [each.partition(" ")[2] for each in said(written)]


def test_canary_alone_has_steps_that_pass_with_time_or_by_what_is_measured() -> None:
    shares = [each for each in default_steps(analysed=True) if isinstance(each, SetWeight)]

    assert shares == [SetWeight(500), SetWeight(2_000), SetWeight(5_000)]
    assert default_steps(analysed=True)[1::2] == (Analyse(2 * MINUTE), Analyse(3 * MINUTE), Analyse(3 * MINUTE))
    assert default_steps(analysed=False)[1::2] == (Pause(2 * MINUTE), Pause(3 * MINUTE), Pause(3 * MINUTE))


@pytest.mark.parametrize("junk", ["{}", "null", "[[]]", "[null]", "[{}]", "[{pause: [1]}]", "[{set_weight: {}}]"])
def test_junk_is_refused_and_breaks_nothing(junk: str) -> None:
    problems = Problems()

    steps_of(steps(parse("compose.yaml", junk.encode()), "web.steps", problems))

    assert problems.found
