"""Whatever a socket does to us ends in one of our errors, within bounded time."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.adapters.docker.transport import LOCAL_POOL_SIZE
from gitopsd.engine_json import keep_body
from gitopsd.model.errors import (
    Conflict,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    HostTrouble,
    ImageUnavailable,
    NotFound,
)
from gitopsd.model.settings import TargetEngine
from tests.adapters.docker.scripted import (
    CUT_SHORT,
    HANG,
    NO_HTTP,
    NO_JSON,
    RESET,
    VERSION,
    Answer,
    Raw,
    Request,
    Said,
    ScriptedEngine,
    Stream,
)
from tests.engine_json.builders import created, directory, file, service
from tests.waiting import eventually

Start = Callable[[Callable[[Request], Said | None]], ScriptedEngine]
TIMEOUT = 0.4
OTHER = "0f" * 32

CALLS: dict[str, Callable[[DockerEngine], object]] = {
    "facts": lambda engine: engine.facts(),
    "observe": lambda engine: engine.observe("shop"),
    "image": lambda engine: engine.image("shop/web:1"),
    "existing": lambda engine: engine.existing(["a"], ["b"]),
    "logs": lambda engine: engine.logs("web", 10),
    "events": lambda engine: list(engine.events(None)),
    "claim": lambda engine: engine.claim("shop", "me"),
    "pull": lambda engine: engine.pull("127.0.0.1:9/shop/web:1", lambda _: None),
    "create": lambda engine: engine.create(created(service(mounts=[file("/a"), directory("/d", {"b": b"b"})]))),
    "start": lambda engine: engine.start("web"),
    "stop": lambda engine: engine.stop("web"),
    "remove": lambda engine: engine.remove("web"),
    "update": lambda engine: engine.update("web", keep_body()),
    "create_network": lambda engine: engine.create_network("shop_default", {}),
}
FAULTS: dict[str, Said] = {"hangs": HANG, "resets": RESET, "cuts short": CUT_SHORT, "speaks no HTTP": NO_HTTP}
READING = ("facts", "observe", "image", "existing", "claim", "create", "update")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Start]:
    started: list[ScriptedEngine] = []

    def start(answers: Callable[[Request], Said | None]) -> ScriptedEngine:
        started.append(ScriptedEngine(tmp_path / "docker.sock", answers))
        return started[-1]

    yield start
    for server in started:
        server.close()


def on(server: ScriptedEngine, ask_every: float = 20) -> DockerEngine:
    return connect(TargetEngine(server.url), {}, timeout=TIMEOUT, ask_every=ask_every)


def but_the_version(said: Said) -> Callable[[Request], Said | None]:
    return lambda request: None if request.path == "/version" else said


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", [name for name in CALLS if name != "events"])
def test_an_engine_that_does_not_answer_is_unavailable(serve: Start, call: str, fault: str) -> None:
    engine = on(serve(but_the_version(FAULTS[fault])))
    begun = time.monotonic()

    # In the middle of a pull nobody can tell an engine that hangs from a registry that does.
    unavailable = ImageUnavailable if (call, fault) == ("pull", "hangs") else EngineUnavailable
    with pytest.raises(unavailable):
        CALLS[call](engine)

    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("fault", ["hangs", "resets", "speaks no HTTP"])
def test_there_is_no_subscribing_to_an_engine_that_does_not_answer(serve: Start, fault: str) -> None:
    with pytest.raises(EngineUnavailable):
        CALLS["events"](on(serve(but_the_version(FAULTS[fault]))))


@pytest.mark.parametrize("call", READING)
@pytest.mark.parametrize("said", [NO_JSON, Answer(body=[17]), Answer(body={"Id": {}, "State": []}), Answer(body="x")])
def test_an_answer_that_makes_no_sense_is_as_good_as_none(serve: Start, call: str, said: Said) -> None:
    engine = on(serve(but_the_version(said)))

    with pytest.raises(EngineUnavailable):
        CALLS[call](engine)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, NotFound), (409, Conflict), (400, EngineRefused), (403, EngineRefused), (500, EngineRefused)],
)
def test_a_refusal_keeps_its_status_and_says_what_was_asked(
    serve: Start, status: int, error: type[EngineRefused]
) -> None:
    engine = on(serve(but_the_version(Answer(status, {"message": "not allowed here"}))))

    with pytest.raises(error, match="start web: not allowed here") as refused:
        engine.start("web")

    assert refused.value.status == status


@pytest.mark.parametrize(
    ("status", "words", "mend"),
    [
        (500, "Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use", "free the port"),
        (500, "Bind for 0.0.0.0:80 failed: port is already allocated", "free the port"),
        (500, "failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use", "free the port"),
        (500, "write /var/lib/docker/overlay2/x: no space left on device", "make room"),
        (400, "mkdir /data: disk quota exceeded", "make room"),
        (403, "Pool overlaps with other one on this address space", "remove the other network"),
        (403, "could not find an available, non-overlapping IPv4 address pool among the defaults", "remove networks"),
        (400, "all predefined address pools have been fully subnetted", "remove networks"),
        (500, "no available IPv4 addresses on this network's address pools: shop_back (22df)", "remove networks"),
        (409, f"cannot join network of a non running container: {OTHER}", "the container that it lives in has to run"),
        (500, f"can't join IPC of container {OTHER}: container {OTHER} is not running", "the container that it lives"),
        (500, f"container {OTHER} is not running", "the container that it lives in has to run"),
        (404, f"No such container: {OTHER}", "the container that it lives in is gone"),
    ],
)
def test_what_an_engine_says_of_its_host_is_told_apart_with_a_way_out(
    serve: Start, status: int, words: str, mend: str
) -> None:
    engine = on(serve(but_the_version(Answer(status, {"message": words}))))

    with pytest.raises(HostTrouble, match=f"start web: .*; {mend}") as refused:
        engine.start("web")

    assert refused.value.status == status


@pytest.mark.parametrize(
    "words",
    [
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few",
        "rpc error: code = Unknown desc = raft: failed to process the request: node lost leader status",
        "rpc error: code = Unavailable desc = connection error",
    ],
)
def test_managers_that_do_not_agree_have_refused_nothing(serve: Start, words: str) -> None:
    engine = on(serve(but_the_version(Answer(500, {"message": words}))))
    with pytest.raises(EngineUnavailable, match=r"start web: too few managers of the swarm reach each other"):
        engine.start("web")


@pytest.mark.parametrize(
    "more",
    [
        ' Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
        " Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node.",
    ],
)
def test_an_engine_that_manages_no_swarm_any_more_is_told_with_what_to_write(serve: Start, more: str) -> None:
    engine = on(serve(but_the_version(Answer(503, {"message": f"This node is not a swarm manager.{more}"}))))
    with pytest.raises(EngineUnavailable, match=r"start web: the engine manages no swarm, or no more.*target\.swarm"):
        engine.start("web")


IPC_OF_ITS_OWN = f"can't join IPC of container {OTHER}: non-shareable IPC (hint: use IpcMode:shareable for the donor)"


@pytest.mark.parametrize("words", ["Address already in use", "no space", "OCI runtime create failed", IPC_OF_ITS_OWN])
def test_what_may_be_the_manifests_own_fault_is_not_the_hosts(serve: Start, words: str) -> None:
    engine = on(serve(but_the_version(Answer(403, {"message": words}))))

    with pytest.raises(EngineRefused) as refused:
        engine.start("web")

    assert type(refused.value) is EngineRefused


def test_a_container_that_is_gone_itself_is_not_taken_for_one_that_it_lives_in(serve: Start) -> None:
    engine = on(serve(but_the_version(Answer(404, {"message": f"No such container: {OTHER}"}))))

    with pytest.raises(NotFound):
        engine.start(OTHER)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_without_an_engine_behind_it_is_an_engine_that_is_away(serve: Start, status: int) -> None:
    engine = on(serve(but_the_version(Answer(status, {"message": "no upstream"}))))

    with pytest.raises(EngineUnavailable):
        engine.start("web")


@pytest.mark.parametrize("body", [{"error": "forbidden by policy"}, ["forbidden by policy"], "forbidden by policy"])
def test_a_refusal_in_a_proxys_own_words_is_a_refusal(serve: Start, body: object) -> None:
    engine = on(serve(but_the_version(Answer(403, body))))

    for call in ("start", "create", "observe"):
        with pytest.raises(EngineRefused, match="forbidden by policy"):
            CALLS[call](engine)


def test_an_engine_that_is_not_there_yet_is_found_when_it_comes(serve: Start, tmp_path: Path) -> None:
    engine = connect(TargetEngine(f"unix://{tmp_path}/docker.sock"), {}, timeout=TIMEOUT)
    with pytest.raises(EngineUnavailable, match="No such file"):
        engine.image("shop/web:1")

    serve(lambda request: None if request.path == "/version" else Answer(404))

    assert engine.image("shop/web:1") is None


def test_a_socket_that_this_user_may_not_use_is_told_with_a_way_out(serve: Start) -> None:
    engine = on(serve(lambda request: None))
    with nobody(), pytest.raises(EngineUnavailable, match="Permission denied; run gitopsd as root, or as a member"):
        engine.image("shop/web:1")


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who may nothing, where the tests run as root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


ALREADY_SO: dict[str, tuple[Callable[[DockerEngine], object], Answer]] = {
    "start": (lambda engine: engine.start("web"), Answer(304)),
    "stop": (lambda engine: engine.stop("web"), Answer(304)),
    "unpause": (lambda engine: engine.unpause("web"), Answer(500, {"message": "Container web is not paused"})),
    "remove": (lambda engine: engine.remove("web"), Answer(409, {"message": "removal is already in progress"})),
    "remove again": (lambda engine: engine.remove("web"), Answer(404, {"message": "No such container: web"})),
    "rename": (lambda engine: engine.rename("web", "shop-web-1"), Answer(409, {"message": "the name is in use"})),
    "remove network": (lambda engine: engine.remove_network("back"), Answer(404, {"message": "not found"})),
}


@pytest.mark.parametrize("call", ALREADY_SO)
def test_a_call_whose_effect_is_there_already_is_no_error(serve: Start, call: str) -> None:
    inspected = Answer(body={"Name": "/shop-web-1", "State": {"Paused": False}, "Config": {}})
    make, said = ALREADY_SO[call]

    make(on(serve(lambda r: None if r.path == "/version" else inspected if r.method == "GET" else said)))


def test_an_engine_that_was_replaced_is_asked_for_its_version_again(serve: Start) -> None:
    broken = threading.Event()
    server = serve(lambda request: RESET if broken.is_set() and request.path != "/version" else None)
    engine = on(server)
    engine.start("web")
    broken.set()
    with pytest.raises(EngineUnavailable):
        engine.start("web")
    broken.clear()
    server.version = {**VERSION, "ApiVersion": "1.44"}

    engine.start("web")

    assert server.paths()[-2:] == ["GET /version", "POST /v1.44/containers/web/start"]


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.41", "1.12", "1.41"), ("1.43", "1.24", "1.43"), ("1.99", "1.24", "1.51"), ("1.99", "1.53", "1.53")],
)
def test_both_sides_speak_the_newest_version_that_both_know(
    serve: Start, newest: str, oldest: str, spoken: str
) -> None:
    server = serve(lambda request: None)
    server.version = {"ApiVersion": newest, "MinAPIVersion": oldest}

    on(server).start("web")

    assert server.paths() == ["GET /version", f"POST /v{spoken}/containers/web/start"]


def test_an_engine_that_is_too_old_is_refused_with_what_to_do(serve: Start) -> None:
    server = serve(lambda request: None)
    server.version = {"ApiVersion": "1.40"}

    with pytest.raises(EngineRefused, match=r"speaks API 1\.40; 1\.41 is needed: upgrade Docker"):
        on(server).start("web")


@pytest.mark.parametrize("url", ["", "web1", "ftp://web1", "ssh://", "tcp://"])
def test_an_url_that_is_no_engine_is_refused_at_once(url: str) -> None:
    with pytest.raises(EngineError, match="is no engine; write unix:///PATH"):
        connect(TargetEngine(url), {})


STARTED = (
    b'{"Type":"container","Action":"start","timeNano":1772366400000000000,'
    b'"Actor":{"ID":"c1","Attributes":{"com.docker.compose.project":"shop"}}}\n'
)
EXECUTED = STARTED.replace(b'"start"', b'"exec_create: ls"')


def test_events_survive_what_is_no_event(serve: Start) -> None:
    pieces = (STARTED[:20], STARTED[20:] + b"{\n[]\n\n17\n" + b'{"Type":"container"}\n', EXECUTED, STARTED)
    engine = on(serve(but_the_version(Stream(pieces))))

    heard = list(engine.events(None))

    assert [(event.kind, event.action, event.id, event.project) for event in heard] == [
        ("container", "start", "c1", "shop")
    ] * 2
    assert heard[0].at.isoformat() == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("chunked", [True, False])
def test_an_event_is_told_when_it_comes_whether_the_stream_is_chunked_or_not(serve: Start, chunked: bool) -> None:
    engine = on(serve(but_the_version(Stream((STARTED,), then_hang=True, chunked=chunked))))

    assert next(engine.events(None)).action == "start"


def test_a_stream_of_events_that_breaks_just_ends(serve: Start) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    broken = Raw(head + f"{len(STARTED):x}\r\n".encode() + STARTED + b"\r\nzz\r\n")
    engine = on(serve(but_the_version(broken)))

    assert [event.action for event in engine.events(None)] == ["start"]


def test_a_stream_of_events_ends_when_the_engine_stops_answering(serve: Start) -> None:
    engine = on(serve(but_the_version(Stream((STARTED,), then_hang=True))), ask_every=0.05)
    server_hangs = list(engine.events(None))

    assert [event.action for event in server_hangs] == ["start"]


def test_a_quiet_stream_of_events_goes_on_while_the_engine_answers(serve: Start) -> None:
    server = serve(
        lambda request: (
            Stream((STARTED,), then_hang=True)
            if "/events" in request.path
            else (None if request.path == "/version" else Answer(body="OK"))
        )
    )
    engine = on(server, ask_every=0.02)
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.extend(event.action for event in engine.events(None)), daemon=True)
    reader.start()

    eventually(lambda: sum(path.endswith("/_ping") for path in server.paths()) > 5)
    assert reader.is_alive()

    engine.close_events()
    eventually(lambda: not reader.is_alive())
    assert heard == ["start"]


def test_threads_share_a_bounded_number_of_connections(serve: Start) -> None:
    together, most, now = threading.Lock(), [0], [0]

    def count(request: Request) -> Said | None:
        if request.path == "/version":
            return None
        with together:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with together:
            now[0] -= 1
        return Answer(404)

    engine = connect(TargetEngine(serve(count).url), {}, timeout=10)
    threads = [threading.Thread(target=lambda: [engine.image("shop/web:1") for _ in range(3)]) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 < most[0] <= LOCAL_POOL_SIZE
