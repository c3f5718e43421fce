"""What asking an instance tells: over the fake, from this process, and from a container in the instance's network."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import docker
import pytest

from gitopsd.adapters.docker.probing import DockerProbe
from gitopsd.controller.ports import Probe
from gitopsd.engine_json.labels import PROBE
from gitopsd.model.analysis import Number, Trouble
from gitopsd.model.health import Fail, HttpCheck, Pass, Subject, TcpCheck, Unknown
from gitopsd.model.settings import TargetEngine
from tests.conftest import gone_is_fine
from tests.fakes.probe import CLOSED, FakeProbe, Page
from tests.images import Images

SECOND = timedelta(seconds=1)
PATIENT = timedelta(seconds=20)
MILLISECONDS_500 = timedelta(milliseconds=500)
CGI = "#!/bin/sh\n{before}\nprintf 'Status: {status}\\r\\nContent-Type: text/plain\\r\\n\\r\\n{says}\\n'\n"
FILES = {
    "/www/index.html": "ready: version 2\n",
    "/www/cgi-bin/busy": CGI.format(before="", status=503, says="warming up"),
    "/www/cgi-bin/slow": CGI.format(before="sleep 0.7", status=200, says="at last"),
    "/www/cgi-bin/silent": CGI.format(before="sleep 3", status=200, says="too late"),
}
FETCHED = "until wget -qO- 127.0.0.1:8080 2>/dev/null; do sleep 0.2; done"  # it may still be starting
SERVER = 'CMD ["sh", "-c", "nc -l -p 9000 -e sleep 60 & exec httpd -f -p 8080 -h /www"]'


@dataclass(frozen=True)
class Ground:
    """Somebody to ask: a page on port 8080, a port 9000 that accepts and says nothing, and nothing on port 7000."""

    probe: Probe
    subject: Subject


@pytest.fixture(scope="module")
def server(docker_api: docker.APIClient, images: Images) -> Iterator[Subject]:
    tag = images.busybox("gitopsd-test-asked:1", FILES, [SERVER])
    made = docker_api.create_container(tag, name="gitopsd-test-asked")
    try:
        docker_api.start(made["Id"])
        shown = docker_api.inspect_container(made["Id"])
        yield Subject(made["Id"], shown["NetworkSettings"]["IPAddress"])
    finally:
        docker_api.remove_container(made["Id"], force=True)


def fake_ground() -> Ground:
    probe = FakeProbe()
    probe.pages = {
        ("web", "http :8080/"): Page(200, "ready: version 2\n"),
        ("web", "http :8080/none"): Page(404, "404 Not Found"),
        ("web", "http :8080/cgi-bin/busy"): Page(503, "warming up"),
        ("web", "http :8080/cgi-bin/slow"): Page(200, "at last", seconds=0.7),
        ("web", "http :8080/cgi-bin/silent"): Page(200, "too late", seconds=5),
        ("web", "http :7000/"): CLOSED,
        ("web", "tcp :7000"): CLOSED,
    }
    probe.jobs = {
        f"sh -c {FETCHED}": (0, "ready: version 2", 0.0),
        "sh -c echo broken; exit 3": (3, "broken", 0.0),
        "sleep 60": (0, "", 60.0),
    }
    return Ground(probe, Subject("web", "172.17.0.2"))


@pytest.fixture(
    params=["fake", pytest.param("near", marks=pytest.mark.engine), pytest.param("within", marks=pytest.mark.engine)]
)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """`near`: this process has the way to it. `within`: it has not, as the engine's host is another one."""
    if request.param == "fake":
        yield fake_ground()
        return
    engine, subject = TargetEngine(request.getfixturevalue("engine_url")), request.getfixturevalue("server")
    image = "gitopsd-test-asked:1" if request.param == "within" else ""
    subject = Subject(subject.container, "") if request.param == "within" else subject
    probe = DockerProbe(engine, lambda: image)
    yield Ground(probe, subject)
    probe.close()


def test_a_page_that_answers_well_passes(ground: Ground) -> None:
    assert ground.probe.probe(ground.subject, HttpCheck(8080, body="version [0-9]"), PATIENT) == Pass()


