"""Commands that ask a daemon on another machine: over a real socket, with a token, in the words of local ones."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gitopsd.adapters.fleet_file import fleet
from gitopsd.adapters.server import HttpServer
from gitopsd.cli.main import gitopsd
from gitopsd.controller.application import Application
from gitopsd.controller.flags import Flags
from gitopsd.controller.ground import Ground
from gitopsd.controller.server_port import Member, Server
from gitopsd.model.settings import HttpSettings, Listen
from gitopsd.web.server import PageServer
from tests.apps import free_port
from tests.controller.house import SETTINGS, House, compose
from tests.receivers import web
from tests.waiting import eventually, meanwhile
from tests.web.conftest import passing


class Desk:
    """A command line on another machine; `here` is the one on the daemon's own."""

    def __init__(self, house: House, port: int, token_file: Path) -> None:
        self.house, self.url, self.token_file = house, f"http://127.0.0.1:{port}", token_file

    def application(self, flags: Flags) -> Application:
        return self.house.daemon.application()

    def ground(self, flags: Flags) -> Ground:
        raise AssertionError("nothing is read from disk")

    def server(self, url: str, token_file: Path | None) -> Server:
        return HttpServer(url, token_file)

    def fleet(self, file: Path, timeout_s: float) -> tuple[Member, ...]:
        return fleet(file, timeout_s)

    def ask(self, *arguments: str) -> Result:
        there = ("--server", self.url, "--token-file", str(self.token_file))
        return CliRunner().invoke(gitopsd, [*arguments, *there], obj=self)

    def text(self, *arguments: str) -> str:
        result = self.ask(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def here(self, *arguments: str) -> str:
        result = CliRunner().invoke(gitopsd, list(arguments), obj=self)
        assert result.exit_code == 0, result.output
        return result.stdout


def watching(house: House) -> AbstractContextManager[None]:
    """The daemon hears of operations as they come, as by its watch on STATE/wake."""
    heard = house.store.woken

    def watch() -> None:
        nonlocal heard
        if house.store.woken != heard:
            heard = house.store.woken
            house.watcher.changed("operations")

    return meanwhile(watch)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    listen = Listen("127.0.0.1", free_port())
    house = House(replace(SETTINGS, http=HttpSettings(listen)))
    token_file = tmp_path_factory.mktemp("desk") / "token"
    token_file.write_text(house.tokens.add("ada", "operate", house.clock.now()))
    page = PageServer(house.daemon, retry_s=0.05)
    with ExitStack() as stack:
        stack.callback(house.stop)
        stack.enter_context(house.store.lock())
        house.start()
        stack.enter_context(passing(house))
        stack.enter_context(watching(house))
        house.synced(house.push({"shop/compose.yaml": compose(), "blog/compose.yaml": compose()}), "shop", "blog")
        stack.callback(page.stop)
        page.start()
        eventually(lambda: house.told("PageListens"), within=45)
        yield Desk(house, listen.port, token_file)


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("status", "shop"),
        ("history", "shop"),
        ("plan", "shop"),
        ("plan",),
        ("drift", "shop"),
        ("drift",),
        ("drift", "--history"),
        ("why", "shop/web"),
        ("why", "shop", "--limit", "1"),
        ("explain",),
        ("explain", "resources.memory"),
    ],
)
def test_what_is_asked_from_elsewhere_reads_as_it_does_here(desk: Desk, command: tuple[str, ...]) -> None:
    def without_ages(text: str) -> list[list[str]]:
        return [[word for word in line.split() if not word[0].isdigit()] for line in text.splitlines()]

    assert without_ages(desk.text(*command)) == without_ages(desk.here(*command))


def test_a_difference_reads_as_it_does_here_and_is_an_exit_code_where_it_is_asked_for(desk: Desk) -> None:
    number = str(desk.house.store.releases("shop")[-1].number)
    commit = desk.house.source().write({"environments/shop/compose.yaml": compose("web:1", "    command: [serve]\n")})

    assert desk.text("diff", "shop", number, commit) == desk.here("diff", "shop", number, commit)
    assert desk.ask("diff", "shop", number, commit, "--exit-code", "-o", "json").exit_code == 2


def test_events_are_told_oldest_first(desk: Desk) -> None:
    lines = desk.text("events", "shop", "--limit", "500").splitlines()
    assert [line for line in lines if "ReleaseStarted" in line]
    assert lines == desk.here("events", "shop", "--limit", "500").splitlines()


def test_json_is_what_the_api_answers(desk: Desk) -> None:
    found = json.loads(desk.text("status", "-o", "json"))
    assert [each["name"] for each in found["environments"]] == ["blog", "shop"]
    assert json.loads(desk.text("rollout", "show", "shop", "-o", "json"))["environment"] == "shop"
    assert json.loads(desk.text("show", "1", "-o", "json")) == json.loads(desk.here("show", "1", "-o", "json"))


def test_a_release_is_shown_in_the_words_of_the_machine_itself(desk: Desk) -> None:
    lines = desk.text("show", "1").splitlines()
    assert lines[0].endswith(": succeeded")
    assert [line for line in lines if "can be returned to offline" in line]
    assert lines == desk.here("show", "1").splitlines()


def test_an_operation_is_asked_in_the_name_of_the_token_and_answered(desk: Desk) -> None:
    assert desk.text("suspend", "blog", "--reason", "lunch") == "blog: suspended\n"
    assert desk.text("resume", "blog").startswith("blog: resumed")
    assert any("ada from 127.0.0.1" in each.message for each in desk.house.store.events(limit=10_000))


