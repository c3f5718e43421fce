"""What a pull request would change, from a checkout alone: with no daemon, no engine and no network."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.shop import Shop, compose, service, web

SHOP, BLOG = "environments/shop/compose.yaml", "environments/blog/compose.yaml"
WEB = compose(web())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A checkout with two environments on `main`, and a branch `change` that is checked out."""
    place = tmp_path / "environments-of-the-shop"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    commit(place, {SHOP: WEB, BLOG: WEB})
    git(place, "switch", "-q", "-c", "change")
    return place


def git(place: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return subprocess.run(
        ["git", *who, *arguments], cwd=place, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(place: Path, files: Mapping[str, str | None]) -> str:
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "Change")
    return git(place, "rev-parse", "HEAD")


def proposal(place: Path, *more: str) -> tuple[str, ...]:
    return ("plan", "--repository", str(place), "--base", "main", *more)


def test_only_what_changes_is_shown_with_its_cause_and_its_cost(shop: Shop, there: Path) -> None:
    commit(there, {SHOP: compose(web("web:2"), service("db"))})

    lines = shop.text(*proposal(there)).splitlines()

    assert "  +   db: create, new service, image db:1" in lines
    assert "  -/+ web: replace, image web:1 -> web:2" in lines
    assert lines[-1] == "Plan: 1 to create, 1 to replace, 0 to change, 0 to remove."
    assert not any("blog" in line for line in lines)


def test_a_proposal_that_changes_no_environment_says_so(shop: Shop, there: Path) -> None:
    commit(there, {"README.md": "What this is\n"})

    assert shop.text(*proposal(there, "--exit-code")) == "No environment changes.\n"


def test_what_the_base_got_meanwhile_is_not_the_proposals_doing(shop: Shop, there: Path) -> None:
    commit(there, {SHOP: compose(web("web:2"))})
    git(there, "switch", "-q", "main")
    commit(there, {BLOG: compose(web("web:3"))})

    found = json.loads(shop.text(*proposal(there, "--head", "change", "-o", "json")))

    changed = {each["name"]: [change["change"] for change in each["changes"]] for each in found["environments"]}
    assert changed == {"shop": ["replace"], "blog": ["unchanged"]}


def test_new_and_removed_environments_are_named_as_such(shop: Shop, there: Path) -> None:
    commit(there, {"environments/wiki/compose.yaml": WEB, BLOG: None})

    found = json.loads(shop.text(*proposal(there, "-o", "json")))
    text = shop.text(*proposal(there))

    assert found["removed"] == ["blog"]
    assert [each["name"] for each in found["environments"] if each["new"]] == ["wiki"]
    assert "blog leaves Git; its containers keep running until `gitopsd remove blog`" in text.splitlines()


def test_a_renamed_environment_that_says_what_it_was_is_no_new_one(shop: Shop, there: Path) -> None:
    moved = f"x-gitopsd: {{moved_from: shop}}\n{WEB}"
    commit(there, {SHOP: None, "environments/store/compose.yaml": moved})

    found = json.loads(shop.text(*proposal(there, "-o", "json")))

    assert (found["removed"], [each["name"] for each in found["environments"] if each["new"]]) == ([], [])


def test_one_mistake_is_told_with_its_place_and_the_other_environments_all_the_same(shop: Shop, there: Path) -> None:
    commit(there, {SHOP: "services: {web: {imagge: web:1}}\n", BLOG: compose(web("web:2"))})

    result = shop.ask(*proposal(there))

    assert result.exit_code == 1
    assert "web: replace, image web:1 -> web:2" in result.stdout
    assert "shop: environments/shop/compose.yaml:1:18: services.web.imagge: unknown key; did you mean image?" in (
        result.stderr.splitlines()
    )


def test_changes_are_an_exit_code_where_it_is_asked_for(shop: Shop, there: Path) -> None:
    commit(there, {SHOP: compose(web("web:2"))})

    assert shop.ask(*proposal(there)).exit_code == 0
    assert shop.ask(*proposal(there, "--exit-code")).exit_code == 2
    assert shop.ask("plan", "blog", *proposal(there, "--exit-code")[1:]).exit_code == 0


def test_markdown_is_ready_to_be_posted_and_nothing_in_it_acts(shop: Shop, there: Path) -> None:
    evil = web("web:2", "environment: {NOTE: '<img src=x> | @everyone `x`'}")
    commit(there, {SHOP: compose(evil), "environments/wiki/compose.yaml": WEB, BLOG: None})

    lines = shop.text(*proposal(there, "-o", "markdown")).splitlines()

    assert lines[0].startswith("## gitopsd plan: `")
    assert "| `shop` | 1 to replace |" in lines
    assert "| `wiki` | new: 1 to create |" in lines
    assert "| `blog` | leaves Git; its containers keep running until `gitopsd remove blog` |" in lines
    [row] = [line for line in lines if line.startswith("| `-/+` | `web` | replace (rolling, start-first) | ")]
    assert row.endswith(" | no |")
    [note] = [line for line in lines if "everyone" in line]
    assert note.startswith("- `web: environment: ")
    assert note.endswith("`")
    assert note.count("`") == 2


def test_a_file_that_changes_in_place_is_counted_as_a_change(shop: Shop, there: Path) -> None:
    git(there, "switch", "-q", "main")
    flags = {"environments/shop/flags.yaml": "dark: false\n"}
    commit(there, {SHOP: WEB.replace("min_ready: 0s", "min_ready: 0s, flags: flags.yaml"), **flags})
    git(there, "switch", "-q", "-C", "change")
    commit(there, {"environments/shop/flags.yaml": "dark: true\n"})

    lines = shop.text(*proposal(there, "-o", "markdown")).splitlines()

    assert "| `shop` | 1 to change |" in lines
    assert "| `~` | `web` | update in place | `/etc/gitopsd/flags.yaml changed` | no |" in lines


def test_the_base_may_be_known_from_its_remote_alone(shop: Shop, there: Path, tmp_path: Path) -> None:
    commit(there, {SHOP: compose(web("web:2"))})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--branch", "change", str(there), str(clone))

    assert "web: replace, image web:1 -> web:2" in shop.text(*proposal(clone))


def test_a_base_that_was_not_fetched_is_told_with_its_mend(shop: Shop, there: Path) -> None:
    result = shop.ask("plan", "--repository", str(there), "--base", "release")

    assert result.exit_code == 1
    assert (
        "no branch, tag or commit 'release' here; fetch it first, as with `git fetch origin release`" in result.stderr
    )


@pytest.mark.parametrize("name", ["--output=/tmp/x", "a..b", "x;y\n", "@{-1}"])
def test_a_name_that_is_none_is_refused(shop: Shop, there: Path, name: str) -> None:
    result = shop.ask("plan", "--repository", str(there), f"--base={name}")

    assert result.exit_code == 1
    assert "cannot be the name of" in result.stderr


def test_no_hook_and_no_program_of_the_checkout_runs(shop: Shop, there: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    git(there, "config", "core.fsmonitor", f"touch {mark}")
    git(there, "config", "diff.external", f"touch {mark}")
    (there / ".gitattributes").write_text("* filter=evil\n")
    git(there, "config", "filter.evil.smudge", f"touch {mark}")
    commit(there, {SHOP: compose(web("web:2"))})
    mark.unlink(missing_ok=True)

    shop.text(*proposal(there))

    assert not mark.exists()


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        (("--base", "main"), "write --repository with its path"),
        (("--repository", "."), "write the branch that is to be changed"),
        (("--repository", ".", "--base", "main", "--revision", "x"), "write the branch that is to be changed"),
    ],
)
def test_what_does_not_belong_together_is_told(shop: Shop, arguments: tuple[str, ...], mend: str) -> None:
    result = shop.ask("plan", *arguments)
    assert result.exit_code == 1
    assert mend in result.stderr


