"""Asking over a network what answers in odd ways: it takes no longer than its time, whatever comes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from gitopsd.adapters.asking import ask
from gitopsd.model.health import Answer, Fail, HttpCheck, Pass

TIMEOUT = timedelta(seconds=1)


@contextmanager
def answering(*parts: bytes, every: float = 0.0) -> Iterator[int]:
    """A server that sends these to whoever asks first, one after the other; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            wire, _ = server.accept()
            with wire:
                wire.recv(4096)
                for part in parts:
                    try:
                        wire.sendall(part)
                    except OSError:
                        return
                    over.wait(every)

        over = threading.Event()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join(5)


def answer_to(*parts: bytes, every: float = 0.0) -> tuple[Answer, float]:
    with answering(*parts, every=every) as port:
        begun = time.monotonic()
        answer = ask("127.0.0.1", HttpCheck(port), TIMEOUT)
        return answer, time.monotonic() - begun


def test_one_that_sends_a_byte_now_and_then_gets_no_more_time_than_one_that_is_silent() -> None:
    answer, took = answer_to(*([b"H", *(b"x" for _ in range(100))]), every=0.1)

    assert isinstance(answer, Fail)
    assert answer.reason.endswith("did not answer within 1 s")
    assert took < 8


def test_an_endless_answer_is_read_no_further_than_is_needed() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"

    answer, _ = answer_to(head, *(bytes(1 << 16) for _ in range(64)))

    assert answer == Pass()


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_does_not_speak_http_fails(said: bytes) -> None:
    answer, _ = answer_to(said)

    assert isinstance(answer, Fail)
    assert "does not speak HTTP" in answer.reason


def test_a_chunked_answer_is_put_together() -> None:
    parts = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nrea\r\n", b"2\r\ndy\r\n", b"0\r\n\r\n")

    with answering(*parts) as port:
        assert ask("127.0.0.1", HttpCheck(port, body="^ready$"), TIMEOUT) == Pass()
