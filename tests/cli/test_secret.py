"""`gitopsd secret`: set, listed and removed by name, and the value never shown."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gitopsd.cli.main import gitopsd
from gitopsd.model.settings import EnvironmentSettings, SecretPlaces
from tests.cli.shop import Shop, compose, service, web

MANIFEST = (
    compose(web("web:1", "secrets: [db, tls]"), service("other", "configs: [db]"))
    + "secrets: {db: {external: true}, tls: {external: true, name: tls_2031}}\nconfigs: {db: {external: true}}\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state")


def given(shop: Shop, value: bytes, *arguments: str) -> Result:
    """Call the command line with something on its standard input."""
    return CliRunner().invoke(gitopsd, list(arguments), obj=shop, input=value)


def test_a_secret_that_was_set_is_released_and_listed_without_its_value(shop: Shop) -> None:
    shop.release(MANIFEST)

    said = given(shop, b"hunter2\n", "secret", "set", "shop", "db").output
    said += given(shop, b"hunter3", "secret", "set", "shop", "tls_2031").output
    shop.work()
    listed = shop.text("secret", "list", "shop")

    assert shop.engine.container("shop-web-1").files["/run/secrets/db"] == b"hunter2\n"
    assert said == "shop: secret db is set\nshop: secret tls_2031 is set\n"
    rows = [line.split() for line in listed.splitlines()]
    assert [(row[0], row[-1]) for row in rows[1:]] == [
        ("db", str(shop.secrets.directory("shop") / "db")),
        ("tls_2031", str(shop.secrets.directory("shop") / "tls_2031")),
    ]
    assert "web, other" in listed
    assert "hunter" not in said + listed + str(shop.json("secret", "list", "shop"))


def test_a_listing_names_what_is_missing_and_where_it_was_looked_for(shop: Shop) -> None:
    shop.release(MANIFEST)

    found = {each["name"]: each for each in shop.json("secret", "list", "shop")["secrets"]}

    assert found["db"]["problem"].startswith("the host has no secret db; `gitopsd secret set shop db` writes it")
    assert (found["db"]["place"], found["db"]["digest"], found["db"]["used_by"]) == (None, None, ["web", "other"])


def test_a_digest_tells_two_values_apart_and_is_no_plain_hash(shop: Shop) -> None:
    digests = []
    for value in (b"one", b"two", b"one"):
        given(shop, value, "secret", "set", "shop", "db")
        digests.append(shop.json("secret", "list", "shop")["secrets"][0]["digest"])
    shop.store.lose_key()
    digests.append(shop.json("secret", "list", "shop")["secrets"][0]["digest"])

    assert digests[0] == digests[2]
    assert len(set(digests)) == 3


def test_a_secret_may_be_set_before_its_environment_is_known_and_from_a_file(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(b"\x00binary\xff")

    said = shop.ask("secret", "set", "blog", "key", "--file", str(tmp_path / "value"))

    kept = shop.secrets.kept("blog", "key")
    assert kept is not None
    assert kept.data == b"\x00binary\xff"
    assert (said.exit_code, said.stderr) == (0, "no environment blog is known yet\n")


def test_a_file_of_the_settings_that_goes_first_is_told_when_a_secret_is_set(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"of the file")
    shop.environments["shop"] = EnvironmentSettings("shop", secrets=SecretPlaces({"db": tmp_path / "db"}))

    said = given(shop, b"of the store", "secret", "set", "shop", "db")

    assert said.stderr == f"{tmp_path / 'db'} goes before it, as gitopsd.yaml says\n"


def test_a_removed_secret_tells_who_needs_it(shop: Shop) -> None:
    shop.secrets.keep("shop", "db", b"x")
    shop.secrets.keep("shop", "tls_2031", b"x")
    shop.release(MANIFEST)

    said = shop.text("secret", "remove", "shop", "db")
    again = shop.ask("secret", "remove", "shop", "db")

    needed = "web, other needs it: what runs goes on, and the next release waits for it"
    assert said == f"shop: secret db is removed; {needed}\n"
    assert again.exit_code == 1
    assert "own store has no secret db of shop" in again.stderr


@pytest.mark.parametrize(
    ("value", "name", "message"),
    [
        (b"", "db", "the secret is empty; nothing was written"),
        (b"x" * ((1 << 20) + 1), "db", "the secret has more than 1048576 bytes; nothing was written"),
        (b"x", "../db", "'../db' cannot be the name of a secret; write at most 64 letters, digits and _.-"),
    ],
)
def test_what_cannot_be_kept_is_refused(shop: Shop, value: bytes, name: str, message: str) -> None:
    said = given(shop, value, "secret", "set", "shop", name)

    assert said.exit_code == 1
    assert message in said.stderr
    assert shop.secrets.names("shop") == ()


def test_who_set_and_removed_a_secret_is_in_the_ledger(shop: Shop) -> None:
    given(shop, b"hunter2", "secret", "set", "shop", "db")
    given(shop, b"hunter2", "secret", "set", "shop", "db")
    shop.text("secret", "remove", "shop", "db")

    own = [each for each in shop.store.events() if each.environment == "shop"]
    told = [(each.reason, each.message.split(" ", 1)[1]) for each in own]
    assert told == [("SecretSet", "set secret db"), ("SecretRemoved", "removed secret db")]
