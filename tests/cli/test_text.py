"""What people read, word for word."""

import textwrap
from pathlib import Path

import pytest

from gitopsd.drift.detect import UNSEEN
from gitopsd.model.errors import NotTaken
from gitopsd.model.event import Event
from gitopsd.model.image import Disk, OutOfSight
from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import MANIFEST, Shop, compose, service, web
from tests.fakes.containers import Behaviour
from tests.fakes.notifier import FakeNotifier

SECRET = "environment: {GREETING: hello, PASSWORD: '${PASSWORD}'}"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


def same(shown: str, wanted: str, **names: str) -> None:
    """`names` of eight letters are what commit ids stand for in the wanted text."""
    for name, commit in names.items():
        shown = shown.replace(commit[:8], name)
    assert shown == textwrap.dedent(wanted).lstrip("\n")


def test_status_of_everything(shop: Shop) -> None:
    first = shop.release(compose(web()), "First")
    shop.wait(125)
    second = shop.commit({"environments/blog/compose.yaml": compose(web("web:3")), MANIFEST: compose(web("web:2"))})
    shop.source.poll()
    same(
        shop.ask("status").stdout,
        """
        ENVIRONMENT  REVISION              SYNC       HEALTH   SINCE  RELEASE  MESSAGE
        blog         secondon              OutOfSync  Missing  now    -
        shop         firstone -> secondon  OutOfSync  Healthy  now    1

        git default  https://git.example.com/shop.git  main@firstone  answered 2m ago
        no daemon runs: this was looked up just now
        """,
        firstone=first,
        secondon=second,
    )


def test_status_of_one_environment_tells_its_services_and_what_holds_it(shop: Shop) -> None:
    first = shop.release(compose(web("web:1", "deploy: {replicas: 2}")), "First")
    shop.engine.kill("shop-web-2")
    shop.mode = "manual"
    shop.work()
    result = shop.ask("status", "shop")
    assert result.exit_code == 3
    same(
        result.stdout.replace("mode is manual: `gitopsd sync shop` begins the release", "MANUAL"),
        """
        ENVIRONMENT  REVISION  SYNC       HEALTH    SINCE  RELEASE  MESSAGE
        shop         firstone  OutOfSync  Degraded  now    1        MANUAL

        SERVICE  SYNC    HEALTH    READY  IMAGE  MESSAGE
        web      Synced  Degraded  1/2    web:1  shop-web-2 exited with code 137

        held: manual: MANUAL

        git default  https://git.example.com/shop.git  main@firstone  answered now
        no daemon runs: this was looked up just now
        """,
        firstone=first,
    )


def test_status_of_nothing(shop: Shop) -> None:
    shop.commit({"README.md": "nothing yet"})
    for command in ("status", "plan", "drift"):
        missing = "No environments: no directory matches environments/*, hosts/$HOST/* in the repositories\n"
        assert shop.text(command).startswith(missing)


def test_history_is_newest_first_with_reasons(shop: Shop) -> None:
    first = shop.release(compose(web()), "First")
    shop.wait(3600)
    shop.image("web:bad", Behaviour(start_error="no such file: /x"))
    bad = shop.release(compose(web("web:bad")), "Fast \x1b[31mred")
    same(
        shop.text("history", "shop"),
        """
        RELEASE  REVISION  STARTED (UTC)        TOOK  OUTCOME      AUTHOR  SUBJECT
        2        badbadba  2026-03-01 13:00:00  0s    rolled-back  Ada     Fast \\x1b[31mred  (web: no such file: /x)
        1        firstone  2026-03-01 12:00:00  0s    succeeded    Ada     First
        """,
        firstone=first,
        badbadba=bad,
    )


