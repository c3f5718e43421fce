"""Promoting is a commit: image versions go over where they are written, and every other character stays."""

from pathlib import Path

import pytest

from gitopsd.controller.queries.promotion import promote
from gitopsd.model.errors import GitopsdError
from tests.cli.shop import Shop, compose, service, web

STAGING = "environments/staging/compose.yaml"
PRODUCTION = "environments/production/compose.yaml"
DOTENV = "environments/production/.env"


def shop(tmp_path: Path, production: dict[str, str | bytes | None], staging: str = "") -> Shop:
    made = Shop(tmp_path / "state")
    made.release({STAGING: staging or compose(web("web:2"), service("db", image="db:2")), **production}, "First")
    return made


def text(made: Shop, commit: str, path: str = PRODUCTION) -> str:
    return made.source.files(commit).read(path).decode()


def test_versions_go_over_where_they_are_written_and_all_else_stays(tmp_path: Path) -> None:
    before = compose(web('"web:1"  # the shop'), service("db", image="db:1"))
    made = shop(tmp_path, {PRODUCTION: f"# ours\n{before}"})
    result = promote(made.view(), "staging", "production")
    assert text(made, result.commit) == "# ours\n" + before.replace("web:1", "web:2").replace("db:1", "db:2")
    assert (result.changed, result.others, result.pushed) == ((PRODUCTION,), (), False)
    assert "Promote release" in made.source.commit(result.commit).subject


@pytest.mark.parametrize(
    ("dotenv", "after"),
    [
        ("# versions\nWEB=1 # now\nOTHER=1\n", "# versions\nWEB=2 # now\nOTHER=1\n"),
        ('export WEB="1"\n', "export WEB=2\n"),
        ("OTHER=1", "OTHER=1\nWEB=2\n"),
    ],
)
def test_a_version_that_comes_from_a_variable_is_changed_in_the_env_file(
    tmp_path: Path, dotenv: str, after: str
) -> None:
    made = shop(tmp_path, {PRODUCTION: compose(web("web:${WEB:-1}")), DOTENV: dotenv}, compose(web("web:2")))
    result = promote(made.view(), "staging", "production")
    assert (text(made, result.commit, DOTENV), result.changed) == (after, (DOTENV,))


def test_a_file_that_others_share_is_not_written_to(tmp_path: Path) -> None:
    base = compose(web("web:1"))
    extends = "services: {web: {extends: {file: ../../base.yaml, service: web}}}\n"
    files = {PRODUCTION: extends, "base.yaml": base, "environments/third/compose.yaml": extends}
    made = shop(tmp_path, files)
    with pytest.raises(GitopsdError, match=r"base\.yaml:3:5: services\.web\.image is written in a file that others"):
        promote(made.view(), "staging", "production")


def test_two_services_that_would_need_one_variable_to_differ_are_told(tmp_path: Path) -> None:
    production = compose(web("web:${V}"), service("db", image="db:${V}"))
    staging = compose(web("web:2"), service("db", image="db:3"))
    made = shop(tmp_path, {PRODUCTION: production, DOTENV: "V=1\n"}, staging)
    with pytest.raises(GitopsdError, match="give each a variable of its own"):
        promote(made.view(), "staging", "production")


def test_an_override_that_has_the_last_word_is_where_it_is_written(tmp_path: Path) -> None:
    override = "environments/production/compose.override.yaml"
    made = shop(tmp_path, {PRODUCTION: compose(web("web:3")), override: "services: {web: {image: web:1}}\n"})
    result = promote(made.view(), "staging", "production")
    assert text(made, result.commit, override) == "services: {web: {image: web:2}}\n"


def test_what_is_another_image_stays_and_is_told(tmp_path: Path) -> None:
    made = shop(tmp_path, {PRODUCTION: compose(web("db:1"))}, compose(web("web:2")))
    result = promote(made.view(), "staging", "production")
    assert (result.commit, result.note) == ("", "web stays at db:1, as web:2 is another image")


def test_nothing_is_promoted_from_where_nothing_serves(tmp_path: Path) -> None:
    made = Shop(tmp_path / "state")
    made.commit({STAGING: compose(web("web:2")), PRODUCTION: compose(web("web:1"))})
    with pytest.raises(GitopsdError, match="nothing serves in staging yet"):
        promote(made.view(), "staging", "production")


def test_production_takes_what_staging_has_proven_and_nothing_else(tmp_path: Path) -> None:
    requires = "x-gitopsd: {requires: {environment: staging, healthy_for: 30m, same: digests}}\n"
    made = shop(tmp_path, {PRODUCTION: requires + compose(web("web:1"))}, compose(web("web:2")))
    made.work()  # by now staging serves
    (reason,) = holds(made)
    assert reason.startswith("staging has to serve web:1 first, and its release")
    assert [hold.until for status in made.store.statuses() for hold in status.holds] == [None]
    assert made.ask("promote", "staging", "production", "--push").exit_code == 0
    made.work()
    (reason,) = holds(made)
    assert reason.startswith("staging has to be healthy for 30m, and is since")
    made.wait(1800)
    made.work()
    assert holds(made) == []
    assert [each.outcome for each in made.store.releases("production")] == ["succeeded", "superseded"]


def holds(made: Shop) -> list[str]:
    (status,) = (each for each in made.store.statuses() if each.name == "production")
    return [hold.reason.removeprefix("as this commit wants, ") for hold in status.holds]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("qa", "as this commit wants, qa has to serve it first, and there is no environment of that name"),
        ("production", "production has to go before itself, which nothing can; name the environment that goes first"),
    ],
)
def test_a_requirement_that_nothing_can_meet_says_so(tmp_path: Path, named: str, told: str) -> None:
    requires = f"x-gitopsd: {{requires: {{environment: {named}}}}}\n"
    made = shop(tmp_path, {PRODUCTION: requires + compose(web("web:1"))}, compose(web("web:2")))
    made.work()
    assert told in made.text("plan", "production")
