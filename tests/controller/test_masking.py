"""What applications, engines and registries say about secrets is not written down, and not shown either."""

import logging
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from gitopsd.controller.masking import Secrecy
from gitopsd.controller.queries.drifts import drifts
from gitopsd.model.errors import EngineRefused, ImageMissing
from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import Shop, compose, service, web
from tests.controller.house import SETTINGS, House, with_environments
from tests.controller.house import compose as house_compose
from tests.fakes.containers import Behaviour, exits, unhealthy
from tests.fakes.probe import Page

SECRET = "s3cr3t-of-the-shop"
ENVIRONMENT = "environment: {TOKEN: '${TOKEN}', URL: 'db://ada:${TOKEN}@db/shop'}"


def a_shop(directory: Path, behaviour: Behaviour, secret: str = SECRET) -> Shop:
    variables = directory / "shop.env"
    variables.write_text(f"TOKEN='{secret}'\n")
    shop = Shop(directory / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})
    shop.image("web:2", behaviour)
    shop.secrets.keep("shop", "db", b"first-password\n")
    shop.release(compose(web("web:1", ENVIRONMENT, "secrets: [db]"), service("db")) + TOP, "good")
    return shop


TOP = "secrets: {db: {external: true}}\n"
NEXT = compose(web("web:2", ENVIRONMENT, "secrets: [db]"), service("db")) + TOP


def good_at_first(says: str) -> Behaviour:
    """Healthy at once, and no more after five seconds."""
    return Behaviour(healthcheck=True, unhealthy_after=5, check_output=says)


def told(shop: Shop) -> str:
    """Everything that was written down in prose."""
    words = [each.message + str(each.data) for each in shop.store.events(limit=1000)]
    words += [each.reason for each in shop.store.releases("shop")]
    words += [each.reason + str(each.holds) for each in shop.store.statuses()]
    return "\n".join([*words, repr(shop.store.journal("shop"))])


def test_a_secret_in_the_last_log_lines_of_a_failed_instance_is_hidden(tmp_path: Path) -> None:
    shop = a_shop(tmp_path, exits(1, log=f"cannot use {SECRET} any more\nnor first-password\n"))
    shop.release(NEXT, "bad")

    logs = [str(event.data["logs"]) for event in shop.store.events() if "logs" in event.data]

    assert logs == ["cannot use (hidden) any more\nnor (hidden)\n"]


def test_a_secret_in_a_health_checks_output_is_hidden(tmp_path: Path) -> None:
    shop = a_shop(tmp_path, unhealthy(says=f"401 for {SECRET}"))
    shop.release(NEXT, "bad")

    assert "shop-web-1.gitopsd-2 is unhealthy: 401 for (hidden)" in told(shop)
    assert SECRET not in told(shop)


def test_a_secret_in_an_engines_refusal_is_hidden(tmp_path: Path) -> None:
    behaviour = Behaviour(start_error=f'exec: "{SECRET}": executable file not found in $PATH')
    shop = a_shop(tmp_path, behaviour)
    shop.release(NEXT, "bad")

    assert 'exec: "(hidden)": executable file not found in $PATH' in told(shop)
    assert SECRET not in told(shop)


def test_a_part_of_a_hidden_value_in_an_engines_refusal_is_hidden(tmp_path: Path) -> None:
    shop = a_shop(tmp_path, exits(0))
    shop.engine.fail("create", EngineRefused(f"create: invalid variable ada:{SECRET}@", 400), times=9)
    shop.release(NEXT, "bad")

    assert "invalid variable ada:(hidden)@" in told(shop)
    assert SECRET not in told(shop)


def test_a_secret_in_a_registrys_refusal_is_hidden(tmp_path: Path) -> None:
    shop = a_shop(tmp_path, exits(0))
    shop.engine.refuse_pull("web:9", ImageMissing(f"pull web:9: denied for {SECRET}"))
    shop.release(NEXT.replace("web:2", "web:9"), "bad")

    assert "pull web:9: denied for (hidden)" in told(shop)
    assert SECRET not in told(shop)


@pytest.mark.parametrize("asked", [("drift",), ("status",), ("status", "shop"), ("why", "shop/web"), ("plan",)])
def test_a_secret_in_a_check_s_output_is_in_no_answer(tmp_path: Path, asked: tuple[str, ...]) -> None:
    shop = a_shop(tmp_path, good_at_first(f"401 for {SECRET}"))
    shop.release(NEXT, "good at first")
    shop.wait(10)

    for output in ("text", "json"):
        said = shop.ask(*asked, "-o", output).output
        assert SECRET not in said, asked
    assert "401 for (hidden)" in drifts(shop.view()).reports[0].items[0].cause