def test_a_commit_that_takes_back_is_looked_at_and_pushed_from_elsewhere(desk: Desk) -> None:
    number = str(desk.house.store.releases("blog")[-1].number)
    desk.house.synced(desk.house.push({"blog/compose.yaml": compose("web:1", "    command: [serve]\n")}), "blog")

    looked_at = desk.text("rollback", "blog", "--to", number)
    assert "not pushed" in looked_at
    assert "say it again with --push" in looked_at
    assert ", pushed to main" in desk.text("rollback", "blog", "--to", number, "--push")

    told = [each for each in desk.house.store.events(limit=10_000) if each.reason == "CommitMade"]
    assert "ada from 127.0.0.1 asked to roll blog back: commit " in told[-1].message
    assert told[-1].message.endswith(" on main, pushed")


def test_images_are_brought_over_from_elsewhere(desk: Desk) -> None:
    made = json.loads(desk.text("promote", "shop", "blog", "-o", "json"))
    assert (made["environment"], made["commit"], made["pushed"]) == ("blog", None, False)
    assert "there is no environment wiki" in desk.ask("promote", "wiki", "blog").stderr


def test_a_pin_is_asked_for_and_refused_by_the_daemon_there(desk: Desk) -> None:
    result = desk.ask("pin", "blog", "99", "--reason", "slow")
    assert (result.exit_code, result.stdout.startswith("blog: not pinned: ")) == (1, True), result.output


def test_a_sync_is_followed_to_the_end_of_its_release(desk: Desk) -> None:
    assert "shop: nothing to do" in desk.text("sync", "shop")
    desk.house.source().write({"environments/blog/compose.yaml": compose("web:2")})

    found = desk.text("sync", "blog")

    assert found.splitlines()[-1].endswith("succeeded") or "nothing to do" in found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "wiki"), "there is no environment wiki"),
        (("history", "wiki"), "wiki"),
        (("show", "99"), "there is no release 99"),
        (("rollback", "wiki"), "there is no environment wiki"),
        (("why", "shop/none"), "environment shop has no service none; it has web"),
        (("explain", "none"), "there is no field or key none"),
        (("remove", "shop"), "another token may be allowed to"),
        (("init", "/nowhere"), "this works on the daemon's own machine alone; leave --server away"),
        (("doctor",), "this works on the daemon's own machine alone; leave --server away"),
        (("validate", "."), "this works on the daemon's own machine alone; leave --server away"),
        (("drift", "--watch"), "work on the daemon's own machine; leave --server away"),
        (("status", "--state-dir", "/x"), "leave --config and --state-dir away"),
    ],
)
def test_what_cannot_be_is_told(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    result = desk.ask(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_wrong_token_and_a_silent_address_are_told_with_their_mend(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("gitopsd_wrong")
    with_wrong = ("status", "--server", desk.url, "--token-file", str(tmp_path / "wrong"))
    result = CliRunner().invoke(gitopsd, with_wrong, obj=desk)
    assert result.exit_code == 1
    assert "this token opens nothing" in result.stderr
    assert "--token-file, GITOPSD_TOKEN_FILE or GITOPSD_TOKEN" in result.stderr

    nobody = CliRunner().invoke(gitopsd, ("status", "--server", f"http://127.0.0.1:{free_port()}"), obj=desk)
    assert (nobody.exit_code, "127.0.0.1" in nobody.stderr, "cannot be asked" in nobody.stderr) == (1, True, True)


def test_a_token_comes_from_the_environment_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITOPSD_TOKEN_FILE", str(desk.token_file))
    result = CliRunner().invoke(gitopsd, ("suspend", "shop", "--server", desk.url), obj=desk)
    assert (result.exit_code, result.stdout) == (0, "shop: suspended\n")
    CliRunner().invoke(gitopsd, ("resume", "shop", "--server", desk.url), obj=desk)


def test_a_token_is_not_carried_to_another_address(desk: Desk) -> None:
    with web() as elsewhere, web() as first:
        first.answers.append((302, {"Location": f"{elsewhere.url}/api/v1/environments"}))
        there = ("status", "--server", first.url, "--token-file", str(desk.token_file))
        assert CliRunner().invoke(gitopsd, there, obj=desk).exit_code == 1
        assert elsewhere.calls == []


def test_a_rollout_is_shown_in_the_words_of_the_machine_itself(desk: Desk) -> None:
    lines = desk.text("rollout", "show", "shop").splitlines()
    assert lines[0].startswith("shop: nothing under way; release ")
    assert lines[0].partition(" ago")[0][:40] == desk.here("rollout", "show", "shop").partition(" ago")[0][:40]
    assert "environment shop has no service none; it has web" in desk.ask("rollout", "show", "shop/none").stderr


def test_volumes_are_listed_from_elsewhere_as_on_the_machine_itself(desk: Desk) -> None:
    declared = "services: {web: {image: 'web:1', volumes: ['data:/data']}}\nvolumes: {data: {}}\n"
    desk.house.synced(desk.house.push({"blog/compose.yaml": declared}), "blog")

    assert "blog_data" in desk.text("volumes", "blog")
    assert desk.text("volumes") == desk.here("volumes")
    assert json.loads(desk.text("volumes", "-o", "json")) == json.loads(desk.here("volumes", "-o", "json"))
    assert "there is no environment wiki" in desk.ask("volumes", "wiki").stderr