def test_an_open_port_passes(ground: Ground) -> None:
    assert ground.probe.probe(ground.subject, TcpCheck(8080), PATIENT) == Pass()


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (HttpCheck(8080, "/cgi-bin/busy"), "http :8080/cgi-bin/busy answered 503 (warming up), wanted 200-399"),
        (
            HttpCheck(8080, body="version 3"),
            "http :8080/ answered 200 (ready: version 2), which does not match 'version 3'",
        ),
        (HttpCheck(8080, "/cgi-bin/silent"), "http :8080/cgi-bin/silent did not answer within 1 s"),
        (HttpCheck(7000), "http :7000/: connection refused"),
        (TcpCheck(7000), "tcp :7000: connection refused"),
    ],
    ids=str,
)
def test_any_other_answer_fails_and_says_what_was_answered(
    ground: Ground, check: HttpCheck | TcpCheck, reason: str
) -> None:
    patience = SECOND if "within 1 s" in reason else PATIENT

    assert ground.probe.probe(ground.subject, check, patience) == Fail(reason)


def test_an_answer_that_takes_longer_than_its_latency_fails(ground: Ground) -> None:
    check = HttpCheck(8080, "/cgi-bin/slow", latency=MILLISECONDS_500)

    answer = ground.probe.probe(ground.subject, check, PATIENT)

    assert isinstance(answer, Fail)
    assert answer.reason.startswith("http :8080/cgi-bin/slow took ")
    assert answer.reason.endswith(" ms, allowed are 500 ms")


def test_the_same_answer_is_fine_where_no_latency_is_asked_for(ground: Ground) -> None:
    assert ground.probe.probe(ground.subject, HttpCheck(8080, "/cgi-bin/slow"), PATIENT) == Pass()


def test_a_status_that_is_asked_for_by_itself_is_enough(ground: Ground) -> None:
    check = HttpCheck(8080, "/none", status=((200, 204), (404, 404)))

    assert ground.probe.probe(ground.subject, check, PATIENT) == Pass()


@pytest.mark.engine
def test_nothing_is_left_of_the_containers_that_asked(
    engine_url: str, docker_api: docker.APIClient, server: Subject
) -> None:
    left = docker_api.create_container(
        "gitopsd-test-asked:1", name=f"gitopsd-probe-{server.container[:12]}-8080", labels={PROBE: server.container}
    )
    probe = DockerProbe(TargetEngine(engine_url), lambda: "gitopsd-test-asked:1")

    answer = probe.probe(Subject(server.container, ""), TcpCheck(8080), PATIENT)

    probe.close()
    assert answer == Pass()
    assert docker_api.containers(all=True, filters={"label": f"{PROBE}={server.container}"}) == []
    assert gone_is_fine(lambda: docker_api.remove_container(left["Id"], force=True))


@pytest.mark.engine
def test_an_instance_that_is_gone_was_not_asked(engine_url: str, server: Subject) -> None:
    probe = DockerProbe(TargetEngine(engine_url), lambda: "gitopsd-test-asked:1")

    answer = probe.probe(Subject("gitopsd-test-no-such-container", ""), TcpCheck(8080), PATIENT)

    probe.close()
    assert isinstance(answer, Unknown)
    assert "no-such-container" in answer.reason


@pytest.mark.parametrize(
    ("url", "image", "said"),
    [
        ("ssh://deploy@web2", "", "its engine is on another host"),
        ("tcp://192.0.2.1:2376", "busybox", ""),
    ],
)
def test_instances_of_another_host_need_a_probe_image(url: str, image: str, said: str) -> None:
    probe = DockerProbe(TargetEngine(url), lambda: image)

    assert probe.unreachable() == said


def test_a_job_beside_an_instance_ends_with_its_code_and_its_last_words(ground: Ground) -> None:
    good = ground.probe.run(ground.subject.container, ("sh", "-c", FETCHED), PATIENT)
    bad = ground.probe.run(ground.subject.container, ("sh", "-c", "echo broken; exit 3"), PATIENT)

    assert good == Number(0, "ready: version 2")
    assert bad == Number(3, "broken")


def test_a_job_that_takes_too_long_is_ended(ground: Ground) -> None:
    found = ground.probe.run(ground.subject.container, ("sleep", "60"), SECOND)

    assert found == Number(124, "it did not end within 1 s")


@pytest.mark.engine
def test_a_job_that_cannot_be_run_is_trouble_and_leaves_nothing(
    docker_api: docker.APIClient, engine_url: str, server: Subject
) -> None:
    probe = DockerProbe(TargetEngine(engine_url), str)

    found = probe.run(server.container, ("/no/such/command",), PATIENT)

    probe.close()
    assert isinstance(found, Trouble)
    assert "it could not be run" in found.reason
    assert not docker_api.containers(all=True, filters={"label": f"{PROBE}={server.container}"})