def test_a_directory_in_no_repository_is_told(shop: Shop, tmp_path: Path) -> None:
    result = shop.ask("plan", "--repository", str(tmp_path), "--base", "main")
    assert result.exit_code == 1
    assert "is in no Git repository" in result.stderr


def test_nothing_of_the_engine_or_the_store_is_asked(shop: Shop, there: Path) -> None:
    shop.engine.away = True
    shop.store.broken = "nobody may write"
    commit(there, {SHOP: compose(web("web:2"))})

    assert "web: replace" in shop.text(*proposal(there))


def test_environments_that_do_not_change_are_only_counted(shop: Shop, there: Path) -> None:
    commit(there, {SHOP: compose(web("web:2"))})

    lines = shop.text(*proposal(there, "-o", "markdown")).splitlines()

    assert "1 other environment without a change." in lines
    assert not any("`blog`" in line for line in lines)


def test_what_cannot_be_carried_out_is_wrong_before_anybody_merges_it(shop: Shop, there: Path) -> None:
    git(there, "switch", "-q", "main")
    commit(there, {SHOP: f'{WEB}networks: {{default: {{driver_opts: {{a: "1"}}}}}}\n'})
    git(there, "switch", "-q", "-c", "other")
    commit(there, {SHOP: f'{WEB}networks: {{default: {{driver_opts: {{a: "2"}}}}}}\n'})

    result = shop.ask(*proposal(there, "-o", "markdown"))

    assert result.exit_code == 1
    [row] = [line for line in result.stdout.splitlines() if line.startswith("| `shop` | ")]
    assert row.endswith(", **1 problem** |")
    assert "network shop_default was created with other settings" in result.stdout


def test_what_the_host_alone_knows_keeps_nobody_from_a_plan(shop: Shop, there: Path) -> None:
    secret = "secrets: {token: {external: true}}\n"
    git(there, "switch", "-q", "main")
    commit(there, {SHOP: compose(web("web:${TAG}", "secrets: [token]")) + secret})
    git(there, "switch", "-q", "-c", "other")
    commit(there, {SHOP: compose(web("web:${TAG}", "secrets: [token]", "command: [serve]")) + secret})

    text = shop.text(*proposal(there))

    assert "web: replace, command" in text
    assert "the variable TAG is not set" in text