def test_an_old_value_is_hidden_though_the_host_has_it_no_more(tmp_path: Path) -> None:
    """Each `work` is a daemon that begins without any memory."""
    shop = a_shop(tmp_path, good_at_first(f"401 for {SECRET}, nor first-password"))
    shop.release(NEXT, "good at first")
    shop.mode = "manual"
    (tmp_path / "shop.env").write_text("TOKEN=another-one\n")
    shop.secrets.keep("shop", "db", b"second-password")
    shop.wait(10)

    shop.work()
    asked = shop.ask("drift").output + shop.ask("status", "shop").output

    assert "401 for (hidden), nor (hidden)" in asked
    assert SECRET not in told(shop) + asked
    assert "first-password" not in told(shop) + asked


def test_a_defect_of_gitopsd_itself_does_not_show_a_secret_either(caplog: pytest.LogCaptureFixture) -> None:
    variables = Path("/etc/shop.env")
    house = House(with_environments(SETTINGS, EnvironmentSettings("shop", vars_file=variables)))
    house.secrets.files[variables] = f"TOKEN={SECRET}\n".encode()
    text = house_compose(more="    environment: {TOKEN: '${TOKEN}'}\n")
    try:
        house.start()
        house.synced(house.push({"shop/compose.yaml": text}), "shop")
        with caplog.at_level(logging.ERROR):
            house.engine().fail("create", KeyError(SECRET), times=9)  # type: ignore[arg-type]
            house.push({"shop/compose.yaml": text.replace("web:1", "web:2")})
            house.eventually(lambda: any("KeyError" in message for message in house.told("ActionFailed")))
    finally:
        house.stop()

    written = "\n".join([*house.told("ActionFailed"), *(record.getMessage() for record in caplog.records), caplog.text])
    assert "unexpected KeyError: '(hidden)'" in written
    assert "Traceback" in written
    assert SECRET not in written


# --- the forms of a value ---------------------------------------------------------------------------------------------


def hiding(*values: str) -> Secrecy:
    secrecy = Secrecy()
    secrecy.learn(values)
    return secrecy


@pytest.mark.parametrize(
    "said",
    [
        'token=pa55/word+%"<>',
        f"GET /?t={quote('pa55/word+%', safe='')}",
        'body {"t": "pa55/word+%\\"<>"}',
        "&lt;b&gt; pa55/word+%&quot;&lt;&gt;",
    ],
)
def test_a_value_is_found_as_messages_quote_it(said: str) -> None:
    assert "pa55" not in hiding('pa55/word+%"<>', "pa55/word+%").masked(said)


@pytest.mark.parametrize("user", ["", "a", "ada", "adam", "root:"])
def test_a_value_is_found_within_longer_base64(user: str) -> None:
    coded = b64encode(f"{user}:correct horse battery".encode()).decode()

    said = hiding("correct horse battery").masked(f"Authorization: Basic {coded}")

    assert "(hidden)" in said
    assert len(said) < len(f"Authorization: Basic {coded}") - 15


def test_the_lines_of_a_value_are_found_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIBVgIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"

    assert hiding(key).masked("bad line hkiG9w0BAQEFAASC in key") == "bad line (hidden) in key"


def test_a_value_with_characters_of_patterns_is_taken_as_it_is() -> None:
    assert hiding("a.*(b|c)[d]$").masked("aXXb a.*(b|c)[d]$ abd") == "aXXb (hidden) abd"


def test_a_value_within_another_does_not_leave_half_of_that() -> None:
    assert hiding("pass", "password-long").masked("password-long pass") == "(hidden) (hidden)"


def test_values_of_a_few_letters_are_left_as_they_are_words() -> None:
    assert hiding("db", "abc", "a\nb").masked("the db said abc") == "the db said abc"


def test_a_secret_in_an_answer_of_an_instance_is_hidden() -> None:
    variables = Path("/etc/gitopsd/shop.env")
    house = House(with_environments(SETTINGS, EnvironmentSettings("shop", vars_file=variables)))
    house.secrets.files[variables] = f"TOKEN={SECRET}\n".encode()
    house.probe.anyone = Page(503, f"cannot log in with {SECRET}")
    x = "x-gitopsd: {min_ready: 0s, healthy_deadline: 20s, health: {http: {port: 80}}}"
    house.push({"shop/compose.yaml": f"services: {{web: {{image: 'web:1', {ENVIRONMENT}, {x}}}}}\n"})
    house.start()

    failed = house.eventually(lambda: house.told("RolloutFailed"))

    house.stop()
    assert "answered 503 (cannot log in with (hidden))" in failed[0]
    assert SECRET not in repr(house.store.journal("shop"))
    assert SECRET not in str(house.store.events(limit=1000))
