"""How the environments of many gitopsd stand: all are asked at once, and one that is silent delays nobody."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from queue import Empty, SimpleQueue
from typing import Any

from gitopsd.controller import answers
from gitopsd.controller.outcome import DEGRADED, ERROR, FINE, exit_code
from gitopsd.controller.queries.status import StatusReport
from gitopsd.controller.server_port import Member
from gitopsd.model.errors import GitopsdError

AT_ONCE = 32
SLACK_S = 1.0  # beyond the time that an answer may take, for what is no waiting


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server answered, as it came and as it reads; else why there is no answer."""

    member: Member
    error: str = ""
    body: Mapping[str, Any] | None = None
    report: StatusReport | None = None


def ask_all(members: Sequence[Member], timeout_s: float) -> tuple[Answered, ...]:
    """In the order in which they are named. What a server sends so slowly that it never ends is not waited for."""
    waiting: SimpleQueue[int] = SimpleQueue()
    answers_of: list[Future[Answered]] = [Future() for _ in members]
    for number in range(len(members)):
        waiting.put(number)

    def work() -> None:
        with suppress(Empty):
            while True:
                number = waiting.get_nowait()
                answers_of[number].set_result(_ask(members[number]))

    for _ in range(min(AT_ONCE, len(members))):
        threading.Thread(target=work, name="fleet", daemon=True).start()  # no end of the process waits for these
    wait(answers_of, ceil(len(members) / AT_ONCE) * timeout_s + SLACK_S)
    silent = f"did not answer within {timeout_s:g} s"
    return tuple(
        found.result() if found.done() else Answered(member, silent)
        for member, found in zip(members, answers_of, strict=True)
    )


def exit_code_of(found: Sequence[Answered]) -> int:
    """1: one did not answer, or could not load or reach something. 3: something is degraded or rejected."""
    codes = {
        ERROR
        if each.report is None
        else exit_code(
            each.report.environments,
            [status.name for status in each.report.environments],
            failed=bool(each.report.problems),
        )
        for each in found
    }
    return next((code for code in (ERROR, DEGRADED) if code in codes), FINE)


def _ask(member: Member) -> Answered:
    try:
        body = member.connect().get("/environments")
        return Answered(member, "", body, answers.status_report(body))
    except GitopsdError as error:
        return Answered(member, str(error))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return Answered(member, f"its answer cannot be read ({error!r}); it may be of another version")
