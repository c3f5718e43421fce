"""What every source of metrics does: the same tests over a fake, Debian's Prometheus, and a server of JSON."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gitopsd.adapters.metrics.sources import Sources
from gitopsd.controller.metrics_port import Metrics
from gitopsd.model.analysis import Metric, NoData, Number, Source, Trouble
from gitopsd.model.settings import PrometheusSettings
from tests.apps import free_port
from tests.fakes.metrics import FakeMetrics
from tests.prometheus import prometheus
from tests.waiting import eventually

NEW = {"fingerprint": "v2:new", "slot": "b", "service": "web", "environment": "shop"}
OLD = {**NEW, "fingerprint": "v2:old", "slot": "a"}
SERIES = """# TYPE ok gauge
ok{fingerprint="v2:new",slot="b",service="web",environment="shop"} 0.25
ok{fingerprint="v2:old",slot="a",service="web",environment="shop"} 0.5
"""
PROMQL = {
    "value": 'ok{fingerprint="$fingerprint", slot="${slot}", service="$service", environment="$environment"}',
    "empty": 'ok{fingerprint="$fingerprint.x"}',
    "nan": 'ok{slot="$slot"} * 0 / (ok{slot="$slot"} * 0)',
    "error": "sum(",
    "type": "ok[1m]",
    "several": "ok",
}
ANSWERS = {
    "/value/v2%3Anew/b": (200, b'{"data": [{"value": 0.25}]}'),
    "/value/v2%3Aold/a": (200, b'{"data": [{"value": "0.5"}]}'),
    "/empty": (200, b'{"data": []}'),
    "/nan": (200, b'{"data": [{"value": NaN}]}'),
    "/error": (500, b'{"data": [{"value": 1}]}'),
    "/type": (200, b'{"data": [{"value": true}]}'),
    "/several": (200, b'{"data": [{"value": [1, 2]}]}'),
    "/page": (200, b"<html>1</html>"),
    "/away": (302, b""),
    "/metrics": (200, SERIES.encode()),
}


@dataclass(frozen=True)
class Ground:
    """`queries` are by what they give; `hang` has the source answer nothing until the test is over."""

    metrics: Metrics
    source: Source
    queries: Mapping[str, str]
    hang: Callable[[], None]
    path: str = ""

    def metric(self, case: str) -> Metric:
        return Metric("ok", self.source, self.queries[case], self.path, min=1)


class Answering(BaseHTTPRequestHandler):
    hangs = threading.Event()  # set: nobody is answered
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.hangs.is_set():
            eventually(lambda: not self.hangs.is_set())
        status, body = ANSWERS.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "/value/v2%3Anew/b")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            Answering.hangs.clear()
            server.shutdown()


def fake() -> Ground:
    metrics = FakeMetrics()
    queries = {case: f"{case} $fingerprint" for case in PROMQL}
    wrong = Trouble("it cannot be read")
    metrics.says = {f"{case} v2:new": wrong for case in ("error", "type", "several")}
    metrics.says |= {
        "value v2:new": Number(0.25),
        "value v2:old": Number(0.5),
        "nan v2:new": NoData("the answer is nan"),
    }

    def hang() -> None:
        metrics.says["value v2:new"] = Trouble("no answer within 1 s")

    return Ground(metrics, "prometheus", queries, hang)


@pytest.fixture(params=["fake", "prometheus", "http"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    if request.param == "fake":
        yield fake()
        return
    with serving() as port:
        if request.param == "http":
            url = f"http://127.0.0.1:{port}"
            queries = {case: f"{url}/{case}" for case in PROMQL} | {"value": f"{url}/value/$fingerprint/${{slot}}"}
            yield Ground(Sources(lambda: None, 2), "http", queries, Answering.hangs.set, "data[0].value")
            return
        with prometheus(tmp_path, port) as served:
            metrics = Sources(lambda: PrometheusSettings(served.url), 2)
            ground = Ground(metrics, "prometheus", PROMQL, served.hang)
            eventually(lambda: isinstance(metrics.read(ground.metric("value"), OLD), Number))
            yield ground


def test_a_value_is_read_for_each_side(ground: Ground) -> None:
    assert ground.metrics.read(ground.metric("value"), NEW) == Number(0.25)
    assert ground.metrics.read(ground.metric("value"), OLD) == Number(0.5)


def test_nothing_and_no_number_are_no_data_and_what_cannot_be_read_is_trouble(ground: Ground) -> None:
    found = {case: type(ground.metrics.read(ground.metric(case), NEW)) for case in PROMQL if case != "value"}

    assert found == {"empty": NoData, "nan": NoData, "error": Trouble, "type": Trouble, "several": Trouble}


def test_who_does_not_answer_is_trouble_after_a_while(ground: Ground) -> None:
    ground.hang()

    found = ground.metrics.read(ground.metric("value"), NEW)

    assert isinstance(found, Trouble)
    assert "no answer within" in found.reason


def test_prometheus_says_itself_what_is_wrong_with_a_query(tmp_path: Path) -> None:
    with serving() as port, prometheus(tmp_path, port) as served:
        metrics = Sources(lambda: PrometheusSettings(served.url))

        def said() -> str:
            found = metrics.read(Metric("ok", "prometheus", "sum(", min=1), NEW)
            assert isinstance(found, Trouble)
            return found.reason

        eventually(lambda: "bad_data" in said())
        assert said().startswith("Prometheus says bad_data: ")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/page", "127.0.0.1:PORT answers with something that is not JSON"),
        ("/away", "127.0.0.1:PORT answers with status 302"),
        ("/nowhere", "127.0.0.1:PORT answers with status 404"),
    ],
)
def test_what_is_no_answer_in_json_is_told_as_that(path: str, reason: str) -> None:
    with serving() as port:
        metric = Metric("ok", "http", f"http://127.0.0.1:{port}{path}", min=1)

        found = Sources(lambda: None).read(metric, NEW)

    assert found == Trouble(reason.replace("PORT", str(port)))


def test_a_prometheus_that_is_not_there_and_one_that_nobody_named_are_trouble() -> None:
    metric = Metric("ok", "prometheus", "ok", min=1)
    away = PrometheusSettings(f"http://127.0.0.1:{free_port()}")

    assert Sources(lambda: away).read(metric, NEW) == Trouble("Prometheus: it cannot be asked: Connection refused")
    assert Sources(lambda: None).read(metric, NEW) == Trouble(
        "gitopsd.yaml names no Prometheus; write metrics: {prometheus: {url: ...}}"
    )


def test_what_the_settings_lack_is_told_before_anybody_asks() -> None:
    there = PrometheusSettings("http://127.0.0.1:1")
    by_query, by_url = Metric("ok", "prometheus", "ok", min=1), Metric("ok", "http", "http://shop/ok", min=1)

    assert "names no Prometheus" in Sources(lambda: None).lacks(by_query)
    assert not Sources(lambda: there).lacks(by_query)
    assert not Sources(lambda: None).lacks(by_url)


def test_a_token_that_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    settings = PrometheusSettings("http://127.0.0.1:1", tmp_path / "token")

    found = Sources(lambda: settings).read(Metric("ok", "prometheus", "ok", min=1), NEW)

    assert found == Trouble(f"{tmp_path}/token cannot be read, which metrics.prometheus.token_file names")
