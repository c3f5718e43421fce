"""Exit codes are a contract: 0 fine, 1 error, 2 something to show, 3 degraded, rejected or rolled back."""

from pathlib import Path

import pytest

from gitopsd.model.errors import SourceUnavailable
from tests.cli.shop import Shop, compose, web
from tests.fakes.containers import unhealthy


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    made.release(compose(web()), "First")
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("status", "--nonsense"),
        ("diff", "shop"),
        ("status", "-o", "xml"),
        ("show", "x"),
        ("suspend", "shop", "--for", "4 parsecs"),
        ("status", "nowhere"),
        ("history", "nowhere"),
        ("show", "99"),
        ("why", "shop/nothing"),
        ("diff", "shop", "1", "nonsense"),
        ("plan", "shop", "--revision", "nonsense"),
        ("rollback", "shop"),
        ("validate", "/no/such/path"),
    ],
)
def test_a_wrong_use_and_a_question_without_answer_exit_with_1_and_say_why(
    shop: Shop, arguments: tuple[str, ...]
) -> None:
    result = shop.ask(*arguments)
    assert result.exit_code == 1
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


def test_what_is_well_exits_with_0(shop: Shop) -> None:
    for arguments in (("status",), ("plan", "--exit-code"), ("drift", "--exit-code"), ("history", "shop")):
        assert shop.ask(*arguments).exit_code == 0, arguments


def test_a_plan_with_changes_exits_with_2_only_when_asked_to(shop: Shop) -> None:
    shop.commit(compose(web("web:2")))
    assert shop.ask("plan").exit_code == 0
    assert shop.ask("plan", "--exit-code").exit_code == 2


def test_drift_exits_with_2_only_when_asked_to(shop: Shop) -> None:
    shop.engine.kill("shop-web-1")
    assert shop.ask("drift").exit_code == 0
    assert shop.ask("drift", "--exit-code").exit_code == 2


def test_a_diff_exits_with_2_only_when_asked_to(shop: Shop) -> None:
    shop.release(compose(web("web:2")))
    assert shop.ask("diff", "shop", "1", "2").exit_code == 0
    assert shop.ask("diff", "shop", "1", "2", "--exit-code").exit_code == 2
    assert shop.ask("diff", "shop", "1", "1", "--exit-code").exit_code == 0


def test_a_rejected_release_makes_status_exit_with_3_until_it_is_reverted(shop: Shop) -> None:
    shop.image("web:bad", unhealthy())
    shop.release(compose(web("web:bad")), "Broken")
    assert shop.store.releases("shop")[0].outcome == "rolled-back"
    assert shop.ask("status").exit_code == 3
    assert shop.ask("status", "shop").exit_code == 3
    shop.release(compose(web()), "Revert")
    assert shop.ask("status").exit_code == 0


def test_a_manifest_that_cannot_be_loaded_makes_status_and_plan_exit_with_1_and_holds_nobody_else(shop: Shop) -> None:
    shop.release({"environments/blog/compose.yaml": "services: [oops]\n"})
    assert shop.ask("status").exit_code == 1
    assert shop.ask("status", "shop").exit_code == 0
    planned = shop.ask("plan", "--exit-code")
    assert planned.exit_code == 1
    assert "shop at" in planned.stdout
    assert "environments/blog/compose.yaml:1:11" in planned.stderr


def test_an_engine_that_is_away_makes_questions_about_it_exit_with_1(shop: Shop) -> None:
    shop.engine.away = True
    assert shop.ask("plan", "--exit-code").exit_code == 1
    assert shop.ask("drift", "--exit-code").exit_code == 1
    assert shop.ask("status").exit_code == 1
    assert shop.ask("history", "shop").exit_code == 0


def test_a_remote_that_is_away_leaves_what_is_known(shop: Shop) -> None:
    shop.source.failure = SourceUnavailable("repository fake: no route to host")
    result = shop.ask("plan", "--exit-code")
    assert result.exit_code == 0
    assert "No changes" in result.stdout


def test_an_error_is_one_message_without_control_characters(shop: Shop) -> None:
    result = shop.ask("status", "no\x1b[31mwhere")
    assert result.stderr.startswith("gitopsd: there is no environment no\\x1b[31mwhere; there are shop")
