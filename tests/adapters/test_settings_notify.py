"""Settings of who is told: what is read, and what every mistake is called, with its place and its mend."""

from pathlib import Path

import pytest

from gitopsd.adapters.settings_file import load
from gitopsd.model.errors import SettingsError
from gitopsd.model.receiver import (
    USUAL,
    AppriseUrl,
    CommitStatusSettings,
    Mail,
    Receiver,
    Webhook,
)
from gitopsd.model.settings import Settings


def settings(directory: Path, text: str) -> Settings:
    (directory / "gitopsd.yaml").write_text(text)
    return load(directory / "gitopsd.yaml")


def refusals(directory: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        settings(directory, text)
    return str(refused.value).replace(f"{directory}/", "").splitlines()


def test_every_way_is_read_with_its_filters(tmp_path: Path) -> None:
    text = """
notify:
  - {url_file: slack, on: [failed, rolled-back, recovered]}
  - name: pager
    webhook: {url: "https://example.com/hook?x=1", secret_file: /run/secrets/hook}
    environments: ["prod*", shop]
    severity: error
  - webhook: {url_file: address, secret_file: key}
  - mail: {server: "smtp.example.com", from: gitopsd@example.com, to: [ada@example.com], username: me, password_file: p}
    on: failed
"""
    assert settings(tmp_path, text).notify == (
        Receiver("apprise", AppriseUrl(tmp_path / "slack"), frozenset(("failed", "rolled-back", "recovered"))),
        Receiver(
            "pager",
            Webhook(Path("/run/secrets/hook"), "https://example.com/hook?x=1"),
            USUAL,
            "error",
            ("prod*", "shop"),
        ),
        Receiver("webhook", Webhook(tmp_path / "key", url_file=tmp_path / "address")),
        Receiver(
            "mail",
            Mail(
                "smtp.example.com", 587, "gitopsd@example.com", ("ada@example.com",), "starttls", "me", tmp_path / "p"
            ),
            frozenset(("failed",)),
        ),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("notify: {}", "1:9: notify: is not a list; write one such as [{url_file: /run/secrets/slack}]"),
        ("notify: [{}]", "1:10: notify[0]: says nobody; write one of url_file, webhook, mail"),
        (
            "notify: [{url_file: x, mail: {}}]",
            "1:10: notify[0]: says url_file and mail; write one of url_file, webhook, mail",
        ),
        (
            "notify: [{url_file: x, on: [fail]}]",
            "1:29: notify[0].on.0: 'fail' is no transition; did you mean 'failed'?",
        ),
        ("notify: [{url_file: x, on: []}]", "1:28: notify[0].on: is empty; write at least one, or remove the key"),
        (
            "notify: [{url_file: x, severity: bad}]",
            "1:34: notify[0].severity: 'bad' is no severity; known are info, warning, error",
        ),
        (
            "notify: [{url_file: x, name: a}, {url_file: y, name: a}]",
            "1:54: notify[1].name: 'a' is the name of another one; write another",
        ),
        (
            "notify: [{webhook: {url: 'https://example.com'}}]",
            "1:20: notify[0].webhook: has no secret_file; write the file with what signs all that is sent",
        ),
        (
            "notify: [{webhook: {secret_file: x}}]",
            "1:20: notify[0].webhook: needs url, or url_file where the address is a secret too; write one of them",
        ),
        (
            "notify: [{webhook: {url: 'ftp://example.com', secret_file: x}}]",
            "1:26: notify[0].webhook.url: is no address; write one such as https://example.com/hooks/gitopsd",
        ),
        (
            "notify: [{webhook: {url: 'https://hush@example.com', secret_file: x}}]",
            "1:26: notify[0].webhook.url: a user or token in the URL would show; write the address into a file, and "
            "url_file",
        ),
        (
            "notify: [{mail: {from: a@example.com, to: [b@example.com]}}]",
            "1:17: notify[0].mail: has no server; write the one that takes mail, such as smtp.example.com:587",
        ),
        (
            "notify: [{mail: {server: h, from: a, to: [b@example.com]}}]",
            "1:35: notify[0].mail.from: 'a' is no mail address; write one such as ada@example.com",
        ),
        (
            "notify: [{mail: {server: h, from: a@x.org, to: b@x.org, username: x}}]",
            "1:17: notify[0].mail: username and password_file belong together; write both",
        ),
        (
            "notify: [{mail: {server: h, from: a@x.org, to: b@x.org, username: x, password_file: y, security: none}}]",
            "1:98: notify[0].mail.security: a password would be sent in the clear; write security: starttls or tls",
        ),
        (
            "repository: {url: 'https://git.example.com/shop.git', commit_status: {token_file: x}}",
            "1:70: repository.commit_status: has no forge, and 'git.example.com' does not say which; write one of "
            "github, gitlab, gitea",
        ),
        (
            "repository: {url: 'https://github.com/a/b.git', commit_status: {}}",
            "1:64: repository.commit_status: has no token_file; write the file with the forge's token",
        ),
        (
            "repository: {url: /srv/shop.git, commit_status: {forge: gitea, token_file: x}}",
            "1:49: repository.commit_status: '/srv/shop.git' does not say where its forge is; write api and project",
        ),
    ],
)
def test_an_error_names_the_place_and_the_mend(tmp_path: Path, text: str, message: str) -> None:
    assert refusals(tmp_path, text) == [f"gitopsd.yaml:{message}"]


@pytest.mark.parametrize(
    ("url", "forge", "api", "project"),
    [
        ("https://github.com/shop/environments.git", "", "https://api.github.com", "shop/environments"),
        ("git@github.com:shop/environments.git", "", "https://api.github.com", "shop/environments"),
        ("https://git.example.com/a/b", "github", "https://git.example.com/api/v3", "a/b"),
        ("ssh://git@git.example.com:2222/a/b/c.git", "gitlab", "https://git.example.com/api/v4", "a/b/c"),
        ("https://gitlab.com/a/b/c.git", "", "https://gitlab.com/api/v4", "a/b/c"),
        ("http://git.example.com:3000/a/b.git", "gitea", "http://git.example.com:3000/api/v1", "a/b"),
        ("https://codeberg.org/a/b/", "", "https://codeberg.org/api/v1", "a/b"),
    ],
)
def test_where_a_forge_is_told_follows_from_the_repository(
    tmp_path: Path, url: str, forge: str, api: str, project: str
) -> None:
    said = f", forge: {forge}" if forge else ""
    keys = ", credentials: {ssh_key_file: k, known_hosts_file: h}" if "git@" in url else ""
    text = f"repository: {{url: '{url}'{keys}, commit_status: {{token_file: /t{said}}}}}"
    found = settings(tmp_path, text).repositories["default"].commit_status
    assert isinstance(found, CommitStatusSettings)
    assert (found.api, found.project) == (api, project)


def test_the_log_is_text_unless_json_is_asked_for(tmp_path: Path) -> None:
    assert settings(tmp_path, "").log.format == "text"
    assert settings(tmp_path, "log: {format: json}").log.format == "json"
    assert refusals(tmp_path, "log: {format: xml}") == [
        "gitopsd.yaml:1:15: log.format: 'xml' is no format; known are text, json"
    ]


def test_what_is_written_wins(tmp_path: Path) -> None:
    there = "{token_file: /t, forge: gitea, api: 'https://forge.example.com/api/v1/', project: a/b}"
    found = settings(tmp_path, f"repository: {{url: /srv/x.git, commit_status: {there}}}").repositories["default"]
    assert found.commit_status == CommitStatusSettings("gitea", "https://forge.example.com/api/v1", "a/b", Path("/t"))
