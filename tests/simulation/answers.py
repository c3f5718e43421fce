"""What an answer to a host that waits for canaries costs a daemon, over real sockets and from a store on disk."""

import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from gitopsd.adapters.store.sqlite import open_store
from tests.bench.paging import fill, served

QUESTIONS = 300
_PATH = "/api/v1/environments/env-07/proof"


def answer_s() -> float:
    """Seconds of one core for each answer, without what asking takes. Each question comes over a connection of its own,
    as each host's does.
    """
    with tempfile.TemporaryDirectory(prefix="gitopsd-") as directory:
        store = open_store(Path(directory))
        try:
            fill(store)
            with served(store) as port:
                asked(port)  # the first one warms what is kept
                all_of_it, mine = time.process_time(), time.thread_time()
                for _ in range(QUESTIONS):
                    asked(port)
                return (time.process_time() - all_of_it - (time.thread_time() - mine)) / QUESTIONS
        finally:
            store.close()


def asked(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", _PATH)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
