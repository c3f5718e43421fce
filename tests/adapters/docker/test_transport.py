"""Every way to an engine: over SSH through the ssh command, and over TCP with TLS, checked on both sides."""

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitopsd.adapters.docker.engine import connect
from gitopsd.adapters.docker.transport import ssh_command
from gitopsd.model.errors import EngineError, EngineUnavailable
from gitopsd.model.settings import TargetEngine
from tests.adapters.docker.scripted import ScriptedEngine, Stream
from tests.waiting import eventually

EVENT = b'{"Type":"image","Action":"pull","Actor":{"ID":"a"},"timeNano":1}\n'
RELAY = """#!{python}
import os, socket, sys, threading
open({log!r}, "a").write(repr(sys.argv[1:]) + "\\n")
other = socket.socket(socket.AF_UNIX)
other.connect({path!r})
def copy(read, write, end):
    while data := read():
        write(data)
    end()
threading.Thread(
    target=copy,
    args=(lambda: os.read(0, 65536), other.sendall, lambda: other.shutdown(socket.SHUT_WR)),
    daemon=True,
).start()
copy(lambda: other.recv(65536), lambda data: os.write(1, data), lambda: None)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedEngine]:
    started = ScriptedEngine(tmp_path / "docker.sock", lambda request: None)
    yield started
    started.close()


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the `ssh` that is found first."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def install(program: Path, text: str) -> None:
    program.write_text(text)
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("url", "end"),
    [
        ("ssh://web1", ["--", "web1", "docker system dial-stdio"]),
        ("ssh://deploy@web1:2222", ["-l", "deploy", "-p", "2222", "--", "web1", "docker system dial-stdio"]),
        (
            "ssh://web1/run/user/1000/docker.sock",
            ["--", "web1", "docker --host unix:///run/user/1000/docker.sock system dial-stdio"],
        ),
        ("ssh://-oProxyCommand=evil", ["--", "-oproxycommand=evil", "docker system dial-stdio"]),
    ],
)
def test_ssh_is_asked_never_to_ask_and_a_host_is_never_an_option(url: str, end: list[str]) -> None:
    command = ssh_command(url)

    assert command[:6] == ["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    assert command[6:] == end


def test_calls_go_over_ssh_and_share_its_connection(tmp_path: Path, server: ScriptedEngine, ssh: Path) -> None:
    log = tmp_path / "ssh.log"
    install(ssh, RELAY.format(python=sys.executable, log=str(log), path=str(tmp_path / "docker.sock")))
    engine = connect(TargetEngine("ssh://deploy@web1"), {}, timeout=10)

    engine.start("web")
    engine.start("db")
    engine.close()

    assert server.paths() == ["GET /version", "POST /v1.41/containers/web/start", "POST /v1.41/containers/db/start"]
    assert len(log.read_text().splitlines()) == 1


def test_events_over_ssh_end_when_they_are_closed(tmp_path: Path, ssh: Path) -> None:
    server = ScriptedEngine(
        tmp_path / "events.sock",
        lambda request: Stream((EVENT,), then_hang=True) if "/events" in request.path else None,
    )
    log = str(tmp_path / "ssh.log")
    install(ssh, RELAY.format(python=sys.executable, log=log, path=str(tmp_path / "events.sock")))
    engine = connect(TargetEngine("ssh://web1"), {}, timeout=10)

    heard = []
    for event in engine.events(None):
        heard.append(event.action)
        engine.close_events()

    assert heard == ["pull"]
    server.close()


def test_what_ssh_says_when_it_fails_is_told(ssh: Path) -> None:
    install(ssh, "#!/bin/sh\necho 'deploy@web1: Permission denied (publickey).' >&2\nexit 255\n")

    with pytest.raises(EngineUnavailable, match=r"Permission denied \(publickey\)"):
        connect(TargetEngine("ssh://deploy@web1"), {}, timeout=5).start("web")


def test_an_ssh_that_hangs_is_given_up_and_ended(ssh: Path, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    install(ssh, f"#!/bin/sh\necho $$ > {mark}\nexec sleep 600\n")

    with pytest.raises(EngineUnavailable):
        connect(TargetEngine("ssh://web1"), {}, timeout=0.5).start("web")

    assert not Path(f"/proc/{mark.read_text().strip()}").exists()


def test_a_machine_without_ssh_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EngineUnavailable, match="ssh"):
        connect(TargetEngine("ssh://web1"), {}, timeout=5).start("web")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as `tls` names it: ca.pem, cert.pem, key.pem; and the server's."""
    return certificates(tmp_path_factory.mktemp("tls"))


def certificates(directory: Path) -> Path:
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    openssl(directory, f"req -x509 {key} -days 2 -subj /CN=ca -keyout ca-key.pem -out ca.pem")
    (directory / "server.ext").write_text("subjectAltName=IP:127.0.0.1\n")
    (directory / "client.ext").write_text("extendedKeyUsage=clientAuth\n")
    for name, stem in (("server", "server-"), ("client", "")):
        openssl(directory, f"req {key} -subj /CN={name} -keyout {stem}key.pem -out {name}.csr")
        signing = f"-CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile {name}.ext"
        openssl(directory, f"x509 -req -in {name}.csr {signing} -out {stem}cert.pem")
    return directory


def openssl(directory: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def tls_server(authority: Path) -> Iterator[ScriptedEngine]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / "server-cert.pem", authority / "server-key.pem")
    tls.load_verify_locations(authority / "ca.pem")
    tls.verify_mode = ssl.CERT_REQUIRED
    events = Stream((EVENT,), then_hang=True)
    started = ScriptedEngine(None, lambda request: events if "/events" in request.path else None, tls)
    yield started
    started.close()


def test_events_over_tls_end_when_another_thread_closes_them(authority: Path, tls_server: ScriptedEngine) -> None:
    engine = connect(TargetEngine(tls_server.url, authority), {}, timeout=5)
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.extend(event.action for event in engine.events(None)), daemon=True)
    reader.start()
    eventually(lambda: any("/events" in path for path in tls_server.paths()))

    eventually(lambda: engine.close_events() or not reader.is_alive())

    assert heard in ([], ["pull"])


def test_both_sides_show_their_certificates(authority: Path, tls_server: ScriptedEngine) -> None:
    connect(TargetEngine(tls_server.url, authority), {}, timeout=5).start("web")

    assert tls_server.paths() == ["GET /version", "POST /v1.41/containers/web/start"]


def test_a_server_of_another_authority_is_not_talked_to(tls_server: ScriptedEngine, tmp_path: Path) -> None:
    engine = connect(TargetEngine(tls_server.url, certificates(tmp_path)), {}, timeout=5)

    with pytest.raises(EngineUnavailable, match="certificate"):
        engine.start("web")

    assert tls_server.paths() == []


def test_a_tls_directory_without_its_files_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"TLS needs ca\.pem, cert\.pem and key\.pem"):
        connect(TargetEngine("tcp://web1:2376", tmp_path), {})


def test_tcp_without_tls_is_plain() -> None:
    server = ScriptedEngine(None, lambda request: None)

    connect(TargetEngine(server.url), {}, timeout=5).start("web")

    assert server.paths() == ["GET /version", "POST /v1.41/containers/web/start"]
    server.close()
