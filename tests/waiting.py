"""Waits for a condition with a deadline, so that no test sleeps for a guessed time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

Seen = TypeVar("Seen")


def eventually(check: Callable[[], Seen], within: float = 30.0, every: float = 0.02) -> Seen:
    """Returns the first truthy value of `check`; after `within` seconds fails with what it saw last.

    An `AssertionError` in `check` means "not yet"; any other exception is a failure at once.
    """
    deadline = time.monotonic() + within
    while True:
        last: object
        try:
            seen = check()
            if seen:
                return seen
            last = seen
        except AssertionError as not_yet:
            last = not_yet
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within} s: {describe(check)}; last seen: {last!r}")
        time.sleep(every)


def describe(check: Callable[[], object]) -> str:
    """Names the condition: its function, or for a lambda the line it is written in."""
    code = getattr(check, "__code__", None)
    name = getattr(check, "__qualname__", repr(check))
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name


@contextmanager
def meanwhile(work: Callable[[], object], every: float = 0.02) -> Iterator[None]:
    """Does something over and over beside the test."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(every):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
