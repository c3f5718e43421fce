"""What forges are told, over their own APIs, and what their refusals are called."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitopsd.adapters.notify.forge import ForgeNotifier
from gitopsd.model.errors import NotTaken, Refused
from gitopsd.model.notice import CommitState, CommitStatus
from gitopsd.model.receiver import CommitStatusSettings, Forge
from tests.receivers import TOKEN, ForgeServer, forge

COMMIT = "a" * 40
KINDS: tuple[Forge, ...] = ("github", "gitlab", "gitea")
WORDS = {
    "github": ["pending", "success", "failure", "error"],
    "gitlab": ["pending", "success", "failed", "canceled"],
    "gitea": ["pending", "success", "failure", "error"],
}


def at(there: ForgeServer, directory: Path, token: str = TOKEN, project: str = "shop/environments") -> ForgeNotifier:
    file = directory / "token"
    file.write_text(token)
    settings = CommitStatusSettings(there.kind, there.api, project, file)  # type: ignore[arg-type]
    return ForgeNotifier("default", settings, lambda page: f"https://ops.example.com{page}", lambda: datetime.now(UTC))


def status(state: CommitState, description: str = "release 12 serves it", commit: str = COMMIT) -> CommitStatus:
    return CommitStatus("default", commit, state, "gitopsd/shop", description, "/releases/12")


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_is_told_in_the_words_of_the_forge_with_reason_and_link(kind: Forge, tmp_path: Path) -> None:
    with forge(kind, {COMMIT}) as there:
        notifier = at(there, tmp_path)
        found = []
        for state in ("pending", "success", "failure", "superseded"):
            notifier.send(status(state), "1")
            found.append(there.states[COMMIT, "gitopsd/shop"])

    assert [each["state"] for each in found] == WORDS[kind]
    assert {each["target_url"] for each in found} == {"https://ops.example.com/releases/12"}
    assert {each["description"] for each in found} == {"release 12 serves it"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_reason_is_cut_to_what_the_forge_takes(kind: Forge, tmp_path: Path) -> None:
    with forge(kind, {COMMIT}) as there:
        at(there, tmp_path).send(status("failure", "it is unhealthy " * 100), "1")

        assert there.states[COMMIT, "gitopsd/shop"]["description"].endswith("...")


@pytest.mark.parametrize("kind", KINDS)
def test_a_commit_that_the_forge_does_not_know_is_given_up(kind: Forge, tmp_path: Path) -> None:
    with forge(kind, set()) as there, pytest.raises(Refused, match=r"127\.0\.0\.1 answers with status 4(04|22)"):
        at(there, tmp_path).send(status("success"), "1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_does_not_count_is_named_by_its_file_and_may_be_mended(kind: Forge, tmp_path: Path) -> None:
    with forge(kind, {COMMIT}) as there:
        notifier = at(there, tmp_path, "old")
        with pytest.raises(NotTaken, match=rf"status 401: the token in {tmp_path}/token does not count there"):
            notifier.send(status("success"), "1")
        (tmp_path / "token").write_text(TOKEN)

        notifier.send(status("success"), "1")

        assert there.states[COMMIT, "gitopsd/shop"]["state"] == "success"


def test_a_state_that_gitlab_has_already_is_taken(tmp_path: Path) -> None:
    with forge("gitlab", {COMMIT}) as there:
        at(there, tmp_path).send(status("pending"), "1")
        at(there, tmp_path).send(status("pending"), "1")

        assert len(there.web.calls) == 2


def test_a_project_in_groups_is_one_name_for_gitlab(tmp_path: Path) -> None:
    with forge("gitlab", {COMMIT}) as there:
        there.project = "shop/ops/environments"
        at(there, tmp_path, project=there.project).send(status("success"), "1")

        assert there.web.calls[0].path == f"/api/v4/projects/shop%2Fops%2Fenvironments/statuses/{COMMIT}"
