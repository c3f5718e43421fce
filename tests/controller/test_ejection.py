"""Leaving: containers keep running, the plain Compose file is all of standard output, and nothing is taken back."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pyrage import encrypt, x25519

from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.unlocking import Unlocking
from gitopsd.model.operation import Operation
from gitopsd.model.settings import EnvironmentSettings, KeySettings
from tests.cli.shop import Shop, compose, service, web
from tests.fakes.composed import compose_up

FILE = (
    compose(
        web("web:1", "environment: {PASSWORD: '${PASSWORD}', COLOUR: blue}", "build: ."),
        service("db", "volumes: ['data:/data', './conf:/etc/conf:ro', './host:/host']"),
    )
    + "volumes: {data: }\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop that serves; its password comes from the host."""
    variables = tmp_path / "shop.env"
    variables.write_text("PASSWORD=open sesame\n")
    made = Shop(tmp_path / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})
    made.release({"environments/shop/compose.yaml": FILE, "environments/shop/conf/a": "one\n"})
    return made


def names(shop: Shop) -> dict[str, str]:
    return {each.name: id for id, each in shop.engine.containers.items()}


def document(shop: Shop) -> Any:
    return yaml.safe_load(shop.text("eject", "shop"))


def test_everything_keeps_running_and_the_project_is_nobodys(shop: Shop) -> None:
    before, writes = names(shop), len(shop.engine.writes)

    shop.text("eject", "shop")
    shop.work()

    assert names(shop) == before
    assert shop.engine.writes[writes:] == ["disclaim shop"]
    assert shop.store.journal("shop").inventory == {}
    assert "Suspended" in shop.text("status")


def test_its_images_are_not_gitopsds_to_remove_any_more(shop: Shop) -> None:
    shop.engine.publish("shop/web:1")
    shop.release(compose(web("shop/web:1")))
    assert [each.environment for each in shop.store.pulled()] == ["shop"]

    shop.text("eject", "shop")

    assert shop.store.pulled() == ()


def test_the_file_has_no_gitopsd_no_secret_and_no_build_in_it(shop: Shop) -> None:
    found = document(shop)

    assert found["name"] == "shop"
    assert found["services"]["web"]["image"] == "web:1"
    assert found["services"]["web"]["environment"] == {
        "COLOUR": "blue",
        "PASSWORD": "${WEB_PASSWORD:?it is secret, and not in this file}",
    }
    assert not {"x-gitopsd", "build"} & found["services"]["web"].keys()


def test_content_is_relative_and_host_data_where_it_lies(shop: Shop) -> None:
    mounts = {each["target"]: each["source"] for each in document(shop)["services"]["db"]["volumes"]}

    assert mounts == {"/data": "data", "/etc/conf": "./conf", "/host": "/srv/gitopsd/shop/host"}


def test_what_compose_would_do_is_told_beside_the_file(shop: Shop) -> None:
    result = shop.ask("eject", "shop")

    assert "`docker compose up` would recreate db, web" in result.stderr
    assert "./conf is content of the repository" in result.stderr
    assert "set WEB_PASSWORD in a .env beside it" in result.stderr


def test_an_image_whose_name_means_another_by_now_is_pinned_by_its_id(shop: Shop) -> None:
    runs = shop.engine.container("shop-web-1").image.image.id
    shop.engine.add_image("web:1")

    assert document(shop)["services"]["web"]["image"] == runs


def test_a_running_daemon_gives_it_up_when_it_is_asked(shop: Shop) -> None:
    number = shop.store.submit(Operation("eject", "shop", "ada", shop.clock.now()))

    shop.work()

    operation = shop.store.operation(number)
    assert operation is not None
    assert operation.result.startswith("given up; 2 containers of project shop keep running; it is still in Git")


def test_resumed_it_is_taken_back_as_it_is(shop: Shop) -> None:
    before = names(shop)
    shop.text("eject", "shop")

    shop.ask("resume", "shop")
    shop.work()

    assert names(shop) == before
    assert "Synced" in shop.text("status")


def test_what_left_git_is_ejected_from_the_revision_that_serves(shop: Shop) -> None:
    shop.commit({"environments/shop/compose.yaml": None, "environments/shop/conf/a": None})
    shop.work()

    assert set(document(shop)["services"]) == {"db", "web"}
    shop.work()
    assert shop.store.environments() == ()


def test_what_never_served_cannot_be_written_down(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    shop.commit(compose(web()))

    result = shop.ask("eject", "shop")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing of shop serves" in result.stderr


def test_all_environments_are_one_stream_of_documents(shop: Shop) -> None:
    shop.release({"environments/blog/compose.yaml": compose(web())})

    found = list(yaml.safe_load_all(shop.text("eject", "--all")))

    assert [each["name"] for each in found] == ["blog", "shop"]


def test_adopted_containers_are_told_apart_from_those_that_gitopsd_made(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    file = compose(web(), service("db"))
    compose_up(shop.engine, file)
    shop.commit(file)
    shop.text("adopt", "shop")
    shop.release(compose(web("web:2"), service("db")))

    told = shop.ask("eject", "shop").stderr

    assert "would recreate web:" in told
    assert "keeps db only where" in told


def test_what_is_encrypted_in_the_repository_is_told_and_shown_nowhere(tmp_path: Path) -> None:
    key = x25519.Identity.generate()
    (tmp_path / "age.key").write_text(f"{key}\n")
    shop = Shop(tmp_path / "state")
    shop.secrets = HostSecrets(shop.directory, Unlocking(KeySettings(tmp_path / "age.key")).unlock)

    def locked(text: str) -> str:
        return bytes(encrypt(text.encode(), [key.to_public()], True)).decode()

    manifest = compose(web("web:1", "env_file: [web.env]", "secrets: [db]")) + "secrets: {db: {file: ./db.age}}\n"
    files = {"web.env": locked("TOKEN=a canary\n"), "db.age": locked("another canary")}
    shop.release({f"environments/shop/{name}": text for name, text in {"compose.yaml": manifest, **files}.items()})

    said = shop.ask("eject", "shop")

    assert "TOKEN: ${WEB_TOKEN:?" in said.stdout
    assert "./db.age is encrypted in the repository: decrypt them in that checkout first" in said.stderr
    assert "canary" not in said.stdout + said.stderr
