"""What an application says about its secrets is not written down."""

from pathlib import Path

from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import Shop, compose, web
from tests.fakes.containers import Behaviour, exits, unhealthy

SECRET = "s3cr3t-of-the-shop"


def a_shop(directory: Path, behaviour: Behaviour) -> Shop:
    variables = directory / "shop.env"
    variables.write_text(f"TOKEN={SECRET}\n")
    shop = Shop(directory / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})
    shop.image("web:2", behaviour)
    shop.release(compose(web("web:1", "environment: {TOKEN: '${TOKEN}'}")), "good")
    return shop


def test_a_secret_in_the_last_log_lines_of_a_failed_instance_is_hidden(tmp_path: Path) -> None:
    shop = a_shop(tmp_path, exits(1, log=f"cannot use {SECRET} any more\n"))
    shop.release(compose(web("web:2", "environment: {TOKEN: '${TOKEN}'}")), "bad")

    logs = [str(event.data["logs"]) for event in shop.store.events() if "logs" in event.data]

    assert logs == ["cannot use (hidden) any more\n"]


def test_a_secret_in_a_health_checks_output_is_hidden(tmp_path: Path) -> None:
    shop = a_shop(tmp_path, unhealthy(says=f"401 for {SECRET}"))
    shop.release(compose(web("web:2", "environment: {TOKEN: '${TOKEN}'}")), "bad")

    told = "\n".join(event.message for event in shop.store.events())

    assert "shop-web-1.gitopsd-2 is unhealthy: 401 for (hidden)" in told
    assert SECRET not in told
    assert SECRET not in repr(shop.store.journal("shop"))
