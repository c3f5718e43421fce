"""Which volumes nobody needs any more, and who needs the others."""

from pathlib import Path

import pytest

from tests.cli.shop import MANIFEST, Shop, compose, web

AT_ONCE = "x-gitopsd: {min_ready: 0s}"
ONE = f"services: {{db: {{image: web:1, {AT_ONCE}, volumes: ['data:/data']}}}}\nvolumes: {{data: {{}}}}\n"
TWO = ONE.replace("'data:/data'", "'data:/data', 'cache:/cache'").replace("{data: {}}", "{data: {}, cache: {}}")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "state")
    made.release(TWO)
    return made


def needs(shop: Shop, *more: str) -> list[tuple[str, str, str]]:
    return [(each["name"], each["need"], each["reason"]) for each in shop.json("volumes", *more)["volumes"]]


def test_what_a_container_has_is_mounted(shop: Shop) -> None:
    held = [("shop_cache", "mounted", "a container has it"), ("shop_data", "mounted", "a container has it")]
    assert needs(shop) == needs(shop, "shop") == held
    assert needs(shop, "--orphaned") == []


def test_what_the_manifest_declares_no_more_is_left_over(shop: Shop) -> None:
    shop.release(ONE)

    assert needs(shop, "--orphaned") == [("shop_cache", "orphaned", "shop declares it no more")]
    result = shop.ask("volumes", "--orphaned")
    assert "docker volume rm NAME" in result.stderr
    assert "shop_cache" in result.stdout
    assert "shop_data" not in result.stdout


def test_what_is_declared_and_stopped_is_needed(shop: Shop) -> None:
    shop.release(TWO.replace("image: web:1", "image: web:1, deploy: {replicas: 0}"))

    assert {need for _, need, _ in needs(shop)} == {"declared"}


def test_while_the_manifest_is_broken_nobody_says_that_a_volume_is_left_over(shop: Shop) -> None:
    shop.release(f"services: {{db: {{image: web:1, {AT_ONCE}}}}}\n")
    shop.commit("services: [broken]\n")
    shop.source.poll()

    assert {need for _, need, _ in needs(shop)} == {"unknown"}


def test_the_volumes_of_an_environment_that_was_removed_are_left_over(shop: Shop) -> None:
    shop.release({MANIFEST: None, "environments/blog/compose.yaml": compose(web())})
    assert shop.ask("remove", "shop").exit_code == 0

    left = [(name, "orphaned", "environment shop is no more") for name in ("shop_cache", "shop_data")]
    assert needs(shop, "--orphaned") == left


def test_volumes_of_other_projects_are_no_concern_of_gitopsd(shop: Shop) -> None:
    shop.engine.create_volume("theirs", {"Labels": {"com.docker.compose.project": "another"}})

    assert "theirs" not in {name for name, _, _ in needs(shop)}


def test_of_whom_there_is_none_is_told(shop: Shop) -> None:
    result = shop.ask("volumes", "nowhere")

    assert result.exit_code == 1
    assert "there is no environment nowhere" in result.stderr
