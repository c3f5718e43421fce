"""The API: the command line's JSON over HTTP, errors with a reason, and an OpenAPI document of its own."""

from dataclasses import replace

import pytest

from gitopsd.model.errors import SourceUnavailable
from gitopsd.model.settings import Repository
from tests.controller.house import SETTINGS
from tests.web.conftest import Front

API = "/api/v1"
THERE = f"{API}/environments/shop"


def test_it_answers_what_the_commands_print(front: Front) -> None:
    found = front.here.get(f"{API}/environments").json()
    assert found["daemon"] is True
    assert [each["name"] for each in found["environments"]] == ["shop"]
    assert front.here.get(THERE).json() == found["environments"][0]
    assert front.here.get(f"{THERE}/plan").json()["environments"][0]["changes"][0]["change"] == "unchanged"
    assert front.here.get(f"{THERE}/drift").json()["environments"][0]["items"] == []
    assert [each["id"] for each in front.here.get(f"{THERE}/releases").json()["releases"]] == [1]
    assert front.here.get(f"{API}/releases/1").json()["rollouts"][0]["service"] == "web"
    assert front.here.get(f"{THERE}/rollouts").json()["over"] is True


def test_it_says_to_other_machines_what_an_environment_proves(front: Front) -> None:
    found = front.there.get(f"{THERE}/proof", headers=front.bearer("read")).json()
    (released,) = front.here.get(f"{THERE}/releases").json()["releases"][0]["services"]
    assert (found["release"], found["digests"]) == (1, [released["digest"]])
    assert found["well_for_s"] >= 0
    assert front.there.get(f"{THERE}/proof").status_code == 401


def test_the_plan_of_any_revision(front: Front) -> None:
    answer = front.here.get(f"{THERE}/plan", params={"revision": front.commit})
    assert answer.json()["environments"][0]["revision"] == front.commit


@pytest.mark.parametrize(
    "path", [f"{API}/environments/none", f"{API}/environments/none/proof", f"{API}/releases/99", f"{API}/operations/99"]
)
def test_what_is_not_there_is_404_with_a_reason(front: Front, path: str) -> None:
    answer = front.here.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith("there is no ")


@pytest.mark.parametrize(
    "wanted",
    [{}, {"verb": "explode", "environment": "shop"}, {"verb": "sync", "environment": "shop", "more": 1}, [], "sync"],
)
def test_an_operation_that_is_none_is_422(front: Front, wanted: object) -> None:
    answer = front.there.post(f"{API}/operations", json=wanted, headers=front.bearer("operate"))
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"for_s": NaN}', "for_s has to be a number of seconds"),
        ('{"for_s": 1e999}', "for_s has to be a number of seconds"),
        ('{"for_s": -1}', "for_s has to be a number of seconds"),
        ('{"release": "x"}', "release has to be the number of a release"),
        ('{"reason": "\\ud800"}', "reason has to be a text"),
        ('{"pull": "yes"}', "pull has to be true or false"),
        ('{"loudly": true}', "argument 'loudly' is unknown"),
    ],
)
def test_what_no_pass_could_make_sense_of_is_refused_when_it_is_asked(front: Front, arguments: str, said: str) -> None:
    wanted = f'{{"verb": "suspend", "environment": "shop", "arguments": {arguments}}}'
    headers = {**front.bearer("operate"), "content-type": "application/json"}
    answer = front.there.post(f"{API}/operations", content=wanted, headers=headers)
    assert answer.status_code == 409
    assert said in answer.json()["error"]["message"]
    assert front.house.store.pending() == ()


@pytest.mark.parametrize("path", ["/releases/99999999999999999999", "/environments/shop?said=99999999999999999999"])
def test_a_number_that_no_release_has_is_an_error_of_whoever_asks(front: Front, path: str) -> None:
    assert front.here.get(path).status_code == 422


def test_the_document_needs_nothing_from_elsewhere_and_every_path_says_what_it_is(front: Front) -> None:
    document = front.here.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods.values():
            assert method.get("summary"), path
    assert front.here.get("/docs").status_code == 404


def test_every_answer_in_json_has_an_example(front: Front) -> None:
    document = front.here.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for name, method in methods.items():
            if path.startswith(API) and path != f"{API}/events/stream":
                told = method["responses"]["202" if path == f"{API}/operations" and name == "post" else "200"]
                assert told["content"]["application/json"].get("example"), path


def test_health_and_readiness_are_two_questions(front: Front) -> None:
    assert front.there.get("/healthz").json() == {"status": "ok"}
    assert front.there.get("/readyz").json() == {"ready": True, "missing": {}, "acts": True}


def test_an_engine_that_does_not_answer_is_what_is_not_ready(own: Front) -> None:
    own.house.engine().away = True
    own.house.timer.tick(60)
    own.house.eventually(lambda: own.house.store.statuses()[0].health == "Unknown")

    answer = own.there.get("/readyz")

    assert (answer.status_code, answer.json()["missing"]) == (503, {"engine": "does not answer"})


def test_a_repository_that_has_not_answered_yet_is_named_as_not_ready(own: Front) -> None:
    more = Repository("infra", "https://git.example.com/infra.git")
    own.house.source("infra").failure = SourceUnavailable("no answer")
    own.house.edit(replace(SETTINGS, repositories={**SETTINGS.repositories, "infra": more}))

    answer = own.there.get("/readyz")

    assert (answer.status_code, answer.json()["missing"]) == (503, {"repository infra": "has not answered yet"})
