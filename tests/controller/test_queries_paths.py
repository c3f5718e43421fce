"""A path on disk is an environment's directory, a Compose file, or a repository with everything that discover finds."""

from pathlib import Path

import pytest

from gitopsd.controller.queries.everything import everything
from gitopsd.controller.queries.paths import OnDisk, alone, configured
from gitopsd.controller.queries.validating import validated
from gitopsd.model.errors import GitopsdError
from gitopsd.model.settings import EnvironmentSettings, TargetEngine
from tests.cli.shop import Shop, compose, web


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A work tree with two environments that share a base outside of their directories."""
    directory = tmp_path / "work"
    using = "services:\n  web:\n    extends: {file: ../../base/web.yaml, service: web}\n"
    write(directory, "base/web.yaml", compose(web()))
    write(directory, "environments/one/compose.yaml", using)
    write(directory, "environments/two/compose.yaml", using)
    (directory / ".git").mkdir()
    return directory


def write(directory: Path, name: str, text: str) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(tmp_path: Path, path: Path, **settings: EnvironmentSettings) -> list[str]:
    shop = Shop(tmp_path / "state", environments=settings)
    found, problems = on_disk(shop, path)
    assert not problems
    assert all(not validated(each).problems for each in found)
    return [each.name for each in found]


def on_disk(shop: Shop, path: Path) -> tuple[tuple[OnDisk, ...], tuple[str, ...]]:
    found = alone(shop.ground(), path)
    return ((found,), ()) if found is not None else everything(shop.ground(), path)


def test_a_directory_is_one_environment_and_finds_what_lies_beside_it_in_the_work_tree(
    tmp_path: Path, root: Path
) -> None:
    assert names(tmp_path, root / "environments/one") == ["one"]


def test_a_compose_file_is_one_environment(tmp_path: Path, root: Path) -> None:
    assert names(tmp_path, root / "environments/two/compose.yaml") == ["two"]


def test_a_root_is_every_environment_in_it(tmp_path: Path, root: Path) -> None:
    assert names(tmp_path, root) == ["one", "two"]


def test_a_directory_of_environments_within_a_larger_work_tree_is_a_root_too(tmp_path: Path, root: Path) -> None:
    write(root, "example/environments/three/compose.yaml", compose(web()))
    assert names(tmp_path, root / "example") == ["three"]


def test_without_a_work_tree_the_directory_alone_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, "plain/compose.yaml", compose(web()))
    assert names(tmp_path, tmp_path / "plain") == ["plain"]


def test_a_name_that_the_settings_give_to_a_path_counts(tmp_path: Path, root: Path) -> None:
    settings = EnvironmentSettings("production", path="environments/one", project="shop")
    assert names(tmp_path, root / "environments/one", production=settings) == ["production"]


def test_a_place_without_environments_says_what_was_looked_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GitopsdError, match=r"matches environments/\*, hosts/\$HOST/\*"):
        on_disk(shop, tmp_path / "empty")
    with pytest.raises(GitopsdError, match="does not exist"):
        on_disk(shop, tmp_path / "nowhere")


def test_every_mistake_is_found_and_what_is_unset_only_warned_of(tmp_path: Path) -> None:
    write(tmp_path, "bad/compose.yaml", "services:\n  web: {image: 5, nonsense: 1}\n")
    write(tmp_path, "open/compose.yaml", compose(web("web:${TAG}")))
    shop = Shop(tmp_path / "state")
    ((bad,), _), ((unset,), _) = (on_disk(shop, tmp_path / each) for each in ("bad", "open"))
    assert [str(each).partition(": ")[0] for each in validated(bad).problems] == [
        "compose.yaml:2:16",
        "compose.yaml:2:19",
    ]
    assert validated(unset).problems == ()
    assert "TAG" in str(validated(unset).warnings[0])


def test_the_resolved_manifest_names_absolute_paths_below_the_work_tree(tmp_path: Path, root: Path) -> None:
    write(root, "environments/one/page.html", "hello")
    write(root, "environments/one/compose.yaml", compose(web("web:1", "volumes: [./page.html:/www/page.html:ro]")))
    (found,), _ = on_disk(Shop(tmp_path / "state"), root / "environments/one")
    resolved = configured(found, defaults=False)
    assert str(root / "environments/one/page.html") in str(resolved)


def test_environments_that_cannot_both_be_what_one_was_are_told_before_anything_is_pushed(
    tmp_path: Path, root: Path
) -> None:
    moved = "x-gitopsd: {moved_from: shop}\n" + compose(web())
    write(root, "environments/three/compose.yaml", moved)
    write(root, "environments/four/compose.yaml", moved)
    write(root, "environments/five/compose.yaml", "x-gitopsd: {moved_from: one}\n" + compose(web()))

    found, _ = on_disk(Shop(tmp_path / "state"), root)

    problems = {each.name: [str(problem) for problem in validated(each).problems] for each in found}
    assert "environment one is still there, in environments/one" in problems["five"][0]
    assert "three says the same of itself at environments/three/compose.yaml:1:25" in problems["four"][0]
    assert "four says the same of itself" in problems["three"][0]
    assert problems["one"] == problems["two"] == []


def test_an_environment_that_the_settings_put_on_a_swarm_is_checked_for_one(tmp_path: Path, root: Path) -> None:
    write(root, "environments/one/compose.yaml", compose(web("web:1", "deploy: {mode: global}")))
    there = EnvironmentSettings("one", target=TargetEngine(swarm=True))
    for settings, refused in (({"one": there}, []), ({}, ["global needs Swarm"])):
        for path in (root / "environments/one", root):
            found, _ = on_disk(Shop(tmp_path / "state", environments=settings), path)
            told = [problem.message[:18] for each in found for problem in validated(each).problems]
            assert told == refused
