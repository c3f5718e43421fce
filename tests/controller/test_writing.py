"""A repository is made of what runs: from a project's own files where they mean just that, else from its containers."""

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitopsd.model.live import LiveVolume
from gitopsd.model.settings import EnvironmentSettings
from tests.cli.shop import Shop, compose, service, web
from tests.fakes.composed import compose_up

FILE = (
    compose(
        web("web:1", "environment: {COLOUR: blue, PASSWORD: '${PASSWORD}'}", "deploy: {replicas: 2}"),
        service("db", "volumes: ['data:/data', './conf:/etc/conf:ro', './made:/made']"),
    )
    + "volumes: {data: }\n"
)
FILES = {"compose.yaml": FILE, ".env": "PASSWORD=open sesame\nOTHER=1\n", "conf/a": "one\n"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work tree where `docker compose up` is run, with data beside the files."""
    place = tmp_path / "work"
    for path, text in {**FILES, "made/by-the-database": "x" * 100, "notes.txt": "unused\n"}.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    return place


@pytest.fixture
def shop(tmp_path: Path, work: Path) -> Shop:
    made = Shop(tmp_path / "state")
    compose_up(made.engine, FILES, working_dir=str(work))
    return made


def written(shop: Shop, *arguments: str) -> tuple[Path, Any]:
    """The directory that was written, and what was said of it."""
    place = shop.directory.parent / "repository"
    return place, shop.json("adopt", *(arguments or ("--all",)), "--write", str(place))


def files(place: Path) -> set[str]:
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}


def loaded(shop: Shop, place: Path) -> None:
    """Load what was written: its environments into Git, its settings into gitopsd."""
    contents = {path: (place / path).read_bytes() for path in files(place) if path.startswith("environments/")}
    shop.source.write(dict(contents))
    named = yaml.safe_load((place / "gitopsd.yaml").read_text())["environments"]["shop"]
    variables = Path(named["vars_file"]) if "vars_file" in named else None
    shop.environments["shop"] = EnvironmentSettings("shop", vars_file=variables, host_dir=Path(named["host_dir"]))


def test_the_projects_own_files_are_taken_where_they_mean_what_runs(shop: Shop, work: Path) -> None:
    place, said = written(shop)

    assert said["environments"] == [{"name": "shop", "project": "shop", "source": f"files of {work}", "notes": []}]
    assert files(place) == {
        *(f"environments/shop/{path}" for path in FILES),
        *(".gitignore", "gitopsd.yaml", "variables/shop.env"),
    }
    assert (place / "environments/shop/compose.yaml").read_text() == FILE


def test_secrets_stay_on_the_host_and_out_of_git(shop: Shop) -> None:
    place, _ = written(shop)

    private = place / "variables" / "shop.env"
    assert private.read_text() == 'PASSWORD="open sesame"\n'
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert (place / ".gitignore").read_text() == "/variables/\n"
    assert (place / "environments/shop/.env").read_text() == 'OTHER="1"\n'


def test_a_project_whose_files_mean_something_else_is_written_from_its_containers(shop: Shop, work: Path) -> None:
    (work / "compose.yaml").write_text(FILE.replace("blue", "red"))

    place, said = written(shop)

    (found,) = said["environments"]
    assert found["source"] == "containers"
    assert found["notes"][0].endswith("cannot be taken: web differs in environment.COLOUR")
    document = yaml.safe_load((place / "environments/shop/compose.yaml").read_text())
    assert document["services"]["web"]["environment"] == {"COLOUR": "blue", "PASSWORD": "${WEB_PASSWORD}"}
    assert document["volumes"] == {"data": None}


@pytest.mark.parametrize("readable", [True, False])
def test_what_was_written_is_adopted_without_a_change(shop: Shop, work: Path, readable: bool) -> None:
    if not readable:
        work.rename(work.with_suffix(".away"))
    place, _ = written(shop)
    loaded(shop, place)
    before = dict(shop.engine.containers)

    told = shop.text("adopt", "shop")
    shop.work()

    assert "as the manifest wants them" in told
    assert "No changes." in shop.text("plan")
    assert shop.engine.containers == before


def test_the_settings_name_the_project_and_tell_what_a_policy_would_allow(shop: Shop, work: Path) -> None:
    place, _ = written(shop)

    text = (place / "gitopsd.yaml").read_text()
    assert yaml.safe_load(text)["environments"]["shop"] == {
        "path": "environments/shop",
        "project": "shop",
        "host_dir": str(work),
        "vars_file": str(place / "variables" / "shop.env"),
    }
    allowed = "# policy" + text.partition("# policy")[2]
    policy = yaml.safe_load("\n".join(line.removeprefix("# ") for line in allowed.splitlines()))
    assert policy["policy"] == {
        "enforce": "deny",
        "deny": ["privileged", "host-network", "docker-socket"],
        "allow_paths": [f"{work}/made"],
    }


def test_what_a_gitopsd_has_already_is_no_project_to_write(shop: Shop) -> None:
    shop.engine.volumes["gitopsd-owner-shop"] = LiveVolume("gitopsd-owner-shop", {"gitopsd.owner": "somebody"})

    _, said = written(shop)

    assert said["environments"] == []


def test_one_project_can_be_written_alone(shop: Shop) -> None:
    compose_up(shop.engine, compose(web()), project="blog")

    _, said = written(shop, "blog")

    assert [each["name"] for each in said["environments"]] == ["blog"]


def test_nothing_is_written_over(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "mine").write_text("")

    result = shop.ask("adopt", "--all", "--write", str(tmp_path / "repository"))

    assert result.exit_code == 1
    assert "is not empty" in result.stderr
