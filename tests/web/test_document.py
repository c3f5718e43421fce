"""Whatever the OpenAPI document lets somebody ask is answered, and never by a server error."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from tests.web.conftest import Front

ENDLESS = "/api/v1/events/stream"  # tests/web/test_server.py follows it
REAL = {"name": "shop", "number": 1, "a": "1", "b": "1", "revision": "main", "environment": "shop"}
FEW, MANY = 5, 100


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
def test_nothing_that_the_document_allows_is_a_server_error(front: Front, examples: int) -> None:
    headers = front.bearer("admin")
    for path, operation in _operations(front):
        wrong = _wrong(front, operation, headers, examples)
        assert not wrong, (path, wrong)


def _operations(front):
    document = front.here.get("/openapi.json").json()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok), found
        if found.ok().path != ENDLESS:
            yield found.ok().path, found.ok()


def _wrong(front: Front, operation, headers: dict[str, str], examples: int) -> list[object]:
    """What was answered badly, with what was asked."""
    wrong: list[object] = []

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(), st.data())
    def ask(case, data) -> None:
        _with_what_there_is(case, data)
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
        sent["headers"] = {**dict(sent.pop("headers", {})), **headers}
        sent.pop("cookies", None)  # none of the questions has one
        answer = front.there.request(**sent)
        if answer.status_code >= 500:
            wrong.append((answer.status_code, answer.text, sent))

    ask()
    return wrong


def _with_what_there_is(case, data) -> None:
    """Half of the questions are about the environment and the release that there are, which chance would never hit."""
    for given_by in (case.path_parameters, case.query, case.body):
        if isinstance(given_by, dict) or hasattr(given_by, "keys"):
            for name in REAL.keys() & given_by.keys():
                if data.draw(st.booleans()):
                    given_by[name] = REAL[name]
