"""One value of the host in every field that takes it: in no output of any command, and in no row of the store."""

from pathlib import Path

import pytest

from gitopsd.adapters.store.codec import dump
from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import MANIFEST, Shop, compose, service, web
from tests.fakes.containers import Behaviour

FIRST, SECOND, KEPT = "canary-first-7f3a9", "canary-second-51bd2", "canary-kept-c04e8"
ALL = "$S"
EVERYWHERE = (
    f"environment: {{T: {ALL}, U: 'x{ALL}-y'}}",
    "env_file: [e.env]",
    f"labels: ['a={ALL}']",
    f"command: [run, {ALL}]",
    f"entrypoint: ['{ALL}']",
    f"hostname: {ALL}",
    f"user: {ALL}",
    f"working_dir: /{ALL}",
    f"healthcheck: {{test: 'curl {ALL}'}}",
    f"volumes: ['/data/{ALL}:/x', 'data:/{ALL}']",
    f"networks: {{default: {{aliases: [{ALL}]}}}}",
    f"logging: {{driver: syslog, options: {{tag: {ALL}}}}}",
    f"tmpfs: ['/tmp/{ALL}']",
    f"x-note: {{a: {ALL}}}",
    "secrets: [kept, variable, file]",
    "configs: [content, variable]",
)
TOP = f"""
x-note: {{a: {ALL}}}
networks: {{default: {{driver_opts: {{a: {ALL}}}, labels: {{a: {ALL}}}}}}}
volumes: {{data: {{driver_opts: {{o: 'password={ALL}'}}}}}}
secrets: {{kept: {{external: true}}, variable: {{environment: S}}, file: {{file: ./file}}}}
configs: {{content: {{content: 'x {ALL}'}}, variable: {{environment: S}}}}
"""
FILES = {
    "environments/shop/e.env": "E=${S}\n",
    "environments/shop/file": KEPT,
    "environments/shop/.env": "SHOP_URL=db://ada:${S}@db\n",
}
QUESTIONS = (
    ("status",),
    ("status", "shop"),
    ("plan",),
    ("plan", "--revision", "main"),
    ("drift",),
    ("history", "shop"),
    ("show", "1"),
    ("show", "2"),
    ("show", "3"),
    ("diff", "shop", "1", "2"),
    ("diff", "shop", "1", "main"),
    ("why", "shop"),
    ("why", "shop/web"),
    ("events",),
    ("secret", "list", "shop"),
    ("doctor",),
    ("rollback", "shop", "--to", "1"),
    ("secret", "remove", "shop", "kept"),
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Released, released again with another value, then a commit that failed; both said aloud what they were given."""
    variables = tmp_path / "shop.env"
    made = Shop(tmp_path / "state", environments={"shop": EnvironmentSettings("shop", vars_file=variables)})
    loud = f"{SECOND} {KEPT}"
    made.image("web:1", Behaviour(log=KEPT, check_output=KEPT))
    made.image("web:2", Behaviour(log=loud, check_output=loud, start_error=f"exec {SECOND}: not found"))
    manifest = compose(web("web:1", *EVERYWHERE), service("other")) + TOP
    variables.write_text(f"S={FIRST}\n")
    made.secrets.keep("shop", "kept", KEPT.encode())
    made.release({MANIFEST: manifest, **FILES}, "First")
    variables.write_text(f"S={SECOND}\n")
    network, volume = made.engine.networks, made.engine.volumes
    network.pop("shop_default")  # a changed option of a network, or of a volume, is a person's to bring about
    volume.pop("shop_data")
    made.work()
    made.release(manifest.replace("web:1", "web:2"), "Bad")
    made.commit(manifest.replace("hostname: ", "hostnam: ").replace("image: web:1", "image: '${NONE}$S'"), "Worse")
    made.source.poll()
    made.work()
    return made


def test_no_command_shows_a_value_in_any_form_of_output(shop: Shop, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    files = {MANIFEST: compose(web("web:1", *EVERYWHERE), service("other")) + TOP, **FILES}
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    on_disk = (("config", str(tree)), ("config", str(tree), "--defaults"), ("validate", str(tree)))
    answers = {
        (*question, output): shop.ask(*question, "-o", output).output
        for question in (*QUESTIONS, *on_disk)
        for output in ("text", "json")
    }

    outcomes = [each.outcome for each in shop.store.releases("shop")]
    assert outcomes == ["rolled-back", "succeeded", "succeeded"]
    assert [question for question, said in answers.items() if "canary" in said] == []
    assert len([said for said in answers.values() if "hidden" in said]) > 8


def test_no_row_of_the_store_has_a_value(shop: Shop) -> None:
    store = shop.store
    rows = [
        *map(store.journal, store.environments()),
        *store.events(limit=10_000),
        *store.statuses(),
        *store.releases("shop"),
        *store.repositories(),
        *(found for each in store.releases("shop") if (found := store.inputs("shop", each.input_digest))),
    ]

    assert len(rows) > 30
    assert [row for row in map(dump, rows) if "canary" in row] == []
