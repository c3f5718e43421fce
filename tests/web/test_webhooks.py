"""Forges say that something was pushed: signed, or refused; and all that it does is to ask Git."""

import gzip
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from gitopsd.model.settings import HttpSettings, Repository
from gitopsd.web.site import site
from tests.controller.house import SETTINGS, House

SECRET = b"a shared secret"
PUSH = json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": "https://git.example.com/environments.git"}})


class Bell:
    """A doorbell that remembers who rang."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.rung: list[str] = []

    def application(self):
        return self.house.daemon.application()

    def poll(self, repository: str) -> None:
        self.rung.append(repository)


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[tuple[TestClient, Bell]]:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    hooks = dict.fromkeys(("github", "gitlab", "gitea", "generic"), tmp_path / "secret")
    more = Repository("infra", "ssh://git@git.example.com/infra.git")
    settings = replace(
        SETTINGS, http=HttpSettings(webhooks=hooks), repositories={**SETTINGS.repositories, "infra": more}
    )
    house = House(settings)
    bell = Bell(house)
    with ExitStack() as stack:
        stack.callback(house.stop)
        client = TestClient(site(bell), base_url="http://127.0.0.1", client=("10.0.0.9", 4711))
        yield stack.enter_context(client), bell


def signature(body: str, secret: bytes = SECRET) -> str:
    return hmac.new(secret, body.encode(), hashlib.sha256).hexdigest()


HEADERS = {
    "github": {"x-hub-signature-256": f"sha256={signature(PUSH)}", "x-github-event": "push"},
    "gitlab": {"x-gitlab-token": SECRET.decode()},
    "gitea": {"x-gitea-signature": signature(PUSH)},
    "generic": {"x-signature": f"sha256={signature(PUSH)}"},
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_signed_push_has_its_repository_asked(forge: tuple[TestClient, Bell], kind: str) -> None:
    client, bell = forge
    answer = client.post(f"/webhooks/{kind}", content=PUSH, headers=HEADERS[kind])
    assert (answer.status_code, bell.rung) == (202, ["default"])


@pytest.mark.parametrize("kind", HEADERS)
def test_one_that_is_not_signed_with_the_secret_is_refused(forge: tuple[TestClient, Bell], kind: str) -> None:
    client, bell = forge
    wrong = {name: value[:-1] + "x" for name, value in HEADERS[kind].items()}
    assert client.post(f"/webhooks/{kind}", content=PUSH, headers=wrong).status_code == 401
    assert client.post(f"/webhooks/{kind}", content=PUSH).status_code == 401
    assert bell.rung == []


def test_a_signature_of_another_body_is_refused(forge: tuple[TestClient, Bell]) -> None:
    client, bell = forge
    assert client.post("/webhooks/github", content=PUSH + " ", headers=HEADERS["github"]).status_code == 401
    assert bell.rung == []


def test_a_replay_or_an_event_that_nobody_knows_does_no_harm(forge: tuple[TestClient, Bell]) -> None:
    client, bell = forge
    for _ in range(3):
        client.post("/webhooks/github", content=PUSH, headers={**HEADERS["github"], "x-github-event": "star"})
    assert set(bell.rung) == {"default"}


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "body", ["", "[]", "{", DEEP, "\0", '{"repository": 3}', '{"repository": {"clone_url": "https://x/y"}}']
)
def test_one_that_names_none_of_ours_has_all_asked(forge: tuple[TestClient, Bell], body: str) -> None:
    client, bell = forge
    client.post("/webhooks/generic", content=body, headers={"x-signature": f"sha256={signature(body)}"})
    assert bell.rung == ["default", "infra"]


def test_the_other_ways_to_write_a_repository_are_known(forge: tuple[TestClient, Bell]) -> None:
    client, bell = forge
    body = json.dumps({"project": {"git_ssh_url": "git@git.example.com:infra.git"}})
    client.post("/webhooks/generic", content=body, headers={"x-signature": f"sha256={signature(body)}"})
    assert bell.rung == ["infra"]


def test_who_guesses_signatures_is_asked_to_wait(forge: tuple[TestClient, Bell]) -> None:
    client, bell = forge
    codes = [client.post("/webhooks/github", content=PUSH).status_code for _ in range(11)]
    assert codes[-1] == 429
    assert client.post("/webhooks/github", content=PUSH, headers=HEADERS["github"]).status_code == 429
    assert bell.rung == []


def test_a_body_over_the_cap_is_refused_before_it_is_hashed(forge: tuple[TestClient, Bell]) -> None:
    client, _ = forge
    assert client.post("/webhooks/github", content="x" * (4 << 20)).status_code == 413


def test_a_body_without_a_length_is_cut_off_at_the_cap(forge: tuple[TestClient, Bell]) -> None:
    client, bell = forge
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 16
            yield b"x" * (1 << 16)

    assert client.post("/webhooks/github", content=parts(), headers=HEADERS["github"]).status_code == 413
    assert bell.rung == []


def test_a_compressed_body_is_not_unpacked(forge: tuple[TestClient, Bell]) -> None:
    client, bell = forge
    bomb = gzip.compress(PUSH.encode() + b" " * (1 << 20))
    headers = {**HEADERS["github"], "content-encoding": "gzip"}
    assert client.post("/webhooks/github", content=bomb, headers=headers).status_code == 401
    assert bell.rung == []


def test_a_thousand_deliveries_ask_git_once(forge: tuple[TestClient, Bell]) -> None:
    _, bell = forge
    for _ in range(1000):
        bell.house.daemon.poll("default")
    assert [name for name in bell.house.timer.jobs if name.startswith("poll default")] == ["poll default"]


def test_a_forge_without_a_secret_is_nobody(forge: tuple[TestClient, Bell]) -> None:
    client, _ = forge
    assert client.post("/webhooks/bitbucket", content=PUSH).status_code == 422