def test_a_revert_is_told_as_the_release_whose_content_it_has(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    shop.release(compose(web("web:2")), "Second")
    shop.release(compose(web()), "Revert")
    lines = shop.text("history", "shop").splitlines()
    assert lines[1].endswith("Revert  (same content as release 1)")
    assert lines[2].endswith("Second")
    assert "  same content as release 1" in shop.text("show", "3").splitlines()


def test_a_release_tells_what_it_took_service_by_service_and_action_by_action(shop: Shop) -> None:
    shop.release(compose(web(), service("db")), "First")
    shop.release(compose(web("web:2"), service("db")), "Second")
    lines = shop.text("show", "2").splitlines()
    table = next(number for number, line in enumerate(lines) if line.startswith("SERVICE"))
    assert lines[table].split()[1:8] == ["RESULT", "TOOK", "INTERRUPTED", "STARTS", "WARMS", "DRAINS", "STOPS"]
    assert lines[table + 1].split()[:7] == ["db", "unchanged", *["-"] * 5]
    assert lines[table + 2].split()[:8] == ["web", "Succeeded", *["0.0s"] * 4, "-", "0.0s"]
    (stop,) = [line for line in lines if "Stop shop-web-1" in line]
    assert stop.endswith("# image web:1 -> web:2 (0.0s)")


def test_a_release_that_failed_tells_the_evidence(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    shop.image("web:bad", Behaviour(start_error="no such file: /x"))
    shop.release(compose(web("web:bad")), "Bad")
    assert "web: no such file: /x" in shop.text("show", "2").splitlines()
    (part,) = shop.json("show", "2")["rollouts"]
    assert (part["phase"], part["evidence"]) == ("RolledBack", "no such file: /x")


def test_drift_is_told_with_its_cure_and_what_was_not_looked_at(shop: Shop) -> None:
    first = shop.release(compose(web("web:1", "deploy: {replicas: 2}")), "First")
    shop.mode = "observe"
    shop.engine.remove_by_hand("shop-web-1")
    shop.engine.rename_by_hand("shop-web-2", "precious")
    shop.engine.pause_by_hand("precious")
    container = shop.engine.container("precious").id[:12]
    same(
        shop.text("drift"),
        f"""
        shop at firstone: 3 drifted
          ~ precious  modified: renamed
              container {container}, can be mended in place
              name  shop-web-2 -> precious  declared  in place
          ~ precious  paused: paused, and not by gitopsd
              container {container}, can be mended in place
          - shop-web-1  missing: shop-web-1 is gone: removed, and not by gitopsd
              takes a new one
          not checked: {"; ".join(UNSEEN)}
          2 can be mended in place, 1 takes a new one: `gitopsd heal shop`, or commit the change
        """,
        firstone=first,
    )


def test_a_diff_tells_fields_and_hides_secrets(shop: Shop, tmp_path: Path) -> None:
    variables = tmp_path / "vars.env"
    variables.write_text("PASSWORD=hunter2\n")
    shop.environments["shop"] = EnvironmentSettings("shop", vars_file=variables)
    first = shop.release({MANIFEST: compose(web("web:1", SECRET)), "environments/shop/a.txt": "a"})
    secret = SECRET.replace("hello", "moin").replace("{PASSWORD}", "{PASSWORD}!")
    shop.release(compose(web("web:2", secret, "volumes: [./a.txt:/a.txt:ro]"), service("new")))
    second = shop.source.remote["main"]
    shown = shop.text("diff", "shop", "1", second)
    assert "hunter2" not in shown
    digests = [shop.engine.images[f"web:{number}"].image.id[:19] for number in (1, 2)]
    lines = shown.splitlines()
    assert lines[0] == f"shop: release 1 ({first[:8]}) -> {second[:8]}"
    assert "  + new: added" in lines
    assert "      environment.GREETING: hello -> moin" in lines
    assert "      environment.PASSWORD: changed (hidden)" in lines
    assert "      image: web:1 -> web:2" in lines
    assert f"      digest: {digests[0]} -> {digests[1]}" in lines
    assert any(line.startswith("      content./a.txt: (none) -> ") for line in lines)


def test_why_tells_the_chain_of_causes_down_to_the_last_words_of_a_container(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    shop.wait(60)
    said = "cannot open \x1b[2Jthe database\n"
    shop.image("web:bad", Behaviour(healthcheck=True, healthy_after=None, unhealthy_after=0, log=said))
    shop.release(compose(web("web:bad")), "Faster")
    lines = shop.text("why", "shop/web").splitlines()
    assert lines[0] == "shop/web: OutOfSync, Healthy"
    assert lines[1] == "  1 of 1 ready, web:1"
    assert "last touched by release 2" in lines[2]
    begin = lines.index("2026-03-01 12:01:00 release 2: rolled-back: web: shop-web-1.gitopsd-2 is unhealthy")
    assert lines[begin + 1].endswith(" by Ada: Faster")
    assert lines[begin + 2] == "  release   12:01:00 release 2 began: newer content in Git"
    assert "  rollout   12:01:00 rolling back: shop-web-1.gitopsd-2 is unhealthy" in lines
    assert "      | cannot open \\x1b[2Jthe database" in lines


def test_a_plan_is_the_text_that_golden_plans_hold(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    second = shop.commit(compose(web("web:2")))
    same(
        shop.text("plan"),
        """
        shop at secondon
          -/+ web: replace, image web:1 -> web:2
                start-first, no interruption
        Plan: 0 to create, 1 to replace, 0 to change, 0 to remove.
        """,
        secondon=second,
    )


@pytest.mark.parametrize("revision", ["HEAD~1", "HEAD^", "main~"])
def test_a_plan_for_a_commit_before_another_one(shop: Shop, revision: str) -> None:
    shop.release(compose(web()), "First")
    shop.release(compose(web("web:2")), "Second")
    assert "web: replace, image web:2 -> web:1" in shop.text("plan", "shop", "--revision", revision)


def test_a_commit_before_the_first_one_is_told_to_be_none(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    result = shop.ask("plan", "shop", "--revision", "HEAD~3")
    assert (result.exit_code, "there are only 0 commits before HEAD" in result.stderr) == (1, True)


def test_a_plan_foretells_the_interruption_that_was_measured_last_time(shop: Shop) -> None:
    data = ("volumes: ['data:/data']",)
    volumes = "volumes: {data: {}}\n"
    shop.release(compose(web("web:1", *data)) + volumes, "First")
    for number, seconds in ((2, 4.0), (3, 9.0)):
        done = {"kind": "change", "order": "stop-first", "interruption_s": seconds}
        shop.store.append(
            [Event(shop.clock.now(), "RolloutSucceeded", "", environment="shop", service="web", data=done)] * number
        )
    shop.commit(compose(web("web:2", *data)) + volumes)
    shop.source.poll()
    assert "stop-first, about 9 s without service: it writes to volume data at /data" in shop.text("plan")
    assert "(as measured the last 5 times)" in shop.text("plan")


def test_an_image_that_is_not_there_yet_is_told_in_the_plan(shop: Shop) -> None:
    shop.commit(compose(web("web:9")))
    assert "image web:9 is not on the engine yet; it is pulled first" in shop.text("plan")
    shop.commit(compose(web("web:9", "pull_policy: never")))
    assert "image web:9 is not on the engine yet; `pull_policy: never` forbids to pull it" in shop.text("plan")
    shop.commit(compose(web("web:1", "pull_policy: always")))
    plan = shop.text("plan")
    assert "the registry of web:1 is asked first whether the tag has moved (pull_policy: always)" in plan


def test_events_are_told_oldest_first_with_their_place(shop: Shop) -> None:
    first = shop.release(compose(web()), "First")
    lines = shop.text("events").splitlines()
    assert lines[0] == f"2026-03-01 12:00:00 RevisionSeen       default is at {first[:8]}"
    assert (
        lines[1]
        == f"2026-03-01 12:00:00 ReleaseStarted     shop: release 1 of {first[:8]} (First): newer content in Git"
    )
    assert "2026-03-01 12:00:00 RolloutSucceeded   shop/web: new service, image web:1" in lines
    assert shop.text("events", "--limit", "1").splitlines() == lines[-1:]


def test_doctor_says_what_is_well_and_how_to_mend_what_is_not(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    good = shop.text("doctor")
    assert "FAIL" not in good
    assert "OK    Docker 20.10 (API 1.41)" in good.replace("OK      ", "OK    ")
    shop.engine.away = True
    result = shop.ask("doctor")
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert "did not answer; start Docker" in line


def test_doctor_looks_at_the_disk_that_images_are_on(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    url = shop.settings.engine.url
    assert f"disk of engine {url}" in shop.text("doctor")

    shop.engine.room = Disk("/var/lib/docker", 5 << 30, 100 << 30)
    result = shop.ask("doctor")
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert "/var/lib/docker, 5.0 GiB of 100.0 GiB free; images.min_free is 10%; free some space" in line

    shop.engine.room = OutOfSight("an engine behind a network may be on any host")
    (line,) = [line for line in shop.text("doctor").splitlines() if line.startswith("?")]
    assert line.endswith("images.min_free (10%) is not checked: an engine behind a network may be on any host")


def test_doctor_names_what_a_receiver_lacks_and_tells_nobody_for_it(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    chat = shop.notifiers["chat"] = FakeNotifier()
    assert "notify chat" in shop.text("doctor")

    chat.error = NotTaken("/run/secrets/slack cannot be read, which url_file names: No such file or directory")
    result = shop.ask("doctor")

    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert "notify chat" in line
    assert "/run/secrets/slack cannot be read" in line
    assert chat.asked == 0


def test_a_clock_that_lags_behind_the_ledger_is_found(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    shop.clock.jump(-3600)
    result = shop.ask("doctor")
    assert result.exit_code == 1
    assert "behind the newest event; set the clock" in result.stdout


def test_a_rollback_names_the_commit_and_the_command_that_takes_it_over(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    shop.release(compose(web("web:2")), "Second")
    lines = shop.text("rollback", "shop").splitlines()
    commit = next(iter(shop.source.held[name] for name in shop.source.held if name.startswith("rollback")))
    assert f"with commit {commit}" in lines[0]
    assert lines[1] == f"  ~ {MANIFEST}"
    assert lines[-1] == (
        f"  git fetch /state/mirrors/fake.git refs/gitopsd/rollback-shop-{commit[:12]} "
        "&& git merge --ff-only FETCH_HEAD && git push origin HEAD:main"
    )


def test_an_operation_without_a_daemon_is_said_to_be_queued(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    result = shop.ask("suspend", "shop", "--for", "4h", "--reason", "lunch")
    assert result.exit_code == 0
    assert result.stderr == "no daemon runs: the operation is queued, and done when one starts\n"
    (operation,) = shop.store.pending()
    assert dict(operation.arguments) == {"for_s": 14400.0, "reason": "lunch"}
    shop.work()
    assert shop.store.journal("shop").suspension is not None


def test_a_removed_environment_that_is_still_in_git_stays_down_until_it_is_resumed(shop: Shop) -> None:
    shop.release(compose(web()), "First")
    result = shop.ask("remove", "shop")
    assert result.stdout == (
        "shop: 1 containers removed, volumes stay; it is still in Git and stays suspended: "
        "`gitopsd resume shop` brings it back\n"
    )
    shop.work()
    assert shop.engine.names(running=True) == []


def test_init_writes_a_repository_that_is_valid_and_overwrites_nothing(shop: Shop, tmp_path: Path) -> None:
    directory = tmp_path / "new"
    directory.mkdir()
    (directory / "README.md").write_text("mine")
    shown = shop.text("init", str(directory))
    assert f"kept   {directory}/README.md" in shown
    assert (directory / "README.md").read_text() == "mine"
    result = shop.ask("validate", str(directory))
    assert (result.exit_code, result.stderr) == (0, "1 of 1 environment is valid\n")


def test_validate_prints_one_mistake_a_line(shop: Shop, tmp_path: Path) -> None:
    place = tmp_path / "bad"
    place.mkdir()
    (place / "compose.yaml").write_text("services:\n  web: {image: 5, nonsense: 1}\n")
    result = shop.ask("validate", str(place))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("compose.yaml:2:16: services.web.image: ")


def test_config_prints_yaml_for_people(shop: Shop, tmp_path: Path) -> None:
    place = tmp_path / "plain"
    place.mkdir()
    (place / "compose.yaml").write_text(compose(web()))
    assert shop.text("config", str(place)).startswith("name: plain\nservices:\n  web:\n")


def test_a_field_that_was_changed_by_hand_is_told_with_its_values_and_what_mends_it(shop: Shop) -> None:
    first = shop.release(compose(web("web:1", "mem_limit: 64m")), "First")
    shop.mode = "observe"
    shop.engine.update_by_hand("shop-web-1", Memory=32 << 20, NanoCpus=10**9)
    container = shop.engine.container("shop-web-1").id[:12]
    same(
        shop.text("drift"),
        f"""
        shop at firstone: 1 drifted
          ~ shop-web-1  modified: resources.cpus, resources.memory changed by hand
              container {container}, takes a new one
              resources.cpus    - -> 1          changed by hand  takes a new one
              resources.memory  64MiB -> 32MiB  declared         in place
          not checked: {"; ".join(UNSEEN)}
          1 takes a new one: `gitopsd heal shop`, or commit the change
        """,
        firstone=first,
    )


def test_a_field_is_explained_by_its_row_of_the_table(shop: Shop) -> None:
    same(
        shop.text("explain", "resources.memory"),
        """
        resources.memory of a container, HostConfig.Memory in an inspection
          compared as a quantity; the manifest owns it: its silence is a declaration, too
          brought back on the live container; a change of it is of medium severity
          set by mem_limit, deploy.resources.limits.memory
          on a swarm: reservations are what Swarm places by; a change of either replaces every task
        """,
    )
    assert "networks.*.aliases" in shop.text("explain")


def test_a_place_that_a_drift_report_of_a_swarm_names_is_explained(shop: Shop) -> None:
    same(
        shop.text("explain", "Mode.Replicated.Replicas"),
        """
        deploy.replicas of a service of a swarm, Mode.Replicated.Replicas in an inspection
          compared as a value; the manifest owns it: its silence is a declaration, too
          brought back by telling Swarm again; a change of it is of medium severity
          set by deploy.replicas
          left to somebody else by `x-gitopsd: {ignore_drift: [deploy.replicas]}`
          on a swarm: tasks that Swarm keeps up; a scale by hand is taken back, unless ignore_drift names it
        """,
    )


def test_a_diff_tells_files_line_by_line_but_for_those_that_hold_what_is_secret(shop: Shop, tmp_path: Path) -> None:
    variables = tmp_path / "vars.env"
    variables.write_text("PASSWORD=hunter2\n")
    shop.environments["shop"] = EnvironmentSettings("shop", vars_file=variables)
    given = ("volumes: [./app.conf:/etc/app.conf:ro]", "configs: [login]")

    def released(size: int) -> None:
        document = compose(web("web:1", *given)) + f"configs: {{login: {{content: 'p=${{PASSWORD}} s={size}'}}}}\n"
        shop.release({MANIFEST: document, "environments/shop/app.conf": f"size={size}\n"})

    released(1)
    released(2)
    shown = shop.text("diff", "shop", "1", "2").splitlines()
    assert "      -size=1" in shown
    assert "      +size=2" in shown
    assert not [line for line in shown if "hunter2" in line or "s=1" in line]


def test_validate_annotates_a_pull_request_line_by_line(shop: Shop, tmp_path: Path) -> None:
    place = tmp_path / "environments" / "shop"
    place.mkdir(parents=True)
    (place / "compose.yaml").write_text('services:\n  web: {image: x, "100%": 1, environment: {A: "${NOPE}"}}\n')

    result = shop.ask("validate", str(tmp_path), "--format", "github")

    lines = result.output.splitlines()
    file = "file=environments/shop/compose.yaml,line=2"
    assert any(line.startswith(f"::error {file},col=19::services.web.100%25: unknown key") for line in lines)
    assert any(line.startswith(f"::error {file}") and "the variable NOPE is not set" in line for line in lines)
    assert result.exit_code == 1
